//! How long opt-outs took, from table `membership_event`.

use std::collections::HashMap;
use std::time::Duration;

use ::entity::membership_event::{Column, Entity};
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr};
use uuid::Uuid;

use crate::domain::ids::{AccountId, IntegrationId};
use crate::domain::integration::OptOutLatency;

/// The latency of each of the integrations that had opt-outs since then which its store dates: one statement, which reads
/// those opt-outs and nothing else.
pub(crate) async fn of(
    db: &impl ConnectionTrait,
    account: AccountId,
    integrations: &[IntegrationId],
    since: DateTime<Utc>,
) -> Result<HashMap<IntegrationId, OptOutLatency>, DbErr> {
    if integrations.is_empty() {
        return Ok(HashMap::new());
    }
    let ranked = Query::select()
        .columns([Column::IntegrationId, Column::OptOutMicros])
        .expr_as(Expr::cust("ROW_NUMBER() OVER (PARTITION BY integration_id ORDER BY opt_out_micros)"), "place")
        .expr_as(Expr::cust("COUNT(*) OVER (PARTITION BY integration_id)"), "total")
        .from(Entity)
        .and_where(Column::AccountId.eq(account.0))
        .and_where(Column::IntegrationId.is_in(integrations.iter().map(|id| id.0)))
        .and_where(Column::At.gte(since))
        .and_where(Column::OptOutMicros.is_not_null())
        .to_owned();
    // Nearest rank: the least value that so many of a hundred don't exceed. The same on both databases, to the microsecond.
    let within =
        |percent: u8| Expr::cust(format!("MIN(CASE WHEN place * 100 >= total * {percent} THEN opt_out_micros END)"));
    let select = Query::select()
        .column(Column::IntegrationId)
        .expr_as(Expr::cust("MAX(total)"), "total")
        .expr_as(within(50), "p50")
        .expr_as(within(99), "p99")
        .from_subquery(ranked, "ranked")
        .group_by_col(Column::IntegrationId)
        .to_owned();
    let rows = db.query_all(&select).await?;
    rows.into_iter()
        .map(|row| {
            let number = |name: &str| row.try_get::<i64>("", name).map(|value| u64::try_from(value).unwrap_or(0));
            let id: Uuid = row.try_get("", "integration_id")?;
            let (p50, p99) = (Duration::from_micros(number("p50")?), Duration::from_micros(number("p99")?));
            Ok((id.into(), OptOutLatency { count: number("total")?, p50, p99, since }))
        })
        .collect()
}
