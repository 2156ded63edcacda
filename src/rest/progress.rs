//! `/v1/syncs/{id}/events`: the progress of a run as server-sent events.

use std::pin::pin;
use std::time::Duration;

use async_stream::stream;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt as _};
use serde::Serialize;

use super::document::Problems;
use super::extract::PathId;
use crate::api::progress::SyncProgressView;
use crate::app::App;
use crate::auth::Admission;
use crate::domain::progress::SyncProgress;
use crate::error::{Error, Problem};
use crate::service::progress;

/// How often a comment is sent when there is nothing to tell: proxies close what is silent, often after 60 seconds.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long clients wait before they connect again.
const RETRY: Duration = Duration::from_secs(3);
/// Asks proxies of nginx's kind to pass each event on at once.
const UNBUFFERED: [(HeaderName, &str); 2] =
    [(CACHE_CONTROL, "no-store"), (HeaderName::from_static("x-accel-buffering"), "no")];

/// Follow a run while it goes on.
///
/// Server-sent events. `progress` comes at once and then whenever something changed, at most twice a second. Each tells
/// the whole state, so nothing is lost with one that was missed, and `Last-Event-ID` is not needed. Once the run has
/// ended, `end` repeats the last state and the stream is closed: close the `EventSource` on it, or it connects again and
/// is told the same. `problem` tells, as a problem document, why a stream can't go on. Comments keep silent streams open.
///
/// The stream also ends, without `end`, when the token expires or the service stops; connect again with a good token. An
/// `EventSource` of a browser can't send the header that carries the token, and a token does not belong into a URL: use
/// a client that is built on `fetch`.
#[utoipa::path(get, path = "/v1/syncs/{id}/events", operation_id = "followSync", tag = "syncs",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = SyncProgressView, content_type = "text/event-stream",
        description = "Events; the `data` of `progress` and `end` is a `SyncProgress`, that of `problem` a `Problem`"),
        Problems))]
pub(super) async fn events(
    State(app): State<App>,
    admission: Admission,
    PathId(id): PathId,
) -> Result<impl IntoResponse, Error> {
    let items = progress::watch(&app, &admission.caller, id.into()).await?;
    let ended = async move {
        tokio::select! {
            () = admission.ended(&*app.clock) => {}
            () = app.streams.closing() => {}
        }
    };
    let events = numbered(items).take_until(Box::pin(ended));
    Ok((UNBUFFERED, Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))))
}

/// Turns progress into events, numbered from 1.
fn numbered(items: impl Stream<Item = Result<SyncProgress, Error>>) -> impl Stream<Item = Result<Event, axum::Error>> {
    stream! {
        let mut items = pin!(items);
        let mut number = 0_u64;
        while let Some(item) = items.next().await {
            number += 1;
            match item {
                Ok(progress) => {
                    let has_ended = progress.run.status.has_ended();
                    let view = SyncProgressView::from(progress);
                    yield event("progress", number, &view);
                    if has_ended {
                        yield event("end", number + 1, &view);
                    }
                }
                Err(error) => yield event("problem", number, &Problem::report(&error)),
            }
        }
    }
}

fn event(name: &str, number: u64, data: &impl Serialize) -> Result<Event, axum::Error> {
    let event = Event::default().event(name).id(number.to_string());
    // Once is enough: clients keep it.
    let event = if number == 1 { event.retry(RETRY) } else { event };
    event.json_data(data)
}
