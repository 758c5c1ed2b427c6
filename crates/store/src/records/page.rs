//! Pages of lists by keyset, in both directions. A page costs the same at any depth of the list.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, Order, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use crate::{database::Database, error::StoreError};

/// The order of a list. A position of one order means nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sort {
    /// By id, which is the order of creation.
    Id,
    /// By the time of the last activity, then the id.
    LastActivity,
    /// By the time at which the author wrote or sent the message, then the id.
    OccurredAt,
    /// By the number within the parent object, then the id.
    Number,
}

impl Sort {
    const ALL: [Self; 4] = [Self::Id, Self::LastActivity, Self::OccurredAt, Self::Number];

    fn tag(self) -> u8 {
        match self {
            Self::Id => b'i',
            Self::LastActivity => b'a',
            Self::OccurredAt => b'o',
            Self::Number => b'n',
        }
    }
}

/// The first time that Postgres can store, 24 November 4714 BC, in microseconds of the Unix epoch. The last one is
/// beyond `DateTime`.
const EARLIEST: i64 = -210_866_803_200_000_000;

/// The position of an item in its list. Its text is the opaque cursor that clients see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The order.
    pub sort: Sort,
    /// The time of the order. The epoch in an order by id. In an order by number, as many microseconds after the epoch
    /// as the number.
    pub at: DateTime<Utc>,
    /// The id of the item.
    pub id: Uuid,
}

impl Position {
    /// A position in a list ordered by id.
    #[must_use]
    pub fn of_id(id: impl Into<Uuid>) -> Self {
        Self { sort: Sort::Id, at: DateTime::UNIX_EPOCH, id: id.into() }
    }

    /// A position in a list ordered by number.
    #[must_use]
    pub fn of_number(number: i32, id: impl Into<Uuid>) -> Self {
        let at = DateTime::UNIX_EPOCH + chrono::TimeDelta::microseconds(i64::from(number));
        Self { sort: Sort::Number, at, id: id.into() }
    }

    /// The value that a statement compares with the column of the order.
    pub(super) fn key(&self) -> sea_orm::Value {
        match self.sort {
            Sort::Number => self.at.timestamp_micros().into(),
            Sort::Id | Sort::LastActivity | Sort::OccurredAt => self.at.into(),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(25);
        bytes.push(self.sort.tag());
        bytes.extend_from_slice(&self.at.timestamp_micros().to_be_bytes());
        bytes.extend_from_slice(self.id.as_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// The text is no cursor of this list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor of this list: pass one that it gave, in the same order")]
pub struct InvalidPosition;

impl FromStr for Position {
    type Err = InvalidPosition;
    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidPosition)?;
        let bytes: [u8; 25] = bytes.try_into().map_err(|_| InvalidPosition)?;
        let (tag, rest) = bytes.split_first().ok_or(InvalidPosition)?;
        let (micros, id) = rest.split_first_chunk::<8>().ok_or(InvalidPosition)?;
        let sort = Sort::ALL.into_iter().find(|sort| sort.tag() == *tag).ok_or(InvalidPosition)?;
        let micros = i64::from_be_bytes(*micros);
        // Postgres cannot store this time, so the cursor is forged.
        let at = DateTime::from_timestamp_micros(micros).filter(|_| micros >= EARLIEST).ok_or(InvalidPosition)?;
        Ok(Self { sort, at, id: Uuid::from_slice(id).map_err(|_| InvalidPosition)? })
    }
}

/// The wanted part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slice {
    /// The most items.
    pub size: u32,
    /// Take the last items of the range, not the first.
    pub from_end: bool,
    /// Only items after this position.
    pub after: Option<Position>,
    /// Only items before this position.
    pub before: Option<Position>,
}

impl Slice {
    /// The first `size` items of a list.
    #[must_use]
    pub fn first(size: u32) -> Self {
        Self { size, from_end: false, after: None, before: None }
    }

    /// Refuses positions of another order.
    ///
    /// # Errors
    /// `Invalid` with the argument's name.
    pub fn check(&self, sort: Sort) -> Result<(), StoreError> {
        for (path, position) in [("after", self.after), ("before", self.before)] {
            if position.is_some_and(|position| position.sort != sort) {
                return Err(StoreError::Invalid { path, message: InvalidPosition.to_string() });
            }
        }
        Ok(())
    }
}

/// A part of a list, in the order of the list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items with their positions.
    pub items: Vec<(Position, T)>,
    /// The list has items before these.
    pub has_previous: bool,
    /// The list has items after these.
    pub has_next: bool,
}

