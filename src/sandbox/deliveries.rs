//! Webhooks of a simulated store: who subscribed to what, and what is sent to them, over real HTTP, in order.
//!
//! To give a platform webhooks:
//!
//! 1. Its API keeps subscriptions in `shared.deliveries` ([`Deliveries::subscribe`], [`Deliveries::change`],
//!    [`Deliveries::unsubscribe`], [`Deliveries::subscriptions`]).
//! 2. Its module has `fn parcels(shared: &Shared, events: &[Event]) -> Vec<Parcel>`: which subscription gets which signed
//!    body for what happened in one change. It is called when the delivery goes out, so that bodies show the store as it
//!    is then; the retries of one parcel carry the same bytes.
//! 3. One line each in `parcels` and `manner` below: what it sends, and how often it tries.
//!
//! A change tells what happened by itself: every record that is put into or taken out of a book is an [`Event`].
//!
//! Deviations: a store delivers to loopback and to any port, at once, and retries without waiting for hours.

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, mpsc};

use super::book::Happened;
use super::records::Second;
use super::server::Shared;
use super::{bigcommerce, shopify, shopware, woocommerce};
use crate::domain::Platform;

/// Time for one delivery: the vendors give 5 seconds (Shopify) to 30.
const PATIENCE: Duration = Duration::from_secs(10);
/// Wait between two tries of one delivery.
const RETRY: Duration = Duration::from_millis(50);
/// Most deliveries that are remembered.
const MAX_SENT: usize = 1000;

/// The headers that a subscriber asked for, among what only the platform has.
pub(crate) const OWN_HEADERS: &str = "headers";

/// Which kind of record something happened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Account,
    Order,
    /// A newsletter row.
    Row,
}

/// Something that happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: Kind,
    pub(crate) id: u64,
    pub(crate) happened: Happened,
    pub(crate) at: Second,
}

/// Somebody who wants to hear of a topic.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) id: u64,
    pub(crate) topic: String,
    pub(crate) address: String,
    pub(crate) secret: String,
    pub(crate) is_active: bool,
    pub(crate) created: Second,
    /// Deliveries in a row that failed.
    pub(crate) failures: u32,
    /// What only the platform has, for example a name. Texts in an object under [`OWN_HEADERS`] go out as headers with
    /// every delivery.
    pub(crate) extra: Map<String, Value>,
}

/// One signed delivery, ready to go.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    /// The subscription it is for; 0 for none.
    pub(crate) subscription: u64,
    pub(crate) topic: String,
    pub(crate) address: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

/// How a platform delivers.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    /// Most tries of one delivery.
    pub(crate) tries: u32,
    /// Statuses that it takes for success.
    pub(crate) success: RangeInclusive<u16>,
    /// Failed deliveries in a row after which a subscription is switched off.
    pub(crate) switched_off_after: u32,
    /// Whether it is then taken away for good.
    pub(crate) takes_away: bool,
}

fn manner(platform: Platform) -> Manner {
    match platform {
        Platform::BigCommerce => bigcommerce::MANNER,
        Platform::Shopify => shopify::MANNER,
        Platform::Shopware => shopware::MANNER,
        Platform::WooCommerce => woocommerce::MANNER,
        _ => Manner { tries: 3, success: 200..=299, switched_off_after: u32::MAX, takes_away: false },
    }
}

fn parcels(shared: &Shared, events: &[Event]) -> Vec<Parcel> {
    match shared.platform {
        Platform::BigCommerce => bigcommerce::parcels(shared, events),
        Platform::Shopify => shopify::parcels(shared, events),
        Platform::Shopware => shopware::parcels(shared, events),
        Platform::WooCommerce => woocommerce::parcels(shared, events),
        _ => Vec::new(),
    }
}

/// What can befall a delivery on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeliveryFault {
    /// It is never sent.
    Dropped,
    /// It is sent twice.
    Doubled,
    /// It is held back until the faults are cleared.
    Delayed,
    /// A byte of its body is another than was signed.
    Tampered,
}

