//! What is shown of the webhooks of several integrations: one statement each, whatever their number.

use std::collections::HashMap;

use ::entity::{pending_hint, webhook_delivery};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::relations;
use crate::domain::ids::IntegrationId;
use crate::domain::webhook::GivenUp;
use crate::store::words::word;

/// Place of a hint that was given up among those of its integration.
type Place = (Option<DateTime<Utc>>, Uuid);

fn uuids(ids: &[IntegrationId]) -> impl Iterator<Item = Uuid> {
    ids.iter().map(|id| id.0)
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

/// How many of the stores' deliveries were taken since a time; our own tests, named by their topic, do not count. None:
/// absent.
pub(crate) async fn deliveries(
    db: &impl ConnectionTrait,
    ids: &[IntegrationId],
    since: DateTime<Utc>,
    test_topic: &str,
) -> Result<HashMap<IntegrationId, u64>, DbErr> {
    use webhook_delivery::{Column, Entity};
    let rows: Vec<(Uuid, i64)> = Entity::find()
        .select_only()
        .column(Column::IntegrationId)
        .column_as(Column::DedupeKey.count(), "deliveries")
        .filter(Column::IntegrationId.is_in(uuids(ids)))
        .filter(Column::ReceivedAt.gte(since))
        .filter(Column::Topic.ne(test_topic))
        .group_by(Column::IntegrationId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, count)| (id.into(), unsigned(count))).collect())
}

/// How many hints wait, and since when the oldest does. None: absent.
pub(crate) async fn waiting(
    db: &impl ConnectionTrait,
    ids: &[IntegrationId],
) -> Result<HashMap<IntegrationId, (u64, DateTime<Utc>)>, DbErr> {
    use pending_hint::{Column, Entity};
    let rows: Vec<(Uuid, i64, DateTime<Utc>)> = Entity::find()
        .select_only()
        .column(Column::IntegrationId)
        .column_as(Column::Id.count(), "waiting")
        .column_as(Column::ReceivedAt.min(), "oldest")
        .filter(Column::IntegrationId.is_in(uuids(ids)))
        .filter(Column::GivenUpAt.is_null())
        .group_by(Column::IntegrationId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, count, oldest)| (id.into(), (unsigned(count), oldest))).collect())
}

/// How many hints were given up. None: absent.
pub(crate) async fn given_up(
    db: &impl ConnectionTrait,
    ids: &[IntegrationId],
) -> Result<HashMap<IntegrationId, u64>, DbErr> {
    use pending_hint::{Column, Entity};
    let rows: Vec<(Uuid, i64)> = Entity::find()
        .select_only()
        .column(Column::IntegrationId)
        .column_as(Column::Id.count(), "given_up")
        .filter(Column::IntegrationId.is_in(uuids(ids)))
        .filter(Column::GivenUpAt.is_not_null())
        .group_by(Column::IntegrationId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, count)| (id.into(), unsigned(count))).collect())
}

/// The hints that were given up last, newest first, at most `limit` of each integration. None: absent.
pub(crate) async fn last_given_up(
    db: &impl ConnectionTrait,
    ids: &[IntegrationId],
    limit: u64,
) -> Result<HashMap<IntegrationId, Vec<GivenUp>>, DbErr> {
    use pending_hint::{Column, Entity};
    let query = |id: Uuid| {
        Entity::find()
            .filter(Column::IntegrationId.eq(id))
            .filter(Column::GivenUpAt.is_not_null())
            .order_by_desc(Column::GivenUpAt)
            .order_by_desc(Column::Id)
            .limit(limit)
    };
    let found = relations::read(db, ids, query, |row| row.integration_id, |row| (row.given_up_at, row.id)).await?;
    let shown = |(id, mut rows): (IntegrationId, Vec<(Place, pending_hint::Model)>)| {
        rows.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
        let rows = rows.into_iter().map(|(_, row)| from_row(row)).collect::<Result<Vec<_>, DbErr>>()?;
        Ok((id, rows))
    };
    found.into_iter().map(shown).collect()
}

fn from_row(row: pending_hint::Model) -> Result<GivenUp, DbErr> {
    Ok(GivenUp {
        stream: word("stream", &row.stream)?,
        store_id: row.store_id,
        received_at: row.received_at,
        attempts: u32::try_from(row.attempts).unwrap_or_default(),
        code: row.error_code.unwrap_or_default(),
        detail: row.error_detail.unwrap_or_default(),
    })
}
