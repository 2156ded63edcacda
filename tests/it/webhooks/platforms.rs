//! From end to end on the platforms that differ from WooCommerce in how they sign, register and name things.

use ::entity::{membership_event, source_record, sync_run};
use assent::app::App;
use assent::domain::sync::RunMode;
use assent::domain::webhook::RegistrationState;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, DeliveryFault, StoreOptions};
use assent::service;
use assent::service::integrations::IntegrationChange;
use assent::sync::registration;
use axum::http::StatusCode;
use chrono::TimeDelta;
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use serde_json::json;

use super::post::Connected;
use crate::support::databases::TestDatabase;

const ANNA: &str = "anna@example.com";
/// An address where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A platform, and a way in which its webhooks come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    BigCommerce,
    /// Webhooks made by the API: unsigned, with a token in the address.
    Shopware,
    /// Webhooks of an app: signed, and named by its manifest.
    ShopwareApp,
}

impl Way {
    const fn platform(self) -> Platform {
        match self {
            Self::BigCommerce => Platform::BigCommerce,
            Self::Shopware | Self::ShopwareApp => Platform::Shopware,
        }
    }

    /// How many topics are said to be delivered, and how many webhooks the store has for that.
    const fn registered(self) -> (usize, usize) {
        match self {
            Self::BigCommerce => (3, 3),
            Self::Shopware => (5, 5),
            // The app's manifest names three that we would not ask for.
            Self::ShopwareApp => (5, 8),
        }
    }

    /// Whether the bytes of a delivery and its time are signed.
    const fn is_signed(self) -> bool {
        !matches!(self, Self::Shopware)
    }

    /// What is delivered when somebody opts out.
    const fn opt_out(self) -> &'static str {
        match self {
            Self::BigCommerce => "store/subscriber/updated",
            Self::Shopware | Self::ShopwareApp => "newsletter.unsubscribe",
        }
    }

    /// An empty store, installed; nothing is registered.
    async fn installed(self, db: TestDatabase) -> Connected {
        let options = StoreOptions { people: 0, ..StoreOptions::generous() };
        Connected::unregistered(self.platform(), db, options).await
    }

    /// The same with its webhooks coming.
    async fn connected(self, db: TestDatabase) -> Connected {
        let it = self.installed(db).await;
        if self == Self::ShopwareApp {
            sign_by_an_app(&it).await;
        }
        registration::run_due(&it.shop.app).await.unwrap();
        it.shop.store.delivered().await;
        it
    }
}

fn address(it: &Connected) -> String {
    format!("{}/hooks/{}", it.shop.app.public_url, it.shop.integration)
}

async fn sign_by_an_app(it: &Connected) {
    let secret = it.shop.store.install_app(&address(it)).expect("the platform has apps");
    let settings = json!({ "appSecret": secret }).as_object().unwrap().clone();
    let change = IntegrationChange { settings, ..IntegrationChange::default() };
    service::integrations::update(&it.shop.app, &it.shop.caller, it.shop.integration, change).await.unwrap();
}

fn signs_up() -> Change {
    Change::NewCustomer { email: ANNA.to_owned(), opt_in: Some(true) }
}

fn opts_out() -> Change {
    Change::OptOut { email: ANNA.to_owned() }
}

/// Makes tests of scenarios, each over both databases, for one way.
macro_rules! along {
    ($module:ident, $way:ident: $($name:ident),+ $(,)?) => {
        mod $module {
            use crate::support::databases::{TestDatabase, both_databases};

            both_databases!($($name),+);

            $(
                async fn $name(db: TestDatabase) {
                    super::$name(db, super::Way::$way).await;
                }
            )+
        }
    };
}

along!(bigcommerce, BigCommerce:
    an_install_registers_webhooks_and_a_removal_takes_them_away,
    who_opts_out_in_the_store_leaves_and_may_come_back_without_any_sync,
    who_buys_without_an_account_and_ticks_the_box_joins,
    who_is_deleted_in_the_store_loses_all_grounds,
    who_changes_the_address_leaves_under_the_old_one,
    a_tampered_delivery_changes_nothing,
    a_doubled_delivery_is_taken_once_and_a_replay_does_nothing,
    two_changes_within_a_second_are_both_carried_out,
    webhooks_that_failed_too_often_are_woken_daily,
    webhooks_that_slept_for_want_of_traffic_are_woken,
    a_self_test_tells_that_deliveries_arrive,
);

