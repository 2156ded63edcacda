//! When integrations are synced: what is due, and what comes of a run for the next one.

use std::collections::HashMap;

use ::entity::schedule::{ActiveModel, Column, Entity, Model};
use ::entity::{integration, sync_run};
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, LockBehavior, LockType, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QuerySelect as _, Set,
};
use uuid::Uuid;

use super::words::bad_row;
use crate::domain::health::{Failures, Held, Planned};
use crate::domain::ids::{AccountId, IntegrationId, SyncRunId};
use crate::domain::schedule::{Due, LocalTime, Schedule};
use crate::domain::sync::{IntegrationState, Lane, RunStatus};

const TIME_FORMAT: &str = "%H:%M";

fn unfinished() -> [&'static str; 2] {
    [RunStatus::Queued.as_str(), RunStatus::Running.as_str()]
}

fn seconds(interval: TimeDelta) -> i32 {
    i32::try_from(interval.num_seconds()).unwrap_or(i32::MAX)
}

/// Plans an integration that is being installed.
pub(crate) async fn insert(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    schedule: Schedule,
    next_run_at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let (time, zone) = local_columns(schedule);
    let row = ActiveModel {
        integration_id: Set(integration.0),
        account_id: Set(account.0),
        interval_seconds: Set(seconds(schedule.interval)),
        full_pass_time: Set(time),
        full_pass_zone: Set(zone),
        next_run_at: Set(next_run_at),
        next_full_pass_at: Set(None),
        failures: Set(0),
        full_pass_failures: Set(0),
        failing_since: Set(None),
        held_code: Set(None),
        held_run_id: Set(None),
    };
    Entity::insert(row).exec_without_returning(tx).await.map(drop)
}

fn local_columns(schedule: Schedule) -> (Option<String>, Option<String>) {
    schedule.full_pass.map(|local| (local.time.format(TIME_FORMAT).to_string(), local.zone.name().to_owned())).unzip()
}

fn schedule_of(row: &Model) -> Result<Schedule, DbErr> {
    let full_pass = match (&row.full_pass_time, &row.full_pass_zone) {
        (Some(time), Some(zone)) => Some(LocalTime {
            time: NaiveTime::parse_from_str(time, TIME_FORMAT).map_err(|_| bad_row("full_pass_time"))?,
            zone: zone.parse().map_err(|_| bad_row("full_pass_zone"))?,
        }),
        _ => None,
    };
    Ok(Schedule { interval: TimeDelta::seconds(row.interval_seconds.into()), full_pass })
}

fn from_row(row: Model, is_running: bool) -> Result<Planned, DbErr> {
    Ok(Planned {
        schedule: schedule_of(&row)?,
        next_run_at: row.next_run_at,
        next_full_pass_at: row.next_full_pass_at,
        failures: Failures { changes: row.failures.unsigned_abs(), whole: row.full_pass_failures.unsigned_abs() },
        failing_since: row.failing_since,
        held: row.held_code.zip(row.held_run_id).map(|(code, run)| Held { code, run: run.into() }),
        is_running,
    })
}

/// The plans of some of an account's integrations.
pub(crate) async fn of(
    db: &impl ConnectionTrait,
    account: AccountId,
    integrations: &[Uuid],
) -> Result<HashMap<Uuid, Planned>, DbErr> {
    let of_account = Column::AccountId.eq(account.0);
    let rows = Entity::find()
        .filter(of_account)
        .filter(Column::IntegrationId.is_in(integrations.iter().copied()))
        .all(db)
        .await?;
    let running: Vec<Uuid> = sync_run::Entity::find()
        .select_only()
        .column(sync_run::Column::IntegrationId)
        .filter(sync_run::Column::AccountId.eq(account.0))
        .filter(sync_run::Column::IntegrationId.is_in(integrations.iter().copied()))
        .filter(sync_run::Column::Status.eq(RunStatus::Running.as_str()))
        .into_tuple()
        .all(db)
        .await?;
    rows.into_iter()
        .map(|row| {
            let (id, is_running) = (row.integration_id, running.contains(&row.integration_id));
            Ok((id, from_row(row, is_running)?))
        })
        .collect()
}

