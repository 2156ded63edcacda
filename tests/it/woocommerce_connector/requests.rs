//! Every request that the connector sends, against the vendor's own list of parameters.

use assent::connectors::{Pass, Watermark};
use assent::domain::people::{StoreId, Stream};
use serde_json::{Value, json};

use super::shop::{all_records, connector, open};
use crate::support::answering::{AnsweringStore, Asked, Reply};
use crate::support::recorded::{CONSUMER_KEY, CONSUMER_SECRET, recorded_store};
use crate::support::vendors;

/// Parameters that WordPress itself takes on every route.
const OF_WORDPRESS: &[&str] = &["_fields"];

/// A request of every kind.
async fn everything(store: &AnsweringStore) {
    let connector = connector(store);
    connector.check().await.unwrap();
    for stream in [Stream::Customers, Stream::Orders] {
        all_records(&*connector, stream, Pass::Full).await;
        let since = Pass::Since(Watermark(json!({"modified": "2025-03-01T00:30:00Z"})));
        all_records(&*connector, stream, since).await;
        connector.record(stream, &StoreId::new("16")).await.unwrap();
    }
}

fn own(asked: &Asked) -> impl Iterator<Item = &(String, String)> {
    asked.query.iter().filter(|(name, _)| !name.starts_with("oauth_"))
}

#[tokio::test]
async fn every_parameter_is_one_of_the_vendors_and_fits_its_type() {
    let Some(folder) = vendors() else { return };
    let text = std::fs::read_to_string(folder.join("woocommerce/wc-v3.openapi.json")).unwrap();
    let described: Value = serde_json::from_str(&text).unwrap();
    let store = recorded_store().await;
    everything(&store).await;
    let asked = store.asked();
    assert!(asked.len() >= 10, "{}", asked.len());
    for asked in asked.iter().filter(|asked| asked.path != "/wp-json/") {
        let path = asked.path.strip_prefix("/wp-json/wc/v3").unwrap();
        let path = if path.ends_with("/16") { path.replace("/16", "/{id}") } else { path.to_owned() };
        let operation = described["paths"][&path]["get"].as_object().expect("the vendor has that path");
        let parameters = operation.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (name, value) in own(asked).filter(|(name, _)| !OF_WORDPRESS.contains(&name.as_str())) {
            let parameter = parameters.iter().find(|one| one["name"] == name.as_str());
            let schema = &parameter.unwrap_or_else(|| panic!("{path} has no {name}"))["schema"];
            assert!(fits(schema, value), "{path}: {name}={value}");
        }
    }
}

fn fits(schema: &Value, value: &str) -> bool {
    let one_of = schema["enum"].as_array();
    let of_type = match schema["type"].as_str() {
        Some("integer") => value.parse::<i64>().is_ok_and(|number| {
            schema["minimum"].as_i64().is_none_or(|least| number >= least)
                && schema["maximum"].as_i64().is_none_or(|most| number <= most)
        }),
        Some("boolean") => matches!(value, "true" | "false"),
        Some("array") => value.split(',').all(|item| fits(&schema["items"], item)),
        Some("string") => {
            schema["format"] != "date-time" || chrono::NaiveDateTime::parse_from_str(value, "%Y-%m-%dT%H:%M:%S").is_ok()
        }
        _ => false,
    };
    of_type && one_of.is_none_or(|words| words.iter().any(|word| word == value))
}

#[tokio::test]
async fn every_request_reads_with_a_signature_and_without_the_secret() {
    let store = recorded_store().await;
    everything(&store).await;
    let mut nonces: Vec<String> = Vec::new();
    for asked in store.asked() {
        assert_eq!(asked.method, "GET");
        assert!(asked.query.iter().all(|(_, value)| !value.contains(CONSUMER_SECRET)));
        if asked.path != "/wp-json/" {
            assert_eq!(asked.get("oauth_consumer_key"), Some(CONSUMER_KEY));
            nonces.push(asked.get("oauth_nonce").unwrap().to_owned());
        }
    }
    let sent = nonces.len();
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), sent);
}

#[tokio::test]
async fn no_more_of_a_person_is_asked_for_than_is_used() {
    let store = recorded_store().await;
    everything(&store).await;
    for asked in store.asked().iter().filter(|asked| asked.path != "/wp-json/") {
        let fields = asked.get("_fields").expect("every request names its fields");
        assert!(!fields.split(',').any(|field| matches!(field, "shipping" | "avatar_url" | "line_items")), "{fields}");
    }
}

#[tokio::test]
async fn a_shop_in_a_folder_is_asked_in_its_folder() {
    let store = AnsweringStore::start(|asked| {
        if asked.path.starts_with("/de/shop/wp-json/wc/v3/") {
            Reply::json(&json!([])).header("X-WP-Total", &0)
        } else {
            Reply::text(404, "")
        }
    })
    .await;
    let settings = json!({"storeUrl": format!("{}/de/shop/", store.url), "consumerKey": CONSUMER_KEY,
        "consumerSecret": CONSUMER_SECRET});
    let connector = open(&settings, None);
    for stream in [Stream::Customers, Stream::Orders] {
        assert!(all_records(&*connector, stream, Pass::Full).await.is_empty());
    }
}
