//! Every request that the connector sends, and every answer that the simulated store gives, against the vendor's own
//! description.

use assent::connectors::hooks::Endpoint;
use assent::connectors::{Pass, Watermark};
use assent::domain::Platform;
use assent::domain::people::StoreId;
use assent::sandbox::{SandboxStore, StoreOptions};
use serde_json::json;

use super::shop::{STREAMS, all_records, open, pass};
use crate::support::openapi::{Allowance, Contract, not_allowed};
use crate::support::recording_proxy::RecordingProxy;
use crate::support::vendors;

const ALLOWED: &[Allowance] = &[
    Allowance {
        problem: "GET /customers/subscribers: the parameter id is missing",
        because: "section 4: the specification marks the filter as required, which is a slip",
    },
    Allowance { problem: "GET /orders parameter sort", because: "section 5: a direction may follow the field" },
    Allowance {
        problem: "GET /orders: the status 204 is not described",
        because: "section 5: past the end there is no body, which the specification leaves out",
    },
    Allowance {
        problem: "/email: ",
        because: "the simulated store has records with the wrong type in the address's place, on purpose",
    },
    Allowance { problem: "/customer_id: ", because: "section 5: null on migrated orders" },
    Allowance {
        problem: "_name: value is shorter than 1 character",
        because: "ours: the simulated store has accounts without a name, on purpose",
    },
    Allowance {
        problem: "GET /hooks answer 200 /data: value has less than 1 item",
        because: "ours: a store without hooks answers with an empty list, where the specification wants one at least",
    },
];

#[tokio::test]
async fn requests_and_answers_fit_the_vendors_description() {
    let Some(folder) = vendors() else { return };
    let files = ["customers.v3", "subscribers.v3", "orders.v2.oas2", "store_information.v2", "webhooks.v3"];
    let contract = Contract::load(&files.map(|name| folder.join(format!("bigcommerce/openapi/{name}.yml"))));
    let options = StoreOptions { people: 600, ..StoreOptions::generous() };
    let store = SandboxStore::start(Platform::BigCommerce, options).await.unwrap();
    let proxy = RecordingProxy::start(store.base_url()).await;
    let mut settings = store.settings();
    settings["apiBaseUrl"] = json!(proxy.url);
    let connector = open(&settings);

    assert!(connector.check().await.unwrap().is_ok());
    for stream in STREAMS {
        assert!(pass(&*connector, stream, Pass::Full, None).await.unwrap().len() > 1, "{stream}");
        for modified in ["2025-12-01T00:00:00Z", "2030-01-01T00:00:00Z"] {
            all_records(&*connector, stream, Pass::Since(Watermark(json!({ "modified": modified })))).await;
        }
        for id in ["101", "12", "99999999"] {
            connector.record(stream, &StoreId::new(id)).await.unwrap();
        }
    }
    let hooks = connector.hooks().unwrap();
    for secret in ["first", "second"] {
        let address = "https://assent.example/hooks/1".parse().unwrap();
        hooks.register(&Endpoint { address, secret: secret.into() }).await.unwrap();
    }
    let address = "https://assent.example/hooks/1".parse().unwrap();
    hooks.remove(&Endpoint { address, secret: "second".into() }).await.unwrap();

    let said = proxy.said();
    let methods: Vec<&str> = said.iter().map(|exchange| exchange.method.as_str()).collect();
    assert!(["GET", "POST", "PUT", "DELETE"].iter().all(|method| methods.contains(method)) && said.len() > 30);
    let problems = said.iter().flat_map(|exchange| {
        let (request, answer) = (exchange.request_body.as_ref(), exchange.response_body.as_ref());
        contract.check(&exchange.method, &exchange.path, &exchange.query, request, exchange.status, answer)
    });
    let problems = not_allowed(problems.collect(), ALLOWED);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
