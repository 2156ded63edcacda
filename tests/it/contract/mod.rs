//! The contract that every platform keeps: one suite, from a simulated store over real HTTP through the real engine
//! to the lists, on both databases.
//!
//! A platform joins with a line in [`every_platform`] and nothing else: each property then is a test of its own per
//! platform and database, `contract::changes::shopify::sqlite::an_opt_out_…`.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

mod changes;
mod completeness;
mod faults;
mod interruption;
mod population;
mod rules;

use ::entity::sync_run;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, PLATFORMS, ShopifyCredentials, ShopifyOptions, StoreOptions};
use chrono::TimeDelta;
use std::time::Duration;

use crate::support::app::TestApp;
use crate::support::shop::Shop;

/// Makes a module per platform with the named properties, and in it a test per database. Once per module.
macro_rules! every_platform {
    ($($property:ident),+ $(,)?) => {
        $crate::contract::every_platform!(@ bigcommerce, BigCommerce: $($property),+);
        $crate::contract::every_platform!(@ magento, Magento: $($property),+);
        $crate::contract::every_platform!(@ sfcc, Sfcc: $($property),+);
        $crate::contract::every_platform!(@ shopify, Shopify: $($property),+);
        $crate::contract::every_platform!(@ shopware, Shopware: $($property),+);
        $crate::contract::every_platform!(@ woocommerce, WooCommerce: $($property),+);
    };
    (@ $module:ident, $platform:ident: $($property:ident),+) => {
        mod $module {
            use $crate::support::databases::{TestDatabase, both_databases};

            both_databases!($($property),+);

            $(
                async fn $property(db: TestDatabase) {
                    super::$property(db, assent::domain::Platform::$platform).await;
                }
            )+
        }
    };
}
use every_platform;

#[test]
fn every_simulated_platform_is_held_to_the_contract() {
    let this = include_str!("mod.rs");
    for platform in PLATFORMS {
        assert!(this.contains(&format!("every_platform!(@ {platform}, ")), "{platform} has a line in every_platform");
    }
}

/// A store of this platform, installed, whose budget nobody has to wait for.
async fn open(test: &TestApp, platform: Platform, people: u64) -> Shop {
    Shop::open(test, platform, options(people)).await
}

/// Credentials that give tokens, where the platform has such.
fn options(people: u64) -> StoreOptions {
    let generous = StoreOptions::generous();
    let credentials = ShopifyCredentials::ClientCredentials { token_lives: Duration::from_hours(24) };
    let shopify = ShopifyOptions { credentials, ..generous.shopify };
    StoreOptions { people, shopify, ..generous }
}

/// Whether access is by tokens that run out and are renewed (the platforms' sheets, on authentication).
const fn has_tokens(platform: Platform) -> bool {
    match platform {
        Platform::Sfcc | Platform::Shopify | Platform::Shopware => true,
        Platform::BigCommerce | Platform::Magento | Platform::WooCommerce => false,
    }
}

fn assert_good(run: &sync_run::Model) {
    assert_eq!((run.status.as_str(), run.error_code.as_deref()), ("succeeded", None));
    let parts = run.created_count + run.updated_count + run.unchanged_count + run.skipped_count + run.quarantined_count;
    assert_eq!(run.read_count, parts);
}

/// Makes the change on the first of these people on whom it can be made, with a minute before and after it.
fn change_one(
    test: &TestApp,
    shop: &Shop,
    people: impl IntoIterator<Item = String>,
    change: impl Fn(String) -> Change,
) -> String {
    test.clock.advance(TimeDelta::minutes(1));
    let email = people.into_iter().find(|email| shop.store.change(&change(email.clone())).is_ok());
    test.clock.advance(TimeDelta::minutes(1));
    email.expect("the change can be made on somebody")
}

/// Makes the change on a subscriber with an account.
async fn change_subscriber(test: &TestApp, shop: &Shop, change: impl Fn(String) -> Change) -> String {
    let subscribers = shop.on(Audience::Subscribers).await;
    let holders = subscribers.into_iter().filter(|email| has_account(shop, email)).collect::<Vec<_>>();
    change_one(test, shop, holders, change)
}

fn has_account(shop: &Shop, email: &str) -> bool {
    let truth = shop.store.truth(email).expect("an address");
    truth.records.iter().any(|record| record.stream == "customers" && record.counts)
}
