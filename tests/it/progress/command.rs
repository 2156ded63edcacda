//! `assent sync --watch`, with the real program.

use assent::domain::Platform;
use assent::sandbox::{SandboxStore, StoreOptions};

use super::slow_shop;
use crate::support::app::configuration;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::program::Program;
use crate::support::shop::Shop;

both_databases!(a_sync_is_followed_in_lines_where_nobody_draws, a_sync_is_quiet_where_nobody_draws);

/// Two accounts' stores, of which one takes its time.
async fn two_shops(db: &TestDatabase) -> (Shop, Shop) {
    let app = assent::app::build(&configuration(db.url())).await.expect("the service starts");
    let slow = slow_shop(&app).await;
    let options = StoreOptions { people: 30, ..StoreOptions::default() };
    let quick = SandboxStore::start(Platform::WooCommerce, options).await.expect("a simulated store starts");
    let quick = Shop::over(&app, quick).await;
    (slow, quick)
}

async fn a_sync_is_followed_in_lines_where_nobody_draws(db: TestDatabase) {
    let (slow, quick) = two_shops(&db).await;
    let ended = Program::beside(db.url()).run(&["sync", "--mode", "full", "--watch", "--format", "json"]).await;
    assert_eq!(ended.json().as_array().map(Vec::len), Some(2), "stdout holds the result alone");
    let of = |shop: &Shop| {
        let name = format!("Store {}: ", shop.integration);
        ended.stderr.lines().filter_map(|line| line.strip_prefix(&name)).map(str::to_owned).collect::<Vec<_>>()
    };
    for shop in [&slow, &quick] {
        let lines = of(shop);
        let last = lines.last().unwrap_or_else(|| panic!("nothing is told of a store: {}", ended.stderr));
        assert!(last.starts_with("succeeded 100 % · "), "{last}");
        assert_eq!(lines.iter().filter(|line| line.starts_with("succeeded")).count(), 1, "{lines:?}");
    }
    let running = of(&slow).iter().filter(|line| line.starts_with("running")).count();
    assert!(running >= 1, "{}", ended.stderr);
    assert!(of(&slow).iter().any(|line| line.contains("/s")), "{}", ended.stderr);
    let place = |text: &str| ended.stderr.find(text).unwrap_or_else(|| panic!("{text} is not in {}", ended.stderr));
    let (quick, slow) =
        (format!("Store {}: succeeded", quick.integration), format!("Store {}: succeeded", slow.integration));
    assert!(place(&quick) < place(&slow), "both are watched at once: {}", ended.stderr);
}

async fn a_sync_is_quiet_where_nobody_draws(db: TestDatabase) {
    let shops = two_shops(&db).await;
    let ended = Program::beside(db.url()).run(&["sync", "--format", "json"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    drop(shops);
}
