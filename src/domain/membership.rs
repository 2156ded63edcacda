//! From wanted to present: which grounds begin and which end.
//!
//! A membership lives while it has a ground. What a store gives is one ground per (store, audience); other stores,
//! the API, forms and imports hold their own and are not touched here.

use super::ids::{ContactId, ListId};
use super::wire_enum::wire_enum;
use super::words::{Audience, Purpose};

wire_enum! {
    /// What kind of reason keeps a contact on a list.
    GroundKind {
        /// An integration's mapping.
        Mapping = "mapping",
        /// A call of the API.
        Api = "api",
        /// A signup form.
        Form = "form",
        /// An import.
        Import = "import",
    }
}

wire_enum! {
    /// What happened to a membership.
    MembershipEventKind {
        /// The contact came onto the list.
        Joined = "joined",
        /// The contact went off the list.
        Left = "left",
    }
}

wire_enum! {
    /// Which rule caused a join or a leave.
    Cause {
        /// The store's record fits the audience.
        ContactRule = "contact_rule",
        /// The store says that the person opted in no longer.
        OptedOut = "opted_out",
        /// The record changed so that the audience no longer fits.
        NoLongerFits = "no_longer_fits",
        /// The store's record now has another address.
        EmailChanged = "email_changed",
        /// The store no longer has the record.
        DeletedInStore = "deleted_in_store",
        /// The mapping was changed.
        MappingChanged = "mapping_changed",
        /// The integration was deleted.
        IntegrationDeleted = "integration_deleted",
        /// The list was deleted.
        ListDeleted = "list_deleted",
        /// A consent was submitted with lists to join.
        ConsentSubmitted = "consent_submitted",
        /// The address was suppressed.
        Suppressed = "suppressed",
        /// The suppression was lifted by a newer consent.
        Resubscribed = "resubscribed",
        /// The person was erased.
        Erased = "erased",
    }
}

/// A ground that an integration's mapping gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MappingGround {
    /// Who.
    pub contact_id: ContactId,
    /// On what.
    pub list_id: ListId,
    /// As what.
    pub audience: Audience,
}

/// May an address be put on a list?
///
/// Product rule 6: a suppressed address is never added to a marketing list, nor kept as anybody's subscriber.
#[must_use]
pub const fn may_join(purpose: Purpose, audience: Option<Audience>, suppressed: bool) -> bool {
    !(suppressed && (matches!(purpose, Purpose::Marketing) || matches!(audience, Some(Audience::Subscribers))))
}

/// May an audience be mapped to a list of this purpose?
///
/// Product rule 3: people who did not opt in never reach a marketing list.
#[must_use]
pub const fn may_map(audience: Audience, purpose: Purpose) -> bool {
    match (audience, purpose) {
        (Audience::Subscribers, _) | (_, Purpose::Other) => true,
        (Audience::Customers | Audience::Guests, Purpose::Marketing) => false,
    }
}

/// What has to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<T> {
    /// Wanted and not present.
    pub begin: Vec<T>,
    /// Present and no longer wanted.
    pub end: Vec<T>,
}

/// Compares wanted grounds with present ones. Both may hold repetitions; the result is sorted and holds none.
#[must_use]
pub fn difference<T: Ord + Copy>(wanted: &[T], present: &[T]) -> Difference<T> {
    let sorted = |items: &[T]| {
        let mut items = items.to_vec();
        items.sort_unstable();
        items.dedup();
        items
    };
    let (wanted, present) = (sorted(wanted), sorted(present));
    let without =
        |items: &[T], other: &[T]| items.iter().filter(|item| other.binary_search(item).is_err()).copied().collect();
    Difference { begin: without(&wanted, &present), end: without(&present, &wanted) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn applying_the_difference_gives_what_is_wanted(
            wanted in proptest::collection::vec(0..30u8, 0..20),
            present in proptest::collection::vec(0..30u8, 0..20),
        ) {
            let change = difference(&wanted, &present);
            let mut state: BTreeSet<u8> = present.iter().copied().collect();
            for item in &change.end {
                prop_assert!(state.remove(item));
            }
            for item in &change.begin {
                prop_assert!(state.insert(*item));
            }
            prop_assert_eq!(state, wanted.iter().copied().collect::<BTreeSet<_>>());
            let again = difference(&wanted, &wanted);
            prop_assert!(again.begin.is_empty() && again.end.is_empty());
        }

        #[test]
        fn suppression_beats_all(purpose in proptest::sample::select(Purpose::ALL), audience in proptest::option::of(proptest::sample::select(Audience::ALL))) {
            let marketing = purpose == Purpose::Marketing || audience == Some(Audience::Subscribers);
            prop_assert_eq!(may_join(purpose, audience, true), !marketing);
            prop_assert!(may_join(purpose, audience, false));
        }
    }

    #[test]
    fn customers_and_guests_never_go_on_a_marketing_list() {
        assert!(may_map(Audience::Subscribers, Purpose::Marketing));
        assert!(!may_map(Audience::Customers, Purpose::Marketing));
        assert!(!may_map(Audience::Guests, Purpose::Marketing));
        assert!(may_map(Audience::Customers, Purpose::Other));
        assert!(may_map(Audience::Guests, Purpose::Other));
    }
}
