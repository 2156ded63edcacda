//! Contacts in any number, and pages of them by REST and GraphQL through the real router without a socket.

use std::time::{Duration, Instant};

use assent::app::App;
use assent::domain::ids::{AccountId, ListId, new_uuid};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use entity::{contact, membership};
use sea_orm::{EntityTrait as _, Set, TransactionTrait as _};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::Failure;

/// A request for the page after a key.
pub(crate) type Ask = Box<dyn Fn(&str) -> (String, Option<Value>) + Send + Sync>;

/// What front ends ask for most.
pub(crate) fn requests(list: ListId) -> Vec<(&'static str, Ask)> {
    const QUERY: &str = "query($after: String) { contacts(first: 50, after: $after) { edges { node { id email } } } }";
    vec![
        ("REST /v1/contacts", Box::new(|after| (format!("/v1/contacts?limit=50&after={after}"), None))),
        (
            "REST /v1/lists/{id}/contacts",
            Box::new(move |after| (format!("/v1/lists/{list}/contacts?limit=50&after={after}"), None)),
        ),
        (
            "GraphQL contacts",
            Box::new(|after| ("/graphql".to_owned(), Some(json!({"query": QUERY, "variables": {"after": after}})))),
        ),
    ]
}

/// How long one page took that begins somewhere in the account.
pub(crate) async fn time(
    router: &Router,
    bearer: &str,
    keys: &[Uuid],
    ask: &Ask,
    index: u64,
) -> Result<Duration, Failure> {
    let place = usize::try_from(index * 7919)? % (keys.len() - 60);
    let (path, body) = ask(&assent::api::page::encode(&keys[place]));
    let request = Request::builder()
        .method(if body.is_some() { "POST" } else { "GET" })
        .uri(path)
        .header(header::AUTHORIZATION, bearer)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))?;
    let started = Instant::now();
    let response = router.clone().oneshot(request).await?;
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 10_000_000).await?;
    let took = started.elapsed();
    let found = String::from_utf8_lossy(&bytes).matches("\"email\"").count();
    if !status.is_success() || found != 50 {
        return Err(format!("status {status}, {found} contacts: {}", String::from_utf8_lossy(&bytes)).into());
    }
    Ok(took)
}

/// The value below which this share of the sorted times lies, in milliseconds.
pub(crate) fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

/// Fills an account up to a size, with everybody on one list. `keys` are the contacts that it has.
pub(crate) async fn fill(
    app: &App,
    account: AccountId,
    list: ListId,
    keys: &mut Vec<Uuid>,
    size: u64,
) -> Result<(), Failure> {
    let now = app.clock.now();
    while u64::try_from(keys.len())? < size {
        let batch: Vec<Uuid> = (0..1000).map(|_| new_uuid(now)).collect();
        let transaction = app.db.begin().await?;
        let contacts = batch.iter().map(|id| contact::ActiveModel {
            id: Set(*id),
            account_id: Set(account.0),
            email: Set(format!("{id}@example.com")),
            email_normalized: Set(format!("{id}@example.com")),
            first_name: Set(Some("Anna".to_owned())),
            last_name: Set(None),
            created_at: Set(now),
            updated_at: Set(now),
        });
        contact::Entity::insert_many(contacts).exec_without_returning(&transaction).await?;
        let memberships = batch.iter().map(|id| membership::ActiveModel {
            id: Set(new_uuid(now)),
            account_id: Set(account.0),
            list_id: Set(list.0),
            contact_id: Set(*id),
            joined_at: Set(now),
        });
        membership::Entity::insert_many(memberships).exec_without_returning(&transaction).await?;
        transaction.commit().await?;
        keys.extend(batch);
    }
    Ok(())
}
