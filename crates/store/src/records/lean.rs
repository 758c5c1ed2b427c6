//! What a row weighs where it stands beside others: a list of a hundred rows must not hold a hundred of the largest.

use sea_orm::{ColumnTrait, ColumnType, EntityTrait, IdenStatic, Iterable, QuerySelect, Select, sea_query::Expr};

/// The most bytes that a list reads of a text or of a JSON column of one row.
pub const MOST: usize = 64 * 1024;

/// A JSON column that is stored in fewer bytes than this is within [`MOST`], compressed or not, so its text is not made.
const SURELY_SMALL: usize = 512;

/// A row's column as a list reads it. Of a content that is too long: a little more than [`MOST`] bytes, so that its
/// length tells that it is cut. In place of a JSON column that is too long: the JSON value `null`. Nothing for a column that
/// is never long.
fn shortened<C: ColumnTrait>(column: C) -> Option<String> {
    let name = column.as_str();
    let definition = column.def();
    let is_json = matches!(definition.get_column_type(), ColumnType::Json | ColumnType::JsonBinary);
    if is_json && !definition.is_null() {
        Some(format!(
            "CASE WHEN pg_column_size({name}) > {SURELY_SMALL} AND octet_length({name}::text) > {MOST} \
             THEN 'null'::jsonb ELSE {name} END"
        ))
    } else if name == "content" {
        Some(format!("CASE WHEN octet_length({name}) > {MOST} THEN left({name}, {MOST} + 1) ELSE {name} END"))
    } else {
        None
    }
}

/// The columns of a table as a list reads them, for `SELECT`.
pub(super) fn columns<E: EntityTrait>() -> String {
    let each = E::Column::iter().map(|it| match shortened(it) {
        Some(shorter) => format!("{shorter} AS \"{}\"", it.as_str()),
        None => format!("\"{}\"", it.as_str()),
    });
    each.collect::<Vec<_>>().join(", ")
}

/// A statement that reads the columns as a list does.
pub(super) fn lean<E: EntityTrait>(select: Select<E>) -> Select<E> {
    E::Column::iter().fold(select.select_only(), |select, it| match shortened(it) {
        Some(shorter) => select.expr_as(Expr::cust(shorter), it.as_str()),
        None => select.column(it),
    })
}

/// A text with at most [`MOST`] bytes, and whether that is less than the whole.
#[must_use]
pub fn cut(text: &str) -> (&str, bool) {
    (&text[..text.floor_char_boundary(MOST)], text.len() > MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c1_a_text_is_cut_between_characters() {
        assert_eq!(cut("grüß"), ("grüß", false));
        let whole = "a".repeat(MOST);
        assert_eq!(cut(&whole), (whole.as_str(), false));
        let long = format!("{}ü", "a".repeat(MOST - 1));
        assert_eq!(cut(&long), (&long[..MOST - 1], true));
    }
}
