//! The simulated WooCommerce held against what a real one was recorded to say, field by field and word by word.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::sandbox_woocommerce::{Pairs, all, get, json, store};
use crate::support::vendors;

/// The keys of a customer as recorded, so that the check does not rest on the vendors' folder alone.
const CUSTOMER_KEYS: &[&str] = &[
    "_links",
    "avatar_url",
    "billing",
    "date_created",
    "date_created_gmt",
    "date_modified",
    "date_modified_gmt",
    "email",
    "first_name",
    "id",
    "is_paying_customer",
    "last_name",
    "meta_data",
    "role",
    "shipping",
    "username",
];

#[tokio::test]
async fn a_customer_has_the_recorded_fields_and_only_those_asked_for() {
    let store = store(30).await;
    let customers = json(&store, "customers", &[("orderby", "id"), ("per_page", "1")]).await;
    let keys: Vec<_> = customers[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys.iter().copied().collect::<BTreeSet<_>>(), CUSTOMER_KEYS.iter().copied().collect());
    let some = json(&store, "customers", &[("per_page", "1"), ("_fields", "id,billing.email")]).await;
    assert_eq!(some[0].as_object().unwrap().len(), 2);
    assert_eq!(some[0]["billing"].as_object().unwrap().len(), 1);
}

/// Path and JSON type of everything in a value; the entries of a list count as one.
fn shape(value: &Value, path: &str, into: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    into.entry(path.to_owned()).or_default().insert(kind);
    match value {
        // The value of a meta entry is of any type.
        _ if path.ends_with("meta_data[].value") => {}
        Value::Array(items) => items.iter().for_each(|item| shape(item, &format!("{path}[]"), into)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| shape(field, &format!("{path}.{name}"), into)),
        _ => {}
    }
}

fn shapes<'a>(records: impl IntoIterator<Item = &'a Value>) -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut shapes = BTreeMap::new();
    records.into_iter().for_each(|record| shape(record, "", &mut shapes));
    shapes
}

fn recording(name: &str) -> Option<Value> {
    let path = vendors()?.join("woocommerce/recorded").join(name);
    let text = std::fs::read_to_string(path).expect("the recording can be read");
    Some(serde_json::from_str(&text).expect("a recording is JSON"))
}

#[tokio::test]
async fn customers_and_orders_agree_field_by_field_with_a_real_store() {
    let store = store(200).await;
    for (resource, file) in [("customers", "customers_list_page1.json"), ("orders", "orders_list_page1.json")] {
        let Some(recorded) = recording(file) else { return };
        let real = shapes(recorded["response"]["body"].as_array().unwrap());
        let records = all(&store, resource, &[("orderby", "id")]).await;
        // Two records of each round are malformed on purpose.
        let sound = records.iter().filter(|record| record["email"] != false && record["billing"].is_object());
        let ours = shapes(sound);
        for (path, kinds) in &real {
            assert!(ours.contains_key(path), "{resource} lacks {path}");
            if path.contains("meta_data[].value") || path.contains("_links.customer") {
                continue;
            }
            let known: BTreeSet<_> = kinds.iter().chain(["null"].iter()).copied().collect();
            assert!(ours[path].is_subset(&known), "{resource}{path}: {:?} against {kinds:?}", ours[path]);
        }
        let unknown: Vec<_> = ours.keys().filter(|path| !real.contains_key(*path)).collect();
        assert!(
            unknown.iter().all(|path| path.contains("meta_data[].value") || path.contains("meta_data[]")),
            "{unknown:?}"
        );
    }
}

/// Refusals that only these requests can bring about, in the very words of the real store.
#[tokio::test]
async fn refusals_are_the_recorded_ones() {
    let Some(folder) = vendors().map(|folder| folder.join("woocommerce/recorded")) else { return };
    let store = store(30).await;
    let mut compared = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let exchange: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let (request, response) = (&exchange["request"], &exchange["response"]);
        let resource = request["path"].as_str().and_then(|path| path.strip_prefix("/wp-json/wc/v3/"));
        let refused = matches!(response["status"].as_u64(), Some(400 | 404));
        let (Some(resource), true, "GET") = (resource, refused, request["method"].as_str().unwrap_or_default()) else {
            continue;
        };
        let closed = path.to_string_lossy().contains("deactivated");
        if closed || resource.starts_with("webhooks") {
            continue;
        }
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let query: Pairs =
            request["query"].as_array().unwrap().iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
        let query: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = get(&store, resource, &query).await;
        assert_eq!(u64::from(answer.status().as_u16()), response["status"].as_u64().unwrap(), "{}", path.display());
        assert_eq!(answer.json::<Value>().await.unwrap(), response["body"], "{}", path.display());
        compared += 1;
    }
    assert!(compared >= 15, "only {compared} refusals were recorded");
}
