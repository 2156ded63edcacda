//! The account of rows that are found by something narrower anyway.

use sea_orm::{ColumnTrait, Condition, ConnectionTrait};

use super::connect::is_postgres;
use crate::domain::ids::AccountId;

/// Narrows to the account on PostgreSQL, where a table that is partitioned or spread by account is then asked in one
/// place.
///
/// Not on SQLite, which has neither: without statistics its planner prefers an index by the account alone to one by the
/// hundreds of addresses of a page, and would read the whole account for each page.
pub(super) fn in_account(db: &impl ConnectionTrait, column: impl ColumnTrait, account: AccountId) -> Condition {
    let is_worth_it = is_postgres(db.get_database_backend());
    Condition::all().add_option(is_worth_it.then(|| column.eq(account.0)))
}
