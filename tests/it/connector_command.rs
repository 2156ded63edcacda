//! `assent connector` as people run it, against simulated stores of every platform.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::collections::BTreeSet;

use assent::domain::{Audience, Platform};
use assent::sandbox::{PLATFORMS, SandboxStore, StoreOptions};
use serde_json::{Value, json};

use crate::support::program::{Ended, Program};

async fn store(platform: Platform, people: u64) -> SandboxStore {
    let options = StoreOptions { people, ..StoreOptions::generous() };
    SandboxStore::start(platform, options).await.expect("a simulated store starts")
}

async fn check(program: &Program, platform: Platform, settings: &Value, more: &[&str]) -> Ended {
    let arguments = [&["connector", "check", platform.as_str(), "--settings", "-"], more].concat();
    program.run_with_input(&arguments, &settings.to_string()).await
}

/// The addresses that ought to be on an audience.
fn truth(store: &SandboxStore, audience: Audience) -> usize {
    store.truths(0, 500).iter().filter(|truth| truth.audiences.contains(&audience)).count()
}

#[tokio::test]
async fn every_simulated_store_would_work_and_nobody_is_named() {
    for platform in PLATFORMS {
        let store = store(*platform, 60).await;
        let program = Program::new();
        let ended = check(&program, *platform, &store.settings(), &["--format", "json", "--allow-private-hosts"]).await;
        let found = ended.json();
        assert_eq!((&found["ok"], &found["connection"]["ok"]), (&json!(true), &json!(true)), "{platform}: {found}");
        assert!(found["addresses"].as_u64().is_some_and(|count| count > 0), "{platform}: {found}");
        let nobody = |stream: &Value| {
            let counts =
                ["skipped", "quarantined"].map(|name| stream[name].as_object().map_or(0, serde_json::Map::len));
            counts.iter().sum::<usize>()
        };
        let streams = found["streams"].as_array().expect("there are streams");
        assert!(
            streams.iter().map(nobody).sum::<usize>() > 0,
            "{platform}: the cast has people who are nobody: {found}"
        );
        for truth in store.truths(0, 500).into_iter().filter_map(|truth| truth.address) {
            assert!(!ended.stdout.contains(&truth) && !ended.stderr.contains(&truth), "{platform}");
        }
        assert!(!ended.stdout.contains('@'), "{platform}: no address in any form: {}", ended.stdout);
        assert!(program.is_untouched(), "{platform}: nothing is written");
    }
}

#[tokio::test]
async fn where_one_page_holds_everybody_the_counts_are_those_of_a_sync() {
    for platform in [Platform::Shopify, Platform::WooCommerce] {
        let store = store(platform, 40).await;
        let arguments = ["--format", "json", "--allow-private-hosts"];
        let found = check(&Program::new(), platform, &store.settings(), &arguments).await.json();
        for audience in [Audience::Subscribers, Audience::Customers] {
            let expected = truth(&store, audience);
            assert_eq!(found["audiences"][audience.as_str()], json!(expected), "{platform} {audience}: {found}");
        }
    }
}

#[tokio::test]
async fn a_large_shop_is_looked_at_page_by_page_and_no_export_is_begun() {
    let mut asked = Vec::new();
    for export_from in ["5000", "10"] {
        let store = store(Platform::Shopify, 60).await;
        let mut settings = store.settings();
        settings["exportFrom"] = json!(export_from);
        let arguments = ["--format", "json", "--allow-private-hosts"];
        let found = check(&Program::new(), Platform::Shopify, &settings, &arguments).await.json();
        let streams = found["streams"].as_array().expect("there are streams");
        assert!(streams.iter().all(|stream| stream["read"].as_u64() > Some(0)), "{found}");
        asked.push(store.requests());
    }
    assert_eq!(asked[0], asked[1], "an export would take requests of its own");
}

#[tokio::test]
async fn people_are_told_what_would_happen() {
    let store = store(Platform::WooCommerce, 40).await;
    let program = Program::new().with("ASSENT_ALLOW_PRIVATE_HOSTS", "true");
    let ended = check(&program, Platform::WooCommerce, &store.settings(), &["--limit", "5"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for expected in ["read customers", "5 of ", "a sync would make: ", " subscribers", "Nothing was written"] {
        assert!(ended.stdout.contains(expected), "{expected}: {}", ended.stdout);
    }
}

#[tokio::test]
async fn what_the_store_can_t_tell_is_noted_once() {
    let store = store(Platform::Magento, 20).await;
    let ended = check(&Program::new(), Platform::Magento, &store.settings(), &["--allow-private-hosts"]).await;
    let notes: Vec<&str> = ended.stdout.lines().filter(|line| line.starts_with("Note: ")).collect();
    let different: BTreeSet<&&str> = notes.iter().collect();
    assert!(!notes.is_empty() && different.len() == notes.len(), "{}", ended.stdout);
}

#[tokio::test]
async fn what_is_wrong_is_named_with_what_to_do() {
    let store = store(Platform::WooCommerce, 5).await;
    let good = store.settings();
    let with = |name: &str, value: Value| {
        let mut settings = good.clone();
        settings[name] = value;
        settings
    };
    let cases = [
        (with("consumerSecret", json!("cs_wrong")), true, 1, "the store rejects the credentials; create new ones"),
        (with("storeUrl", json!("http://127.0.0.1:9")), true, 1, "could not be reached; check its address"),
        (good.clone(), false, 2, "settings.storeUrl is a private address; set ASSENT_ALLOW_PRIVATE_HOSTS=true"),
        (with("storeUrl", json!("shop")), true, 2, "settings.storeUrl must be an http or https address"),
        (with("shopUrl", json!("x")), true, 2, "settings.shopUrl is not a setting of this platform; known: storeUrl"),
        (json!([1]), true, 2, "- must hold one JSON object of settings"),
    ];
    for (settings, allow, code, expected) in cases {
        let more: &[&str] = if allow { &["--allow-private-hosts"] } else { &[] };
        let ended = check(&Program::new(), Platform::WooCommerce, &settings, more).await;
        assert_eq!(ended.code, Some(code), "{expected}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{expected}: {}", ended.stderr);
        assert!(!ended.stderr.contains("cs_"), "{}", ended.stderr);
    }
    let missing = ["connector", "check", "shopify", "--settings", "no.json"];
    let ended = Program::new().run(&missing).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("the settings in no.json can't be read"), "{}", ended.stderr);
}

#[tokio::test]
async fn every_platform_can_be_listed_and_shown() {
    let program = Program::new();
    let listed = program.run(&["connector", "list", "--format", "json"]).await.json();
    assert_eq!(listed.as_array().map(Vec::len), Some(Platform::ALL.len()));
    let table = program.run(&["connector", "list"]).await.stdout;
    for platform in Platform::ALL {
        let show = ["connector", "show", platform.as_str()];
        let shown = program.run(&[&show[..], &["--format", "json"]].concat()).await.json();
        assert_eq!(shown["platform"], json!(platform));
        assert!(shown["settingsSchema"]["properties"].is_object(), "{platform}");
        let people = program.run(&show).await.stdout;
        let capabilities = &shown["capabilities"];
        let limits = capabilities["limits"].as_array().expect("each platform has limits");
        for limit in limits {
            assert!(people.contains(limit.as_str().expect("limits are sentences")), "{platform}: {people}");
        }
        assert!(people.contains("opt-outs") && table.contains(platform.as_str()), "{platform}: {people}");
    }
    assert!(program.is_untouched());
}
