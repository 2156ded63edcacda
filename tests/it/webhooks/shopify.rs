//! What only Shopify does: a topic for consents alone, scopes per topic, subscriptions that are deleted, apps that are
//! removed.

use assent::domain::integration::Integration;
use assent::domain::sync::RunMode;
use assent::domain::webhook::{RegistrationState, Webhooks};
use assent::domain::{Audience, Platform};
use assent::sandbox::{AppEvent, Change, Sent, ShopifyCredentials, ShopifyOptions, StoreOptions};
use assent::service;
use assent::sync::registration;
use chrono::TimeDelta;
use std::time::Duration;

use super::post::Connected;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Installed;

both_databases!(
    an_opt_out_that_only_the_consent_topic_tells_is_carried_out,
    an_opt_in_on_an_account_counts_without_a_sync,
    an_opt_out_counts_however_late_the_opt_in_is_told,
    a_subscription_that_the_shop_deleted_is_made_again_the_next_day,
    a_topic_without_its_scope_is_named_and_the_others_are_registered,
    a_shop_without_a_client_secret_is_told_to_give_one,
    an_app_that_was_removed_needs_attention_and_can_come_back,
);

const ANNA: &str = "anna@example.com";

fn new_customer(opt_in: Option<bool>) -> Change {
    Change::NewCustomer { email: ANNA.to_owned(), opt_in }
}

fn opts_in() -> Change {
    Change::OptIn { email: ANNA.to_owned() }
}

fn opts_out() -> Change {
    Change::OptOut { email: ANNA.to_owned() }
}

impl Connected {
    async fn shopify(db: TestDatabase, shopify: ShopifyOptions) -> Self {
        Self::with(Platform::Shopify, db, StoreOptions { people: 0, shopify, ..StoreOptions::default() }).await
    }

    async fn is_subscriber(&self) -> bool {
        self.shop.on(Audience::Subscribers).await.contains(ANNA)
    }

    async fn webhooks(&self) -> Webhooks {
        service::webhooks::get(&self.shop.app, &self.shop.caller, self.shop.integration).await.unwrap()
    }

    async fn integration(&self) -> Integration {
        service::integrations::get(&self.shop.app, &self.shop.caller, self.shop.integration).await.unwrap()
    }

    fn sent_about(&self, topic: &str) -> Vec<Sent> {
        self.shop.store.sent().into_iter().filter(|sent| sent.topic == topic).collect()
    }
}

async fn an_opt_out_that_only_the_consent_topic_tells_is_carried_out(db: TestDatabase) {
    let it = Connected::empty(Platform::Shopify, db).await;
    it.happens(&new_customer(Some(true))).await;
    assert!(it.is_subscriber().await);
    it.happens(&opts_out()).await;
    assert!(it.sent_about("customers/update").is_empty());
    assert!(!it.is_subscriber().await);
    assert!(it.shop.on(Audience::Customers).await.contains(ANNA), "an opt-out leaves the subscribers list only");
    it.shop.assert_true().await;
}

async fn an_opt_in_on_an_account_counts_without_a_sync(db: TestDatabase) {
    let it = Connected::empty(Platform::Shopify, db).await;
    it.happens(&new_customer(None)).await;
    assert!(!it.is_subscriber().await);
    it.happens(&opts_in()).await;
    assert!(it.is_subscriber().await);
    it.shop.assert_true().await;
}

async fn an_opt_out_counts_however_late_the_opt_in_is_told(db: TestDatabase) {
    let it = Connected::empty(Platform::Shopify, db).await;
    it.happens(&new_customer(Some(true))).await;
    let told = it.sent_about("customers_email_marketing_consent/update").remove(0);
    it.happens(&opts_out()).await;
    // So late that nobody remembers it: the body still says yes.
    it.test.clock.advance(TimeDelta::days(8));
    registration::purge(&it.shop.app).await.unwrap();
    assert_eq!(it.send_again(&told).await, 200);
    assert_eq!(it.carry_out().await, 1);
    assert!(!it.is_subscriber().await);
}

