//! Every cell of the rules table, end to end: somebody does it in the store, a sync runs, the lists show it.

use ::entity::suppression;
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, MagentoOptions, StoreOptions, Truth};
use chrono::TimeDelta;
use sea_orm::{EntityTrait, PaginatorTrait};

use super::{assert_good, every_platform, options};
use crate::support::app::TestApp;
use crate::support::databases::TestDatabase;
use crate::support::shop::Shop;

use Platform::{BigCommerce, Magento, Sfcc, Shopify, Shopware, WooCommerce};

every_platform!(every_cell_of_the_rules_table_shows_on_the_lists);

/// How somebody comes into the store.
#[derive(Debug, Clone, Copy)]
enum By {
    /// Makes an account; the box was ticked, left, or not shown.
    Account(Option<bool>),
    /// Buys without one.
    Checkout(Option<bool>),
    /// Has an account already and buys as a guest with the same address.
    AccountThenCheckout(Option<bool>),
    /// Buys without one, and only the order tells of it.
    LooseOrder(Option<bool>),
    /// Makes an account with this answer, and then such an order with that one.
    AccountThenLooseOrder(Option<bool>, Option<bool>),
    /// Said no when making an account; then the merchant sets the opt-in.
    MerchantAfterNo,
    /// Has nothing but a newsletter subscription: somebody of the population.
    NewsletterForm,
}

/// A cell of the table: what it says, who does what, and on which lists that puts them: `s`, `c`, `g`.
struct Cell {
    platform: Platform,
    says: &'static str,
    by: By,
    on: &'static str,
}

const fn cell(platform: Platform, says: &'static str, by: By, on: &'static str) -> Cell {
    Cell { platform, says, by, on }
}

/// Product rules, section 2: one line per statement of a cell.
const CELLS: &[Cell] = &[
    cell(BigCommerce, "customers: a store account, not opted in", By::Account(None), "c"),
    cell(BigCommerce, "customers: and guest buyers", By::Checkout(None), "c"),
    cell(BigCommerce, "subscribers: opted in at account creation", By::Account(Some(true)), "sc"),
    cell(BigCommerce, "subscribers: or at checkout", By::Checkout(Some(true)), "sc"),
    cell(BigCommerce, "subscribers: or at checkout, no record made", By::LooseOrder(Some(true)), "sc"),
    cell(BigCommerce, "subscribers: an account holder at checkout", By::AccountThenCheckout(Some(true)), "sc"),
    cell(BigCommerce, "subscribers: or by the newsletter form", By::NewsletterForm, "s"),
    cell(Magento, "customers: registered accounts", By::Account(None), "c"),
    cell(Magento, "guests: own list, never the customers list", By::Checkout(None), "g"),
    cell(Magento, "guests: a customer who buys as a guest is both", By::AccountThenCheckout(None), "cg"),
    cell(Magento, "subscribers: newsletter subscription on the site", By::Account(Some(true)), "sc"),
    cell(Magento, "subscribers: or there without an account", By::NewsletterForm, "s"),
    cell(Sfcc, "customers: account holders, not opted in", By::Account(None), "c"),
    cell(Sfcc, "customers: account holders, opted out", By::Account(Some(false)), "c"),
    cell(Sfcc, "customers: and guest buyers", By::Checkout(None), "c"),
    cell(Sfcc, "subscribers: by the attribute", By::Account(Some(true)), "sc"),
    cell(Sfcc, "subscribers: by the attribute on a guest's order", By::Checkout(Some(true)), "sc"),
    cell(Shopify, "customers: everyone who gave an email", By::Account(None), "c"),
    cell(Shopify, "customers: guests too", By::Checkout(None), "c"),
    cell(Shopify, "guests: and into the subscribers if opted in", By::Checkout(Some(true)), "sc"),
    cell(Shopify, "subscribers: opted in at account creation", By::Account(Some(true)), "sc"),
    cell(Shopify, "subscribers: or by the newsletter form", By::NewsletterForm, "sc"),
    cell(Shopify, "subscribers: an account holder at checkout", By::AccountThenCheckout(Some(true)), "sc"),
    cell(Shopify, "subscribers: set by the merchant after a no", By::MerchantAfterNo, "sc"),
    cell(
        Shopify,
        "subscribers: an order without customer takes no subscribed customer off",
        By::AccountThenLooseOrder(Some(true), Some(false)),
        "sc",
    ),
    cell(
        Shopify,
        "subscribers: nor does it bring back one who opted out",
        By::AccountThenLooseOrder(Some(false), Some(true)),
        "c",
    ),
    cell(Shopware, "customers: account holders, not opted in", By::Account(None), "c"),
    cell(Shopware, "guests: into the customers list", By::Checkout(None), "c"),
    cell(Shopware, "subscribers: opted in at account creation", By::Account(Some(true)), "sc"),
    cell(Shopware, "subscribers: or at checkout", By::Checkout(Some(true)), "sc"),
    cell(Shopware, "subscribers: an account holder at checkout", By::AccountThenCheckout(Some(true)), "sc"),
    cell(WooCommerce, "customers: account holders, not opted in", By::Account(None), "c"),
    cell(WooCommerce, "customers: account holders, opted out", By::Account(Some(false)), "c"),
    cell(WooCommerce, "customers: and guest buyers", By::Checkout(None), "c"),
    cell(WooCommerce, "subscribers: opted in at account creation", By::Account(Some(true)), "sc"),
    cell(WooCommerce, "subscribers: or at checkout", By::Checkout(Some(true)), "sc"),
    cell(WooCommerce, "subscribers: an account holder at checkout", By::AccountThenCheckout(Some(true)), "sc"),
];

