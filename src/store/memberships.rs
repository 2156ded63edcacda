//! Memberships, the grounds they live by, and the events that tell their story.

use std::collections::HashMap;

use ::entity::{contact_list, ground, mapping, membership, membership_event};
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait as _, QueryFilter, QuerySelect, Set};
use uuid::Uuid;

use super::scope::in_account;
use super::words::{rows_per_statement, word};
use crate::domain::ids::{
    AccountId, ConsentRecordId, ContactId, IntegrationId, ListId, MembershipId, SourceRecordId, SyncRunId, new_uuid,
};
use crate::domain::membership::{Cause, GroundKind, MappingGround, MembershipEventKind};
use crate::domain::{Audience, Purpose};

/// Where an audience goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// Audience.
    pub(crate) audience: Audience,
    /// List.
    pub(crate) list_id: ListId,
    /// The list's purpose.
    pub(crate) purpose: Purpose,
}

/// The mapped lists of an integration.
pub(crate) async fn targets(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
) -> Result<Vec<Target>, DbErr> {
    let rows: Vec<(String, Uuid, String)> = mapping::Entity::find()
        .select_only()
        .column(mapping::Column::Audience)
        .column(mapping::Column::ListId)
        .column(contact_list::Column::Purpose)
        .join_rev(
            sea_orm::JoinType::InnerJoin,
            contact_list::Entity::belongs_to(mapping::Entity)
                .from(contact_list::Column::Id)
                .to(mapping::Column::ListId)
                .into(),
        )
        .filter(in_account(tx, mapping::Column::AccountId, account))
        .filter(contact_list::Column::AccountId.eq(account.0))
        .filter(mapping::Column::IntegrationId.eq(integration.0))
        .into_tuple()
        .all(tx)
        .await?;
    rows.into_iter()
        .map(|(audience, list_id, purpose)| {
            Ok(Target {
                audience: word("audience", &audience)?,
                list_id: list_id.into(),
                purpose: word("purpose", &purpose)?,
            })
        })
        .collect()
}

/// The grounds that an integration gives these contacts, by identity.
pub(crate) async fn mapping_grounds(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    contacts: &[ContactId],
) -> Result<HashMap<MappingGround, Uuid>, DbErr> {
    let mut grounds = HashMap::new();
    for contacts in contacts.chunks(rows_per_statement(1)) {
        let rows: Vec<(Uuid, Uuid, Uuid, Option<String>)> = ground::Entity::find()
            .select_only()
            .columns([ground::Column::Id, ground::Column::ContactId, ground::Column::ListId, ground::Column::Audience])
            .filter(ground::Column::AccountId.eq(account.0))
            .filter(ground::Column::IntegrationId.eq(integration.0))
            .filter(ground::Column::ContactId.is_in(contacts.iter().map(|id| id.0)))
            .into_tuple()
            .all(tx)
            .await?;
        for (id, contact_id, list_id, audience) in rows {
            let audience = word("audience", audience.as_deref().unwrap_or_default())?;
            grounds.insert(MappingGround { contact_id: contact_id.into(), list_id: list_id.into(), audience }, id);
        }
    }
    Ok(grounds)
}

/// How many members a list has.
pub(crate) async fn count(tx: &impl ConnectionTrait, account: AccountId, list: ListId) -> Result<u64, DbErr> {
    let of_account = in_account(tx, membership::Column::AccountId, account);
    membership::Entity::find().filter(of_account).filter(membership::Column::ListId.eq(list.0)).count(tx).await
}

/// A ground to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewGround {
    /// Who.
    pub(crate) contact_id: ContactId,
    /// On what.
    pub(crate) list_id: ListId,
    /// What kind.
    pub(crate) kind: GroundKind,
    /// What gives it, unique in the membership.
    pub(crate) source_key: String,
    /// The integration and the audience, where a mapping gives it.
    pub(crate) mapping: Option<(IntegrationId, Audience)>,
    /// The rest of the story.
    pub(crate) story: Story,
}

/// What a join or a leave rests on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Story {
    /// The run that found it.
    pub(crate) run_id: Option<SyncRunId>,
    /// The store it came from.
    pub(crate) integration_id: Option<IntegrationId>,
    /// As what.
    pub(crate) audience: Option<Audience>,
    /// The record it rests on.
    pub(crate) source_record_id: Option<SourceRecordId>,
    /// The consent it rests on.
    pub(crate) consent_record_id: Option<ConsentRecordId>,
    /// Who, where a person or a program did.
    pub(crate) actor: Option<String>,
    /// When the person opted out, if that is why and the store tells when.
    pub(crate) said_at: Option<DateTime<Utc>>,
}

/// A join or a leave.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Who.
    pub(crate) contact_id: ContactId,
    /// On or off what.
    pub(crate) list_id: ListId,
    /// Which of the two.
    pub(crate) kind: MembershipEventKind,
    /// By which rule.
    pub(crate) cause: Cause,
    /// On what it rests.
    pub(crate) story: Story,
}

