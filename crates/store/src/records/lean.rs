//! Limits the size of a row in a list, so that a list of a hundred rows never holds a hundred of the largest rows.

use sea_orm::{ColumnTrait, ColumnType, EntityTrait, IdenStatic, Iterable, QuerySelect, Select, sea_query::Expr};

/// The maximum size in bytes of a JSON column in a list.
const MOST_JSON: usize = 64 * 1024;
/// The maximum number of characters of a message's content in a list: at most 64 KiB. Postgres decompresses a text four bytes for
/// each character that is asked for, so a bound in characters costs a quarter of the same bound in bytes.
pub const MOST_CHARACTERS: usize = 16 * 1024;

/// A JSON column stored in fewer bytes than this is shorter than [`MOST_JSON`], compressed or not. So the statement need not
/// convert it to text.
const SURELY_SMALL: usize = 512;

/// The expression by which a list reads a column. `None` for a column that is always short. A long `content` becomes
/// at most [`MOST_CHARACTERS`] and one more, so that its length tells the cut. A long JSON column becomes the JSON value `null`.
fn shortened<C: ColumnTrait>(column: C) -> Option<String> {
    let name = column.as_str();
    let definition = column.def();
    let is_json = matches!(definition.get_column_type(), ColumnType::Json | ColumnType::JsonBinary);
    if is_json && !definition.is_null() {
        Some(format!(
            "CASE WHEN pg_column_size({name}) > {SURELY_SMALL} AND octet_length({name}::text) > {MOST_JSON} \
             THEN 'null'::jsonb ELSE {name} END"
        ))
    } else if name == "content" {
        let more = MOST_CHARACTERS + 1;
        Some(format!("CASE WHEN octet_length({name}) > {MOST_CHARACTERS} THEN left({name}, {more}) ELSE {name} END"))
    } else {
        None
    }
}

/// The columns of a table for the `SELECT` of a list.
pub(super) fn columns<E: EntityTrait>() -> String {
    let each = E::Column::iter().map(|it| match shortened(it) {
        Some(shorter) => format!("{shorter} AS \"{}\"", it.as_str()),
        None => format!("\"{}\"", it.as_str()),
    });
    each.collect::<Vec<_>>().join(", ")
}

/// A statement that reads the columns in the form of a list.
pub(super) fn lean<E: EntityTrait>(select: Select<E>) -> Select<E> {
    E::Column::iter().fold(select.select_only(), |select, it| match shortened(it) {
        Some(shorter) => select.expr_as(Expr::cust(shorter), it.as_str()),
        None => select.column(it),
    })
}

/// The first [`MOST_CHARACTERS`] of a text, and whether the text is longer.
#[must_use]
pub fn cut(text: &str) -> (&str, bool) {
    if text.len() <= MOST_CHARACTERS {
        return (text, false);
    }
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c1_a_text_is_cut_between_characters() {
        assert_eq!(cut("grüß"), ("grüß", false));
        let whole = "ü".repeat(MOST_CHARACTERS);
        assert_eq!(cut(&whole), (whole.as_str(), false));
        let long = format!("{whole}b");
        assert_eq!(cut(&long), (whole.as_str(), true));
    }
}