along!(shopware, Shopware:
    an_install_registers_webhooks_and_a_removal_takes_them_away,
    who_opts_out_in_the_store_leaves_and_may_come_back_without_any_sync,
    who_buys_without_an_account_and_ticks_the_box_joins,
    who_is_deleted_in_the_store_loses_all_grounds,
    who_changes_the_address_leaves_under_the_old_one,
    a_tampered_delivery_changes_nothing,
    a_doubled_delivery_is_taken_once_and_a_replay_does_nothing,
    two_changes_within_a_second_are_both_carried_out,
    webhooks_that_failed_too_often_are_woken_daily,
    a_self_test_tells_that_deliveries_arrive,
);

along!(shopware_app, ShopwareApp:
    an_install_registers_webhooks_and_a_removal_takes_them_away,
    who_opts_out_in_the_store_leaves_and_may_come_back_without_any_sync,
    who_buys_without_an_account_and_ticks_the_box_joins,
    who_is_deleted_in_the_store_loses_all_grounds,
    who_changes_the_address_leaves_under_the_old_one,
    a_tampered_delivery_changes_nothing,
    a_doubled_delivery_is_taken_once_and_a_replay_does_nothing,
    two_changes_within_a_second_are_both_carried_out,
    a_self_test_tells_that_deliveries_arrive,
    unsigned_webhooks_give_way_to_those_of_an_app,
    an_app_whose_webhooks_sleep_is_told_of,
);

async fn an_install_registers_webhooks_and_a_removal_takes_them_away(db: TestDatabase, way: Way) {
    let it = way.connected(db).await;
    let (topics, webhooks) = way.registered();
    let there = it.shop.store.subscriptions();
    assert_eq!(there.len(), webhooks);
    assert!(there.iter().all(|(_, to)| to.starts_with(&address(&it))), "{there:?}");
    let state = it.state().await;
    assert_eq!((state.state, state.topics.len()), (RegistrationState::Registered, topics), "{state:?}");
    assert!(state.problems.is_empty() && state.detail.is_none(), "{state:?}");
    it.test.clock.advance(TimeDelta::days(2));
    registration::run_due(&it.shop.app).await.unwrap();
    assert_eq!(it.shop.store.subscriptions(), there, "doing it again changes nothing");
    service::integrations::delete(&it.shop.app, &it.shop.caller, it.shop.integration).await.unwrap();
    let left = it.shop.store.subscriptions().len();
    assert_eq!(left, if way == Way::ShopwareApp { webhooks } else { 0 }, "an app's belong to the app");
}

async fn who_opts_out_in_the_store_leaves_and_may_come_back_without_any_sync(db: TestDatabase, way: Way) {
    let it = way.connected(db).await;
    it.happens(&signs_up()).await;
    assert!(it.subscribers().await.contains(ANNA) && it.shop.on(Audience::Customers).await.contains(ANNA));
    it.happens(&opts_out()).await;
    assert!(it.subscribers().await.is_empty());
    assert!(it.shop.on(Audience::Customers).await.contains(ANNA), "an opt-out leaves one list only");
    assert_eq!(it.last(way.opt_out()).answers, [Some(200)]);
    it.shop.assert_true().await;
    it.happens(&Change::OptIn { email: ANNA.to_owned() }).await;
    assert!(it.subscribers().await.contains(ANNA));
    it.shop.assert_true().await;
    let events = membership_event::Entity::find().all(&it.shop.app.db).await.unwrap();
    assert!(events.iter().all(|event| event.actor.as_deref() == Some("webhook")), "{events:?}");
    assert_eq!(sync_run::Entity::find().count(&it.shop.app.db).await.unwrap(), 0);
    assert_eq!(it.waiting().await, 0);
}

async fn who_buys_without_an_account_and_ticks_the_box_joins(db: TestDatabase, way: Way) {
    let it = way.connected(db).await;
    it.happens(&Change::GuestOrder { email: "bob@example.com".to_owned(), opt_in: Some(true) }).await;
    it.happens(&Change::GuestOrder { email: "eve@example.com".to_owned(), opt_in: None }).await;
    let (customers, subscribers) = (it.shop.on(Audience::Customers).await, it.subscribers().await);
    assert_eq!((customers.len(), subscribers.len()), (2, 1), "{customers:?} {subscribers:?}");
    assert!(subscribers.contains("bob@example.com"));
    it.shop.assert_true().await;
    let run = it.shop.sync(RunMode::Full).await;
    assert_eq!((run.created_count, run.updated_count, run.joined_count), (0, 0, 0), "the sync finds nothing new");
}

