//! Words of rows, as the values that the model knows.

use std::{fmt, str::FromStr};

use inlet_domain::text_enum::UnknownText;

use crate::error::StoreError;

/// The value of a word in a row.
pub(super) fn word<T: FromStr<Err = UnknownText>>(
    table: &'static str,
    column: &'static str,
    row: impl fmt::Display,
    word: &str,
) -> Result<T, StoreError> {
    word.parse().map_err(|problem| StoreError::invalid_row(table, column, row, &problem))
}

/// The same for a column that may be null.
pub(super) fn optional_word<T: FromStr<Err = UnknownText>>(
    table: &'static str,
    column: &'static str,
    row: impl fmt::Display,
    text: Option<&str>,
) -> Result<Option<T>, StoreError> {
    text.map(|text| word(table, column, row, text)).transpose()
}