/// A delivery that was sent.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// What it was about, in the platform's words.
    pub topic: String,
    /// Where it went.
    pub address: String,
    /// Its headers, without those that every request has.
    pub headers: Vec<(String, String)>,
    /// Its body.
    #[serde(skip)]
    pub body: Vec<u8>,
    /// The answer to each try; `null` where there was none.
    pub answers: Vec<Option<u16>>,
}

enum Work {
    Changed(Vec<Event>),
    Send(Box<Parcel>),
}

/// The webhooks of one store.
#[derive(Debug)]
pub(crate) struct Deliveries {
    desk: Mutex<Desk>,
    work: mpsc::UnboundedSender<Work>,
    todo: Mutex<Option<mpsc::UnboundedReceiver<Work>>>,
    idle: Notify,
}

#[derive(Debug, Default)]
struct Desk {
    subscriptions: BTreeMap<u64, Subscription>,
    last_id: u64,
    /// Pieces of work that are not done.
    open: usize,
    planned: VecDeque<DeliveryFault>,
    held: Vec<Parcel>,
    sent: VecDeque<Sent>,
}

impl Default for Deliveries {
    fn default() -> Self {
        let (work, todo) = mpsc::unbounded_channel();
        Self { desk: Mutex::default(), work, todo: Mutex::new(Some(todo)), idle: Notify::new() }
    }
}

impl Deliveries {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a subscription under the next number, which it tells.
    pub(crate) fn subscribe(&self, build: impl FnOnce(u64) -> Subscription) -> Subscription {
        let mut desk = self.desk();
        desk.last_id += 1;
        let made = build(desk.last_id);
        desk.subscriptions.insert(made.id, made.clone());
        made
    }

    /// Changes a subscription; `None` if there is none of that number.
    pub(crate) fn change(&self, id: u64, change: impl FnOnce(&mut Subscription)) -> Option<Subscription> {
        let mut desk = self.desk();
        let subscription = desk.subscriptions.get_mut(&id)?;
        change(subscription);
        Some(subscription.clone())
    }

    /// Takes a subscription away.
    pub(crate) fn unsubscribe(&self, id: u64) -> Option<Subscription> {
        self.desk().subscriptions.remove(&id)
    }

    /// All subscriptions, oldest first.
    pub(crate) fn subscriptions(&self) -> Vec<Subscription> {
        self.desk().subscriptions.values().cloned().collect()
    }

    /// The headers that the subscriber asked for.
    fn own_headers(&self, id: u64) -> Vec<(String, String)> {
        let desk = self.desk();
        let asked = desk.subscriptions.get(&id).and_then(|one| one.extra.get(OWN_HEADERS)?.as_object());
        let texts =
            asked.into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        texts.collect()
    }

    /// Those that want to hear of a topic now.
    pub(crate) fn listening(&self, topic: &str) -> Vec<Subscription> {
        let wanted = |one: &&Subscription| one.is_active && one.topic == topic;
        self.desk().subscriptions.values().filter(wanted).cloned().collect()
    }

    /// What happened in one change.
    pub(crate) fn happened(&self, events: Vec<Event>) {
        if !events.is_empty() && !self.desk().subscriptions.is_empty() {
            self.put(Work::Changed(events));
        }
    }

    /// Sends something that no change caused, for example a ping.
    pub(crate) fn send(&self, parcel: Parcel) {
        self.put(Work::Send(Box::new(parcel)));
    }

    fn put(&self, work: Work) {
        let mut desk = self.desk();
        if self.work.send(work).is_ok() {
            desk.open += 1;
        }
    }

    pub(crate) fn plan(&self, fault: DeliveryFault, times: u32) {
        self.desk().planned.extend((0..times.min(1000)).map(|_| fault));
    }

    /// Forgets planned faults and sends what was held back.
    pub(crate) fn clear(&self) {
        let held = {
            let mut desk = self.desk();
            desk.planned.clear();
            std::mem::take(&mut desk.held)
        };
        for parcel in held {
            self.send(parcel);
        }
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.desk().sent.iter().cloned().collect()
    }

