//! The privacy requests that Shopify hands on, from the store's own delivery to what is carried out.

use assent::domain::ids::ContactId;
use assent::domain::page::Window;
use assent::domain::privacy::{PrivacyKind, PrivacyState, RecordedRequest};
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Clock as _, Platform};
use assent::sandbox::{AppEvent, Change, DeliveryFault};
use assent::service;
use assent::service::privacy;
use chrono::TimeDelta;

use super::post::Connected;
use crate::privacy::{assert_gone, contact_of};
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(
    a_data_request_is_handed_over,
    an_erasure_forgets_the_person_whatever_the_store_says_later,
    an_erasure_of_a_guest_goes_by_the_address,
    an_erasure_that_comes_after_the_person_left_the_store_is_carried_out,
    a_shop_that_removed_the_app_is_forgotten,
    a_request_is_recorded_once_and_not_from_forged_words,
);

const ANNA: &str = "anna@example.com";
const BERTA: &str = "berta@example.com";

fn new_customer(email: &str) -> Change {
    Change::NewCustomer { email: email.to_owned(), opt_in: Some(true) }
}

fn erasure(email: &str) -> AppEvent {
    AppEvent::RequestErasure { email: email.to_owned() }
}

impl Connected {
    /// A shop with one subscriber.
    async fn with_anna(db: TestDatabase) -> (Self, ContactId) {
        let it = Self::empty(Platform::Shopify, db).await;
        it.happens(&new_customer(ANNA)).await;
        let id = contact_of(&it.shop, ANNA).await;
        (it, id)
    }

    async fn asks(&self, event: &AppEvent) {
        self.test.clock.advance(TimeDelta::minutes(1));
        self.shop.store.happens_to_the_app(event).expect("it can happen");
        self.shop.store.delivered().await;
    }

    async fn requests(&self) -> Vec<RecordedRequest> {
        let all = Window::first(50, None);
        privacy::list(&self.shop.app, &self.shop.caller, None, &all).await.unwrap().items
    }

    /// Lets the store ask, checks what is recorded, and carries it out.
    async fn answers(&self, event: &AppEvent, kind: PrivacyKind) -> RecordedRequest {
        self.asks(event).await;
        let recorded = self.requests().await.into_iter().next().expect("a request is recorded");
        let now = self.test.clock.now();
        let found = (recorded.kind, recorded.state, recorded.integration_id, recorded.received_at, recorded.due_at);
        let expected = (kind, PrivacyState::Open, Some(self.shop.integration), now, now + TimeDelta::days(30));
        assert_eq!(found, expected, "recorded with its deadline");
        self.test.clock.advance(TimeDelta::seconds(1));
        assert_eq!(privacy::carry_out_due(&self.shop.app).await, 1);
        let carried_out = privacy::get(&self.shop.app, &self.shop.caller, recorded.id).await.unwrap();
        let expected = match kind {
            // Somebody has to hand the data over.
            PrivacyKind::DataRequest => (PrivacyState::Ready, None),
            PrivacyKind::Redact | PrivacyKind::ShopRedact => (PrivacyState::Done, Some(self.test.clock.now())),
        };
        assert_eq!((carried_out.state, carried_out.done_at), expected, "{:?}", carried_out.outcome);
        carried_out
    }
}

async fn a_data_request_is_handed_over(db: TestDatabase) {
    let (it, id) = Connected::with_anna(db).await;
    let ready = it.answers(&AppEvent::RequestData { email: ANNA.to_owned() }, PrivacyKind::DataRequest).await;
    let handed = privacy::export(&it.shop.app, &it.shop.caller, ready.id).await.unwrap();
    assert_eq!(handed.contacts.iter().map(|contact| contact.id).collect::<Vec<_>>(), [id]);
    assert_eq!((handed.sources.len(), handed.memberships.len()), (1, 2));
    assert!(!handed.consents.is_empty(), "what she agreed to in the store");
    let done = privacy::complete(&it.shop.app, &it.shop.caller, ready.id).await.unwrap();
    assert_eq!((done.state, done.done_at), (PrivacyState::Done, Some(it.test.clock.now())));
}

