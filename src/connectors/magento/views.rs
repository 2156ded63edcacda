//! The store views of a shop, the websites they belong to, and which of them are read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::connectors::ConnectorError;
use crate::domain::people::bounded;

/// Longest name of a shop that is kept, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// One store view (`store-data-store-interface` of the vendor's specification).
#[derive(Debug, Clone)]
struct View {
    id: u64,
    code: String,
    website: u64,
    name: Option<String>,
}

/// The store views of a shop.
#[derive(Debug, Clone)]
pub(super) struct Views {
    views: Vec<View>,
    /// The codes to read; empty for all.
    chosen: Vec<String>,
}

impl Views {
    /// Reads `store/storeViews`. Website 0 is the administration's.
    ///
    /// # Errors
    /// No view that can be read.
    pub(super) fn read(rows: &[Value], chosen: &[String]) -> Result<Self, ConnectorError> {
        let mut views: Vec<View> = rows.iter().filter_map(view).filter(|view| view.website > 0).collect();
        views.sort_by_key(|view| view.id);
        if views.is_empty() {
            return Err(ConnectorError::BadAnswer { what: "a list of store views" });
        }
        Ok(Self { views, chosen: chosen.to_vec() })
    }

    /// The name of the first view, as the shop has it.
    pub(super) fn name(&self) -> Option<String> {
        self.views.iter().find_map(|view| view.name.clone())
    }

    /// Whether one address may have several subscriptions: they are kept per website (`vendors/magento.md` section 6).
    pub(super) fn has_several_websites(&self) -> bool {
        self.views.iter().map(|view| view.website).collect::<BTreeSet<_>>().len() > 1
    }

    /// The code under which a website's own data is read: its first view's.
    pub(super) fn code_of(&self, website: u64) -> Option<&str> {
        self.views.iter().find(|view| view.website == website).map(|view| view.code.as_str())
    }

    /// The codes of the settings that the shop does not have.
    pub(super) fn unknown_codes(&self) -> Vec<&str> {
        let is_known = |code: &&String| self.views.iter().any(|view| view.code == **code);
        self.chosen.iter().filter(|code| !is_known(code)).map(String::as_str).collect()
    }

    /// The ids of the views to read; `None` for all.
    pub(super) fn chosen_ids(&self) -> Option<BTreeSet<u64>> {
        self.chosen_by(|view| view.id)
    }

    /// The websites to read; `None` for all.
    pub(super) fn chosen_websites(&self) -> Option<BTreeSet<u64>> {
        self.chosen_by(|view| view.website)
    }

    fn chosen_by(&self, property: impl Fn(&View) -> u64) -> Option<BTreeSet<u64>> {
        let codes: BTreeMap<&str, &View> = self.views.iter().map(|view| (view.code.as_str(), view)).collect();
        let find = |code: &String| codes.get(code.as_str()).map(|view| property(view));
        (!self.chosen.is_empty()).then(|| self.chosen.iter().filter_map(find).collect())
    }
}

fn view(row: &Value) -> Option<View> {
    Some(View {
        id: row.get("id")?.as_u64()?,
        code: row.get("code")?.as_str()?.to_owned(),
        website: row.get("website_id")?.as_u64()?,
        name: row.get("name").and_then(Value::as_str).map(|name| bounded(name.to_owned(), MAX_NAME_BYTES)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn views(chosen: &[&str]) -> Views {
        let rows = [
            json!({"id": 0, "code": "admin", "name": "Admin", "website_id": 0}),
            json!({"id": 3, "code": "it", "name": "Italia", "website_id": 2}),
            json!({"id": 1, "code": "default", "name": "Main", "website_id": 1}),
            json!({"id": 2, "code": "fr", "name": "France", "website_id": 1}),
            json!({"id": "odd"}),
        ];
        Views::read(&rows, &chosen.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_website_is_read_under_its_first_view_and_the_administration_is_none() {
        let all = views(&[]);
        assert_eq!((all.code_of(1), all.code_of(2), all.code_of(0)), (Some("default"), Some("it"), None));
        assert!(all.has_several_websites());
        assert_eq!(all.name().as_deref(), Some("Main"));
        assert_eq!((all.chosen_ids(), all.chosen_websites()), (None, None));
    }

    #[test]
    fn chosen_views_are_ids_for_orders_and_websites_for_accounts() {
        let some = views(&["fr", "it", "gone"]);
        assert_eq!(some.chosen_ids(), Some(BTreeSet::from([2, 3])));
        assert_eq!(some.chosen_websites(), Some(BTreeSet::from([1, 2])));
        assert_eq!(some.unknown_codes(), ["gone"]);
    }

    #[test]
    fn a_shop_without_views_is_none() {
        let wrong = ConnectorError::BadAnswer { what: "a list of store views" };
        assert_eq!(Views::read(&[json!({"id": 0, "code": "admin", "website_id": 0})], &[]).unwrap_err(), wrong);
    }
}
