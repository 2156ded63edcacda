//! Text of a store, however odd: taken as it is where the platform escapes nothing, bounded, and the same in both
//! databases.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use ::entity::source_record;
use assent::domain::Platform;
use assent::domain::sync::RunMode;
use assent::sandbox::{MagentoOptions, PLATFORMS, SandboxStore, StoreOptions};
use sea_orm::EntityTrait as _;
use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::recording_proxy::RecordingProxy;
use crate::support::shop::Installed;

both_databases!(names_are_bounded_and_kept,);

/// Longest name that is kept, in bytes.
const LONGEST: usize = 255;
/// What a first and a last name is called on the platforms, without underscores and in lower case.
const NAMES: [&str; 4] = ["firstname", "lastname", "customerfirstname", "customerlastname"];

/// A name with an escaped sign, NUL, other control characters, and more letters than are kept.
fn odd() -> String {
    format!("Brown &amp; Sons\u{0}\u{1}\u{7f}\u{85}{}", "ä".repeat(300))
}

/// Gives everybody the odd name.
fn rename(answer: &mut Value) {
    match answer {
        Value::Array(items) => items.iter_mut().for_each(rename),
        Value::Object(members) => {
            for (key, value) in members {
                let is_name = NAMES.contains(&key.replace('_', "").to_lowercase().as_str());
                match value {
                    Value::String(name) if is_name => *name = odd(),
                    value => rename(value),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

async fn names_are_bounded_and_kept(db: TestDatabase) {
    let test = TestApp::new(db).await;
    // WooCommerce signs its home address, so that nothing can stand between; its names, the only escaped ones
    // (`vendors/woocommerce.md` section 2), have their tests beside its wire format.
    for platform in PLATFORMS.iter().filter(|platform| **platform != Platform::WooCommerce) {
        // Magento's signature covers the home address as well; its bearer does not.
        let magento = MagentoOptions { bearer: true, ..MagentoOptions::default() };
        let options = StoreOptions { people: 15, clock: test.clock.clone(), magento, ..StoreOptions::generous() };
        let store = SandboxStore::start(*platform, options).await.expect("a simulated store starts");
        let proxy = RecordingProxy::start_changing(store.base_url(), rename).await;
        let settings = store.settings().to_string().replace(store.base_url(), &proxy.url);
        let settings = serde_json::from_str(&settings).expect("another address in its place");
        let installed = Installed::new(&test.app, *platform, settings).await;
        let run = installed.sync(RunMode::Full).await;
        assert_eq!(run.status, "succeeded", "{platform}: {:?}", run.error_detail);
        let names = names_of(&installed).await;
        assert!(!names.is_empty(), "{platform}");
        for name in &names {
            assert!(name.starts_with("Brown &amp; Sons") && name.len() <= LONGEST, "{platform}: {name:?}");
            assert!(!name.contains('\0') && name.contains("\u{1}\u{7f}\u{85}ää"), "{platform}: {name:?}");
        }
    }
}

/// The names that an integration's records have.
async fn names_of(installed: &Installed) -> Vec<String> {
    let records = source_record::Entity::find().all(&installed.app.db).await.expect("records can be read");
    let own = records.into_iter().filter(|record| record.integration_id == installed.integration.0);
    own.flat_map(|record| [record.first_name, record.last_name]).flatten().collect()
}
