//! The people of the simulated stores and the truth about them.

use std::collections::{BTreeMap, BTreeSet};

use assent::domain::{Audience, Email, Platform};
use assent::sandbox::{Change, ChangeError, PLATFORMS, SandboxStore, StoreOptions, Totals, Truth};

async fn store(platform: Platform, people: u64, seed: u64) -> SandboxStore {
    SandboxStore::start(platform, StoreOptions { people, seed, ..StoreOptions::default() })
        .await
        .expect("the store starts")
}

fn addresses(truths: &[Truth]) -> BTreeSet<String> {
    truths.iter().filter_map(|truth| truth.address.clone()).collect()
}

#[tokio::test]
async fn the_same_seed_gives_the_same_people() {
    for platform in PLATFORMS {
        let [one, same, other] =
            [store(*platform, 60, 7).await, store(*platform, 60, 7).await, store(*platform, 60, 8).await]
                .map(|store| store.truths(0, 60));
        assert_eq!(one, same);
        assert_ne!(addresses(&one), addresses(&other));
    }
}

#[tokio::test]
async fn stores_of_one_seed_share_people() {
    let [shopify, woocommerce] = [store(Platform::Shopify, 200, 1).await, store(Platform::WooCommerce, 200, 1).await]
        .map(|store| addresses(&store.truths(0, 200)));
    let shared = shopify.intersection(&woocommerce).count();
    assert!((10..=40).contains(&shared), "{shared} of 200");
}

#[tokio::test]
async fn thirty_people_cover_every_outcome() {
    for platform in PLATFORMS {
        let truths = store(*platform, 30, 1).await.truths(0, 30);
        let outcomes: BTreeSet<_> = truths.iter().map(|truth| (truth.audiences.clone(), truth.opted_in)).collect();
        let on = |audiences: &[Audience], word| outcomes.contains(&(audiences.to_vec(), word));
        assert!(on(&[Audience::Subscribers, Audience::Customers], Some(true)), "{platform}");
        assert!(on(&[Audience::Customers], Some(false)) && on(&[Audience::Customers], None), "{platform}");
        assert!(truths.iter().any(|truth| truth.problem.is_some()), "{platform}");
    }
}

#[tokio::test]
async fn totals_are_the_sum_of_the_truths_also_after_changes() {
    for platform in PLATFORMS {
        let store = store(*platform, 230, 3).await;
        let known: Vec<_> = store.truths(0, 230).into_iter().filter(|truth| !truth.records.is_empty()).collect();
        for (number, truth) in known.iter().enumerate().step_by(9) {
            let Some(email) = truth.address.clone() else { continue };
            let change = match number % 4 {
                0 => Change::OptOut { email },
                1 => Change::Delete { email },
                2 => Change::ChangeEmail { email, to: format!("moved{number}@example.net"), keep_opt_in: false },
                _ => Change::GuestOrder { email, opt_in: Some(true) },
            };
            if let Err(error) = store.change(&change) {
                assert_eq!(error, ChangeError::NoAccount);
            }
        }
        store.change(&Change::NewCustomer { email: "brand.new@example.org".into(), opt_in: Some(true) }).unwrap();
        let truths = store.truths(0, 1_000);
        let on = |audience| truths.iter().filter(|truth| truth.audiences.contains(&audience)).count() as u64;
        let Totals { people, subscribers, customers, unusable, .. } = store.totals();
        let expected = (truths.len() as u64, on(Audience::Subscribers), on(Audience::Customers));
        assert_eq!((people, subscribers, customers), expected, "{platform}");
        assert_eq!(unusable, truths.iter().filter(|truth| truth.problem.is_some()).count() as u64);
        let mut seen = BTreeMap::new();
        truths
            .iter()
            .filter_map(|truth| truth.address.as_ref())
            .for_each(|address| *seen.entry(address).or_insert(0) += 1);
        assert!(seen.values().all(|times| *times == 1), "an address is told once: {platform}");
    }
}

#[tokio::test]
async fn a_yes_after_a_no_counts_and_a_no_outlives_its_record() {
    for platform in PLATFORMS {
        let store = store(*platform, 30, 1).await;
        let email = store.truths(0, 1).remove(0).address.unwrap();
        let on = |truth: Truth| truth.audiences.contains(&Audience::Subscribers);
        assert!(!on(store.change(&Change::OptOut { email: email.clone() }).unwrap()));
        assert!(on(store.change(&Change::OptIn { email: email.clone() }).unwrap()));
        assert!(!on(store.change(&Change::OptOut { email: email.clone() }).unwrap()));
        assert!(store.change(&Change::Delete { email: email.clone() }).unwrap().deleted);
        assert!(!on(store.change(&Change::GuestOrder { email, opt_in: None }).unwrap()));
    }
}

#[tokio::test]
async fn a_new_address_inherits_an_opt_in_only_where_the_store_says_so() {
    for (platform, keep_opt_in, expected) in
        [(Platform::WooCommerce, true, false), (Platform::Shopify, false, false), (Platform::Shopify, true, true)]
    {
        let store = store(platform, 30, 1).await;
        let email = store.truths(0, 1).remove(0).address.unwrap();
        let change = Change::ChangeEmail { email: email.clone(), to: "anew@example.com".into(), keep_opt_in };
        let truth = store.change(&change).unwrap();
        assert_eq!(truth.audiences.contains(&Audience::Subscribers), expected, "{platform}");
        assert!(store.truth(&email).unwrap().audiences.is_empty());
    }
}

#[tokio::test]
async fn the_stores_and_the_service_fold_addresses_alike() {
    for platform in PLATFORMS {
        for truth in store(*platform, 500, 5).await.truths(0, 500) {
            let Some(address) = truth.address else { continue };
            let email: Email = address.parse().unwrap();
            assert_eq!(email.normalized(), address, "{platform}");
        }
    }
}

#[tokio::test]
async fn latency_is_set_over_http_and_holds_for_every_vendor_request() {
    let store = store(Platform::Shopify, 30, 1).await;
    let client = reqwest::Client::builder().build().unwrap();
    let url = format!("{}/latency", store.control_url());
    let set = client.put(&url).json(&serde_json::json!({ "milliseconds": 30 })).send().await.unwrap();
    assert_eq!(set.status(), 200);
    let started = std::time::Instant::now();
    let answer = client.post(format!("{}/admin/api/2026-07/graphql.json", store.base_url())).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(started.elapsed() >= std::time::Duration::from_millis(30));
    assert_eq!(store.requests(), 1);
    let too_long = client.put(&url).json(&serde_json::json!({ "milliseconds": 99_999_999 })).send().await.unwrap();
    assert_eq!(too_long.status(), 400);
}
