//! Connections in the shape that Relay asks for (GraphQL Cursor Connections Specification), with `nodes`.

use std::borrow::Cow;

use async_graphql::{Object, OutputType, SimpleObject, TypeName};
use inlet_store::records::page::{Page, Position, Slice};

use super::scalars::Cursor;
use crate::error::ApiError;

/// Maximum page size.
pub const MAX_PAGE: i32 = 100;
const DEFAULT_PAGE: i32 = 20;
/// Default page size of a list that belongs to an object: an object has few of most things, and often stands in a list
/// itself.
const DEFAULT_INNER: i32 = 10;

/// An item of a list, with its cursor.
#[derive(Clone, SimpleObject)]
#[graphql(name_type)]
pub struct Edge<T: OutputType> {
    /// Cursor of the item. Pass it as `after` or `before`.
    pub cursor: Cursor,
    /// The item.
    pub node: T,
}

impl<T: OutputType> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }
}

/// Position of a page in its list.
#[derive(Clone, SimpleObject)]
pub struct PageInfo {
    /// Whether the list has items before this page.
    pub has_previous_page: bool,
    /// Whether the list has items after this page.
    pub has_next_page: bool,
    /// Cursor of the first item of the page.
    pub start_cursor: Option<Cursor>,
    /// Cursor of the last item of the page.
    pub end_cursor: Option<Cursor>,
}

/// A page of a list.
#[derive(Clone)]
pub struct Connection<T: OutputType> {
    edges: Vec<Edge<T>>,
    has_previous: bool,
    has_next: bool,
}

impl<T: OutputType> Default for Connection<T> {
    fn default() -> Self {
        Self { edges: Vec::new(), has_previous: false, has_next: false }
    }
}

impl<T: OutputType> Connection<T> {
    /// From a page of the store.
    pub fn of<R>(page: Page<R>, node: impl Fn(R) -> T) -> Self {
        let edge = |(position, row): (Position, R)| Edge { cursor: Cursor(position.to_string()), node: node(row) };
        Self {
            edges: page.items.into_iter().map(edge).collect(),
            has_previous: page.has_previous,
            has_next: page.has_next,
        }
    }

    /// From edges that have their cursors already.
    pub fn of_edges(edges: Vec<Edge<T>>, has_previous: bool, has_next: bool) -> Self {
        Self { edges, has_previous, has_next }
    }
}

/// A page of a list.
#[Object(name_type)]
impl<T: OutputType> Connection<T> {
    /// Items with their cursors.
    async fn edges(&self) -> &[Edge<T>] {
        &self.edges
    }

    /// Items without their cursors.
    async fn nodes(&self) -> Vec<&T> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// Position of the page in its list.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_previous_page: self.has_previous,
            has_next_page: self.has_next,
            start_cursor: self.edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: self.edges.last().map(|edge| edge.cursor.clone()),
        }
    }
}

impl<T: OutputType> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", T::type_name()).into()
    }
}

/// A list of the query root. It is null after an error.
pub type RootList<T> = Option<Connection<T>>;

/// The connection of a root field.
pub fn root_list<R, T: OutputType>(page: Page<R>, node: impl Fn(R) -> T) -> RootList<T> {
    Some(Connection::of(page, node))
}

/// The connection of a list that belongs to an object. Without a page it is empty.
pub fn inner_list<R, T: OutputType>(page: Option<Page<R>>, node: impl Fn(R) -> T) -> Connection<T> {
    page.map(|page| Connection::of(page, node)).unwrap_or_default()
}

/// The page size that `first` and `last` ask for, and whether it counts from the end.
///
/// # Errors
/// `BAD_USER_INPUT` if both are given, or one is out of bounds.
pub fn size(first: Option<i32>, last: Option<i32>) -> Result<(u32, bool), ApiError> {
    size_or(DEFAULT_PAGE, first, last)
}

fn size_or(default: i32, first: Option<i32>, last: Option<i32>) -> Result<(u32, bool), ApiError> {
    let (path, size, from_end) = match (first, last) {
        (Some(_), Some(_)) => return Err(ApiError::input("last", "pass either `first` or `last`, not both")),
        (None, Some(last)) => ("last", last, true),
        (first, None) => ("first", first.unwrap_or(default), false),
    };
    match u32::try_from(size) {
        Ok(size) if (1..=MAX_PAGE.unsigned_abs()).contains(&size) => Ok((size, from_end)),
        _ => Err(ApiError::input(path, format!("a page has 1 to {MAX_PAGE} items, not {size}"))),
    }
}

/// The part of a list of the query root that these arguments ask for.
///
/// # Errors
/// `BAD_USER_INPUT` if they contradict each other, are out of bounds, or are malformed cursors.
pub fn root_slice(
    first: Option<i32>,
    after: Option<Cursor>,
    last: Option<i32>,
    before: Option<Cursor>,
) -> Result<Slice, ApiError> {
    slice_of(size(first, last)?, after, before)
}

/// The part of a list of an object that these arguments ask for.
///
/// # Errors
/// Those of [`root_slice`].
pub fn inner_slice(
    first: Option<i32>,
    after: Option<Cursor>,
    last: Option<i32>,
    before: Option<Cursor>,
) -> Result<Slice, ApiError> {
    slice_of(size_or(DEFAULT_INNER, first, last)?, after, before)
}

fn slice_of((size, from_end): (u32, bool), after: Option<Cursor>, before: Option<Cursor>) -> Result<Slice, ApiError> {
    let position = |path: &str, cursor: Option<Cursor>| match cursor {
        None => Ok(None),
        Some(cursor) => match cursor.0.parse::<Position>() {
            Ok(position) => Ok(Some(position)),
            Err(error) => Err(ApiError::input(path, error.to_string())),
        },
    };
    Ok(Slice { size, from_end, after: position("after", after)?, before: position("before", before)? })
}

/// The cost of a page of a root list: the cost of one item for each item.
#[must_use]
pub fn root_cost(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    cost_of(first.or(last).unwrap_or(DEFAULT_PAGE), child)
}

/// The cost of a page of an object's list: the cost of one item for each item.
#[must_use]
pub fn inner_cost(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    cost_of(first.or(last).unwrap_or(DEFAULT_INNER), child)
}

fn cost_of(size: i32, child: usize) -> usize {
    let size = size.clamp(1, MAX_PAGE);
    usize::try_from(size).unwrap_or(1).saturating_mul(child).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_bounded() {
        assert!(root_slice(None, None, None, None).is_ok_and(|slice| slice.size == 20 && !slice.from_end));
        assert!(root_slice(None, None, Some(100), None).is_ok_and(|slice| slice.from_end));
        for (first, last) in
            [(Some(0), None), (Some(101), None), (Some(-1), None), (Some(1), Some(1)), (None, Some(101))]
        {
            assert!(root_slice(first, None, last, None).is_err(), "{first:?} {last:?}");
        }
        assert!(root_slice(None, Some(Cursor("x".to_owned())), None, None).is_err());
        assert_eq!(root_cost(Some(i32::MAX), None, 3), 301);
    }
}