/// The plan of one integration, whoever's it is: for the worker.
pub(crate) async fn find(db: &impl ConnectionTrait, integration: IntegrationId) -> Result<Option<Planned>, DbErr> {
    Entity::find_by_id(integration.0).one(db).await?.map(|row| from_row(row, false)).transpose()
}

/// The same with its lock, where the database has row locks, to be changed by what it says.
///
/// Locks follow one order: the account's ledger, the integration, its schedule, its runs.
pub(crate) async fn lock(tx: &impl ConnectionTrait, integration: IntegrationId) -> Result<Option<Planned>, DbErr> {
    let row = Entity::find_by_id(integration.0).lock_exclusive().one(tx).await?;
    row.map(|row| from_row(row, false)).transpose()
}

/// Integrations of which a run of this lane is due, whoever's they are: at most `of_each` of an account, those that wait
/// longest.
///
/// A pass over a whole store that finds no room in its lane is due in the other one, too, as long as the store was read
/// whole before.
pub(crate) async fn due(
    db: &impl ConnectionTrait,
    lane: Lane,
    of_each: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Due>, DbErr> {
    let plan = |column: Column| Expr::col((Entity, column));
    let store = |column: integration::Column| Expr::col((integration::Entity, column));
    let under_way = Query::select()
        .expr(Expr::val(1))
        .from(sync_run::Entity)
        .and_where(
            Expr::col((sync_run::Entity, sync_run::Column::IntegrationId)).equals((Entity, Column::IntegrationId)),
        )
        .and_where(sync_run::Column::Status.is_in(unfinished()))
        .to_owned();
    let (belongs, since) = match lane {
        Lane::Whole => (
            Condition::any()
                .add(store(integration::Column::FullSyncedAt).is_null())
                .add(plan(Column::NextFullPassAt).lte(now)),
            "COALESCE(schedule.next_full_pass_at, schedule.next_run_at)",
        ),
        Lane::Changes => {
            (Condition::all().add(store(integration::Column::FullSyncedAt).is_not_null()), "schedule.next_run_at")
        }
    };
    let place = format!("ROW_NUMBER() OVER (PARTITION BY schedule.account_id ORDER BY {since})");
    let numbered = Query::select()
        .columns([(Entity, Column::AccountId), (Entity, Column::IntegrationId), (Entity, Column::NextRunAt)])
        .expr_as(Expr::cust(since), "since")
        .expr_as(Expr::cust(place), "place")
        .from(Entity)
        .inner_join(integration::Entity, store(integration::Column::Id).equals((Entity, Column::IntegrationId)))
        .and_where(plan(Column::NextRunAt).lte(now))
        .and_where(plan(Column::HeldCode).is_null())
        .and_where(store(integration::Column::State).eq(IntegrationState::Active.as_str()))
        .cond_where(belongs)
        .and_where(Expr::exists(under_way).not())
        .to_owned();
    let query = Query::select()
        .columns(["account_id", "integration_id", "next_run_at", "since"])
        .from_subquery(numbered, "numbered")
        .and_where(Expr::col("place").lte(of_each))
        .to_owned();
    let rows = db.query_all(&query).await?;
    rows.iter()
        .map(|row| {
            Ok(Due {
                account: row.try_get::<Uuid>("", "account_id")?.into(),
                integration: row.try_get::<Uuid>("", "integration_id")?.into(),
                since: row.try_get("", "since")?,
                next_run_at: row.try_get("", "next_run_at")?,
            })
        })
        .collect()
}

/// What a run that ended means for the next one.
#[derive(Debug, Clone)]
pub(crate) struct After {
    pub(crate) next_run_at: DateTime<Utc>,
    /// `None`: stays as it is.
    pub(crate) next_full_pass_at: Option<DateTime<Utc>>,
    pub(crate) failures: Failures,
    /// Why somebody has to decide first.
    pub(crate) held_code: Option<&'static str>,
}

/// Plans the run after one that ended.
pub(crate) async fn plan_next(
    tx: &impl ConnectionTrait,
    integration: IntegrationId,
    run: SyncRunId,
    after: &After,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let has_failed = after.failures.most() > 0;
    let count = |failures: u32| Expr::value(i32::try_from(failures).unwrap_or(i32::MAX));
    let since = Expr::expr(sea_orm::sea_query::Func::coalesce([Expr::col(Column::FailingSince), Expr::value(now)]));
    let mut update = Entity::update_many()
        .col_expr(Column::NextRunAt, Expr::value(after.next_run_at))
        .col_expr(Column::Failures, count(after.failures.changes))
        .col_expr(Column::FullPassFailures, count(after.failures.whole))
        .col_expr(Column::FailingSince, if has_failed { since } else { Expr::value(Option::<DateTime<Utc>>::None) })
        .col_expr(Column::HeldCode, Expr::value(after.held_code))
        .col_expr(Column::HeldRunId, Expr::value(after.held_code.map(|_| run.0)));
    if let Some(at) = after.next_full_pass_at {
        update = update.col_expr(Column::NextFullPassAt, Expr::value(at));
    }
    update.filter(Column::IntegrationId.eq(integration.0)).exec(tx).await?;
    Ok(())
}

/// Has the next run begin as soon as a worker is free, whatever held it.
pub(crate) async fn make_due(
    tx: &impl ConnectionTrait,
    integration: IntegrationId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let none = || Expr::value(Option::<Uuid>::None);
    Entity::update_many()
        .col_expr(Column::NextRunAt, Expr::value(now))
        .col_expr(Column::HeldCode, Expr::value(Option::<String>::None))
        .col_expr(Column::HeldRunId, none())
        .filter(Column::IntegrationId.eq(integration.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// Plans the next run an interval from now, where it is due before that, and the next pass over the whole store a day from now if
/// such a one was called off. A first pass is only put off by the interval.
pub(crate) async fn put_off(
    tx: &impl ConnectionTrait,
    integration: IntegrationId,
    called_off: Lane,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let Some(planned) = lock(tx, integration).await? else { return Ok(()) };
    let next = Ord::max(planned.schedule.next_run(now, 0.0), planned.next_run_at);
    let mut update = Entity::update_many().col_expr(Column::NextRunAt, Expr::value(next));
    if called_off == Lane::Whole {
        let next_full_pass = planned.schedule.next_full_pass(now, 0.0);
        let failing_since = planned.failing_since.filter(|_| planned.failures.called_off(called_off).most() > 0);
        update = update
            .col_expr(Column::NextFullPassAt, Expr::value(next_full_pass))
            .col_expr(Column::FullPassFailures, Expr::value(0))
            .col_expr(Column::FailingSince, Expr::value(failing_since));
    }
    update.filter(Column::IntegrationId.eq(integration.0)).exec(tx).await?;
    Ok(())
}

/// Writes another schedule of an account's integration, and what it means for the times that were planned.
pub(crate) async fn update(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    planned: &Planned,
) -> Result<(), DbErr> {
    let (time, zone) = local_columns(planned.schedule);
    Entity::update_many()
        .col_expr(Column::IntervalSeconds, Expr::value(seconds(planned.schedule.interval)))
        .col_expr(Column::FullPassTime, Expr::value(time))
        .col_expr(Column::FullPassZone, Expr::value(zone))
        .col_expr(Column::NextRunAt, Expr::value(planned.next_run_at))
        .col_expr(Column::NextFullPassAt, Expr::value(planned.next_full_pass_at))
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::IntegrationId.eq(integration.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// Whether an integration is due as it was read, with its schedule locked where the database has row locks: no other replica has
/// queued a run meanwhile, nobody paused it.
///
/// Waits for nobody: what somebody else is changing is not due before they are done. So a tick neither hangs on one integration
/// nor stands in a circle with who changes or deletes it.
pub(crate) async fn is_still_due(tx: &impl ConnectionTrait, due: Due) -> Result<bool, DbErr> {
    let found = Entity::find_by_id(due.integration.0)
        .filter(Column::NextRunAt.eq(due.next_run_at))
        .filter(Column::HeldCode.is_null())
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(tx)
        .await?;
    let store = integration::Entity::find_by_id(due.integration.0)
        .filter(integration::Column::State.eq(IntegrationState::Active.as_str()))
        .lock_with_behavior(LockType::KeyShare, LockBehavior::SkipLocked)
        .one(tx)
        .await?;
    Ok(found.is_some()
        && store.is_some()
        && !super::sync_runs::is_any_unfinished(tx, due.account, due.integration).await?)
}