/// Gives grounds, making the memberships that are not there. Answers which contacts joined which lists.
pub(crate) async fn begin_grounds(
    tx: &impl ConnectionTrait,
    account: AccountId,
    grounds: &[NewGround],
    at: DateTime<Utc>,
) -> Result<Vec<(ContactId, ListId)>, DbErr> {
    if grounds.is_empty() {
        return Ok(Vec::new());
    }
    let mut lists: Vec<Uuid> = grounds.iter().map(|ground| ground.list_id.0).collect();
    lists.sort_unstable();
    lists.dedup();
    let mut present: HashMap<(ContactId, ListId), MembershipId> = HashMap::new();
    for chunk in grounds.chunks(rows_per_statement(2)) {
        let rows: Vec<(Uuid, Uuid, Uuid)> = membership::Entity::find()
            .select_only()
            .columns([membership::Column::Id, membership::Column::ContactId, membership::Column::ListId])
            .filter(membership::Column::AccountId.eq(account.0))
            .filter(membership::Column::ListId.is_in(lists.iter().copied()))
            .filter(membership::Column::ContactId.is_in(chunk.iter().map(|ground| ground.contact_id.0)))
            .into_tuple()
            .all(tx)
            .await?;
        present.extend(rows.into_iter().map(|(id, contact, list)| ((contact.into(), list.into()), id.into())));
    }
    let mut joined = Vec::new();
    let mut new_memberships = Vec::new();
    let mut rows = Vec::with_capacity(grounds.len());
    for ground in grounds {
        let place = (ground.contact_id, ground.list_id);
        let membership_id = *present.entry(place).or_insert_with(|| {
            let id = MembershipId::at(at);
            joined.push(place);
            new_memberships.push(membership::ActiveModel {
                id: Set(id.0),
                account_id: Set(account.0),
                list_id: Set(ground.list_id.0),
                contact_id: Set(ground.contact_id.0),
                joined_at: Set(at),
            });
            id
        });
        rows.push(ground_row(account, membership_id, ground, at));
    }
    for chunk in new_memberships.chunks(rows_per_statement(5)) {
        membership::Entity::insert_many(chunk.to_vec()).exec_without_returning(tx).await?;
    }
    for chunk in rows.chunks(rows_per_statement(13)) {
        ground::Entity::insert_many(chunk.to_vec()).exec_without_returning(tx).await?;
    }
    Ok(joined)
}

fn ground_row(account: AccountId, membership: MembershipId, new: &NewGround, at: DateTime<Utc>) -> ground::ActiveModel {
    ground::ActiveModel {
        id: Set(new_uuid(at)),
        account_id: Set(account.0),
        membership_id: Set(membership.0),
        list_id: Set(new.list_id.0),
        contact_id: Set(new.contact_id.0),
        kind: Set(new.kind.as_str().to_owned()),
        source_key: Set(new.source_key.clone()),
        integration_id: Set(new.mapping.map(|(integration, _)| integration.0)),
        audience: Set(new.mapping.map(|(_, audience)| audience.as_str().to_owned())),
        source_record_id: Set(new.story.source_record_id.map(|id| id.0)),
        consent_record_id: Set(new.story.consent_record_id.map(|id| id.0)),
        actor: Set(new.story.actor.clone()),
        created_at: Set(at),
    }
}

/// Ends grounds, and the memberships that then have none. Answers which contacts left which lists.
pub(crate) async fn end_grounds(
    tx: &impl ConnectionTrait,
    account: AccountId,
    ids: &[Uuid],
) -> Result<Vec<(ContactId, ListId)>, DbErr> {
    let mut left = Vec::new();
    for ids in ids.chunks(rows_per_statement(1)) {
        let ended: Vec<ground::Model> = ground::Entity::delete_many()
            .filter(ground::Column::AccountId.eq(account.0))
            .filter(ground::Column::Id.is_in(ids.iter().copied()))
            .exec_with_returning(tx)
            .await?;
        let mut memberships: Vec<Uuid> = ended.iter().map(|ground| ground.membership_id).collect();
        memberships.sort_unstable();
        memberships.dedup();
        let other_ground = Query::select()
            .expr(Expr::val(1))
            .from(ground::Entity)
            .and_where(Expr::col((ground::Entity, ground::Column::AccountId)).eq(account.0))
            .and_where(
                Expr::col((ground::Entity, ground::Column::MembershipId))
                    .equals((membership::Entity, membership::Column::Id)),
            )
            .to_owned();
        let gone: Vec<membership::Model> = membership::Entity::delete_many()
            .filter(in_account(tx, membership::Column::AccountId, account))
            .filter(membership::Column::Id.is_in(memberships))
            .filter(Expr::exists(other_ground).not())
            .exec_with_returning(tx)
            .await?;
        left.extend(gone.into_iter().map(|gone| (gone.contact_id.into(), gone.list_id.into())));
    }
    Ok(left)
}