async fn who_is_deleted_in_the_store_loses_all_grounds(db: TestDatabase, way: Way) {
    let it = way.connected(db).await;
    it.happens(&signs_up()).await;
    it.happens(&Change::Delete { email: ANNA.to_owned() }).await;
    assert!(it.shop.on(Audience::Customers).await.is_empty());
    if way.platform() == Platform::Shopware {
        // Only an administrator deletes a newsletter row, and nothing is sent of that.
        assert!(it.subscribers().await.contains(ANNA));
        it.shop.sync(RunMode::Full).await;
    }
    assert!(it.subscribers().await.is_empty());
    it.shop.assert_true().await;
    let records = source_record::Entity::find().all(&it.shop.app.db).await.unwrap();
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record.gone_at.is_some() && record.email.is_none()), "{records:?}");
}

async fn who_changes_the_address_leaves_under_the_old_one(db: TestDatabase, way: Way) {
    let it = way.connected(db).await;
    it.happens(&signs_up()).await;
    let to = "anna@example.org".to_owned();
    it.happens(&Change::ChangeEmail { email: ANNA.to_owned(), to: to.clone(), keep_opt_in: false }).await;
    assert_eq!(it.shop.on(Audience::Customers).await.into_iter().collect::<Vec<_>>(), [to]);
    if way.platform() == Platform::Shopware {
        // Of the newsletter row, which follows by plain SQL, nothing is sent.
        it.shop.sync(RunMode::Incremental).await;
    }
    it.shop.assert_true().await;
}

async fn a_tampered_delivery_changes_nothing(db: TestDatabase, way: Way) {
    let it = way.connected(db).await;
    it.shop.store.plan_delivery_fault(DeliveryFault::Tampered, 10);
    it.happens(&signs_up()).await;
    let sent = it.shop.store.sent();
    assert!(sent.len() > 1);
    // Without a signature another record is named, and the shop says that there is none.
    let expected = if way.is_signed() { Some(401) } else { Some(200) };
    assert!(sent.iter().all(|sent| sent.answers.iter().all(|answer| *answer == expected)), "{sent:?}");
    assert!(it.subscribers().await.is_empty() && it.shop.on(Audience::Customers).await.is_empty());
    assert_eq!(it.waiting().await, 0);
    it.shop.store.clear_delivery_faults();
    it.shop.sync(RunMode::Incremental).await;
    it.shop.assert_true().await;
}

async fn a_doubled_delivery_is_taken_once_and_a_replay_does_nothing(db: TestDatabase, way: Way) {
    let it = way.connected(db).await;
    it.shop.store.plan_delivery_fault(DeliveryFault::Doubled, 10);
    it.happens(&signs_up()).await;
    it.happens(&opts_out()).await;
    let sent = it.shop.store.sent();
    assert!(sent.iter().all(|sent| sent.answers == [Some(200)]), "{sent:?}");
    assert_eq!(it.state().await.deliveries, sent.len() as u64 / 2);
    let opt_out = it.last(way.opt_out());
    assert_eq!(it.send_again(&opt_out).await, StatusCode::OK, "known, and answered alike");
    it.test.clock.advance(TimeDelta::minutes(6));
    let late = if way.is_signed() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    assert_eq!(it.send_again(&opt_out).await, late, "a time that is signed has a window of five minutes");
    assert_eq!((it.waiting().await, it.state().await.deliveries), (0, sent.len() as u64 / 2));
    it.shop.assert_true().await;
}

async fn two_changes_within_a_second_are_both_carried_out(db: TestDatabase, way: Way) {
    let it = way.connected(db).await;
    it.happens(&signs_up()).await;
    it.happens(&Change::OptIn { email: ANNA.to_owned() }).await;
    it.shop.store.change(&opts_out()).unwrap();
    it.carry_out().await;
    assert!(it.subscribers().await.is_empty(), "the second is no repetition of the first");
    it.shop.assert_true().await;
}

