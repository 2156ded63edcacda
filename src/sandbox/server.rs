//! What the simulated servers share: the store's state, latency, faults, and answers.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures::StreamExt as _;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::app::ConnectedApp;
use super::deliveries::{Deliveries, Event, Kind};
use super::faults::{Fault, Faults, Target};
use super::hidden::Hidden;
use super::names::normalized;
use super::nature::{self, Sight};
use super::population::{Population, mix};
use super::records::Second;
use super::state::State;
use super::{Change, ChangeError, HANG, StoreOptions, Truth};
use crate::domain::Platform;

/// What the vendors call an address.
pub(super) const ADDRESSES: [&str; 4] = ["email", "emailAddress", "customer_email", "subscriber_email"];
/// Time for half an answer to go out.
const FLUSH: Duration = Duration::from_millis(20);

/// One store, as its request handlers see it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) platform: Platform,
    pub(crate) options: StoreOptions,
    pub(crate) base_url: String,
    pub(crate) faults: Faults,
    pub(crate) hidden: Hidden,
    pub(crate) deliveries: Deliveries,
    pub(crate) app: ConnectedApp,
    pub(crate) requests: AtomicU64,
    /// Points of a budget that is not counted in requests (Shopify).
    pub(crate) points: AtomicU64,
    pub(crate) stopped: CancellationToken,
    state: RwLock<State>,
    latency_ms: AtomicU64,
    seconds_ahead: AtomicI64,
}

impl Shared {
    pub(crate) fn new(platform: Platform, options: StoreOptions, base_url: String) -> Self {
        let sight = Sight::of(platform, &options);
        let population = Population { platform, seed: options.seed, people: options.people, sight };
        let latency_ms = AtomicU64::new(millis(options.latency));
        Self {
            platform,
            options,
            base_url,
            faults: Faults::default(),
            hidden: Hidden::default(),
            deliveries: Deliveries::default(),
            app: ConnectedApp::default(),
            requests: AtomicU64::new(0),
            points: AtomicU64::new(0),
            stopped: CancellationToken::new(),
            state: RwLock::new(State::new(population)),
            latency_ms,
            seconds_ahead: AtomicI64::new(3600),
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        nature::of(self.platform).name
    }

    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store's time in whole seconds.
    pub(crate) fn now(&self) -> Second {
        self.options.clock.now().timestamp()
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        self.latency_ms.store(millis(latency), Ordering::Relaxed);
    }

    /// How far the store's own clock is ahead of UTC. Shows only where the platform tells local times.
    pub(crate) fn seconds_ahead(&self) -> Second {
        self.seconds_ahead.load(Ordering::Relaxed)
    }

    pub(crate) fn set_seconds_ahead(&self, seconds: Second) {
        self.seconds_ahead.store(seconds, Ordering::Relaxed);
    }

    pub(crate) fn change(&self, change: &Change) -> Result<Truth, ChangeError> {
        let now = self.now();
        let mut state = self.state_mut();
        let applied = state.apply(change, now);
        let events = happened(&mut state);
        applied?;
        self.deliveries.happened(events);
        let address = normalized(change.address()).ok_or(ChangeError::BadAddress)?;
        Ok(state.truth(&address))
    }

    pub(crate) fn truths(&self, from: u64, limit: u64) -> Vec<Truth> {
        let state = self.state();
        let people = state.population.people;
        let until = from.saturating_add(limit);
        let mut truths: Vec<_> =
            (from.min(people)..until.min(people)).flat_map(|person| state.truths_of(person)).collect();
        if until > people {
            let skip = usize::try_from(from.saturating_sub(people)).unwrap_or(usize::MAX);
            let take = usize::try_from(until - people.max(from)).unwrap_or(usize::MAX);
            truths.extend(state.added_addresses().iter().skip(skip).take(take).map(|address| state.truth(address)));
        }
        truths
    }

    /// A secret of this store, made from its seed: 40 hexadecimal digits.
    pub(crate) fn secret(&self, purpose: u64) -> String {
        let part = |number| mix(self.options.seed ^ (purpose << 32) ^ self.platform as u64, number);
        format!("{:016x}{:016x}{:08x}", part(1), part(2), part(3) >> 32)
    }

    /// Answers a vendor request: latency, the fault that strikes if one does, and the answer itself.
    pub(crate) async fn answer(
        &self,
        target: Target,
        fault_answer: impl FnOnce(Fault, u64) -> Option<Answer>,
        answer: impl FnOnce() -> Answer,
    ) -> Response {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let latency = Duration::from_millis(self.latency_ms.load(Ordering::Relaxed));
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let answer = || self.hidden.left_out(target, answer());
        let Some(fault) = self.faults.strike(target) else { return answer().into_response() };
        if let Some(answer) = fault_answer(fault, number) {
            return answer.into_response();
        }
        match fault {
            Fault::TimeOut => {
                tokio::select! {
                    () = self.stopped.cancelled() => (),
                    () = tokio::time::sleep(HANG) => (),
                }
                Answer::text(504, "text/html", "<html><body>Gateway Time-out</body></html>").into_response()
            }
            Fault::Html => {
                let page = "<!DOCTYPE html><html><head><title>One moment</title></head><body>Checking your browser</body></html>";
                Answer::text(200, "text/html; charset=UTF-8", page).into_response()
            }
            Fault::TruncatedBody => answer().truncated(),
            Fault::MalformedJson => answer().garbled().into_response(),
            Fault::MalformedRecord => answer().changed(spoil).into_response(),
            Fault::DuplicateRows => answer().changed(double).into_response(),
            Fault::ShiftedPage => {
                let answer = answer();
                let mut state = self.state_mut();
                match answer.listed.1.first() {
                    Some(id) if answer.listed.0 == Target::Customers => state.delete_account(*id, self.now()),
                    Some(id) if answer.listed.0 == Target::Subscribers => state.delete_row(*id, self.now()),
                    _ => {}
                }
                self.deliveries.happened(happened(&mut state));
                drop(state);
                answer.into_response()
            }
            Fault::Throttled | Fault::ServerError | Fault::RejectedCredentials | Fault::MaxCost => {
                answer().into_response()
            }
        }
    }
}

/// What the last change did to which records.
fn happened(state: &mut State) -> Vec<Event> {
    let at = state.changed_at;
    let accounts = state.accounts.take_happened().into_iter().map(|one| (Kind::Account, one));
    let orders = state.orders.take_happened().into_iter().map(|one| (Kind::Order, one));
    let rows = state.rows.take_happened().into_iter().map(|one| (Kind::Row, one));
    accounts.chain(orders).chain(rows).map(|(kind, (id, happened))| Event { kind, id, happened, at }).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// An answer before it goes out.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// The records on the page, so that a fault can take one away.
    listed: (Target, Vec<u64>),
}

impl Answer {
    pub(crate) fn json(status: u16, body: &impl serde::Serialize) -> Self {
        Self {
            status,
            content_type: "application/json; charset=UTF-8",
            headers: Vec::new(),
            body: serde_json::to_vec(body).expect("the sandbox's answers have a JSON form"),
            listed: (Target::Any, Vec::new()),
        }
    }