impl<T> Page<T> {
    /// Makes a page from one row more than the slice asks for. The rows come from the end at which the slice begins.
    pub(super) fn of_rows(mut rows: Vec<(Position, T)>, slice: &Slice) -> Self {
        let size = usize::try_from(slice.size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        if slice.from_end {
            rows.reverse();
            Self { items: rows, has_previous: more, has_next: slice.before.is_some() }
        } else {
            Self { items: rows, has_previous: slice.after.is_some(), has_next: more }
        }
    }

    /// Cuts a page out of a whole list, ordered by id. For short lists.
    ///
    /// # Errors
    /// `Invalid` where a position is of another list.
    pub fn within(all: Vec<T>, id: impl Fn(&T) -> Uuid, slice: &Slice) -> Result<Self, StoreError> {
        slice.check(Sort::Id)?;
        let mut rows: Vec<_> = all.into_iter().map(|item| (Position::of_id(id(&item)), item)).collect();
        rows.retain(|(position, _)| {
            slice.after.is_none_or(|after| position.id > after.id)
                && slice.before.is_none_or(|before| position.id < before.id)
        });
        rows.sort_by_key(|(position, _)| position.id);
        if slice.from_end {
            rows.reverse();
        }
        Ok(Self::of_rows(rows, slice))
    }

    /// Converts each item.
    pub(super) fn map<U>(self, mut convert: impl FnMut(T) -> U) -> Page<U> {
        let items = self.items.into_iter().map(|(position, item)| (position, convert(item))).collect();
        Page { items, has_previous: self.has_previous, has_next: self.has_next }
    }
}

/// The order of a list.
pub(super) struct Keyset<C> {
    pub(super) sort: Sort,
    /// The column of the time. None in an order by id.
    pub(super) at: Option<C>,
    pub(super) id: C,
    pub(super) descending: bool,
}

/// Reads the part of `select` that `slice` asks for. `select` must filter by the workspace.
pub(super) async fn fetch<E, M>(
    database: &Database,
    select: Select<E>,
    keyset: Keyset<E::Column>,
    slice: &Slice,
    position: impl Fn(&M) -> Position,
) -> Result<Page<M>, StoreError>
where
    E: EntityTrait<Model = M>,
    M: FromQueryResult + Send + Sync,
{
    slice.check(keyset.sort)?;
    let mut bounds = Condition::all();
    for (bound, is_after) in [(slice.after, true), (slice.before, false)] {
        let Some(bound) = bound else { continue };
        let (key, value) = match keyset.at {
            Some(at) => (
                Expr::tuple([at.into_expr(), keyset.id.into_expr()]),
                Expr::tuple([Expr::value(bound.at), Expr::value(bound.id)]),
            ),
            None => (keyset.id.into_expr(), Expr::value(bound.id)),
        };
        bounds = bounds.add(if is_after == keyset.descending { key.lt(value) } else { key.gt(value) });
    }
    let order = if keyset.descending == slice.from_end { Order::Asc } else { Order::Desc };
    let mut select = super::lean::lean(select).filter(bounds);
    if let Some(at) = keyset.at {
        select = select.order_by(at, order.clone());
    }
    let rows = select.order_by(keyset.id, order).limit(u64::from(slice.size) + 1).all(&database.orm).await?;
    Ok(Page::of_rows(rows.into_iter().map(|row| (position(&row), row)).collect(), slice))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        for text in ["", "x", "1-7", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "////"] {
            assert_eq!(text.parse::<Position>(), Err(InvalidPosition), "{text}");
        }
        let too_early = DateTime::from_timestamp_micros(EARLIEST - 1).unwrap();
        let made_up = Position { at: too_early, ..Position::of_id(Uuid::nil()) };
        assert_eq!(made_up.to_string().parse::<Position>(), Err(InvalidPosition));
        let slice = Slice { after: Some(Position::of_id(Uuid::nil())), ..Slice::first(1) };
        assert!(slice.check(Sort::Id).is_ok());
        assert_eq!(slice.check(Sort::LastActivity).unwrap_err().code(), "BAD_USER_INPUT");
    }

    #[test]
    fn a_page_knows_whether_the_list_goes_on() {
        let rows = |n: u128| (0..n).map(|i| (Position::of_id(Uuid::from_u128(i)), i)).collect::<Vec<_>>();
        let page = Page::of_rows(rows(3), &Slice::first(2));
        assert_eq!((page.items.len(), page.has_previous, page.has_next), (2, false, true));
        let page = Page::of_rows(rows(2), &Slice { from_end: true, ..Slice::first(2) });
        assert_eq!((page.items[0].1, page.has_previous, page.has_next), (1, false, false));
    }

    proptest! {
        #[test]
        fn cursors_round_trip(micros in -4_000_000_000_000_000_i64..4_000_000_000_000_000, id: u128, sort in 0_usize..4) {
            let at = DateTime::from_timestamp_micros(micros).unwrap();
            let position = Position { sort: Sort::ALL[sort], at, id: Uuid::from_u128(id) };
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }
    }
}