async fn webhooks_that_failed_too_often_are_woken_daily(db: TestDatabase, way: Way) {
    let it = way.installed(db).await;
    let app = App { public_url: NOWHERE.into(), ..it.shop.app.clone() };
    registration::run_due(&app).await.unwrap();
    let all = it.shop.store.subscriptions();
    assert_eq!(all.len(), way.registered().1);
    // BigCommerce gives up after one notice with all its retries, Shopware after ten.
    let enough = if way == Way::BigCommerce { 1 } else { 10 };
    for n in 0..enough {
        assert_eq!(it.shop.store.subscriptions().len(), all.len(), "after {n}");
        let email = format!("new{n}@example.com");
        it.shop.store.change(&Change::NewCustomer { email, opt_in: None }).unwrap();
        it.shop.store.delivered().await;
    }
    assert_eq!(it.shop.store.subscriptions().len(), all.len() - 1);
    it.test.clock.advance(TimeDelta::hours(23));
    registration::run_due(&app).await.unwrap();
    assert_eq!(it.shop.store.subscriptions().len(), all.len() - 1, "not before its time");
    it.test.clock.advance(TimeDelta::hours(2));
    registration::run_due(&app).await.unwrap();
    assert_eq!(it.shop.store.subscriptions(), all, "woken, and none made anew");
}

async fn webhooks_that_slept_for_want_of_traffic_are_woken(db: TestDatabase, way: Way) {
    let it = way.connected(db).await;
    it.test.clock.advance(TimeDelta::days(91));
    it.shop.store.change(&signs_up()).unwrap();
    it.carry_out().await;
    assert!(it.shop.store.sent().is_empty() && it.shop.store.subscriptions().is_empty());
    registration::run_due(&it.shop.app).await.unwrap();
    assert_eq!(it.shop.store.subscriptions().len(), way.registered().1);
    it.happens(&opts_out()).await;
    it.happens(&Change::OptIn { email: ANNA.to_owned() }).await;
    assert!(it.subscribers().await.contains(ANNA));
}

async fn a_self_test_tells_that_deliveries_arrive(db: TestDatabase, way: Way) {
    let it = way.connected(db).await;
    let test = async |app: &App| service::webhooks::test(app, &it.shop.caller, it.shop.integration).await.unwrap();
    let found = test(&it.shop.app).await;
    assert!(found.ok && found.arrived && found.topics.len() == way.registered().0, "{found:?}");
    assert_eq!(it.state().await.deliveries, 0, "our own delivery is none of the store's");
    let found = test(&App { public_url: NOWHERE.into(), ..it.shop.app.clone() }).await;
    assert!(!found.ok && !found.arrived, "{found:?}");
}

async fn unsigned_webhooks_give_way_to_those_of_an_app(db: TestDatabase, way: Way) {
    let it = way.installed(db).await;
    registration::run_due(&it.shop.app).await.unwrap();
    let unsigned = it.shop.store.subscriptions();
    assert!(unsigned.len() == 5 && unsigned.iter().all(|(_, to)| to.contains("token=")), "{unsigned:?}");
    sign_by_an_app(&it).await;
    registration::run_due(&it.shop.app).await.unwrap();
    let signed = it.shop.store.subscriptions();
    assert!(signed.len() == 8 && signed.iter().all(|(_, to)| *to == address(&it)), "{signed:?}");
    it.happens(&signs_up()).await;
    let sent = it.shop.store.sent();
    assert!(sent.iter().all(|sent| sent.answers == [Some(200)]), "nothing is sent that is refused: {sent:?}");
    it.shop.assert_true().await;
}

async fn an_app_whose_webhooks_sleep_is_told_of(db: TestDatabase, way: Way) {
    let it = way.connected(db).await;
    it.shop.store.plan_delivery_fault(DeliveryFault::Tampered, 20);
    for n in 0..10 {
        let email = format!("new{n}@example.com");
        it.shop.store.change(&Change::NewCustomer { email, opt_in: None }).unwrap();
    }
    it.shop.store.delivered().await;
    assert_eq!(it.shop.store.subscriptions().len(), way.registered().1 - 2);
    it.test.clock.advance(TimeDelta::hours(25));
    registration::run_due(&it.shop.app).await.unwrap();
    let problems = it.state().await.problems;
    assert!(problems.iter().any(|problem| problem.contains("switched off customer.written")), "{problems:?}");
}
