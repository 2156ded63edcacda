//! Table `privacy_request`: recorded, taken up one at a time, never lost.

use std::collections::HashMap;

use ::entity::privacy_request::{ActiveModel, Column, Entity, Model};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, PaginatorTrait as _, QueryFilter,
    QueryOrder, QuerySelect, Set,
};
use uuid::Uuid;

use super::words::word;
use crate::domain::ids::{AccountId, IntegrationId};
use crate::domain::privacy::{PrivacyKind, PrivacyState, RecordedRequest, TIME_TO_CARRY_OUT};

/// A request to be recorded.
pub(crate) struct NewRequest {
    pub(crate) id: Uuid,
    pub(crate) integration: Option<IntegrationId>,
    pub(crate) kind: PrivacyKind,
    /// Sealed.
    pub(crate) subject: Option<Vec<u8>>,
    pub(crate) actor: Option<String>,
    /// What came of it, if it is carried out already.
    pub(crate) outcome: Option<String>,
}

/// Records a request.
pub(crate) async fn insert(
    tx: &impl ConnectionTrait,
    account: AccountId,
    new: NewRequest,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let is_done = new.outcome.is_some();
    let state = if is_done { PrivacyState::Done } else { PrivacyState::Open };
    let row = ActiveModel {
        id: Set(new.id),
        account_id: Set(account.0),
        integration_id: Set(new.integration.map(|id| id.0)),
        kind: Set(new.kind.as_str().to_owned()),
        subject: Set(new.subject),
        state: Set(state.as_str().to_owned()),
        received_at: Set(at),
        due_at: Set(at + TIME_TO_CARRY_OUT),
        attempts: Set(0),
        next_attempt_at: Set((!is_done).then_some(at)),
        done_at: Set(is_done.then_some(at)),
        outcome: Set(new.outcome),
        actor: Set(new.actor),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// A request that is being carried out.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) id: Uuid,
    pub(crate) account: AccountId,
    pub(crate) integration: Option<IntegrationId>,
    pub(crate) kind: PrivacyKind,
    pub(crate) state: PrivacyState,
    pub(crate) subject: Option<Vec<u8>>,
    pub(crate) attempts: i32,
}

/// Takes up the request that has waited longest, whoever's it is. If its worker dies, it is due again after `length`.
pub(crate) async fn claim(
    db: &impl ConnectionTrait,
    length: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Option<Claimed>, DbErr> {
    let due = Entity::find().filter(Column::NextAttemptAt.lte(now)).order_by_asc(Column::NextAttemptAt).limit(8);
    for row in due.all(db).await? {
        let won = Entity::update_many()
            .col_expr(Column::NextAttemptAt, Expr::value(now + length))
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
            .filter(Column::Id.eq(row.id))
            .filter(Column::NextAttemptAt.eq(row.next_attempt_at))
            .exec(db)
            .await?;
        if won.rows_affected == 1 {
            return Ok(Some(Claimed {
                id: row.id,
                account: row.account_id.into(),
                integration: row.integration_id.map(Into::into),
                kind: word("kind", &row.kind)?,
                state: word("state", &row.state)?,
                subject: row.subject,
                attempts: row.attempts + 1,
            }));
        }
    }
    Ok(None)
}

/// Notes how a request stands after a try: when it is looked at again, and whether its subject is still needed.
pub(crate) async fn note(
    tx: &impl ConnectionTrait,
    id: Uuid,
    state: PrivacyState,
    outcome: &str,
    (now, again_at): (DateTime<Utc>, Option<DateTime<Utc>>),
    keep_subject: bool,
) -> Result<(), DbErr> {
    let mut update = Entity::update_many()
        .col_expr(Column::State, Expr::value(state.as_str()))
        .col_expr(Column::Outcome, Expr::value(outcome))
        .col_expr(Column::NextAttemptAt, Expr::value(again_at));
    if state == PrivacyState::Done {
        update = update.col_expr(Column::DoneAt, Expr::value(now));
    }
    if !keep_subject {
        update = update.col_expr(Column::Subject, Expr::value(Option::<Vec<u8>>::None));
    }
    // One that was closed meanwhile, since the person was erased, stays closed.
    update.filter(Column::Id.eq(id)).filter(Column::State.ne(PrivacyState::Done.as_str())).exec(tx).await?;
    Ok(())
}

/// Lets go of the subject of a request that was carried out long enough ago.
pub(crate) async fn forget_subject(tx: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Subject, Expr::value(Option::<Vec<u8>>::None))
        .col_expr(Column::NextAttemptAt, Expr::value(Option::<DateTime<Utc>>::None))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Whom a request for data is about.
pub(crate) struct Kept {
    pub(crate) id: Uuid,
    pub(crate) integration: Option<IntegrationId>,
    /// Sealed.
    pub(crate) subject: Vec<u8>,
}

/// The subjects of an account's requests for data, wherever these stand.
pub(crate) async fn kept_subjects(tx: &impl ConnectionTrait, account: AccountId) -> Result<Vec<Kept>, DbErr> {
    let rows = Entity::find()
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::Kind.eq(PrivacyKind::DataRequest.as_str()))
        .filter(Column::Subject.is_not_null())
        .all(tx)
        .await?;
    let kept =
        |row: Model| Some(Kept { id: row.id, integration: row.integration_id.map(Into::into), subject: row.subject? });
    Ok(rows.into_iter().filter_map(kept).collect())
}

/// Ends a request for the data of somebody who was erased meanwhile.
pub(crate) async fn close_erased(tx: &impl ConnectionTrait, id: Uuid, now: DateTime<Utc>) -> Result<(), DbErr> {
    forget_subject(tx, id).await?;
    Entity::update_many()
        .col_expr(Column::State, Expr::value(PrivacyState::Done.as_str()))
        .col_expr(Column::DoneAt, Expr::value(now))
        .col_expr(Column::Outcome, Expr::value("the person was erased; nothing is kept"))
        .filter(Column::Id.eq(id))
        .filter(Column::State.ne(PrivacyState::Done.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Notes that the data of a request was handed over; `false` if none was ready.
pub(crate) async fn complete(
    db: &impl ConnectionTrait,
    account: AccountId,
    id: Uuid,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let completed = Entity::update_many()
        .col_expr(Column::State, Expr::value(PrivacyState::Done.as_str()))
        .col_expr(Column::DoneAt, Expr::value(now))
        .col_expr(Column::Actor, Expr::value(actor))
        .col_expr(Column::NextAttemptAt, Expr::value(now + TIME_TO_CARRY_OUT))
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(PrivacyState::Ready.as_str()))
        .exec(db)
        .await?;
    Ok(completed.rows_affected == 1)
}

/// How many requests are past their deadline, whoever's they are.
pub(crate) async fn count_overdue(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64, DbErr> {
    Entity::find().filter(unfinished()).filter(Column::DueAt.lt(now)).count(db).await
}

fn unfinished() -> Condition {
    let states = PrivacyState::ALL.iter().filter(|state| **state != PrivacyState::Done);
    Condition::all().add(Column::State.is_in(states.map(|state| state.as_str())))
}

/// What waits for somebody at an integration.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Waiting {
    /// Requests whose data is ready to be handed over.
    pub(crate) ready: u64,
    /// Requests of any kind that are past their deadline.
    pub(crate) overdue: u64,
}

/// What waits for somebody at these integrations; nothing of those that are not named.
pub(crate) async fn waiting(
    db: &impl ConnectionTrait,
    account: AccountId,
    integrations: &[IntegrationId],
    now: DateTime<Utc>,
) -> Result<HashMap<IntegrationId, Waiting>, DbErr> {
    let rows: Vec<(Option<Uuid>, String, DateTime<Utc>)> = Entity::find()
        .select_only()
        .columns([Column::IntegrationId, Column::State, Column::DueAt])
        .filter(unfinished())
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::IntegrationId.is_in(integrations.iter().map(|id| id.0)))
        .into_tuple()
        .all(db)
        .await?;
    let mut waiting: HashMap<IntegrationId, Waiting> = HashMap::new();
    for (integration, state, due_at) in rows {
        let Some(integration) = integration else { continue };
        let at = waiting.entry(integration.into()).or_default();
        at.ready += u64::from(state == PrivacyState::Ready.as_str());
        at.overdue += u64::from(due_at < now);
    }
    Ok(waiting)
}

/// Keeps a request that is under way from being taken up by another worker.
pub(crate) async fn prolong(tx: &impl ConnectionTrait, id: Uuid, until: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::NextAttemptAt, Expr::value(until))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// One request of the account with its sealed subject.
pub(crate) async fn find(
    db: &impl ConnectionTrait,
    account: AccountId,
    id: Uuid,
) -> Result<Option<(RecordedRequest, Option<Vec<u8>>)>, DbErr> {
    let row = Entity::find_by_id(id).filter(Column::AccountId.eq(account.0)).one(db).await?;
    row.map(|mut row| {
        let subject = row.subject.take();
        Ok((from_row(row)?, subject))
    })
    .transpose()
}

pub(crate) fn from_row(row: Model) -> Result<RecordedRequest, DbErr> {
    Ok(RecordedRequest {
        id: row.id,
        integration_id: row.integration_id.map(Into::into),
        kind: word("kind", &row.kind)?,
        state: word("state", &row.state)?,
        received_at: row.received_at,
        due_at: row.due_at,
        done_at: row.done_at,
        outcome: row.outcome,
        actor: row.actor,
    })
}