/// Drops grounds that others replace; their memberships stay.
pub(crate) async fn forget_grounds(tx: &impl ConnectionTrait, account: AccountId, ids: &[Uuid]) -> Result<(), DbErr> {
    ground::Entity::delete_many()
        .filter(ground::Column::AccountId.eq(account.0))
        .filter(ground::Column::Id.is_in(ids.iter().copied()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Writes events.
pub(crate) async fn record_events(
    tx: &impl ConnectionTrait,
    account: AccountId,
    events: &[Event],
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    for chunk in events.chunks(rows_per_statement(15)) {
        let rows = chunk.iter().map(|event| membership_event::ActiveModel {
            id: Set(new_uuid(at)),
            account_id: Set(account.0),
            list_id: Set(event.list_id.0),
            contact_id: Set(event.contact_id.0),
            kind: Set(event.kind.as_str().to_owned()),
            cause: Set(event.cause.as_str().to_owned()),
            audience: Set(event.story.audience.map(|audience| audience.as_str().to_owned())),
            run_id: Set(event.story.run_id.map(|id| id.0)),
            integration_id: Set(event.story.integration_id.map(|id| id.0)),
            source_record_id: Set(event.story.source_record_id.map(|id| id.0)),
            consent_record_id: Set(event.story.consent_record_id.map(|id| id.0)),
            actor: Set(event.story.actor.clone()),
            at: Set(at),
            opt_out_micros: Set(event.story.said_at.and_then(|said_at| (at - said_at).num_microseconds())),
        });
        membership_event::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// A ground of a contact, with what decides whether an opt-out ends it.
#[derive(Debug, Clone)]
pub(crate) struct HeldGround {
    pub(crate) id: Uuid,
    pub(crate) list_id: ListId,
    pub(crate) purpose: Purpose,
    pub(crate) kind: GroundKind,
    pub(crate) source_key: String,
    pub(crate) audience: Option<Audience>,
    pub(crate) consent_record_id: Option<ConsentRecordId>,
    pub(crate) created_at: DateTime<Utc>,
}

/// A ground by itself: whose it is, and which store it comes from, if any.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GroundOf {
    pub(crate) id: Uuid,
    pub(crate) contact: ContactId,
    pub(crate) list: ListId,
    pub(crate) integration: Option<IntegrationId>,
}

/// All grounds of several contacts.
pub(crate) async fn held_by(
    tx: &impl ConnectionTrait,
    account: AccountId,
    contacts: &[ContactId],
) -> Result<Vec<GroundOf>, DbErr> {
    let mut held = Vec::new();
    for contacts in contacts.chunks(rows_per_statement(1)) {
        let of_contacts = Query::select()
            .column(membership::Column::Id)
            .from(membership::Entity)
            .and_where(membership::Column::AccountId.eq(account.0))
            .and_where(membership::Column::ContactId.is_in(contacts.iter().map(|id| id.0)))
            .to_owned();
        let rows: Vec<(Uuid, Uuid, Uuid, Option<Uuid>)> = ground::Entity::find()
            .select_only()
            .columns([
                ground::Column::Id,
                ground::Column::ContactId,
                ground::Column::ListId,
                ground::Column::IntegrationId,
            ])
            .filter(ground::Column::AccountId.eq(account.0))
            .filter(ground::Column::MembershipId.in_subquery(of_contacts))
            .into_tuple()
            .all(tx)
            .await?;
        held.extend(rows.into_iter().map(|(id, contact, list, integration)| GroundOf {
            id,
            contact: contact.into(),
            list: list.into(),
            integration: integration.map(Into::into),
        }));
    }
    Ok(held)
}

/// All grounds of a contact.
pub(crate) async fn grounds_of(
    tx: &impl ConnectionTrait,
    account: AccountId,
    contact: ContactId,
) -> Result<Vec<HeldGround>, DbErr> {
    let of_contact = Query::select()
        .column(membership::Column::Id)
        .from(membership::Entity)
        .and_where(membership::Column::AccountId.eq(account.0))
        .and_where(membership::Column::ContactId.eq(contact.0))
        .to_owned();
    let grounds = ground::Entity::find()
        .filter(ground::Column::AccountId.eq(account.0))
        .filter(ground::Column::MembershipId.in_subquery(of_contact))
        .all(tx)
        .await?;
    let lists = contact_list::Entity::find()
        .filter(contact_list::Column::AccountId.eq(account.0))
        .filter(contact_list::Column::Id.is_in(grounds.iter().map(|ground| ground.list_id)))
        .all(tx)
        .await?;
    let purposes: HashMap<Uuid, String> = lists.into_iter().map(|list| (list.id, list.purpose)).collect();
    grounds
        .into_iter()
        .map(|ground| {
            let purpose = purposes.get(&ground.list_id).map(String::as_str).unwrap_or_default();
            Ok(HeldGround {
                id: ground.id,
                list_id: ground.list_id.into(),
                purpose: word("purpose", purpose)?,
                kind: word("kind", &ground.kind)?,
                source_key: ground.source_key,
                audience: ground.audience.as_deref().map(|audience| word("audience", audience)).transpose()?,
                consent_record_id: ground.consent_record_id.map(Into::into),
                created_at: ground.created_at,
            })
        })
        .collect()
}
