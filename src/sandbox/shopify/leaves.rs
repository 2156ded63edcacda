//! Objects without connections of their own: their fields, from the records.

use apollo_compiler::resolvers::ResolvedValue;
use chrono::DateTime;

use crate::sandbox::names::normalized;
use crate::sandbox::population::mix;
use crate::sandbox::records::{Account, Says, Second, Standing};

pub(super) fn email_field<'a>(account: &Account, address: &str, field: &str) -> Option<ResolvedValue<'a>> {
    Some(match field {
        "emailAddress" => ResolvedValue::leaf(address.to_owned()),
        "validFormat" => ResolvedValue::leaf(normalized(address).is_some()),
        "marketingUpdatedAt" => said_at(account),
        "sourceLocation" => ResolvedValue::null(),
        other => return consent_field(account, other),
    })
}

pub(super) fn consent_field<'a>(account: &Account, field: &str) -> Option<ResolvedValue<'a>> {
    Some(match field {
        "marketingState" => ResolvedValue::leaf(marketing_state(account.says)),
        "marketingOptInLevel" => text(opt_in_level(account)),
        "consentUpdatedAt" => said_at(account),
        "sourceLocation" => ResolvedValue::null(),
        _ => return None,
    })
}

/// Null if consent never changed (`vendors/shopify.md` section 5).
fn said_at<'a>(account: &Account) -> ResolvedValue<'a> {
    if account.says == Says::Nothing { ResolvedValue::null() } else { time(account.said_at) }
}

pub(super) const fn marketing_state(says: Says) -> &'static str {
    match says {
        Says::Yes => "SUBSCRIBED",
        Says::No => "UNSUBSCRIBED",
        Says::Pending => "PENDING",
        Says::Invalid => "INVALID",
        Says::Nothing | Says::Gibberish | Says::YesProtected | Says::Unconfirmed | Says::Absent => "NOT_SUBSCRIBED",
    }
}

/// May be set without any consent, and null with one (`vendors/shopify.md` section 5).
pub(super) fn opt_in_level(account: &Account) -> Option<&'static str> {
    match mix(account.id, 17) % 4 {
        0 => Some("CONFIRMED_OPT_IN"),
        1 => None,
        _ => Some("SINGLE_OPT_IN"),
    }
}

pub(super) const fn state_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Guest | Standing::Newsletter => "DISABLED",
        Standing::Invited => "INVITED",
        Standing::Declined => "DECLINED",
        _ => "ENABLED",
    }
}

pub(super) fn address_field<'a>(id: u64, first_name: &str, last_name: &str, field: &str) -> Option<ResolvedValue<'a>> {
    Some(match field {
        "id" => ResolvedValue::leaf(format!("gid://shopify/MailingAddress/{id}")),
        "firstName" => named(first_name),
        "lastName" => named(last_name),
        "address1" => ResolvedValue::leaf("1 Example Street"),
        "city" => ResolvedValue::leaf("Springfield"),
        "provinceCode" => ResolvedValue::leaf("IL"),
        "countryCodeV2" => ResolvedValue::leaf("US"),
        "zip" => ResolvedValue::leaf("62701"),
        "address2" | "company" | "phone" => ResolvedValue::null(),
        _ => return None,
    })
}

pub(super) fn plan_field<'a>(field: &str) -> Option<ResolvedValue<'a>> {
    Some(match field {
        "publicDisplayName" => ResolvedValue::leaf("Developer Preview"),
        "partnerDevelopment" => ResolvedValue::leaf(true),
        "shopifyPlus" => ResolvedValue::leaf(false),
        _ => return None,
    })
}

pub(super) fn text<'a>(text: Option<&str>) -> ResolvedValue<'a> {
    text.map_or_else(ResolvedValue::null, |text| ResolvedValue::leaf(text.to_owned()))
}

pub(super) fn named<'a>(name: &str) -> ResolvedValue<'a> {
    text((!name.is_empty()).then_some(name))
}

/// UTC with whole seconds (`vendors/shopify.md` section 11).
pub(super) fn time<'a>(second: Second) -> ResolvedValue<'a> {
    let time = DateTime::from_timestamp(second, 0).map(|time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    text(time.as_deref())
}

pub(super) fn phone(id: u64) -> String {
    format!("+1555{:07}", id % 10_000_000)
}