async fn every_cell_of_the_rules_table_shows_on_the_lists(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    // Without the merchant's endpoint Magento tells of account holders only.
    let magento = MagentoOptions { subscribers_endpoint: true, ..MagentoOptions::default() };
    let shop = Shop::open(&test, platform, StoreOptions { magento, ..options(100) }).await;
    assert_good(&shop.sync(RunMode::Full).await);
    let cells: Vec<_> = CELLS.iter().filter(|cell| cell.platform == platform).collect();
    assert!(cells.len() >= 4, "{platform} has a row");
    test.clock.advance(TimeDelta::minutes(1));
    let people: Vec<_> = (0..).zip(&cells).map(|(number, cell)| enter(&shop, cell.by, number)).collect();
    test.clock.advance(TimeDelta::minutes(1));
    assert_good(&shop.sync(RunMode::Incremental).await);
    for (cell, email) in cells.iter().zip(&people) {
        assert_eq!(lists_of(&shop, email).await, cell.on, "{platform}, {}", cell.says);
    }
    // The last column: an opt-out takes off the subscribers list only and suppresses nobody.
    for (cell, email) in cells.iter().zip(&people).filter(|(cell, _)| cell.on.contains('s')) {
        test.clock.advance(TimeDelta::minutes(1));
        let out = shop.store.change(&Change::OptOut { email: email.clone() });
        if out.is_err() {
            shop.store.change(&Change::GuestOrder { email: email.clone(), opt_in: Some(false) }).expect(cell.says);
        }
    }
    test.clock.advance(TimeDelta::minutes(1));
    assert_good(&shop.sync(RunMode::Incremental).await);
    for (cell, email) in cells.iter().zip(&people) {
        let stays = cell.on.replace('s', "");
        assert_eq!(lists_of(&shop, email).await, stays, "{platform}, {}: after an opt-out", cell.says);
    }
    assert_eq!(suppression::Entity::find().count(&shop.app.db).await.unwrap(), 0);
    shop.assert_true().await;
}

/// Somebody comes into the store this way; gives the address, normalised.
fn enter(shop: &Shop, by: By, number: u32) -> String {
    let email = format!("cell{number}@example.org");
    let account = |opt_in| Change::NewCustomer { email: email.clone(), opt_in };
    let checkout = |opt_in| Change::GuestOrder { email: email.clone(), opt_in };
    let loose_order = |opt_in| Change::LooseOrder { email: email.clone(), opt_in };
    let changes = match by {
        By::Account(opt_in) => vec![account(opt_in)],
        By::Checkout(opt_in) => vec![checkout(opt_in)],
        By::AccountThenCheckout(opt_in) => vec![account(None), checkout(opt_in)],
        By::LooseOrder(opt_in) => vec![loose_order(opt_in)],
        By::AccountThenLooseOrder(said, then) => vec![account(said), loose_order(then)],
        By::MerchantAfterNo => vec![account(Some(false)), Change::OptIn { email: email.clone() }],
        By::NewsletterForm => return newsletter_reader(shop),
    };
    for change in changes {
        shop.store.change(&change).expect("the change can be made");
    }
    email
}

/// Somebody of the population who is subscribed and did nothing else: Shopify keeps a customer of them, the others a
/// newsletter row.
fn newsletter_reader(shop: &Shop) -> String {
    let stream = if shop.store.platform() == Shopify { "customers" } else { "subscribers" };
    let fits = |truth: &Truth| {
        truth.audiences.contains(&Audience::Subscribers) && truth.records.iter().all(|record| record.stream == stream)
    };
    shop.store.truths(0, 100).into_iter().filter(fits).find_map(|truth| truth.address).expect("somebody only reads")
}

async fn lists_of(shop: &Shop, email: &str) -> String {
    let mut letters = String::new();
    for audience in shop.lists.keys() {
        if shop.on(*audience).await.contains(email) {
            letters.extend(audience.as_str().chars().next());
        }
    }
    letters
}
