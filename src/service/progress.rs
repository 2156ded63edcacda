//! Watching a run while it goes on.
//!
//! The run is looked at in the database, where every worker on any replica writes how far it is: so it does not matter
//! which process carries it out, and nothing has to be told from one to the other.

use std::time::Duration;

use async_stream::try_stream;
use futures::Stream;
use tokio::time::{MissedTickBehavior, interval};

use super::runs;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::ids::SyncRunId;
use crate::domain::progress::{Pace, SyncProgress};
use crate::error::Error;

/// How often a run is looked at: one statement by its primary key.
const EVERY: Duration = Duration::from_millis(500);

/// The progress of a run: as it stands now, then whenever that changed, up to and including its end. An error is the
/// last item.
///
/// # Errors
/// The run is not there or the scope is missing; as an item: it has gone since, or storage fails.
pub async fn watch(
    app: &App,
    caller: &Caller,
    id: SyncRunId,
) -> Result<impl Stream<Item = Result<SyncProgress, Error>> + Send + use<>, Error> {
    let mut run = runs::get(app, caller, id).await?;
    let (app, caller) = (app.clone(), caller.clone());
    Ok(try_stream! {
        let mut ticks = interval(EVERY);
        // After a slow look the next one waits as long as ever.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        let mut pace = Pace::default();
        let mut shown = None;
        loop {
            let has_ended = run.status.has_ended();
            let progress = pace.look(run, app.clock.now());
            if shown.as_ref() != Some(&progress) {
                shown = Some(progress.clone());
                yield progress;
            }
            if has_ended {
                return;
            }
            ticks.tick().await;
            run = runs::get(&app, &caller, id).await?;
        }
    })
}
