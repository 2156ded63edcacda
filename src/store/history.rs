//! Old runs, and what they could not use.

use ::entity::schedule;
use ::entity::sync_run::{Column, Entity};
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Expr, LockBehavior, LockType, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait as _,
};

use crate::domain::sync::{RunMode, RunStatus};

/// Removes up to `limit` runs that ended before a time, with their records. The newest run of an integration that has
/// ended stays, the newest full one that ended well, and one that waits for a decision; one that another process is removing is passed
/// over.
pub(crate) async fn purge(tx: &impl ConnectionTrait, before: DateTime<Utc>, limit: u64) -> Result<u64, DbErr> {
    let is_no_good_full_one = Condition::any()
        .add(Column::Mode.ne(RunMode::Full.as_str()))
        .add(Column::Status.ne(RunStatus::Succeeded.as_str()));
    let asking = schedule::Entity::find()
        .select_only()
        .column(schedule::Column::HeldRunId)
        .filter(schedule::Column::HeldRunId.is_not_null())
        .into_query();
    let old = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::FinishedAt.lt(before))
        .filter(Expr::exists(newer(Condition::all())))
        .filter(Column::Id.not_in_subquery(asking))
        .filter(is_no_good_full_one.add(Expr::exists(newer(good_and_full()))))
        .order_by_asc(Column::FinishedAt)
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_query();
    Ok(Entity::delete_many().filter(Column::Id.in_subquery(old)).exec(tx).await?.rows_affected)
}

fn good_and_full() -> Condition {
    Condition::all()
        .add(of_newer(Column::Mode).eq(RunMode::Full.as_str()))
        .add(of_newer(Column::Status).eq(RunStatus::Succeeded.as_str()))
}

/// A newer run of the same integration that has ended, of which something else holds, too.
fn newer(also: Condition) -> SelectStatement {
    let same = |column: Column| of_newer(column).equals((Entity, column));
    Query::select()
        .expr(Expr::value(1))
        .from_as(Entity, Alias::new(NEWER))
        .and_where(same(Column::AccountId))
        .and_where(same(Column::IntegrationId))
        .and_where(of_newer(Column::Id).gt(Expr::col((Entity, Column::Id))))
        .and_where(of_newer(Column::FinishedAt).is_not_null())
        .cond_where(also)
        .to_owned()
}

const NEWER: &str = "newer";

fn of_newer(column: Column) -> Expr {
    Expr::col((Alias::new(NEWER), column))
}
