//! Privacy requests that a platform sends to one address for all shops of an app, also after the app was removed.

use std::collections::BTreeMap;

use ::entity::{consent_record, contact, integration};
use assent::app::App;
use assent::domain::Platform;
use assent::domain::ids::IntegrationId;
use assent::domain::page::Window;
use assent::domain::privacy::{PrivacyKind, PrivacyState, RecordedRequest};
use assent::domain::sync::RunMode;
use assent::sandbox::{SandboxStore, StoreOptions};
use assent::service::integrations::{self, NewIntegration};
use assent::service::privacy;
use assent::service::schedules::ScheduleChange;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::post::post;
use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Installed;

both_databases!(a_request_reaches_the_shop_that_it_names, a_shop_whose_integration_was_deleted_is_still_redacted,);

const SECRET: &str = "shpss_of_a_test";

async fn deliver(app: &App, to: IntegrationId, topic: &str, body: &Value) -> StatusCode {
    let text = body.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let headers = [
        ("x-shopify-hmac-sha256", signature.as_str()),
        ("x-shopify-topic", topic),
        ("x-shopify-shop-domain", body["shop_domain"].as_str().unwrap_or_default()),
    ];
    post(app, to, &headers, text).await
}

fn settings(shop: &str, secret: &str) -> Value {
    json!({"shopDomain": shop, "accessToken": "shpat_0", "clientSecret": secret, "apiBaseUrl": "http://127.0.0.1:9"})
}

async fn requests(shop: &Installed) -> Vec<RecordedRequest> {
    privacy::list(&shop.app, &shop.caller, None, &Window::first(50, None)).await.unwrap().items
}

async fn a_request_reaches_the_shop_that_it_names(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let first = Installed::new(&test.app, Platform::Shopify, settings("first.myshopify.com", SECRET)).await;
    let install = async |name: &str, secret: &str| {
        let Value::Object(settings) = settings(&format!("{name}.myshopify.com"), secret) else { unreachable!() };
        let new = NewIntegration {
            platform: Platform::Shopify,
            name: name.to_owned(),
            settings,
            mappings: BTreeMap::new(),
            schedule: ScheduleChange::default(),
        };
        integrations::create(&test.app, &first.caller, new).await.unwrap().id
    };
    let second = install("second", SECRET).await;
    let rival = install("rival", "shpss_of_another_app").await;
    let redact = |shop: &str| {
        json!({"shop_id": 2, "shop_domain": format!("{shop}.myshopify.com"), "orders_to_redact": [],
            "customer": {"id": 7, "email": "anna@example.com"}})
    };
    let send = async |body: Value| deliver(&first.app, first.integration, "customers/redact", &body).await;
    assert_eq!(send(redact("second")).await, StatusCode::OK);
    assert_eq!(send(redact("never-installed")).await, StatusCode::OK, "nothing is kept of it");
    assert_eq!(send(redact("rival")).await, StatusCode::UNAUTHORIZED, "the signature is another app's");
    let order = json!({"id": 1, "shop_domain": "first.myshopify.com", "customer": {"id": 7}});
    assert_eq!(send(order).await, StatusCode::BAD_REQUEST, "a body of another topic");
    let recorded = requests(&first).await;
    let recorded: Vec<_> = recorded.iter().map(|request| (request.integration_id, request.kind)).collect();
    assert_eq!(recorded, [(Some(second), PrivacyKind::Redact)]);

    let unusable = integration::Entity::update_many()
        .col_expr(integration::Column::Credentials, Expr::value(vec![0_u8]))
        .filter(integration::Column::Id.eq(rival.0));
    unusable.exec(&first.app.db).await.unwrap();
    assert_eq!(send(redact("second")).await, StatusCode::OK, "another shop's trouble is none of this one's");
    assert_eq!(requests(&first).await.len(), 2);
    let later = send(redact("rival")).await;
    assert_eq!(later, StatusCode::INTERNAL_SERVER_ERROR, "not taken, so that it is sent again");
}

async fn a_shop_whose_integration_was_deleted_is_still_redacted(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let options = StoreOptions { people: 60, clock: test.clock.clone(), ..StoreOptions::generous() };
    let store = SandboxStore::start(Platform::Shopify, options).await.expect("a simulated store starts");
    let mut settings = store.settings();
    settings["clientSecret"] = json!(SECRET);
    let left = json!({"shop_id": 1, "shop_domain": settings["shopDomain"]});
    let shop = Installed::new(&test.app, Platform::Shopify, settings).await;
    assert_eq!(shop.sync(RunMode::Full).await.status, "succeeded");
    integrations::delete(&shop.app, &shop.caller, shop.integration).await.unwrap();
    let db = &shop.app.db;
    let named = || consent_record::Entity::find().filter(consent_record::Column::ContactId.is_not_null()).count(db);
    assert!(named().await.unwrap() > 0 && contact::Entity::find().count(db).await.unwrap() > 0);

    let changed = json!({"id": 7, "shop_domain": left["shop_domain"]});
    let hint = deliver(&shop.app, shop.integration, "customers/update", &changed).await;
    assert_eq!(hint, StatusCode::NOT_FOUND, "only privacy requests are taken");
    assert_eq!(deliver(&shop.app, shop.integration, "shop/redact", &left).await, StatusCode::OK);
    assert_eq!(privacy::carry_out_due(&shop.app).await, 1);
    let recorded = requests(&shop).await;
    assert_eq!(recorded[0].state, PrivacyState::Done, "{:?}", recorded[0].outcome);
    assert_eq!(named().await.unwrap(), 0);
    let again = deliver(&shop.app, shop.integration, "shop/redact", &left).await;
    assert_eq!(again, StatusCode::NOT_FOUND, "nothing of it is kept any more, its key neither");
}
