//! The vendor's and our own example documents, read by the connector.

use assent::connectors::Pass;
use assent::domain::people::{PersonKind, StoreRecord, Stream};
use assent::domain::statement::OptIn;
use serde_json::{Value, json};

use super::store::{Open, SEARCH, read};
use crate::support::answering::Reply;
use crate::support::vendors;

fn example(name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(vendors()?.join("sfcc/examples").join(name)).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn the_examples_of_profiles_are_read() {
    let Some(mut page) = example("scapi-customer-search-page-1.json") else { return };
    let rest = example("scapi-customer-search-page-2-last.json").unwrap();
    let more = rest["hits"].as_array().unwrap().clone();
    page["hits"].as_array_mut().unwrap().extend(more);
    let open = Open::with(move |asked| {
        assert_eq!(asked.path, SEARCH);
        let mut page = page.clone();
        if asked.json()["limit"] == 1 {
            page["hits"].as_array_mut().unwrap().truncate(1);
            let beyond = !asked.json()["query"]["filteredQuery"]["filter"]["rangeFilter"]["from"].is_null();
            page["total"] = json!(if beyond { 0 } else { 5 });
        }
        Reply::json(&page)
    })
    .await;
    let pages = read(&*open.connector, Stream::Customers, Pass::Full, None).await.unwrap();
    let people: Vec<_> = pages
        .into_iter()
        .flat_map(|page| page.records)
        .map(|record| match record {
            StoreRecord::Person(person) => {
                (person.email.unwrap_or_default(), person.statement.value, person.last_name.unwrap_or_default())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        ("amelia.frost@example.com", OptIn::Granted, "Frost"),
        ("Bruno.Keller@Example.com", OptIn::Withdrawn, "Keller"),
        ("chiara.rossi@example.org", OptIn::Unknown, "Rossi"),
        ("amelia.frost@example.com", OptIn::Granted, "Frost-Duplicate"),
        ("", OptIn::Unknown, "Stern"),
    ];
    assert_eq!(people, expected.map(|(email, value, name)| (email.to_owned(), value, name.to_owned())));
}

#[tokio::test]
async fn the_examples_of_orders_are_read() {
    let Some(mut page) = example("scapi-orders-page-1.json") else { return };
    let rest = example("scapi-orders-page-2-last-short.json").unwrap();
    page["data"].as_array_mut().unwrap().extend(rest["data"].as_array().unwrap().clone());
    let open = Open::with(move |_| Reply::json(&page)).await;
    let pages = read(&*open.connector, Stream::Orders, Pass::Full, None).await.unwrap();
    let read: Vec<String> = pages
        .into_iter()
        .flat_map(|page| page.records)
        .map(|record| match record {
            StoreRecord::Person(person) => {
                assert_eq!(person.kind, PersonKind::Guest);
                format!("{} {} {}", person.store_id, person.email.unwrap(), person.statement.value)
            }
            StoreRecord::Skipped { store_id, reason } => format!("{store_id} {reason}"),
            StoreRecord::Malformed { detail, .. } => detail,
        })
        .collect();
    assert_eq!(
        read,
        [
            "RefArch/00009001 eli.guest@example.com granted",
            "RefArch/00009002 ELI.GUEST@example.com unknown",
            "RefArch/00009003 covered_by_account",
            "RefArch/00009004 amelia.frost@example.com unknown",
            "RefArch/00009005 draft",
            "RefArch/00009007 francesca.ospite@example.it unknown",
        ]
    );
}

#[tokio::test]
async fn the_examples_of_refusals_are_understood() {
    for (status, name, code) in [
        (401, "scapi-error-401", "STORE_CREDENTIALS_REJECTED"),
        (403, "scapi-error-403-scope", "STORE_FORBIDDEN"),
        (403, "scapi-error-403-tenant", "STORE_FORBIDDEN"),
        (404, "scapi-error-404-customer-list", "STORE_NOT_THERE"),
        (429, "scapi-error-429", "STORE_THROTTLED"),
        (503, "scapi-error-503-load-shedding", "STORE_THROTTLED"),
        (504, "scapi-error-504-timeout", "STORE_FAILED"),
    ] {
        let Some(body) = example(&format!("{name}.json")) else { return };
        let headers = example("scapi-response-headers-under-load.json").unwrap();
        let load = headers["sfdc_load"].as_str().unwrap().to_owned();
        let open = Open::with(move |_| {
            let reply = Reply::text(status, &body.to_string());
            if status == 503 { reply.header("sfdc_load", &load) } else { reply }
        })
        .await;
        let error = read(&*open.connector, Stream::Customers, Pass::Full, None).await.unwrap_err();
        assert_eq!(error.code(), code, "{name}");
        assert!(!error.to_string().contains("RefArchX"), "{name}: an error holds no text of the store");
    }
}
