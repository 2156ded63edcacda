//! The hooks that an API account has made (`vendors/bigcommerce.md` section 10).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::fields::STORE_HASH;
use super::lists::numbers;
use super::params::{Params, Rejected};
use crate::sandbox::records::Second;
use crate::sandbox::server::Answer;

/// Most hooks of one API account for one scope.
const MAX_PER_SCOPE: usize = 10;
const FIRST_ID: u64 = 20_172_984;

/// What a client sends.
#[derive(Debug, Default, Deserialize)]
struct Sent {
    scope: Option<String>,
    destination: Option<String>,
    is_active: Option<bool>,
    headers: Option<Map<String, Value>>,
}

#[derive(Debug, Clone)]
struct Hook {
    scope: String,
    destination: String,
    is_active: bool,
    headers: Map<String, Value>,
    created_at: Second,
    updated_at: Second,
}

/// All hooks by id.
#[derive(Debug, Default)]
pub(super) struct Hooks(Mutex<BTreeMap<u64, Hook>>);

impl Hooks {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Hook>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn list(&self, params: &Params) -> Result<Answer, Rejected> {
        let (limit, page) = (params.limit()?, params.page()?);
        let hooks = self.lock();
        let is_asked = |hook: &Hook| {
            params.get("destination").is_none_or(|destination| hook.destination == destination)
                && params.get("scope").is_none_or(|scope| hook.scope == scope)
                && params.get("is_active").is_none_or(|active| hook.is_active.to_string() == active)
        };
        let found: Vec<Value> =
            hooks.iter().filter(|(_, hook)| is_asked(hook)).map(|(id, hook)| shown(*id, hook)).collect();
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let data: Vec<&Value> = found.iter().skip(count((page - 1).saturating_mul(limit))).take(count(limit)).collect();
        let pagination = numbers(params, data.len(), found.len() as u64, limit, page);
        Ok(Answer::json(200, &json!({ "data": data, "meta": { "pagination": pagination } })))
    }

    pub(super) fn show(&self, id: u64) -> Result<Answer, Rejected> {
        self.lock().get(&id).map(|hook| one(id, hook)).ok_or_else(Rejected::not_found)
    }

    pub(super) fn create(&self, body: &[u8], now: Second) -> Result<Answer, Rejected> {
        let sent = read(body)?;
        let (Some(scope), Some(destination)) = (sent.scope, sent.destination) else {
            return Err(Rejected::new(422, "scope and destination are required"));
        };
        check(&scope, &destination)?;
        let mut hooks = self.lock();
        let of_scope = || hooks.values().filter(|hook| hook.scope == scope);
        if of_scope().count() >= MAX_PER_SCOPE || of_scope().any(|hook| hook.destination == destination) {
            return Err(Rejected::new(
                422,
                "There is a hook for this scope and destination, or too many for the scope",
            ));
        }
        let id = hooks.keys().next_back().map_or(FIRST_ID, |last| last + 1);
        let hook = Hook {
            scope,
            destination,
            is_active: sent.is_active.unwrap_or(true),
            headers: sent.headers.unwrap_or_default(),
            created_at: now,
            updated_at: now,
        };
        let answer = one(id, &hook);
        hooks.insert(id, hook);
        Ok(answer)
    }

    pub(super) fn update(&self, id: u64, body: &[u8], now: Second) -> Result<Answer, Rejected> {
        let sent = read(body)?;
        let mut hooks = self.lock();
        let hook = hooks.get_mut(&id).ok_or_else(Rejected::not_found)?;
        let scope = sent.scope.unwrap_or_else(|| hook.scope.clone());
        let destination = sent.destination.unwrap_or_else(|| hook.destination.clone());
        check(&scope, &destination)?;
        (hook.scope, hook.destination, hook.updated_at) = (scope, destination, now);
        hook.is_active = sent.is_active.unwrap_or(hook.is_active);
        hook.headers = sent.headers.unwrap_or_else(|| std::mem::take(&mut hook.headers));
        Ok(one(id, hook))
    }

    pub(super) fn delete(&self, id: u64) -> Result<Answer, Rejected> {
        let gone = self.lock().remove(&id).ok_or_else(Rejected::not_found)?;
        Ok(one(id, &gone))
    }
}

fn read(body: &[u8]) -> Result<Sent, Rejected> {
    serde_json::from_slice(body).map_err(|_| Rejected::new(400, "The body is not valid JSON for a hook"))
}

/// Only https without a port of its own; here also plain http to loopback, since nothing else can be reached.
fn check(scope: &str, destination: &str) -> Result<(), Rejected> {
    let is_scope = scope.starts_with("store/") && scope.split('/').all(|part| !part.is_empty());
    let is_address = destination.parse::<Url>().is_ok_and(|url| match url.scheme() {
        "https" => url.port().is_none(),
        "http" => matches!(url.host_str(), Some("127.0.0.1" | "localhost")),
        _ => false,
    });
    if is_scope && is_address { Ok(()) } else { Err(Rejected::new(422, "The scope or the destination is invalid")) }
}

fn shown(id: u64, hook: &Hook) -> Value {
    json!({
        "id": id,
        "client_id": "sandboxclientid",
        "store_hash": STORE_HASH,
        "scope": hook.scope,
        "destination": hook.destination,
        "headers": hook.headers,
        "is_active": hook.is_active,
        "created_at": hook.created_at,
        "updated_at": hook.updated_at,
    })
}

fn one(id: u64, hook: &Hook) -> Answer {
    Answer::json(200, &json!({ "data": shown(id, hook), "meta": {} }))
}
