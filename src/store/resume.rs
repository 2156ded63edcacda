//! A run that goes on where a failed one stopped, instead of reading the whole store again.

use ::entity::sync_page;
use ::entity::sync_run::{Column, Entity, Model};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::leases::Lease;
use super::progress::StreamProgress;
use super::scope::in_account;
use super::seen;
use super::sync_runs::{Run, find_of, lists_of, progress_of};
use super::words::bad_row;
use crate::domain::ids::SyncRunId;
use crate::domain::people::Stream;
use crate::domain::shrink::Tally;
use crate::domain::sync::{Lane, RunStatus};

/// How long a pass may lie: a store's cursors may have run out by then.
const MAX_REST: TimeDelta = TimeDelta::hours(24);
/// How long a pass may take in all: what the store showed before that is read again.
const MAX_AGE: TimeDelta = TimeDelta::days(7);

/// Has a run of which nothing was written yet go on from the checkpoint of the last run of its kind that read, if that one
/// failed half way through its pass, and nobody changed since that began what is read. Answers the run as it then
/// stands; `None` if the lease is lost.
///
/// A pass over the whole store makes up for what was left of changes; not the other way round, so it waits while what
/// changed is read.
pub(crate) async fn go_on(
    tx: &impl ConnectionTrait,
    run: Run,
    lease: Lease,
    changed_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Run>, DbErr> {
    let mut of_store = in_account(tx, Column::AccountId, run.account_id)
        .add(Column::IntegrationId.eq(run.integration_id.0))
        .add(Column::IsResumable.eq(true));
    if run.lane == Lane::Changes {
        of_store = of_store.add(Column::Lane.eq(Lane::Changes.as_str()));
    }
    let mut resumable = Entity::find().filter(of_store.clone()).order_by_asc(Column::Id).all(tx).await?;
    let is_young = |began_at: DateTime<Utc>| now - began_at < MAX_AGE && changed_at <= began_at;
    let has_rested = |ended_at: DateTime<Utc>| now - ended_at >= MAX_REST;
    let goes_on = |former: &Model| {
        former.lane == run.lane.as_str()
            && former.began_at.is_some_and(is_young)
            && !former.finished_at.is_some_and(has_rested)
    };
    let former = resumable.iter().rposition(goes_on).map(|at| resumable.remove(at));
    for given_up in &resumable {
        seen::forget(tx, given_up.id.into()).await?;
    }
    Entity::update_many().col_expr(Column::IsResumable, Expr::value(false)).filter(of_store).exec(tx).await?;
    match former {
        Some(former) => take_over(tx, &former, lease).await,
        None => begin_anew(tx, run, lease).await,
    }
}

/// Has a run begin again if somebody changed, after it had begun, what is read: what it read before says nothing about what
/// the store shows now. Answers the run as it then stands; `None` if the lease is lost.
pub(crate) async fn begin_again(
    tx: &impl ConnectionTrait,
    lease: Lease,
    now: DateTime<Utc>,
) -> Result<Option<Run>, DbErr> {
    let kept = Entity::update_many()
        .col_expr(Column::Progress, Expr::value(serde_json::json!({})))
        .col_expr(Column::Total, Expr::value(Option::<i64>::None))
        // Somebody confirmed what the store showed before.
        .col_expr(Column::Confirmed, Expr::value(false))
        .col_expr(Column::BeganAt, Expr::value(now))
        .filter(lease.held())
        .exec(tx)
        .await?;
    if kept.rows_affected == 0 {
        return Ok(None);
    }
    seen::forget(tx, lease.run_id).await?;
    find_of(tx, lease.account_id, lease.run_id).await
}

/// From the start. Who has left by former runs that did not end well still counts, of either kind: those of changes that end well say
/// nothing of what a pass over the whole store took off.
async fn begin_anew(tx: &impl ConnectionTrait, mut run: Run, lease: Lease) -> Result<Option<Run>, DbErr> {
    run.lists = Tally::new();
    for lane in Lane::ALL {
        let former = Entity::find()
            .filter(Column::AccountId.eq(run.account_id.0))
            .filter(Column::IntegrationId.eq(run.integration_id.0))
            .filter(Column::Lane.eq(lane.as_str()))
            .filter(Column::Lists.is_not_null())
            .filter(Column::Id.lt(run.id.0))
            .order_by_desc(Column::Id)
            .one(tx)
            .await?;
        let is_over = |former: &Model| former.status == RunStatus::Succeeded.as_str() || former.confirmed;
        let Some(former) = former.filter(|former| !is_over(former)) else { continue };
        for (list, tally) in lists_of(&former)? {
            let Some(carried) = tally.carried_on() else { continue };
            let known = run.lists.entry(list).or_insert(carried);
            if known.gone() < carried.gone() {
                *known = carried;
            }
        }
    }
    if run.lists.is_empty() {
        return Ok(Some(run));
    }
    let lists = serde_json::to_value(&run.lists).map_err(|_| bad_row("lists"))?;
    let kept = Entity::update_many().col_expr(Column::Lists, Expr::value(lists)).filter(lease.held()).exec(tx).await?;
    Ok((kept.rows_affected == 1).then_some(run))
}

/// Whether a run got further than the one that it continues. What it read beside its pass is no way further.
pub(crate) async fn got_on(tx: &impl ConnectionTrait, run: &Run) -> Result<bool, DbErr> {
    let find = async |id: Uuid| Entity::find_by_id(id).filter(Column::AccountId.eq(run.account_id.0)).one(tx).await;
    let Some(row) = find(run.id.0).await? else { return Ok(false) };
    let former = match row.continues {
        Some(former) => find(former).await?.as_ref().map(progress_of).transpose()?,
        None => None,
    };
    let former = former.unwrap_or_default();
    let is_further = |(stream, progress): (&Stream, &StreamProgress)| {
        former.get(stream).map_or_else(
            || progress.place() != StreamProgress::default().place(),
            |former| progress.place() != former.place(),
        )
    };
    Ok(progress_of(&row)?.iter().any(is_further))
}

/// Says that whoever goes on from a run's checkpoint may take off lists whom it will.
pub(crate) async fn confirm(tx: &impl ConnectionTrait, run: SyncRunId) -> Result<(), DbErr> {
    Entity::update_many().col_expr(Column::Confirmed, Expr::value(true)).filter(Column::Id.eq(run.0)).exec(tx).await?;
    Ok(())
}

/// Has no run go on from the checkpoint of one that ended.
pub(crate) async fn give_up(tx: &impl ConnectionTrait, run: SyncRunId) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::IsResumable, Expr::value(false))
        .filter(Column::Id.eq(run.0))
        .exec(tx)
        .await?;
    seen::forget(tx, run).await
}