async fn a_subscription_that_the_shop_deleted_is_made_again_the_next_day(db: TestDatabase) {
    use assent::sandbox::DeliveryFault;
    let it = Connected::empty(Platform::Shopify, db).await;
    let all = it.shop.store.subscriptions();
    it.shop.store.plan_delivery_fault(DeliveryFault::Tampered, 1);
    it.happens(&new_customer(None)).await;
    assert_eq!(it.shop.store.subscriptions().len(), all.len() - 1);
    it.test.clock.advance(TimeDelta::hours(25));
    registration::run_due(&it.shop.app).await.unwrap();
    assert_eq!(it.shop.store.subscriptions().len(), all.len());
    assert!(!it.shop.on(Audience::Customers).await.contains(ANNA));
    it.shop.sync(RunMode::Incremental).await;
    assert!(it.shop.on(Audience::Customers).await.contains(ANNA), "what was lost is found by the next sync");
}

async fn a_topic_without_its_scope_is_named_and_the_others_are_registered(db: TestDatabase) {
    let scopes = vec!["read_customers".to_owned()];
    let it = Connected::shopify(db, ShopifyOptions { scopes, ..ShopifyOptions::default() }).await;
    let webhooks = it.webhooks().await;
    assert_eq!(webhooks.state, RegistrationState::Registered);
    assert!(webhooks.topics.iter().all(|topic| !topic.starts_with("ORDERS_")), "{:?}", webhooks.topics);
    let named: Vec<bool> = ["ORDERS_CREATE", "ORDERS_UPDATED", "CUSTOMERS_MERGE"]
        .iter()
        .map(|topic| webhooks.problems.iter().any(|problem| problem.contains(topic)))
        .collect();
    assert_eq!(named, [true, true, false], "{:?}", webhooks.problems);
}

async fn a_shop_without_a_client_secret_is_told_to_give_one(db: TestDatabase) {
    let it =
        Connected::unregistered(Platform::Shopify, db, StoreOptions { people: 0, ..StoreOptions::default() }).await;
    let mut settings = it.shop.store.settings();
    settings.as_object_mut().unwrap().remove("clientSecret");
    let installed = Installed::new(&it.shop.app, Platform::Shopify, settings).await;
    registration::run_due(&it.shop.app).await.unwrap();
    let found = service::webhooks::get(&it.shop.app, &installed.caller, installed.integration).await.unwrap();
    assert_eq!((found.state, found.topics.len()), (RegistrationState::Failed, 0));
    assert!(found.problems.iter().any(|problem| problem.contains("clientSecret")), "{:?}", found.problems);
    let one_shop = it.shop.store.subscriptions().len();
    assert_eq!(one_shop, it.telling().topics, "only those of the integration that knows the secret");
}

async fn an_app_that_was_removed_needs_attention_and_can_come_back(db: TestDatabase) {
    let credentials = ShopifyCredentials::ClientCredentials { token_lives: Duration::from_hours(24) };
    let it = Connected::shopify(db, ShopifyOptions { credentials, ..ShopifyOptions::default() }).await;
    it.happens(&new_customer(Some(true))).await;
    it.shop.store.happens_to_the_app(&AppEvent::Uninstall).unwrap();
    it.carry_out().await;
    assert!(it.shop.store.subscriptions().is_empty());
    assert_eq!(it.integration().await.state_code.as_deref(), Some("STORE_CREDENTIALS_REJECTED"));
    assert!(it.is_subscriber().await, "nobody said no");
    it.shop.store.happens_to_the_app(&AppEvent::Install).unwrap();
    service::integrations::resume(&it.shop.app, &it.shop.caller, it.shop.integration).await.unwrap();
    let tested = service::webhooks::test(&it.shop.app, &it.shop.caller, it.shop.integration).await.unwrap();
    assert!(tested.ok && tested.topics.len() == it.telling().topics, "{tested:?}");
    it.happens(&opts_out()).await;
    assert!(!it.is_subscriber().await);
    it.shop.assert_true().await;
}
