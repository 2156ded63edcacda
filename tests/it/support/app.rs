//! The service in process, over a fresh database, at a time that moves only when told.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once};

use assent::app::App;
use assent::config::{Config, LogFormat};
use assent::domain::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use super::databases::TestDatabase;

/// A running service without its sockets.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) clock: Arc<TestClock>,
    /// Last, so that the database goes after its connections.
    _db: TestDatabase,
}

impl TestApp {
    /// Builds the service the way `assent serve` does, over a database of its own.
    pub(crate) async fn new(db: TestDatabase) -> Self {
        set_up_tls();
        let app = assent::app::build(&configuration(db.url())).await.expect("the service starts");
        let clock = Arc::new(TestClock::default());
        Self { app: App { clock: clock.clone(), ..app }, clock, _db: db }
    }
}

/// What the sandbox would be configured with. Reads no variable, so that a developer's own don't matter.
pub(crate) fn configuration(database_url: &str) -> Config {
    Config {
        data_dir: PathBuf::from("never-made"),
        database_url: Some(SecretString::from(database_url)),
        listen: "127.0.0.1:0".parse().expect("this is an address"),
        public_url: Some("http://assent.test".to_owned()),
        // 32 bytes of zero.
        secret_key: Some(SecretString::from("A".repeat(43) + "=")),
        allow_private_hosts: true,
        log: "off".to_owned(),
        log_format: LogFormat::Text,
        otlp_endpoint: None,
        lease_seconds: 30,
        sync_slots: 4,
        store_timeout_seconds: 5,
        history_days: 90,
    }
}

/// Chooses the TLS provider, as `main` does: two are compiled in.
fn set_up_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        rustls::crypto::aws_lc_rs::default_provider().install_default().expect("nobody else chooses a provider");
    });
}

/// A clock that stands still.
#[derive(Debug)]
pub(crate) struct TestClock(Mutex<DateTime<Utc>>);

impl Default for TestClock {
    /// Begins on 4 April 2026, noon.
    fn default() -> Self {
        Self(Mutex::new(DateTime::from_timestamp(1_775_304_000, 0).expect("this is a time")))
    }
}

impl TestClock {
    /// Moves on, or back.
    pub(crate) fn advance(&self, by: TimeDelta) {
        *self.0.lock().expect("no test panics while it moves the clock") += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("no test panics while it moves the clock")
    }
}
