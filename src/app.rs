//! The shared state of a running service.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::auth::KeyRing;
use crate::connectors::Http;
use crate::domain::Clock;
use crate::secrets::Sealer;
use crate::store::Database;

/// What every use case may reach. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// The database.
    pub db: Database,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Opens and seals stored secrets.
    pub sealer: Sealer,
    /// The keys that sign access tokens; start with an empty one.
    pub keys: KeyRing,
    /// The way to the stores.
    pub http: Http,
    /// Address under which clients reach the service; the issuer of its tokens. Without a slash at the end.
    pub public_url: Arc<str>,
    /// After how long a silent worker's run is taken over.
    pub lease: Duration,
    /// Wakes the sync worker when a run was queued or shall be cancelled.
    pub wake_worker: Arc<Notify>,
}
