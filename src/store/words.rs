//! From rows to words: a row that does not make sense is an error, not a panic.

use std::str::FromStr;

use sea_orm::DbErr;

use crate::domain::words::UnknownWord;

/// Reads a word of a closed set from a column.
///
/// # Errors
/// The column holds another word.
pub(crate) fn word<T: FromStr<Err = UnknownWord>>(column: &str, text: &str) -> Result<T, DbErr> {
    text.parse().map_err(|_| bad_row(column))
}

/// Reads 32 bytes from a column.
///
/// # Errors
/// The column holds another number of bytes.
pub(crate) fn hash(column: &str, bytes: &[u8]) -> Result<[u8; 32], DbErr> {
    bytes.try_into().map_err(|_| bad_row(column))
}

/// A column whose content does not make sense.
pub(crate) fn bad_row(column: &str) -> DbErr {
    DbErr::Type(format!("column {column} holds a value that is not of its set"))
}

/// How many rows of `columns` columns fit into one statement.
///
/// SQLite takes 32,766 bound values, PostgreSQL 65,535 (`dependencies.md` trap 8).
pub(crate) const fn rows_per_statement(columns: usize) -> usize {
    30_000 / columns
}
