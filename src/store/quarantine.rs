//! Records that could not be used, each until it is read well.

use ::entity::quarantined_record::{ActiveModel, Column, Entity};
use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use super::scope::in_account;
use super::sync_runs::Run;
use super::words::{rows_per_statement, word};
use crate::domain::ids::{AccountId, IntegrationId, SyncRunId, new_uuid};
use crate::domain::people::{QuarantineReason, StoreId, Stream};

/// A record that could not be used.
#[derive(Debug, Clone)]
pub(crate) struct Quarantined {
    pub(crate) stream: Stream,
    pub(crate) store_id: Option<StoreId>,
    pub(crate) reason: QuarantineReason,
    /// What is wrong; never a value.
    pub(crate) detail: String,
}

/// Writes down the records of a page that could not be used.
pub(crate) async fn add(
    tx: &impl ConnectionTrait,
    run: &Run,
    records: &[Quarantined],
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    for chunk in records.chunks(rows_per_statement(10)) {
        let rows = chunk.iter().map(|record| ActiveModel {
            id: Set(new_uuid(at)),
            account_id: Set(run.account_id.0),
            integration_id: Set(run.integration_id.0),
            run_id: Set(run.id.0),
            stream: Set(record.stream.as_str().to_owned()),
            store_id: Set(record.store_id.as_ref().map(|id| id.as_str().to_owned())),
            reason: Set(record.reason.as_str().to_owned()),
            detail: Set(record.detail.clone()),
            created_at: Set(at),
            resolved_at: Set(None),
        });
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Whether an integration has records that are not settled.
pub(crate) async fn is_any_unresolved(
    db: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
) -> Result<bool, DbErr> {
    let found: Option<Uuid> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(in_account(db, Column::AccountId, account))
        .filter(Column::IntegrationId.eq(integration.0))
        .filter(Column::ResolvedAt.is_null())
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(found.is_some())
}

/// Notes that these records were read well, or are gone. Writes nothing where none of them waited for it.
pub(crate) async fn resolve(
    tx: &impl ConnectionTrait,
    (account, integration): (AccountId, IntegrationId),
    stream: Stream,
    read_well: &[StoreId],
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::ResolvedAt, Expr::value(at))
        .filter(in_account(tx, Column::AccountId, account))
        .filter(Column::IntegrationId.eq(integration.0))
        .filter(Column::Stream.eq(stream.as_str()))
        .filter(Column::StoreId.is_in(read_well.iter().map(StoreId::as_str)))
        .filter(Column::ResolvedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// A record that waits to be read well.
#[derive(Debug, Clone)]
pub(crate) struct Unresolved {
    pub(crate) id: Uuid,
    pub(crate) stream: Stream,
    pub(crate) store_id: Option<StoreId>,
    /// Whether it was read well since.
    pub(crate) is_resolved: bool,
}

type UnresolvedRow = (Uuid, String, Option<String>, Option<DateTime<Utc>>);

/// The records that a run of the account could not use, in the order found: all of them, or some. At most `limit`.
pub(crate) async fn of_run(
    db: &impl ConnectionTrait,
    (account, run): (AccountId, SyncRunId),
    some: Option<&[Uuid]>,
    limit: u64,
) -> Result<Vec<Unresolved>, DbErr> {
    let mut query = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Stream, Column::StoreId, Column::ResolvedAt])
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::RunId.eq(run.0));
    if let Some(some) = some {
        query = query.filter(Column::Id.is_in(some.iter().copied()));
    }
    let rows: Vec<UnresolvedRow> = query.order_by_asc(Column::Id).limit(limit).into_tuple().all(db).await?;
    rows.into_iter()
        .map(|(id, stream, store_id, resolved_at)| {
            let stream = word("stream", &stream)?;
            Ok(Unresolved { id, stream, store_id: store_id.map(StoreId::new), is_resolved: resolved_at.is_some() })
        })
        .collect()
}
