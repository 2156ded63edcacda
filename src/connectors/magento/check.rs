//! The connection test: do the credentials work, what may they read, and what can this shop not tell.

use serde_json::Value;

use super::client::{Right, VERSION};
use super::pages::list_of;
use super::search::Search;
use super::views::Views;
use super::wire::{self, Flag};
use super::{GUEST_SUBSCRIBERS_UNSEEN, Magento};
use crate::connectors::{Check, ConnectionReport, ConnectorError};
use crate::domain::people::Stream;

/// The module that keeps subscriptions.
const NEWSLETTER_MODULE: &str = "Magento_Newsletter";

const BEARER_REFUSED: &str = "the shop does not accept the token; shops since 2.4.4 take the token of an integration as bearer only after \
     oauth/consumer/enable_integration_as_bearer was switched on: do that, or give the four OAuth secrets instead. The token \
     of an integration without any rights is refused in the same words: see what is ticked under System > Integrations > API";
const NO_NEWSLETTER: &str = "the module Magento_Newsletter is switched off in the shop: nobody is a subscriber";
const FLAG_MISSING: &str = "the shop's list of customers does not show is_subscribed (releases before 2.4): every account is read by itself, \
     which is slow";
const SEVERAL_WEBSITES: &str =
    "the shop has several websites: every subscribed account is read by itself, under its own website, which is slow";

/// Reads the store views, one customer, one order and, where it is set, one newsletter row.
///
/// # Errors
/// The shop can't be reached, or refuses the credentials: there is nothing to report on.
pub(super) async fn check(store: &Magento) -> Result<ConnectionReport, ConnectorError> {
    let views = store.views().await;
    let mut report =
        ConnectionReport { store_name: None, api_version: Some(VERSION.to_owned()), checks: vec![], warnings: vec![] };
    match &views {
        Err(ConnectorError::CredentialsRejected) if store.client.uses_bearer() => {
            report.checks.push(Check { name: "credentials", problem: Some(BEARER_REFUSED.to_owned()) });
            return Ok(report);
        }
        Ok(views) => {
            report.store_name = views.name();
            report.warnings.extend(views.has_several_websites().then(|| SEVERAL_WEBSITES.to_owned()));
        }
        Err(_) => {}
    }
    report
        .checks
        .push(Check { name: "read store views", problem: problem(views.map(unknown_codes))?.unwrap_or_else(Some) });
    for (stream, name) in [
        (Stream::Customers, "read customers"),
        (Stream::Orders, "read orders"),
        (Stream::Subscribers, "read newsletter subscribers"),
    ] {
        let Some(list) = list_of(stream, store.subscribers()) else { continue };
        let search = Search::default().sorted_by(list.names.id, "ASC");
        let listing = store.client.list(&list.path, list.right, &search, 1, list.fields).await;
        let lacks_flag = |row: &Value| stream == Stream::Customers && wire::flag(row) == Flag::Absent;
        if listing.as_ref().is_ok_and(|listing| listing.rows.iter().any(lacks_flag)) {
            report.warnings.push(FLAG_MISSING.to_owned());
        }
        report.checks.push(Check { name, problem: problem(listing)?.err() });
    }
    report.warnings.extend(newsletter_is_off(store).await.then(|| NO_NEWSLETTER.to_owned()));
    if store.subscribers().is_none() {
        report.warnings.push(GUEST_SUBSCRIBERS_UNSEEN.to_owned());
    }
    Ok(report)
}

/// What a missing right or a missing list comes to; whatever else keeps us from reading is an error.
fn problem<T>(result: Result<T, ConnectorError>) -> Result<Result<T, String>, ConnectorError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error @ (ConnectorError::Forbidden { .. } | ConnectorError::NotThere { .. })) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

fn unknown_codes(views: &Views) -> Option<String> {
    let unknown = views.unknown_codes();
    (!unknown.is_empty())
        .then(|| format!("the shop has no store view {}; correct the setting storeCodes", unknown.join(", ")))
}

/// The list of modules needs no right of its own; where it can't be read there is nothing to warn about.
async fn newsletter_is_off(store: &Magento) -> bool {
    let modules = store.client.whole_list(&[VERSION, "modules"], Right::Stores).await;
    modules.is_ok_and(|modules| !modules.is_empty() && !modules.iter().any(|one| one == NEWSLETTER_MODULE))
}
