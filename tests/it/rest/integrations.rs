//! Integrations: installed, shown without secrets, changed, removed.

use ::entity::schedule;
use axum::http::StatusCode;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{Api, shop};
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(
    an_installation_maps_subscribers_to_their_list,
    a_line_of_the_sandbox_can_be_posted_as_it_is,
    secrets_are_never_shown_and_stay_when_absent,
    the_subscribers_list_must_be_for_marketing,
    mappings_can_be_previewed_and_changed,
    a_paused_integration_is_not_synced,
    a_removed_integration_is_gone,
    an_integration_that_is_removed_while_they_are_listed_is_left_out,
    connectors_show_their_rules,
    a_store_that_does_not_answer_is_said_so,
    a_test_says_what_is_to_be_put_right,
    a_private_address_is_refused_unless_allowed,
);

async fn an_installation_maps_subscribers_to_their_list(db: TestDatabase) {
    let api = Api::new(db).await;
    let first = api.make_integration("First").await;
    let second = api.make_integration("Second").await;
    let lists = api.walk("/v1/lists", 50).await;
    assert_eq!(lists.len(), 1, "the second store reuses the list");
    assert_eq!((&lists[0]["name"], &lists[0]["purpose"]), (&json!("Store subscribers"), &json!("marketing")));
    for id in [first, second] {
        let shown = api.get(&format!("/v1/integrations/{id}")).await.json();
        assert_eq!(shown["mappings"], json!({"subscribers": lists[0]["id"], "customers": null}));
        assert_eq!(shown["state"], "active");
    }
}

async fn a_line_of_the_sandbox_can_be_posted_as_it_is(db: TestDatabase) {
    let api = Api::new(db).await;
    let mut line = shop("WooCommerce sandbox");
    line["controlUrl"] = json!("http://127.0.0.1:9/_sandbox");
    let made = api.post("/v1/integrations", line).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
}

async fn secrets_are_never_shown_and_stay_when_absent(db: TestDatabase) {
    let api = Api::new(db).await;
    let made = api.post("/v1/integrations", shop("Shop")).await;
    assert!(!made.text.contains("ck_key") && !made.text.contains("cs_secret"), "{}", made.text);
    let path = format!("/v1/integrations/{}", made.created());
    let change = json!({"name": "Laden", "settings": {"optInMetaKeys": ["news"]}});
    let changed = api.call("PATCH", &path, Some(&api.token), Some(change)).await.json();
    assert_eq!(changed["name"], "Laden");
    assert_eq!(changed["secrets"], json!(["consumerKey", "consumerSecret"]));
    assert_eq!(changed["settings"]["optInMetaKeys"], json!(["news"]));
    assert_eq!(changed["settings"]["storeUrl"], "http://127.0.0.1:9");
    let cleared = json!({"settings": {"optInMetaKeys": null}});
    let changed = api.call("PATCH", &path, Some(&api.token), Some(cleared)).await.json();
    assert!(changed["settings"].get("optInMetaKeys").is_none(), "{changed}");
    let required = json!({"settings": {"consumerKey": null}});
    let refused = api.call("PATCH", &path, Some(&api.token), Some(required)).await;
    assert_eq!(refused.problem(), (422, "INVALID".to_owned(), "#/settings/consumerKey".to_owned()));
}

async fn the_subscribers_list_must_be_for_marketing(db: TestDatabase) {
    let api = Api::new(db).await;
    api.make_list("store SUBSCRIBERS", "other").await;
    let refused = api.post("/v1/integrations", shop("Shop")).await;
    assert_eq!(refused.problem(), (409, "CONFLICT".to_owned(), String::new()));
    assert!(api.walk("/v1/integrations", 50).await.is_empty());
}

