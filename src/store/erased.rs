//! Addresses whose people were erased: known by a salted hash only, so that nothing brings them back.

use std::collections::{HashMap, HashSet};

use ::entity::suppression::{ActiveModel, Column, Entity};
use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QuerySelect, Set};

use super::people::SuppressionKey;
use crate::domain::ids::{AccountId, new_uuid};

/// What stands as the reason of a suppression once the person is erased: the former one may tell about them.
const REASON: &str = "erased";

/// Which of these normalised addresses were erased.
pub(crate) async fn among<'a>(
    tx: &impl ConnectionTrait,
    account: AccountId,
    key: &SuppressionKey,
    addresses: &[&'a str],
) -> Result<HashSet<&'a str>, DbErr> {
    let hashes: HashMap<[u8; 32], &str> = addresses.iter().map(|address| (key.hash(address), *address)).collect();
    let found: Vec<Vec<u8>> = Entity::find()
        .select_only()
        .column(Column::AddressHash)
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::ErasedAt.is_not_null())
        .filter(Column::LiftedAt.is_null())
        .filter(Column::AddressHash.is_in(hashes.keys().map(|hash| hash.to_vec())))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(found.iter().filter_map(|found| hashes.get(found.as_slice()).copied()).collect())
}

/// When an address was erased, if it was.
pub(crate) async fn since(
    tx: &impl ConnectionTrait,
    account: AccountId,
    key: &SuppressionKey,
    address: &str,
) -> Result<Option<DateTime<Utc>>, DbErr> {
    let row = Entity::find()
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::LiftedAt.is_null())
        .filter(Column::AddressHash.eq(key.hash(address).to_vec()))
        .one(tx)
        .await?;
    Ok(row.and_then(|row| row.erased_at))
}

/// Marks an address as erased and suppressed. One that was suppressed before stays so from then on; one that is suppressed
/// because of an earlier erasure is so because of this one from now on.
pub(crate) async fn mark(
    tx: &impl ConnectionTrait,
    account: AccountId,
    key: &SuppressionKey,
    address: &str,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let hash = key.hash(address).to_vec();
    Entity::update_many()
        .col_expr(Column::Reason, Expr::value(REASON))
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::AddressHash.eq(hash.clone()))
        .exec(tx)
        .await?;
    let by_erasure = Expr::col(Column::CreatedAt).eq(Expr::col(Column::ErasedAt));
    let since = Expr::case(by_erasure, Expr::value(at)).finally(Expr::col(Column::CreatedAt));
    let marked = Entity::update_many()
        .col_expr(Column::CreatedAt, since.into())
        .col_expr(Column::ErasedAt, Expr::value(at))
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::AddressHash.eq(hash.clone()))
        .filter(Column::LiftedAt.is_null())
        .exec(tx)
        .await?;
    if marked.rows_affected == 0 {
        let row = ActiveModel {
            id: Set(new_uuid(at)),
            account_id: Set(account.0),
            address_hash: Set(hash),
            reason: Set(REASON.to_owned()),
            created_at: Set(at),
            lifted_at: Set(None),
            lifted_by: Set(None),
            erased_at: Set(Some(at)),
        };
        Entity::insert(row).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Lets an address be known again. A suppression that is older than the erasure stays.
pub(crate) async fn lift(
    tx: &impl ConnectionTrait,
    account: AccountId,
    key: &SuppressionKey,
    address: &str,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let of_address = || {
        Entity::update_many()
            .filter(Column::AccountId.eq(account.0))
            .filter(Column::LiftedAt.is_null())
            .filter(Column::AddressHash.eq(key.hash(address).to_vec()))
    };
    let by_erasure = Expr::col(Column::CreatedAt).eq(Expr::col(Column::ErasedAt));
    of_address().col_expr(Column::LiftedAt, Expr::value(at)).filter(by_erasure).exec(tx).await?;
    of_address().col_expr(Column::ErasedAt, Expr::value(Option::<DateTime<Utc>>::None)).exec(tx).await?;
    Ok(())
}
