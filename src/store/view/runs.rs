//! Tables `sync_run` and `quarantined_record`, as they are shown.

use std::collections::BTreeMap;

use ::entity::quarantined_record;
use ::entity::sync_run::{Column, Entity, Model};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, Order, QueryFilter, Select};
use uuid::Uuid;

use super::window;
use crate::domain::completeness::Completeness;
use crate::domain::failure::explain;
use crate::domain::ids::{AccountId, IntegrationId, SyncRunId};
use crate::domain::page::{Slice, Window};
use crate::domain::people::Stream;
use crate::domain::run::{Issues, QuarantinedRecord, SyncRun};
use crate::store::progress::StreamProgress;
use crate::store::sync_runs::{counts_of, progress_of};
use crate::store::words::word;

pub(super) fn owned_by(account: AccountId) -> Select<Entity> {
    Entity::find().filter(Column::AccountId.eq(account.0))
}

/// A page of an integration's runs, newest first.
pub(crate) async fn page(
    db: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    page: &Window<Uuid>,
) -> Result<Slice<SyncRun>, DbErr> {
    let query = owned_by(account).filter(Column::IntegrationId.eq(integration.0));
    let rows = window::by_id(query, Column::Id, &Order::Desc, page).all(db).await?;
    let runs = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(Slice::new(runs, page.size, page.end))
}

/// Those of the runs that are the account's.
pub(crate) async fn by_ids(
    db: &impl ConnectionTrait,
    account: AccountId,
    ids: &[SyncRunId],
) -> Result<Vec<SyncRun>, DbErr> {
    let rows = owned_by(account).filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(db).await?;
    rows.iter().map(from_row).collect()
}

/// A page of the records that a run could not use, in the order found.
pub(crate) async fn issues(
    db: &impl ConnectionTrait,
    account: AccountId,
    (run, which): (SyncRunId, Issues),
    page: &Window<Uuid>,
) -> Result<Slice<QuarantinedRecord>, DbErr> {
    use quarantined_record::Column as Issue;
    let query = issues_of(account, which).filter(Issue::RunId.eq(run.0));
    let rows = window::by_id(query, Issue::Id, &Order::Asc, page).all(db).await?;
    let records = rows.into_iter().map(issue).collect::<Result<Vec<_>, _>>()?;
    Ok(Slice::new(records, page.size, page.end))
}

/// The records of an account that could not be used.
pub(super) fn issues_of(account: AccountId, which: Issues) -> Select<quarantined_record::Entity> {
    use quarantined_record::Column as Issue;
    let query = quarantined_record::Entity::find().filter(Issue::AccountId.eq(account.0));
    match which {
        Issues::All => query,
        Issues::Unresolved => query.filter(Issue::ResolvedAt.is_null()),
    }
}

pub(super) fn from_row(row: &Model) -> Result<SyncRun, DbErr> {
    Ok(SyncRun {
        id: row.id.into(),
        integration_id: row.integration_id.into(),
        mode: word("mode", &row.mode)?,
        cause: word("cause", &row.cause)?,
        status: word("status", &row.status)?,
        counts: counts_of(row),
        total: row.total.and_then(|total| u64::try_from(total).ok()),
        continues: row.continues.map(Into::into),
        read_before: u64::try_from(row.read_before).unwrap_or_default(),
        completeness: completeness(row)?,
        cancel_requested: row.cancel_requested,
        failure: row.error_code.as_deref().map(|code| explain(code, row.error_detail.clone().unwrap_or_default())),
        queued_at: row.queued_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
    })
}

fn completeness(row: &Model) -> Result<BTreeMap<Stream, Completeness>, DbErr> {
    let compared = |(stream, progress): (Stream, StreamProgress)| Some((stream, progress.completeness?));
    Ok(progress_of(row)?.into_iter().filter_map(compared).collect())
}

pub(super) fn issue(row: quarantined_record::Model) -> Result<QuarantinedRecord, DbErr> {
    Ok(QuarantinedRecord {
        id: row.id,
        integration_id: row.integration_id.into(),
        run_id: row.run_id.into(),
        stream: word("stream", &row.stream)?,
        store_id: row.store_id,
        reason: word("reason", &row.reason)?,
        detail: row.detail,
        created_at: row.created_at,
        resolved_at: row.resolved_at,
    })
}
