//! A store that sends to a service that listens, and deliveries made by hand.

use std::sync::Arc;

use assent::app::App;
use assent::connectors::Http;
use assent::connectors::http::HostPolicy;
use assent::domain::Platform;
use assent::domain::ids::IntegrationId;
use assent::sandbox::{Change, Sent, StoreOptions};
use assent::sync::{hints, registration};
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt as _;

use crate::support::app::TestApp;
use crate::support::databases::TestDatabase;
use crate::support::shop::Shop;

/// Makes the same tests for each platform whose simulated store sends webhooks: in `module::sqlite` and
/// `module::postgres`, each of a function of a database and the platform.
macro_rules! on_each_sender {
    ($($name:ident),+ $(,)?) => {
        $crate::webhooks::post::on_each_sender!(@ shopify, Shopify: $($name),+);
        $crate::webhooks::post::on_each_sender!(@ woocommerce, WooCommerce: $($name),+);
    };
    (@ $module:ident, $platform:ident: $($name:ident),+) => {
        mod $module {
            use assent::domain::Platform;

            use $crate::support::databases::{TestDatabase, both_databases};

            both_databases!($($name),+);
            $(
                async fn $name(db: TestDatabase) {
                    super::$name(db, Platform::$platform).await;
                }
            )+
        }
    };
}
pub(super) use on_each_sender;

/// How a platform's store tells of what happens.
pub(super) struct Telling {
    /// How many topics are registered.
    pub(super) topics: usize,
    /// Deliveries about one order of a guest who has no account.
    pub(super) per_order: u32,
    /// The topic of a new order.
    pub(super) new_order: &'static str,
    /// The topic of a new account.
    pub(super) new_account: &'static str,
    /// The topic of an account that is gone.
    pub(super) gone_account: &'static str,
}

impl Telling {
    pub(super) fn of(platform: Platform) -> Self {
        match platform {
            Platform::Shopify => Self {
                topics: 7,
                per_order: 1,
                new_order: "orders/create",
                new_account: "customers/create",
                gone_account: "customers/delete",
            },
            Platform::WooCommerce => Self {
                topics: 7,
                per_order: 2,
                new_order: "order.created",
                new_account: "customer.created",
                gone_account: "customer.deleted",
            },
            other => panic!("the simulated store of {other} sends no webhooks"),
        }
    }
}

/// A service that listens, with a simulated store that has registered its webhooks.
pub(super) struct Connected {
    pub(super) test: TestApp,
    pub(super) shop: Shop,
    _server: DropGuard,
}

impl Connected {
    /// Opens a WooCommerce store and registers its webhooks.
    pub(super) async fn new(db: TestDatabase, options: StoreOptions) -> Self {
        Self::with(Platform::WooCommerce, db, options).await
    }

    /// Opens a store without people and registers its webhooks.
    pub(super) async fn empty(platform: Platform, db: TestDatabase) -> Self {
        Self::with(platform, db, StoreOptions { people: 0, ..StoreOptions::generous() }).await
    }

    /// Opens a store and registers its webhooks.
    pub(super) async fn with(platform: Platform, db: TestDatabase, options: StoreOptions) -> Self {
        let this = Self::unregistered(platform, db, options).await;
        registration::run_due(&this.shop.app).await.expect("webhooks can be registered");
        this.shop.store.delivered().await;
        this
    }

    /// The same before anything is registered.
    pub(super) async fn unregistered(platform: Platform, db: TestDatabase, options: StoreOptions) -> Self {
        let mut test = TestApp::new(db).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        test.app.public_url = format!("http://{address}").into();
        let until = CancellationToken::new();
        tokio::spawn(assent::server::serve(listener, test.app.clone(), until.clone()));
        let shop = Shop::open(&test, platform, options).await;
        shop.store.set_compliance_address(Some(format!("http://{address}/hooks/{}", shop.integration)));
        Self { test, shop, _server: until.drop_guard() }
    }

    /// Waits until the store has sent what there is, and carries it out. Tells how many batches that took.
    pub(super) async fn carry_out(&self) -> usize {
        self.shop.store.delivered().await;
        hints::run_due(&self.shop.app).await
    }

    /// How this store tells of what happens.
    pub(super) fn telling(&self) -> Telling {
        Telling::of(self.shop.store.platform())
    }

    /// Time passes, something changes in the store, and the service hears of it.
    pub(super) async fn happens(&self, change: &Change) {
        self.test.clock.advance(TimeDelta::minutes(1));
        self.shop.store.change(change).expect("the change can be made");
        self.carry_out().await;
    }

    /// Sends a delivery again as it was.
    pub(super) async fn send_again(&self, sent: &Sent) -> StatusCode {
        let headers: Vec<(&str, &str)> = sent.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let path = sent.address.split_once("/hooks/").map_or(String::new(), |(_, rest)| format!("/hooks/{rest}"));
        post_to(&self.shop.app, &path, &headers, sent.body.clone()).await
    }

    /// The last delivery about a topic.
    pub(super) fn last(&self, topic: &str) -> Sent {
        let sent = self.shop.store.sent().into_iter().rfind(|sent| sent.topic == topic);
        sent.unwrap_or_else(|| panic!("nothing was sent about {topic}"))
    }
}

/// The same service as another process: its own way to the stores, over the same database.
pub(super) fn another_process(app: &App) -> App {
    let http = Http::new(HostPolicy::AllowPrivate, None).expect("a client can be built");
    App { http, wake_hints: Arc::default(), ..app.clone() }
}

/// Posts a delivery to an integration's address.
pub(super) async fn post(
    app: &App,
    integration: IntegrationId,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> StatusCode {
    post_to(app, &format!("/hooks/{integration}"), headers, body).await
}

/// Posts a delivery to a path, with its query if it has one.
async fn post_to(app: &App, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> StatusCode {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into()).expect("a request");
    let response = assent::server::router(app.clone()).oneshot(request).await.expect("the router never fails");
    let status = response.status();
    let body = to_bytes(response.into_body(), 10_000).await.expect("the answer can be read");
    assert!(status != StatusCode::OK || body.is_empty(), "a delivery that is taken has an empty answer");
    status
}

/// Posts a delivery of a WooCommerce store whose `webhookSecret` is `secret`.
pub(super) async fn post_signed(
    app: &App,
    integration: IntegrationId,
    secret: &str,
    delivery: (&str, &str),
    body: &str,
) -> StatusCode {
    let headers = signed(secret, delivery, body);
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    post(app, integration, &headers, body.to_owned()).await
}

/// The headers with which a WooCommerce store sends a body under a topic and an id.
pub(super) fn signed(secret: &str, (topic, id): (&str, &str), body: &str) -> [(&'static str, String); 3] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body.as_bytes());
    [
        ("x-wc-webhook-signature", STANDARD.encode(mac.finalize().into_bytes())),
        ("x-wc-webhook-topic", topic.to_owned()),
        ("x-wc-webhook-delivery-id", id.to_owned()),
    ]
}
