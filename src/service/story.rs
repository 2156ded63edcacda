//! What each ground, join and leave of a settlement rests on, so that "why is Anna on this list" has an answer.

use std::collections::HashMap;

use uuid::Uuid;

use super::settle::{Behalf, StoreContext, Touch};
use crate::domain::Audience;
use crate::domain::ids::{ConsentRecordId, ContactId, ListId, SourceRecordId};
use crate::domain::membership::{Cause, GroundKind, MappingGround, MembershipEventKind};
use crate::domain::source_record::SourceRecord;
use crate::store::memberships::{Event, NewGround, Story};

/// Tells what each join and leave rests on.
pub(super) struct Teller<'a> {
    store: &'a StoreContext,
    behalf: &'a Behalf,
    /// The consent records of the source records that are written.
    consents: HashMap<SourceRecordId, ConsentRecordId>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(store: &'a StoreContext, behalf: &'a Behalf, records: &[SourceRecord]) -> Self {
        let consents = records.iter().filter_map(|record| Some((record.id, record.recorded?.id))).collect();
        Self { store, behalf, consents }
    }

    fn story(&self, record: SourceRecordId, audience: Audience) -> Story {
        let consent = self.consents.get(&record).copied();
        Story {
            run_id: self.behalf.run_id,
            integration_id: Some(self.store.integration_id),
            audience: Some(audience),
            source_record_id: (!record.0.is_nil()).then_some(record),
            consent_record_id: consent.filter(|_| audience == Audience::Subscribers),
            actor: self.behalf.actor.clone(),
            said_at: None,
        }
    }

    pub(super) fn new_ground(&self, ground: &MappingGround, record: SourceRecordId) -> NewGround {
        NewGround {
            contact_id: ground.contact_id,
            list_id: ground.list_id,
            kind: GroundKind::Mapping,
            source_key: format!("{}:{}", self.store.integration_id, ground.audience),
            mapping: Some((self.store.integration_id, ground.audience)),
            story: self.story(record, ground.audience),
        }
    }

    pub(super) fn joins(&self, given: &[NewGround], joined: &[Place]) -> Vec<Event> {
        let by_place: HashMap<Place, &NewGround> =
            given.iter().map(|ground| ((ground.contact_id, ground.list_id), ground)).collect();
        let story = |place: &Place| Some(by_place.get(place)?.story.clone());
        let cause = self.behalf.cause.unwrap_or(Cause::ContactRule);
        joined
            .iter()
            .filter_map(|place| Some(event(*place, MembershipEventKind::Joined, cause, story(place)?)))
            .collect()
    }

    pub(super) fn leaves(&self, ended: &[(MappingGround, Uuid, Touch)], left: &[Place]) -> Vec<Event> {
        let by_place: HashMap<Place, (Audience, Touch)> = ended
            .iter()
            .map(|(ground, _, why)| ((ground.contact_id, ground.list_id), (ground.audience, *why)))
            .collect();
        left.iter()
            .filter_map(|place| {
                let (audience, why) = *by_place.get(place)?;
                let cause = self.behalf.cause.unwrap_or(why.cause);
                let said_at = why.said_at.filter(|_| cause == Cause::OptedOut);
                let story = Story { said_at, ..self.story(why.record, audience) };
                Some(event(*place, MembershipEventKind::Left, cause, story))
            })
            .collect()
    }
}

/// A contact on a list.
type Place = (ContactId, ListId);

const fn event((contact_id, list_id): Place, kind: MembershipEventKind, cause: Cause, story: Story) -> Event {
    Event { contact_id, list_id, kind, cause, story }
}
