//! What is said between the connector and the simulated store, held against the vendor's own descriptions.

use std::sync::Arc;

use assent::connectors::Pass;
use assent::domain::people::{StoreId, Stream};
use assent::domain::{Platform, SystemClock};
use assent::sandbox::{Fault, FaultPlan, SandboxStore, SearchableDates, SfccOptions, StoreOptions};
use serde_json::Value;

use super::store::{TOKEN, open, read};
use crate::support::openapi::{Allowance, Contract, not_allowed};
use crate::support::recording_proxy::{Exchange, RecordingProxy};
use crate::support::vendors;

const FILES: [&str; 2] = ["scapi-customers-v1-1.1.3.trimmed.json", "scapi-orders-v1-1.5.2.trimmed.json"];

/// Where the descriptions contradict themselves or say less than the sheet.
const ALLOWED: &[Allowance] = &[
    Allowance {
        problem: "customer-search answer 200 : Additional properties are not allowed",
        because: "section 10: CustomerSearchResult forbids what it inherits; the vendor's own example fails, too",
    },
    Allowance { problem: "customer-search: the status 429 is not described", because: "section 8: the rate limit" },
    Allowance { problem: "orders: the status 401 is not described", because: "section 8: a token that has ended" },
    Allowance { problem: "orders: the status 503 is not described", because: "section 8: load shedding" },
    Allowance {
        problem: "/data/email",
        because: "ours: one profile is damaged on purpose, with something else in its address's place",
    },
    Allowance {
        problem: "/customerInfo/email",
        because: "ours: one order is damaged on purpose, with something else in its address's place",
    },
];

/// Reads a store through a proxy, in every way that the connector has, also while things go wrong.
async fn said() -> Vec<Exchange> {
    let mut said = Vec::new();
    for (scopes, searchable_dates) in [
        (SfccOptions::default().scopes, SearchableDates::All),
        (SfccOptions::default().scopes, SearchableDates::None),
        (&["sfcc.orders"], SearchableDates::All),
    ] {
        let sfcc = SfccOptions { scopes, searchable_dates, ..SfccOptions::default() };
        let store = SandboxStore::start(Platform::Sfcc, StoreOptions { people: 500, sfcc, ..StoreOptions::default() });
        let store = store.await.unwrap();
        let proxy = RecordingProxy::start(store.base_url()).await;
        let mut settings = store.settings();
        settings["apiBaseUrl"] = proxy.url.as_str().into();
        settings["tokenUrl"] = format!("{}{TOKEN}", proxy.url).into();
        let connector = open(&settings, Arc::new(SystemClock));
        connector.check().await.unwrap();
        for stream in connector.streams() {
            for fault in [Fault::RejectedCredentials, Fault::Throttled] {
                assert!(store.plan_fault(FaultPlan::once(fault)));
            }
            let mut pages = None;
            for _ in 0..4 {
                pages = read(&*connector, *stream, Pass::Full, None).await.ok().or(pages);
            }
            let since = pages.and_then(|pages: Vec<_>| pages.last()?.watermark.clone());
            if let Some(since) = since {
                read(&*connector, *stream, Pass::Since(since), None).await.unwrap();
            }
        }
        for id in ["RefArch/00050001", "RefArch/99999999"] {
            let found = connector.record(Stream::Orders, &StoreId::new(id)).await;
            assert_eq!(found.is_ok(), scopes.len() == 2, "{id}");
        }
        said.extend(proxy.said());
    }
    said
}

#[tokio::test]
async fn every_request_and_every_answer_is_as_the_vendor_describes_it() {
    let Some(vendors) = vendors() else { return };
    let contract = Contract::load(&FILES.map(|file| vendors.join("sfcc").join(file)));
    let said = said().await;
    assert!(said.len() > 20, "{} exchanges", said.len());
    let described: Vec<&Exchange> = said.iter().filter(|exchange| exchange.path != TOKEN).collect();
    let problems: Vec<String> = described
        .iter()
        .flat_map(|exchange| {
            let Exchange { method, path, query, request_body, status, response_body } = exchange;
            contract.check(method, path, query, request_body.as_ref(), *status, response_body.as_ref())
        })
        .collect();
    assert_eq!(not_allowed(problems, ALLOWED), [""; 0]);
}

#[tokio::test]
async fn tokens_are_asked_for_and_granted_as_in_the_examples() {
    let Some(vendors) = vendors() else { return };
    let example = |name: &str| -> Value {
        let text = std::fs::read_to_string(vendors.join("sfcc/examples").join(name)).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let granted = example("account-manager-token-response.json");
    let refused = example("account-manager-token-error-scope.json");
    let said = said().await;
    let tokens: Vec<&Exchange> = said.iter().filter(|exchange| exchange.path == TOKEN).collect();
    assert!(
        tokens.iter().any(|exchange| exchange.status == 200) && tokens.iter().any(|exchange| exchange.status == 400)
    );
    for exchange in tokens {
        let asked = exchange.request_body.as_ref().unwrap();
        assert_eq!(members(asked), ["client_id", "client_secret", "grant_type", "scope"]);
        let answered = exchange.response_body.as_ref().unwrap();
        let expected = if exchange.status == 200 { &granted } else { &refused };
        let (mut answered, mut expected) = (members(answered), members(expected));
        answered.sort();
        expected.sort();
        assert_eq!(answered, expected);
    }
}
