//! Counting what an account holds.

use ::entity::{contact, ledger_head, membership_event};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter};

use crate::domain::ids::{AccountId, ListId, SyncRunId};
use crate::domain::membership::MembershipEventKind;

/// How many contacts there are.
pub(crate) async fn contacts(db: &impl ConnectionTrait, account: AccountId) -> Result<u64, DbErr> {
    contact::Entity::find().filter(contact::Column::AccountId.eq(account.0)).count(db).await
}

/// How many consent records there are: the head of the chain knows, for it has no gaps.
pub(crate) async fn consent_records(db: &impl ConnectionTrait, account: AccountId) -> Result<u64, DbErr> {
    let head = ledger_head::Entity::find_by_id(account.0).one(db).await?;
    Ok(head.map_or(0, |head| u64::try_from(head.sequence).unwrap_or(0)))
}

/// How many events of a kind a run caused on a list.
pub(crate) async fn events(
    db: &impl ConnectionTrait,
    account: AccountId,
    list: ListId,
    run: SyncRunId,
    kind: MembershipEventKind,
) -> Result<u64, DbErr> {
    membership_event::Entity::find()
        .filter(membership_event::Column::AccountId.eq(account.0))
        .filter(membership_event::Column::ListId.eq(list.0))
        .filter(membership_event::Column::RunId.eq(run.0))
        .filter(membership_event::Column::Kind.eq(kind.as_str()))
        .count(db)
        .await
}
