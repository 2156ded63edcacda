//! Lists of an account, found several at a time.

use std::collections::HashMap;

use ::entity::contact_list::{Column, Entity};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::words::word;
use crate::domain::Purpose;
use crate::domain::ids::{AccountId, ListId};

/// What joining a list depends on.
#[derive(Debug, Clone)]
pub(crate) struct NamedList {
    pub(crate) name: String,
    pub(crate) purpose: Purpose,
}

/// Those of the lists that are the account's.
pub(crate) async fn find(
    tx: &impl ConnectionTrait,
    account: AccountId,
    ids: &[ListId],
) -> Result<HashMap<ListId, NamedList>, DbErr> {
    let rows = Entity::find()
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::Id.is_in(ids.iter().map(|id| id.0)))
        .all(tx)
        .await?;
    rows.into_iter()
        .map(|row| Ok((row.id.into(), NamedList { name: row.name, purpose: word("purpose", &row.purpose)? })))
        .collect()
}