async fn take_over(tx: &impl ConnectionTrait, former: &Model, lease: Lease) -> Result<Option<Run>, DbErr> {
    let kept = Entity::update_many()
        .col_expr(Column::Progress, Expr::value(former.progress.clone()))
        .col_expr(Column::Lists, Expr::value(former.lists.clone()))
        // Said of what the former one showed, and of nothing else.
        .col_expr(Column::Confirmed, Expr::value(former.confirmed))
        .col_expr(Column::Total, Expr::value(former.total))
        .col_expr(Column::PageCount, Expr::value(former.page_count))
        .col_expr(Column::Continues, Expr::value(former.id))
        .col_expr(Column::BeganAt, Expr::value(former.began_at))
        .col_expr(Column::ReadBefore, Expr::value(former.read_before + former.read_count))
        .filter(lease.held())
        .exec(tx)
        .await?;
    if kept.rows_affected == 0 {
        return Ok(None);
    }
    if former.lane == Lane::Whole.as_str() {
        sync_page::Entity::update_many()
            .col_expr(sync_page::Column::RunId, Expr::value(lease.run_id.0))
            .filter(sync_page::Column::RunId.eq(former.id))
            .exec(tx)
            .await?;
    }
    find_of(tx, lease.account_id, lease.run_id).await
}
