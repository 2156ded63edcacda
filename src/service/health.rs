//! Whether the service can do its work.

use crate::app::App;
use crate::store::migrate;

/// Whether the database answers and has every table that this release needs.
pub async fn is_ready(app: &App) -> bool {
    migrate::status(&app.db).await.is_ok_and(|changes| changes.iter().all(|change| change.applied))
}
