//! Which accounts are read once more by themselves, under their own website.
//!
//! The list finds a subscription by the address alone, as it is spelt, in whatever website it comes first; the single
//! account finds its own (`vendors/magento.md` section 6). So the list is believed where it is hardly ever wrong:
//!
//! | the list says | one website | several websites |
//! |---|---|---|
//! | nothing (before 2.4) | read again | read again |
//! | yes | believed | read again |
//! | no | read again if the address has capitals | also if another account has the address |
//!
//! An account in small letters whose newsletter row has capitals is believed to have said no, though the row says yes: to
//! find those, every account that says no would have to be read by itself.
//! On several websites a no may still hide the yes of an account if somebody else, without an account, once left the
//! same address at another website. A yes is never taken from another website.
//!
//! **Invariant:** whether a row is read again depends on the row and the shop, never on the pass, so that incremental
//! and full passes say the same.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::client::{Right, VERSION};
use super::search::Search;
use super::wire::{self, Flag};
use super::{Magento, pages, views::Views};
use crate::connectors::ConnectorError;
use crate::domain::people::Stream;

/// Addresses looked for in one request: they stand in its address, which servers bound at 8 KiB and more.
const ADDRESSES_AT_ONCE: usize = 50;

/// The rows of a page as they are to be believed. Accounts that are gone meanwhile are left out.
pub(super) async fn confirmed(store: &Magento, rows: Vec<Value>) -> Result<Vec<Value>, ConnectorError> {
    let views = store.views().await?;
    let shared = if views.has_several_websites() { shared_addresses(store, &rows).await? } else { HashSet::new() };
    let mut believed = Vec::with_capacity(rows.len());
    for row in rows {
        if is_doubtful(&row, views.has_several_websites(), &shared) {
            store.note_flag(wire::flag(&row));
            believed.extend(read_again(store, views, row).await?);
        } else {
            believed.push(row);
        }
    }
    Ok(believed)
}

fn is_doubtful(row: &Value, several_websites: bool, shared: &HashSet<String>) -> bool {
    let address = wire::id_and_address(row).map_or("", |(_, address)| address);
    match wire::flag(row) {
        Flag::Absent => true,
        Flag::Yes => several_websites,
        Flag::No => address.chars().any(char::is_uppercase) || shared.contains(&address.to_lowercase()),
    }
}

/// The account itself; `None` if it is gone. A row without an id stays as it is: it will be quarantined.
pub(super) async fn read_again(store: &Magento, views: &Views, row: Value) -> Result<Option<Value>, ConnectorError> {
    let Some((id, _)) = wire::id_and_address(&row) else { return Ok(Some(row)) };
    let id = id.to_string();
    let code = wire::website(&row).filter(|_| views.has_several_websites()).and_then(|website| views.code_of(website));
    let path: Vec<&str> = code.into_iter().chain([VERSION, "customers", &id]).collect();
    store.client.find(&path, Right::Customers, wire::CUSTOMER_FIELDS).await
}

/// Which addresses of the rows that say no have an account in another website, too; in lower case.
async fn shared_addresses(store: &Magento, rows: &[Value]) -> Result<HashSet<String>, ConnectorError> {
    let says_no = rows.iter().filter(|row| wire::flag(row) == Flag::No);
    let addresses: Vec<String> =
        says_no.filter_map(wire::id_and_address).map(|(_, address)| address.to_lowercase()).collect();
    // A comma would divide the address; it is rare enough to read those accounts again.
    let (odd, plain): (Vec<String>, Vec<String>) = addresses.into_iter().partition(|address| address.contains(','));
    let mut shared: HashSet<String> = odd.into_iter().collect();
    let Some(list) = pages::list_of(Stream::Customers, None) else { return Ok(shared) };
    for some in plain.chunks(ADDRESSES_AT_ONCE) {
        let search = Search::default().any_of(&[("email", "in", some.join(","))]).sorted_by("entity_id", "ASC");
        let listing = store.client.list(&list.path, list.right, &search, u64::MAX, "id,email").await?;
        if listing.total.is_some_and(|total| total > listing.rows.len() as u64) {
            shared.extend(some.iter().cloned());
        }
        let mut counts: HashMap<String, u32> = HashMap::new();
        for (_, address) in listing.rows.iter().filter_map(wire::id_and_address) {
            *counts.entry(address.to_lowercase()).or_default() += 1;
        }
        shared.extend(counts.into_iter().filter(|(_, count)| *count > 1).map(|(address, _)| address));
    }
    Ok(shared)
}
