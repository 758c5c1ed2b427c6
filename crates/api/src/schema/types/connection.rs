//! Connections in the shape that Relay asks for (GraphQL Cursor Connections Specification), with `nodes`.

use std::borrow::Cow;

use async_graphql::{Object, OutputType, SimpleObject, TypeName};
use inlet_store::records::page::{Page, Position, Slice};

use super::scalars::Cursor;
use crate::error::ApiError;

/// The most items of a page.
pub const MAX_PAGE: i32 = 100;
const DEFAULT_PAGE: i32 = 20;
/// What a list that belongs to an object shows of itself where nothing else is asked for: an object has few of most things,
/// and stands in a list itself.
const DEFAULT_INNER: i32 = 10;

/// An item of a list and where it stands.
#[derive(Clone, SimpleObject)]
#[graphql(name_type)]
pub struct Edge<T: OutputType> {
    /// Where the item stands: pass it on as `after` or `before`.
    pub cursor: Cursor,
    /// The item.
    pub node: T,
}

impl<T: OutputType> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }
}

/// Where a page stands in its list.
#[derive(Clone, SimpleObject)]
pub struct PageInfo {
    /// Whether the list goes on before this page.
    pub has_previous_page: bool,
    /// Whether the list goes on after this page.
    pub has_next_page: bool,
    /// The cursor of the first item.
    pub start_cursor: Option<Cursor>,
    /// The cursor of the last item.
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
    /// Of a page of the store.
    pub fn of<R>(page: Page<R>, node: impl Fn(R) -> T) -> Self {
        let edge = |(position, row): (Position, R)| Edge { cursor: Cursor(position.to_string()), node: node(row) };
        Self {
            edges: page.items.into_iter().map(edge).collect(),
            has_previous: page.has_previous,
            has_next: page.has_next,
        }
    }

    /// Of edges with cursors of their own.
    pub fn of_edges(edges: Vec<Edge<T>>, has_previous: bool, has_next: bool) -> Self {
        Self { edges, has_previous, has_next }
    }
}

/// A page of a list.
#[Object(name_type)]
impl<T: OutputType> Connection<T> {
    /// The items, each with its cursor.
    async fn edges(&self) -> &[Edge<T>] {
        &self.edges
    }

    /// The items alone.
    async fn nodes(&self) -> Vec<&T> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// Where the page stands in its list.
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

/// How many items `first` and `last` ask for, and whether from the end.
///
/// # Errors
/// Where both are given, or one is out of bounds.
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

/// The part of a list that the arguments of a connection ask for.
///
/// # Errors
/// Where they contradict each other, are out of bounds or no cursors of ours.
pub fn slice(
    first: Option<i32>,
    after: Option<Cursor>,
    last: Option<i32>,
    before: Option<Cursor>,
) -> Result<Slice, ApiError> {
    slice_of(size(first, last)?, after, before)
}

/// The same for a list that belongs to an object.
///
/// # Errors
/// Those of [`slice`].
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

/// What a page costs: each item what is asked of it.
#[must_use]
pub fn page_cost(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    cost_of(first.or(last).unwrap_or(DEFAULT_PAGE), child)
}

/// What a page of a list costs that belongs to an object.
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
        assert!(slice(None, None, None, None).is_ok_and(|slice| slice.size == 20 && !slice.from_end));
        assert!(slice(None, None, Some(100), None).is_ok_and(|slice| slice.from_end));
        for (first, last) in
            [(Some(0), None), (Some(101), None), (Some(-1), None), (Some(1), Some(1)), (None, Some(101))]
        {
            assert!(slice(first, None, last, None).is_err(), "{first:?} {last:?}");
        }
        assert!(slice(None, Some(Cursor("x".to_owned())), None, None).is_err());
        assert_eq!(page_cost(Some(i32::MAX), None, 3), 301);
    }
}