async fn an_erasure_forgets_the_person_whatever_the_store_says_later(db: TestDatabase) {
    let (it, id) = Connected::with_anna(db).await;
    it.answers(&erasure(ANNA), PrivacyKind::Redact).await;
    assert_gone(&it.shop, ANNA, id).await;
    it.happens(&Change::OptOut { email: ANNA.to_owned() }).await;
    it.happens(&Change::OptIn { email: ANNA.to_owned() }).await;
    assert_gone(&it.shop, ANNA, id).await;
    for mode in [RunMode::Incremental, RunMode::Full] {
        it.test.clock.advance(TimeDelta::days(1));
        assert_eq!(it.shop.sync(mode).await.status, "succeeded");
        assert_gone(&it.shop, ANNA, id).await;
    }
}

async fn an_erasure_of_a_guest_goes_by_the_address(db: TestDatabase) {
    let (it, anna) = Connected::with_anna(db).await;
    it.happens(&Change::GuestOrder { email: BERTA.to_owned(), opt_in: Some(true) }).await;
    let berta = contact_of(&it.shop, BERTA).await;
    it.answers(&erasure(BERTA), PrivacyKind::Redact).await;
    assert_gone(&it.shop, BERTA, berta).await;
    assert_eq!(contact_of(&it.shop, ANNA).await, anna, "nobody else");
}

async fn an_erasure_that_comes_after_the_person_left_the_store_is_carried_out(db: TestDatabase) {
    let (it, id) = Connected::with_anna(db).await;
    it.shop.store.plan_delivery_fault(DeliveryFault::Delayed, 1);
    it.asks(&erasure(ANNA)).await;
    it.happens(&Change::Delete { email: ANNA.to_owned() }).await;
    assert!(it.shop.on(Audience::Subscribers).await.is_empty());
    it.shop.store.clear_delivery_faults();
    it.shop.store.delivered().await;
    assert_eq!(privacy::carry_out_due(&it.shop.app).await, 1);
    assert_eq!(it.requests().await[0].state, PrivacyState::Done);
    assert_gone(&it.shop, ANNA, id).await;
}

async fn a_shop_that_removed_the_app_is_forgotten(db: TestDatabase) {
    let (it, id) = Connected::with_anna(db).await;
    it.happens(&Change::GuestOrder { email: BERTA.to_owned(), opt_in: Some(true) }).await;
    let berta = contact_of(&it.shop, BERTA).await;
    it.shop.store.happens_to_the_app(&AppEvent::Uninstall).unwrap();
    it.carry_out().await;
    it.test.clock.advance(TimeDelta::hours(48));
    it.answers(&AppEvent::EraseShop, PrivacyKind::ShopRedact).await;
    assert_gone(&it.shop, ANNA, id).await;
    assert_gone(&it.shop, BERTA, berta).await;
    let integration = service::integrations::get(&it.shop.app, &it.shop.caller, it.shop.integration).await.unwrap();
    assert_eq!(integration.state_code.as_deref(), Some("STORE_LEFT"));
}

async fn a_request_is_recorded_once_and_not_from_forged_words(db: TestDatabase) {
    let (it, id) = Connected::with_anna(db).await;
    it.shop.store.plan_delivery_fault(DeliveryFault::Tampered, 1);
    it.asks(&erasure(ANNA)).await;
    let answers = it.last("customers/redact").answers;
    assert!(answers.iter().all(|answer| *answer == Some(401)), "{answers:?}");
    assert!(it.requests().await.is_empty());
    it.shop.store.plan_delivery_fault(DeliveryFault::Doubled, 1);
    it.asks(&erasure(ANNA)).await;
    assert_eq!(it.requests().await.len(), 1);
    assert_eq!(it.send_again(&it.last("customers/redact")).await, 200);
    assert_eq!(privacy::carry_out_due(&it.shop.app).await, 1);
    assert_eq!((it.requests().await.len(), it.requests().await[0].state), (1, PrivacyState::Done));
    assert_gone(&it.shop, ANNA, id).await;
}
