//! Pages of lists by keyset, in both directions: what stands between two positions costs the same at any depth.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, Order, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use crate::{database::Database, error::StoreError};

/// What a list is ordered by. A position of one order means nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sort {
    /// The id, which is the order of creation.
    Id,
    /// When anything last happened, then the id.
    LastActivity,
    /// When a message was written or sent, then the id.
    OccurredAt,
    /// The number among those of one object, then the id.
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

/// The first moment of Postgres's timestamps, 24 November 4714 BC, in microseconds of the Unix epoch. Their last one is
/// beyond those of `DateTime`.
const EARLIEST: i64 = -210_866_803_200_000_000;

/// Where an item stands in its list. Its text is the cursor that clients see: opaque, and of no use elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The order.
    pub sort: Sort,
    /// The time of that order; the epoch where the id alone orders; as many microseconds after it as a number tells.
    pub at: DateTime<Utc>,
    /// The item's id.
    pub id: Uuid,
}

impl Position {
    /// In a list that the id alone orders.
    #[must_use]
    pub fn of_id(id: Uuid) -> Self {
        Self { sort: Sort::Id, at: DateTime::UNIX_EPOCH, id }
    }

    /// In a list that a number orders.
    #[must_use]
    pub fn of_number(number: i32, id: Uuid) -> Self {
        let at = DateTime::UNIX_EPOCH + chrono::TimeDelta::microseconds(i64::from(number));
        Self { sort: Sort::Number, at, id }
    }

    /// What the column of its order is held against.
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

/// A text that is no cursor of a list.
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
        // Of a moment that Postgres has no room for none of its rows is: such a cursor was made up.
        let at = DateTime::from_timestamp_micros(micros).filter(|_| micros >= EARLIEST).ok_or(InvalidPosition)?;
        Ok(Self { sort, at, id: Uuid::from_slice(id).map_err(|_| InvalidPosition)? })
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slice {
    /// How many items at most.
    pub size: u32,
    /// Whether they are the last of the range rather than the first.
    pub from_end: bool,
    /// Only what comes after it.
    pub after: Option<Position>,
    /// Only what comes before it.
    pub before: Option<Position>,
}

impl Slice {
    /// The first `size` items.
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

/// A part of a list, in the list's order.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items, each with where it stands.
    pub items: Vec<(Position, T)>,
    /// Whether the list goes on before them.
    pub has_previous: bool,
    /// Whether the list goes on after them.
    pub has_next: bool,
}

impl<T> Page<T> {
    /// Of one row more than was asked for, read from the end that the slice begins at.
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

    /// Of a list that is short enough to be had whole, in the order of its ids.
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

    /// With each item made into something else.
    ///
    /// # Errors
    /// The first that cannot be.
    pub fn try_map<U, E>(self, mut make: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let items = self.items.into_iter().map(|(position, item)| Ok((position, make(item)?)));
        Ok(Page { items: items.collect::<Result<_, E>>()?, has_previous: self.has_previous, has_next: self.has_next })
    }
}

/// The order of a list.
pub(super) struct Keyset<C> {
    pub(super) sort: Sort,
    /// The column of the time; none where the id alone orders.
    pub(super) at: Option<C>,
    pub(super) id: C,
    pub(super) descending: bool,
}

/// Reads the part of `select` that `slice` asks for. `select` leads with the workspace.
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
