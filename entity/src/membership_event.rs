//! Table `membership_event`.

use sea_orm::entity::prelude::*;

/// A join or a leave, with its cause, kept for ever.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "membership_event")]
pub struct Model {
    /// Time-ordered identifier.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// List.
    pub list_id: Uuid,
    /// Contact.
    pub contact_id: Uuid,
    /// Word of `MembershipEventKind`.
    pub kind: String,
    /// Word of `Cause`.
    pub cause: String,
    /// Word of `Audience`, where a mapping caused it.
    pub audience: Option<String>,
    /// The run that found it.
    pub run_id: Option<Uuid>,
    /// The store it came from.
    pub integration_id: Option<Uuid>,
    /// The record it rests on.
    pub source_record_id: Option<Uuid>,
    /// The consent it rests on.
    pub consent_record_id: Option<Uuid>,
    /// Who, where a person or a program did.
    pub actor: Option<String>,
    /// When.
    pub at: DateTimeUtc,
    /// Microseconds from the person's opt-out to this leave, where the store dates the opt-out; below zero if its clock
    /// was ahead of ours.
    pub opt_out_micros: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