    /// The state of the deliveries for the control API.
    pub(crate) fn report(&self) -> Value {
        let desk = self.desk();
        let subscriptions: Vec<Value> = desk
            .subscriptions
            .values()
            .map(|one| json!({"id": one.id, "topic": one.topic, "address": one.address, "active": one.is_active}))
            .collect();
        json!({"subscriptions": subscriptions, "open": desk.open, "planned": desk.planned, "held": desk.held.len(),
            "sent": desk.sent})
    }

    /// Waits until everything that is to be sent was sent; what a fault holds back does not count.
    pub(crate) async fn idle(&self) {
        loop {
            let changed = self.idle.notified();
            if self.desk().open == 0 {
                return;
            }
            changed.await;
        }
    }
}

/// Delivers until the store stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let todo = shared.deliveries.todo.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut todo) = todo else { return };
    let mut client = None;
    loop {
        let work = tokio::select! {
            () = shared.stopped.cancelled() => return,
            work = todo.recv() => work,
        };
        let Some(work) = work else { return };
        let parcels = match work {
            Work::Changed(events) => parcels(&shared, &events),
            Work::Send(parcel) => vec![*parcel],
        };
        for parcel in parcels {
            let fault = shared.deliveries.desk().planned.pop_front();
            match fault {
                Some(DeliveryFault::Dropped) => {}
                Some(DeliveryFault::Delayed) => shared.deliveries.desk().held.push(parcel),
                Some(DeliveryFault::Doubled) => {
                    deliver(&shared, &mut client, parcel.clone()).await;
                    deliver(&shared, &mut client, parcel).await;
                }
                Some(DeliveryFault::Tampered) => deliver(&shared, &mut client, tampered(parcel)).await,
                None => deliver(&shared, &mut client, parcel).await,
            }
        }
        shared.deliveries.desk().open -= 1;
        shared.deliveries.idle.notify_waiters();
    }
}

/// The first digit becomes another one, so that the body still has its form.
fn tampered(mut parcel: Parcel) -> Parcel {
    if let Some(digit) = parcel.body.iter_mut().find(|byte| byte.is_ascii_digit()) {
        *digit = if *digit == b'9' { b'1' } else { *digit + 1 };
    }
    parcel
}

async fn deliver(shared: &Shared, client: &mut Option<reqwest::Client>, parcel: Parcel) {
    let Some(client) = connected(client) else { return };
    let manner = manner(shared.platform);
    let Parcel { subscription, topic, address, headers, content_type, body } = parcel;
    let mut headers: Vec<(String, String)> =
        headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    headers.extend(shared.deliveries.own_headers(subscription));
    let mut answers = Vec::new();
    for attempt in 0..manner.tries {
        if attempt > 0 {
            tokio::select! {
                () = shared.stopped.cancelled() => return,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
        let mut request = client.post(&address).header("content-type", content_type);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let answer = tokio::select! {
            () = shared.stopped.cancelled() => return,
            answer = request.body(body.clone()).send() => answer,
        };
        let status = answer.ok().map(|answer| answer.status().as_u16());
        answers.push(status);
        if status.is_some_and(|status| manner.success.contains(&status)) {
            break;
        }
    }
    let is_success = answers.last().copied().flatten().is_some_and(|status| manner.success.contains(&status));
    let mut desk = shared.deliveries.desk();
    if let Some(one) = desk.subscriptions.get_mut(&subscription) {
        one.failures = if is_success { 0 } else { one.failures + 1 };
        one.is_active &= one.failures < manner.switched_off_after;
        if !one.is_active && manner.takes_away {
            desk.subscriptions.remove(&subscription);
        }
    }
    desk.sent.push_back(Sent { topic, address, headers, body, answers });
    if desk.sent.len() > MAX_SENT {
        desk.sent.pop_front();
    }
}

fn connected(client: &mut Option<reqwest::Client>) -> Option<&reqwest::Client> {
    if client.is_none() {
        *client = reqwest::Client::builder().timeout(PATIENCE).redirect(Policy::none()).build().ok();
    }
    client.as_ref()
}
