//! Tables `membership`, `ground` and `membership_event`.

use std::collections::HashMap;

use ::entity::membership::{Column, Entity, Model};
use ::entity::{contact_list, ground, membership_event};
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, Order, QueryFilter, QueryOrder, Select};
use uuid::Uuid;

use super::{integrations, window};
use crate::domain::contact::{Ground, Membership, MembershipEvent};
use crate::domain::ids::{AccountId, ContactId, ListId};
use crate::domain::page::{Slice, Window};
use crate::store::words::{bad_row, word};

pub(super) fn owned_by(account: AccountId) -> Select<Entity> {
    Entity::find().filter(Column::AccountId.eq(account.0))
}

/// A page of one contact's memberships with their grounds, oldest first.
pub(crate) async fn page(
    db: &impl ConnectionTrait,
    account: AccountId,
    contact: ContactId,
    page: &Window<Uuid>,
) -> Result<Slice<Membership>, DbErr> {
    let query = owned_by(account).filter(Column::ContactId.eq(contact.0));
    let rows = window::by_id(query, Column::Id, &Order::Asc, page).all(db).await?;
    Ok(Slice::new(with_grounds(db, account, rows).await?, page.size, page.end))
}

/// All memberships of several contacts with their grounds, by contact, oldest first.
pub(crate) async fn of_contacts(
    db: &impl ConnectionTrait,
    account: AccountId,
    contacts: &[ContactId],
) -> Result<HashMap<ContactId, Vec<Membership>>, DbErr> {
    let rows = owned_by(account)
        .filter(Column::ContactId.is_in(contacts.iter().map(|id| id.0)))
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    let mut found: HashMap<ContactId, Vec<Membership>> = HashMap::new();
    for membership in with_grounds(db, account, rows).await? {
        found.entry(membership.contact_id).or_default().push(membership);
    }
    Ok(found)
}

/// The memberships of several contacts on one list with their grounds, by contact.
pub(crate) async fn on_list(
    db: &impl ConnectionTrait,
    account: AccountId,
    list: ListId,
    contacts: &[ContactId],
) -> Result<HashMap<ContactId, Membership>, DbErr> {
    let rows = owned_by(account)
        .filter(Column::ListId.eq(list.0))
        .filter(Column::ContactId.is_in(contacts.iter().map(|id| id.0)))
        .all(db)
        .await?;
    let found = with_grounds(db, account, rows).await?;
    Ok(found.into_iter().map(|membership| (membership.contact_id, membership)).collect())
}

/// A page of one contact's joins and leaves, oldest first.
pub(crate) async fn events(
    db: &impl ConnectionTrait,
    account: AccountId,
    contact: ContactId,
    page: &Window<Uuid>,
) -> Result<Slice<MembershipEvent>, DbErr> {
    use membership_event::Column as Event;
    let query =
        membership_event::Entity::find().filter(Event::AccountId.eq(account.0)).filter(Event::ContactId.eq(contact.0));
    let rows = window::by_id(query, Event::Id, &Order::Asc, page).all(db).await?;
    let events = rows.into_iter().map(event).collect::<Result<Vec<_>, _>>()?;
    Ok(Slice::new(events, page.size, page.end))
}

pub(super) async fn with_grounds(
    db: &impl ConnectionTrait,
    account: AccountId,
    rows: Vec<Model>,
) -> Result<Vec<Membership>, DbErr> {
    let grounds = ground::Entity::find()
        .filter(ground::Column::AccountId.eq(account.0))
        .filter(ground::Column::MembershipId.is_in(rows.iter().map(|row| row.id)))
        .order_by_asc(ground::Column::Id)
        .all(db)
        .await?;
    let mut stores: Vec<Uuid> = grounds.iter().filter_map(|ground| ground.integration_id).collect();
    stores.sort_unstable();
    stores.dedup();
    let stores = integrations::names(db, account, &stores).await?;
    let mut causes: HashMap<Uuid, Vec<Ground>> = HashMap::new();
    for row in grounds {
        causes.entry(row.membership_id).or_default().push(cause(row, &stores)?);
    }
    let lists = contact_list::Entity::find()
        .filter(contact_list::Column::AccountId.eq(account.0))
        .filter(contact_list::Column::Id.is_in(rows.iter().map(|row| row.list_id)))
        .all(db)
        .await?;
    let lists: HashMap<Uuid, contact_list::Model> = lists.into_iter().map(|list| (list.id, list)).collect();
    rows.into_iter()
        .map(|row| {
            let list = lists.get(&row.list_id).ok_or_else(|| bad_row("list_id"))?;
            Ok(Membership {
                id: row.id.into(),
                contact_id: row.contact_id.into(),
                list_id: row.list_id.into(),
                list_name: list.name.clone(),
                list_purpose: word("purpose", &list.purpose)?,
                joined_at: row.joined_at,
                causes: causes.remove(&row.id).unwrap_or_default(),
            })
        })
        .collect()
}

fn cause(row: ground::Model, stores: &HashMap<Uuid, String>) -> Result<Ground, DbErr> {
    Ok(Ground {
        kind: word("kind", &row.kind)?,
        integration_id: row.integration_id.map(Into::into),
        integration_name: row.integration_id.and_then(|id| stores.get(&id).cloned()),
        audience: row.audience.map(|audience| word("audience", &audience)).transpose()?,
        source_record_id: row.source_record_id.map(Into::into),
        consent_record_id: row.consent_record_id.map(Into::into),
        actor: row.actor,
        since: row.created_at,
    })
}

pub(super) fn event(row: membership_event::Model) -> Result<MembershipEvent, DbErr> {
    Ok(MembershipEvent {
        id: row.id,
        list_id: row.list_id.into(),
        contact_id: row.contact_id.into(),
        kind: word("kind", &row.kind)?,
        cause: word("cause", &row.cause)?,
        audience: row.audience.map(|audience| word("audience", &audience)).transpose()?,
        run_id: row.run_id.map(Into::into),
        integration_id: row.integration_id.map(Into::into),
        source_record_id: row.source_record_id.map(Into::into),
        consent_record_id: row.consent_record_id.map(Into::into),
        actor: row.actor,
        said_at: row.opt_out_micros.map(|micros| row.at - TimeDelta::microseconds(micros)),
        at: row.at,
    })
}
