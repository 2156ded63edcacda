//! Every request of the connector and every answer of the simulated shop, against the vendor's own description.

use assent::connectors::{Pass, Watermark};
use assent::domain::Platform;
use assent::domain::people::{StoreId, Stream};
use assent::sandbox::{MagentoOptions, SandboxStore, StoreOptions};
use serde_json::json;

use super::shop::{all_records, open};
use crate::support::openapi::{Allowance, Contract, not_allowed};
use crate::support::recording_proxy::RecordingProxy;
use crate::support::vendors;

const ALLOWANCES: &[Allowance] = &[
    Allowance {
        problem: "the parameter fields is not declared",
        because: "section 3: `fields` trims every answer, the description does not know it",
    },
    Allowance { problem: "is a required property", because: "section 3: `fields` trims what is required, too" },
    Allowance {
        problem: "answer 200 /items/",
        because: "cast: a record of each kind is malformed on purpose, a number in the place of its address",
    },
    Allowance {
        problem: "answer 404 /parameters: value is not of type \"array\"",
        because: "section 9: `parameters` is an object or a list of texts, the description says a list of objects",
    },
    Allowance {
        problem: "newsletter-subscribers is not described",
        because: "section 6: core has no such route, a module of the merchant adds it",
    },
];

#[tokio::test]
async fn requests_and_answers_fit_the_vendors_description() {
    let Some(folder) = vendors() else { return };
    let contract = Contract::load(&[folder.join("magento/admin-rest-2.4.9.trimmed.json")]);
    let magento = MagentoOptions { bearer: true, subscribers_endpoint: true, ..MagentoOptions::default() };
    let options = StoreOptions { people: 300, magento, ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::Magento, options).await.unwrap();
    let proxy = RecordingProxy::start(store.base_url()).await;
    let mut settings = store.settings();
    settings["storeUrl"] = json!(proxy.url);
    settings["storeCodes"] = json!(["default", "it"]);
    let connector = open(&settings);
    assert!(connector.check().await.unwrap().is_ok());
    let since = || Pass::Since(Watermark(json!({"changed": "2025-06-01T00:00:00Z"})));
    for stream in [Stream::Customers, Stream::Orders, Stream::Subscribers] {
        all_records(&*connector, stream, Pass::Full).await;
        all_records(&*connector, stream, since()).await;
        connector.record(stream, &StoreId::new("1")).await.unwrap();
        connector.record(stream, &StoreId::new("999999")).await.unwrap();
    }
    let said = proxy.said();
    assert!(said.len() > 20, "{}", said.len());
    let problems = said.iter().flat_map(|one| {
        // The store code may be left out (section 1); the description has one.
        let path = one.path.replace("/rest/V1/", "/rest/default/V1/");
        contract.check(
            &one.method,
            &path,
            &one.query,
            one.request_body.as_ref(),
            one.status,
            one.response_body.as_ref(),
        )
    });
    assert_eq!(not_allowed(problems.collect(), ALLOWANCES), Vec::<String>::new());
}

/// What the connector trims away, whole.
#[tokio::test]
async fn whole_answers_fit_the_vendors_description_but_for_nulls_in_payments() {
    let Some(folder) = vendors() else { return };
    let contract = Contract::load(&[folder.join("magento/admin-rest-2.4.9.trimmed.json")]);
    let magento = MagentoOptions { bearer: true, ..MagentoOptions::default() };
    let store = SandboxStore::start(Platform::Magento, StoreOptions { magento, ..StoreOptions::default() });
    let store = store.await.unwrap();
    let proxy = RecordingProxy::start(store.base_url()).await;
    let token = store.settings()["bearerToken"].as_str().unwrap().to_owned();
    let http = assent::connectors::Http::new(assent::connectors::http::HostPolicy::AllowPrivate, None).unwrap();
    for path in [
        "customers/search?searchCriteria%5BpageSize%5D=5",
        "customers/1",
        "orders?searchCriteria%5BpageSize%5D=5",
        "orders/1",
        "customerGroups/search?searchCriteria%5BpageSize%5D=5",
        "store/storeViews",
        "store/websites",
        "store/storeGroups",
        "store/storeConfigs",
        "modules",
    ] {
        let url = format!("{}/rest/default/V1/{path}", proxy.url).parse().unwrap();
        let answer = http.request(reqwest::Method::GET, url).bearer_auth(&token).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
    let problems = proxy.said().into_iter().flat_map(|one| {
        contract.check(&one.method, &one.path, &one.query, None, one.status, one.response_body.as_ref())
    });
    let nulls = Allowance {
        problem: "/payment/",
        because: "section 9: `payment.account_status` and `cc_last4` are required texts and served as null",
    };
    let empty = Allowance {
        problem: "shipping/total: value is not of type \"object\"",
        because: "recorded in orders_page1: PHP writes an empty object as a list",
    };
    assert_eq!(not_allowed(problems.collect(), &[nulls, empty]), Vec::<String>::new());
}