async fn an_integration_that_is_removed_while_they_are_listed_is_left_out(db: TestDatabase) {
    let api = Api::new(db).await;
    let (first, second, last) =
        (api.make_integration("A").await, api.make_integration("B").await, api.make_integration("C").await);
    // As its removal looks to who has read its row before and reads the rest after it.
    let of_second = schedule::Column::IntegrationId.eq(second.parse::<Uuid>().expect("an identifier"));
    schedule::Entity::delete_many().filter(of_second).exec(&api.test.app.db).await.expect("a row can be deleted");
    let page = api.get("/v1/integrations?limit=2").await.json();
    let ids =
        |page: &Value| page["items"].as_array().expect("items").iter().map(|it| it["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&page), [json!(first)]);
    let next = page["next"].as_str().expect("there is more");
    assert_eq!(ids(&api.get(&format!("/v1/integrations?limit=2&after={next}")).await.json()), [json!(last)]);
    assert_eq!(api.get(&format!("/v1/integrations/{second}")).await.status, StatusCode::NOT_FOUND);
}

async fn mappings_can_be_previewed_and_changed(db: TestDatabase) {
    let api = Api::new(db).await;
    let id = api.make_integration("Shop").await;
    let buyers = api.make_list("Buyers", "other").await;
    let path = format!("/v1/integrations/{id}/mappings");
    let before = api.get(&path).await.json();
    let preview = api.post(&format!("{path}/preview"), json!({"customers": buyers})).await;
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.text);
    assert_eq!(api.get(&path).await.json(), before, "a preview changes nothing");
    let put = api.call("PUT", &path, Some(&api.token), Some(json!({"customers": buyers}))).await;
    assert_eq!(put.json(), json!({"subscribers": before["subscribers"], "customers": buyers}));
    let cleared = api.call("PUT", &path, Some(&api.token), Some(json!({"customers": null}))).await;
    assert_eq!(cleared.json(), before);
}

async fn a_paused_integration_is_not_synced(db: TestDatabase) {
    let api = Api::new(db).await;
    let path = format!("/v1/integrations/{}", api.make_integration("Shop").await);
    let pause = api.call("POST", &format!("{path}/pause"), Some(&api.token), None).await;
    assert_eq!(pause.json()["state"], "paused");
    let refused = api.post(&format!("{path}/syncs"), json!({"mode": "incremental"})).await;
    assert_eq!(refused.problem(), (409, "CONFLICT".to_owned(), String::new()));
    api.call("POST", &format!("{path}/resume"), Some(&api.token), None).await;
    let started = api.post(&format!("{path}/syncs"), json!({"mode": "incremental"})).await;
    assert_eq!((started.status, &started.json()["status"]), (StatusCode::ACCEPTED, &json!("queued")));
    let run = started.headers["location"].to_str().expect("a path").to_owned();
    assert_eq!(api.get(&run).await.json()["mode"], "incremental");
    assert_eq!(api.walk(&format!("{path}/syncs"), 1).await.len(), 1);
    let cancelled = api.call("POST", &format!("{run}/cancel"), Some(&api.token), None).await.json();
    assert_eq!(cancelled["status"], "cancelled");
    assert!(api.walk(&format!("{run}/issues"), 50).await.is_empty());
}

async fn a_removed_integration_is_gone(db: TestDatabase) {
    let api = Api::new(db).await;
    let path = format!("/v1/integrations/{}", api.make_integration("Shop").await);
    assert_eq!(api.call("DELETE", &path, Some(&api.token), None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(api.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(api.walk("/v1/lists", 50).await.len(), 1, "the list stays");
    api.make_integration("Shop").await;
}

async fn connectors_show_their_rules(db: TestDatabase) {
    let api = Api::new(db).await;
    let all = api.walk("/v1/connectors", 4).await;
    let words: Vec<_> = all.iter().map(|connector| connector["platform"].as_str().expect("a word")).collect();
    assert_eq!(words, ["bigcommerce", "magento", "sfcc", "shopify", "shopware", "woocommerce"]);
    let magento = api.get("/v1/connectors/magento").await.json();
    assert_eq!(magento["audiences"], json!(["subscribers", "customers", "guests"]));
    assert_eq!(magento["rules"]["guests"], "own_audience");
    let shop = api.get("/v1/connectors/woocommerce").await.json();
    assert_eq!(shop["settings"][1]["secret"], true);
    assert_eq!(shop["rules"]["subscribersOptedInBy"], json!(["account_creation", "checkout"]));
    let schema = &shop["settingsSchema"];
    assert_eq!(schema["properties"]["consumerKey"]["writeOnly"], json!(true));
    assert_eq!(schema["required"], json!(["storeUrl", "consumerKey", "consumerSecret"]));
    assert_eq!(magento["capabilities"]["webhooks"], json!(null));
    assert_eq!(shop["capabilities"]["optOut"]["atLatest"], "incremental_run");
    assert_eq!(api.get("/v1/connectors/ebay").await.status, StatusCode::NOT_FOUND);
}

async fn a_store_that_does_not_answer_is_said_so(db: TestDatabase) {
    let api = Api::new(db).await;
    let path = format!("/v1/integrations/{}/test", api.make_integration("Shop").await);
    let answer = api.call("POST", &path, Some(&api.token), None).await;
    assert_eq!(answer.problem(), (502, "UPSTREAM_UNAVAILABLE".to_owned(), String::new()));
    assert!(answer.text.contains("could not be reached"), "{}", answer.text);
}

async fn a_test_says_what_is_to_be_put_right(db: TestDatabase) {
    use assent::domain::Platform;
    use assent::sandbox::{SandboxStore, StoreOptions};
    let api = Api::new(db).await;
    let options = StoreOptions { people: 5, clock: api.test.clock.clone(), ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::WooCommerce, options).await.expect("a simulated store starts");
    let mut input = shop("Shop");
    input["settings"] = store.settings();
    let path = format!("/v1/integrations/{}", api.post("/v1/integrations", input).await.created());
    let good = api.call("POST", &format!("{path}/test"), Some(&api.token), None).await.json();
    assert_eq!((&good["ok"], &good["checks"][1]["name"]), (&json!(true), &json!("read customers")), "{good}");
    let wrong = json!({"settings": {"consumerSecret": "cs_wrong"}});
    assert_eq!(api.call("PATCH", &path, Some(&api.token), Some(wrong)).await.status, StatusCode::OK);
    let bad = api.call("POST", &format!("{path}/test"), Some(&api.token), None).await.json();
    assert_eq!((&bad["ok"], &bad["checks"][0]["ok"]), (&json!(false), &json!(false)), "{bad}");
    assert!(bad["checks"][0]["problem"].as_str().is_some_and(|text| text.contains("create new ones")), "{bad}");
}

async fn a_private_address_is_refused_unless_allowed(db: TestDatabase) {
    use assent::connectors::Http;
    use assent::connectors::http::HostPolicy;
    let http = Http::new(HostPolicy::PublicOnly, None).expect("a client can be built");
    let api = Api::with(db, |app| app.http = http).await;
    for (address, status) in [
        ("http://127.0.0.1:9", 422),
        ("https://localhost/shop", 422),
        ("https://[::1]/", 422),
        ("https://10.0.0.7", 422),
        ("https://169.254.169.254/latest", 422),
        ("https://[::ffff:192.168.0.1]", 422),
        ("https://203.0.113.9", 201),
    ] {
        let mut body = shop(address);
        body["settings"]["storeUrl"] = json!(address);
        let answer = api.post("/v1/integrations", body).await;
        assert_eq!(answer.status.as_u16(), status, "{address}: {}", answer.text);
        if status == 422 {
            assert_eq!(answer.problem().2, "#/settings/storeUrl", "{address}");
        }
    }
}