    pub(crate) fn text(status: u16, content_type: &'static str, body: &str) -> Self {
        let listed = (Target::Any, Vec::new());
        Self { status, content_type, headers: Vec::new(), body: body.as_bytes().to_vec(), listed }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Says which records are on the page: numbers of customers or of newsletter rows.
    pub(crate) fn with_listed(mut self, target: Target, numbers: Vec<u64>) -> Self {
        self.listed = (target, numbers);
        self
    }

    /// The JSON body in another format.
    pub(crate) fn recast(mut self, content_type: &'static str, change: impl FnOnce(Value) -> Value) -> Self {
        if let Ok(body) = serde_json::from_slice(&self.body) {
            (self.content_type, self.body) = (content_type, change(body).to_string().into_bytes());
        }
        self
    }

    pub(crate) fn into_response(mut self) -> Response {
        let body = std::mem::take(&mut self.body);
        self.response(Body::from(body))
    }

    /// Promises the whole body and cuts the connection half way.
    fn truncated(self) -> Response {
        let (whole, half) = (self.body.len(), self.body.len() / 2);
        let first = Bytes::copy_from_slice(&self.body[..half]);
        // The pause lets the half go out; an error at once would take the head of the answer with it.
        let cut = futures::stream::once(async { Ok(first) }).chain(futures::stream::once(async {
            tokio::time::sleep(FLUSH).await;
            Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
        }));
        let mut response = self.response(Body::from_stream(cut));
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(whole));
        response
    }

    /// A PHP warning in the middle: whole, but not JSON.
    fn garbled(mut self) -> Self {
        let middle = self.body.len() / 2;
        self.body.splice(middle..middle, *b"\n<b>Warning</b>: Undefined array key in ...\n");
        self
    }

    /// The JSON body with something done to it.
    pub(super) fn changed(mut self, change: impl FnOnce(&mut Value) -> bool) -> Self {
        if let Ok(mut body) = serde_json::from_slice::<Value>(&self.body)
            && change(&mut body)
        {
            self.body = body.to_string().into_bytes();
        }
        self
    }

    fn response(self, body: Body) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// The first address of the page becomes a number.
fn spoil(value: &mut Value) -> bool {
    match value {
        Value::Array(items) => items.iter_mut().any(spoil),
        Value::Object(fields) => {
            let address = ADDRESSES.iter().find(|name| fields.get(**name).is_some_and(Value::is_string));
            match address {
                Some(name) => {
                    fields.insert((*name).to_owned(), Value::from(7));
                    true
                }
                None => fields.values_mut().any(spoil),
            }
        }
        _ => false,
    }
}

/// The first record of the page comes once more at its end.
fn double(value: &mut Value) -> bool {
    match value {
        Value::Array(items) => match items.first().filter(|first| has_address(first)).cloned() {
            Some(first) => {
                items.push(first);
                true
            }
            None => items.iter_mut().any(double),
        },
        Value::Object(fields) => fields.values_mut().any(double),
        _ => false,
    }
}

fn has_address(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_address),
        Value::Object(fields) => {
            ADDRESSES.iter().any(|name| fields.get(*name).is_some_and(Value::is_string))
                || fields.values().any(has_address)
        }
        _ => false,
    }
}
