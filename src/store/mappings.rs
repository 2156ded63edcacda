//! Mappings of audiences to lists.

use std::collections::{BTreeMap, BTreeSet};

use ::entity::{contact_list, mapping};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, Set};

use super::words::word;
use crate::domain::ids::{AccountId, IntegrationId, ListId};
use crate::domain::{Audience, Purpose};

/// The purpose of a list of the account.
pub(crate) async fn purpose_of(
    tx: &impl ConnectionTrait,
    account: AccountId,
    list: ListId,
) -> Result<Option<Purpose>, DbErr> {
    let row =
        contact_list::Entity::find_by_id(list.0).filter(contact_list::Column::AccountId.eq(account.0)).one(tx).await?;
    row.map(|row| word("purpose", &row.purpose)).transpose()
}

/// The audiences, of any integration of the account, that go to a list.
pub(crate) async fn audiences_on(
    tx: &impl ConnectionTrait,
    account: AccountId,
    list: ListId,
) -> Result<BTreeSet<Audience>, DbErr> {
    let audiences: Vec<String> = mapping::Entity::find()
        .select_only()
        .column(mapping::Column::Audience)
        .distinct()
        .filter(mapping::Column::AccountId.eq(account.0))
        .filter(mapping::Column::ListId.eq(list.0))
        .into_tuple()
        .all(tx)
        .await?;
    audiences.iter().map(|audience| word("audience", audience)).collect()
}

/// Writes the named mappings: a list, or none.
pub(crate) async fn replace(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    change: &BTreeMap<Audience, Option<ListId>>,
) -> Result<(), DbErr> {
    mapping::Entity::delete_many()
        .filter(mapping::Column::IntegrationId.eq(integration.0))
        .filter(mapping::Column::Audience.is_in(change.keys().map(|audience| audience.as_str())))
        .exec(tx)
        .await?;
    let rows: Vec<mapping::ActiveModel> = change
        .iter()
        .filter_map(|(audience, list)| {
            Some(mapping::ActiveModel {
                integration_id: Set(integration.0),
                audience: Set(audience.as_str().to_owned()),
                account_id: Set(account.0),
                list_id: Set((*list)?.0),
            })
        })
        .collect();
    if !rows.is_empty() {
        mapping::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}
