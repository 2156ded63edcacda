//! How the tests open a shop, and a small one to open.

use std::sync::Arc;

use assent::connectors::http::HostPolicy;
use assent::connectors::{self, Connector, Http, Settings};
use assent::domain::people::{StorePerson, StoreRecord};
use assent::domain::{Platform, SystemClock};
use serde_json::{Value, json};

use crate::support::answering::{AnsweringStore, Asked, Reply};

pub(crate) use crate::woocommerce_connector::shop::{all_records, id_of, pass};

thread_local! {
    /// A test's own client: making one reads the system's certificates, and its connections are its runtime's.
    static HTTP: Http = Http::new(HostPolicy::AllowPrivate, None).unwrap();
}

/// The connector of a shop, signed in with a token, with more settings.
pub(crate) fn connector_with(store: &AnsweringStore, more: &Value) -> Box<dyn Connector> {
    let mut settings = json!({"storeUrl": store.url, "bearerToken": "token"}).as_object().unwrap().clone();
    settings.extend(more.as_object().unwrap().clone());
    open(&Value::Object(settings))
}

pub(crate) fn connector(store: &AnsweringStore) -> Box<dyn Connector> {
    connector_with(store, &json!({}))
}

pub(crate) fn open(settings: &Value) -> Box<dyn Connector> {
    let fields = connectors::settings_of(Platform::Magento);
    let settings = Settings::parse(fields, settings.as_object().unwrap().clone()).unwrap();
    let http = HTTP.with(Http::clone);
    connectors::open(Platform::Magento, &settings, &http, Arc::new(SystemClock)).unwrap()
}

/// Store views as one website has them.
pub(crate) fn one_website() -> Value {
    json!([
        {"id": 1, "code": "default", "name": "Default Store View", "website_id": 1, "store_group_id": 1, "is_active": 1},
        {"id": 0, "code": "admin", "name": "Admin", "website_id": 0, "store_group_id": 0, "is_active": 1},
    ])
}

/// The same with a second website, of two views.
pub(crate) fn two_websites() -> Value {
    let mut views = one_website();
    for (id, code) in [(3, "it"), (4, "it_en")] {
        let view = json!({"id": id, "code": code, "name": code, "website_id": 2, "store_group_id": 2, "is_active": 1});
        views.as_array_mut().unwrap().push(view);
    }
    views
}

/// A list as the shop gives it.
pub(crate) fn list(rows: &[Value], total: usize) -> Reply {
    Reply::json(&json!({"items": rows, "search_criteria": {"filter_groups": []}, "total_count": total}))
}

pub(crate) fn customer(id: u64, email: &str, website: u64, is_subscribed: impl Into<Value>) -> Value {
    json!({"id": id, "email": email, "firstname": "A", "lastname": "B", "created_at": "2026-01-01 10:00:00",
        "updated_at": "2026-03-01 10:00:00", "website_id": website,
        "extension_attributes": {"is_subscribed": is_subscribed.into()}})
}

pub(crate) fn order(id: u64, email: &str) -> Value {
    json!({"entity_id": id, "customer_email": email, "customer_firstname": "A", "customer_lastname": "B",
        "store_id": 1, "updated_at": "2026-03-01 10:00:00"})
}

/// The condition on a field, as `operator value`.
pub(crate) fn condition(asked: &Asked, field: &str) -> Option<String> {
    (0..4).flat_map(|group| (0..3).map(move |place| (group, place))).find_map(|(group, place)| {
        let part = |name: &str| asked.get(&format!("searchCriteria[filterGroups][{group}][filters][{place}][{name}]"));
        (part("field")? == field).then(|| format!("{} {}", part("conditionType").unwrap(), part("value").unwrap()))
    })
}

/// Rows with a higher id than was asked for, one page of them.
pub(crate) fn after_id(rows: &[Value], id_field: &str, asked: &Asked) -> Reply {
    let above = condition(asked, "entity_id").map_or(0, |text| text.strip_prefix("gt ").unwrap().parse().unwrap());
    let rest: Vec<Value> = rows.iter().filter(|row| row[id_field].as_u64().unwrap() > above).cloned().collect();
    let size = asked.number_of("searchCriteria[pageSize]").unwrap();
    list(&rest[..rest.len().min(size)], rest.len())
}

pub(crate) fn person(record: &StoreRecord) -> &StorePerson {
    match record {
        StoreRecord::Person(person) => person,
        other => panic!("not a person: {other:?}"),
    }
}

/// Whether it is the first question of a full pass: which change is the newest.
pub(crate) fn is_probe(asked: &Asked) -> bool {
    asked.get("searchCriteria[sortOrders][0][direction]") == Some("DESC")
}
