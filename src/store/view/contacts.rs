//! Table `contact`, by filter.

use std::borrow::BorrowMut;
use std::collections::HashMap;

use ::entity::contact::{Column, Entity, Model};
use ::entity::{membership, source_record, suppression};
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, Order, QueryFilter, QuerySelect, Select};
use uuid::Uuid;

use super::window;
use crate::domain::contact::Contact;
use crate::domain::ids::{AccountId, ContactId, IntegrationId, ListId};
use crate::domain::page::{Slice, Window};
use crate::store::people::SuppressionKey;

/// Which contacts are asked for; all conditions hold.
#[derive(Debug, Clone, Default)]
pub struct ContactFilter {
    /// Exactly this normalised address.
    pub email: Option<String>,
    /// On this list.
    pub list_id: Option<ListId>,
    /// With a live record in this store.
    pub integration_id: Option<IntegrationId>,
}

fn owned_by(account: AccountId) -> Select<Entity> {
    Entity::find().filter(Column::AccountId.eq(account.0))
}

/// A page, oldest first. `suppressed_at` is not yet looked up.
pub(crate) async fn page(
    db: &impl ConnectionTrait,
    account: AccountId,
    filter: &ContactFilter,
    page: &Window<Uuid>,
) -> Result<Slice<Contact>, DbErr> {
    match (&filter.email, filter.list_id) {
        (None, Some(list)) => members(db, account, list, filter.integration_id, page).await,
        (email, list) => {
            let mut query = owned_by(account);
            if let Some(email) = email {
                query = query.filter(Column::EmailNormalized.eq(email));
            }
            if let Some(list) = list {
                query = query.filter(Expr::exists(on_list(account, list)));
            }
            if let Some(integration) = filter.integration_id {
                let contact = Expr::col((Entity, Column::Id));
                query = query.filter(Expr::exists(live_record(account, integration, contact)));
            }
            let rows = window::by_id(query, Column::Id, &Order::Asc, page).all(db).await?;
            Ok(Slice::new(rows, page.size, page.end).map(from_row))
        }
    }
}

/// Reads the page's keys from the memberships, which are in the contacts' order, and then those contacts: a join
/// would leave it to the planner whether the whole list is read.
async fn members(
    db: &impl ConnectionTrait,
    account: AccountId,
    list: ListId,
    integration: Option<IntegrationId>,
    page: &Window<Uuid>,
) -> Result<Slice<Contact>, DbErr> {
    use membership::Column as On;
    let mut query = membership::Entity::find()
        .select_only()
        .column(On::ContactId)
        .filter(On::AccountId.eq(account.0))
        .filter(On::ListId.eq(list.0));
    if let Some(integration) = integration {
        let contact = Expr::col((membership::Entity, On::ContactId));
        query = query.filter(Expr::exists(live_record(account, integration, contact)));
    }
    let ids: Vec<Uuid> = window::by_id(query, On::ContactId, &Order::Asc, page).into_tuple().all(db).await?;
    let ids = Slice::new(ids, page.size, page.end);
    let rows = owned_by(account).filter(Column::Id.is_in(ids.items)).all(db).await?;
    let mut items: Vec<Contact> = rows.into_iter().map(from_row).collect();
    items.sort_unstable_by_key(|contact| contact.id);
    Ok(Slice { items, has_more: ids.has_more })
}

fn on_list(account: AccountId, list: ListId) -> SelectStatement {
    use membership::Column as On;
    Query::select()
        .expr(Expr::val(1))
        .from(membership::Entity)
        .and_where(Expr::col((membership::Entity, On::AccountId)).eq(account.0))
        .and_where(Expr::col((membership::Entity, On::ListId)).eq(list.0))
        .and_where(Expr::col((membership::Entity, On::ContactId)).equals((Entity, Column::Id)))
        .take()
}

fn live_record(account: AccountId, integration: IntegrationId, contact: impl Into<Expr>) -> SelectStatement {
    use source_record::Column as Source;
    let column = |column| Expr::col((source_record::Entity, column));
    Query::select()
        .expr(Expr::val(1))
        .from(source_record::Entity)
        .and_where(column(Source::AccountId).eq(account.0))
        .and_where(column(Source::ContactId).eq(contact.into()))
        .and_where(column(Source::IntegrationId).eq(integration.0))
        .and_where(column(Source::GoneAt).is_null())
        .take()
}

/// Those of the contacts that are the account's. `suppressed_at` is not yet looked up.
pub(crate) async fn by_ids(
    db: &impl ConnectionTrait,
    account: AccountId,
    ids: &[ContactId],
) -> Result<Vec<Contact>, DbErr> {
    let rows = owned_by(account).filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(db).await?;
    Ok(rows.into_iter().map(from_row).collect())
}

/// Whether the account has the contact.
pub(crate) async fn exists(db: &impl ConnectionTrait, account: AccountId, id: ContactId) -> Result<bool, DbErr> {
    let found: Option<Uuid> =
        owned_by(account).select_only().column(Column::Id).filter(Column::Id.eq(id.0)).into_tuple().one(db).await?;
    Ok(found.is_some())
}

fn from_row(row: Model) -> Contact {
    Contact {
        id: row.id.into(),
        email: row.email,
        email_normalized: row.email_normalized,
        first_name: row.first_name,
        last_name: row.last_name,
        suppressed_at: None,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Fills in since when the contacts' addresses are suppressed, in one query.
pub(crate) async fn note_suppressions(
    db: &impl ConnectionTrait,
    account: AccountId,
    key: &SuppressionKey,
    contacts: &mut [impl BorrowMut<Contact>],
) -> Result<(), DbErr> {
    use suppression::Column as Rule;
    let hash = |contact: &Contact| key.hash(&contact.email_normalized).to_vec();
    let hashes: Vec<Vec<u8>> = contacts.iter().map(|contact| hash(contact.borrow())).collect();
    let found: Vec<(Vec<u8>, DateTime<Utc>)> = suppression::Entity::find()
        .select_only()
        .columns([Rule::AddressHash, Rule::CreatedAt])
        .filter(Rule::AccountId.eq(account.0))
        .filter(Rule::LiftedAt.is_null())
        .filter(Rule::AddressHash.is_in(hashes.iter().cloned()))
        .into_tuple()
        .all(db)
        .await?;
    let since: HashMap<Vec<u8>, DateTime<Utc>> = found.into_iter().collect();
    for (contact, hash) in contacts.iter_mut().zip(&hashes) {
        contact.borrow_mut().suppressed_at = since.get(hash).copied();
    }
    Ok(())
}
