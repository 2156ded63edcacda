//! The people of a simulated store: seeded, deterministic and procedural.
//!
//! A person is computed from (seed, platform, number) whenever a page needs them, so that a million people cost no
//! memory. What changes lives in [`super::book`].
//!
//! **Invariant:** within one store an address belongs to one person; every date lies before 2026.

use super::book::Place;
use super::cast::{self, AccountPart, Address, NameKind, OrderPart, Part, RowPart};
use super::names::{DOMAINS, ESCAPED_LAST, FIRST, LAST, Name, normalized};
use super::nature::{self, Letters, Nature, Sight};
use super::records::{Account, Order, Row, Says, Second};
use crate::domain::Platform;

/// 2023-01-01: the first account.
const JOINED_FROM: Second = 1_672_531_200;
/// 2024-01-01: the first order.
const ORDERED_FROM: Second = 1_704_067_200;
/// 2025-01-01: the first modification.
pub(crate) const CHANGED_FROM: Second = 1_735_689_600;
/// Each of these periods lasts 364 days, so that they do not touch.
pub(crate) const PERIOD: Second = 364 * 86_400;
const DAY: Second = 86_400;

/// Every fifth person shops in every store.
const SHARED_EVERY: u64 = 5;

/// The address that WooCommerce's erasure leaves.
pub(crate) const ERASED: &str = "deleted@site.invalid";

/// The people of one store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Population {
    pub(crate) platform: Platform,
    pub(crate) seed: u64,
    pub(crate) people: u64,
    pub(crate) sight: Sight,
}

/// What a roll of the dice is for, so that rolls do not depend on each other.
#[derive(Debug, Clone, Copy)]
enum Roll {
    First,
    Last,
    Domain,
    Tag,
    Casing,
    Unicode,
    SaidOn,
    Amount,
}

impl Population {
    pub(crate) fn part(&self, person: u64) -> Part {
        cast::part(self.nature(), person)
    }

    const fn nature(&self) -> &'static Nature {
        nature::of(self.platform)
    }

    /// An even number from a person, the same in every store for those who shop in all of them.
    fn roll(&self, person: u64, roll: Roll, within: usize) -> usize {
        let store = if person.is_multiple_of(SHARED_EVERY) { 0 } else { 1 + self.platform as u64 };
        pick(mix(self.seed ^ (store << 56) ^ ((roll as u64) << 48), person), within)
    }

    fn own_roll(&self, person: u64, roll: Roll, within: usize) -> usize {
        pick(mix(self.seed ^ ((1 + self.platform as u64) << 56) ^ ((roll as u64) << 48), person), within)
    }

    fn name(&self, person: u64) -> (Name, Name) {
        (FIRST[self.roll(person, Roll::First, FIRST.len())], LAST[self.roll(person, Roll::Last, LAST.len())])
    }

    /// The person's own address as typed in this store.
    pub(crate) fn address(&self, person: u64) -> String {
        let shared = person.is_multiple_of(SHARED_EVERY);
        let ((first, plain_first), (_, plain_last)) = self.name(person);
        let Nature { tag, letters, .. } = self.nature();
        let store = if shared { "" } else { tag };
        let accents = *letters != Letters::Ascii && !shared && self.own_roll(person, Roll::Unicode, 20) == 0;
        let first = if accents { first.to_lowercase() } else { plain_first.to_owned() };
        let tag = if self.roll(person, Roll::Tag, 16) == 0 { "+shop" } else { "" };
        let (typed, ascii) = DOMAINS[self.roll(person, Roll::Domain, DOMAINS.len())];
        let domain = if *letters == Letters::Any { typed } else { ascii };
        let address = format!("{first}.{plain_last}{person}{store}{tag}@{domain}");
        match self.own_roll(person, Roll::Casing, 12) {
            0 => recased(&address),
            1 => capitalised(&address),
            _ => address,
        }
    }

    /// The person an address may belong to: its number stands in it. To be checked against their records.
    pub(crate) fn owner(&self, address: &str) -> Option<u64> {
        let local = address.split_once('@')?.0;
        let end = local.rfind(|c: char| c.is_ascii_digit())? + 1;
        let start = local.get(..end)?.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
        let person = local.get(start..end)?.parse().ok()?;
        (person < self.people).then_some(person)
    }

    fn typed(&self, person: u64, address: Address) -> Option<String> {
        let own = || self.address(person);
        match address {
            Address::Own => Some(own()),
            Address::OtherCase => Some(recased(&own())),
            Address::Office => Some(format!("office.{}", own())),
            Address::Nonsense if person.is_multiple_of(2) => Some(own().replace('@', "(at)")),
            Address::Nonsense => Some(format!("{} {person}@example.com", self.name(person).0.1)),
            Address::Erased => Some(ERASED.to_owned()),
            Address::Absent => None,
        }
    }

    fn names(&self, person: u64, kind: NameKind) -> (String, String) {
        let ((first, _), (last, _)) = self.name(person);
        match kind {
            NameKind::Usual => (first.to_owned(), last.to_owned()),
            NameKind::Escaped => (first.to_owned(), ESCAPED_LAST.to_owned()),
            NameKind::Absent => (String::new(), String::new()),
        }
    }

    /// The account at a place of the book of accounts.
    pub(crate) fn account(&self, place: Place) -> Account {
        let person = place.person;
        let part = self.part(person);
        let AccountPart { says, standing, address, name, shows_modified, channel, list_hides, malformed } =
            part.accounts[place.part];
        let (first_name, last_name) = self.names(person, name);
        let created = JOINED_FROM + place.created_after;
        // Two records of one person say what they say one after the other, in the order of the cast.
        let later = DAY * (1 + 100 * Second::try_from(place.part).unwrap_or_default());
        let wait = Second::try_from(self.own_roll(person, Roll::SaidOn, 90)).unwrap_or_default() * DAY;
        let office = part.orders.iter().any(|order| order.by_account && order.address == Address::Office);
        Account {
            id: place.id,
            standing,
            email: self.typed(person, address),
            billing_email: office.then(|| self.typed(person, Address::Office)).flatten(),
            first_name,
            last_name,
            says,
            said_at: match says {
                // Nobody can tell when, so that it holds until somebody is seen to say yes.
                Says::No if !self.nature().dates_words => CHANGED_FROM + PERIOD,
                _ if !self.nature().dates_words => created,
                _ if says == Says::No || place.part > 0 => created + later + wait,
                _ => created,
            },
            flag_is_stale: false,
            created,
            modified: CHANGED_FROM + place.modified_after,
            shows_modified,
            orders: u32::try_from(part.orders_of(place.part)).unwrap_or_default(),
            channel,
            list_hides,
            malformed,
        }
    }

    /// The order at a place of the book of orders; `account` is the account it belongs to if it belongs to one.
    pub(crate) fn order(&self, place: Place, account: Option<u64>) -> Order {
        let OrderPart { by_account, guest_flag, says, address, status, test, malformed } =
            self.part(place.person).orders[place.part];
        let (first_name, last_name) = self.names(place.person, NameKind::Usual);
        Order {
            id: place.id,
            account: account.filter(|_| by_account),
            guest_flag,
            email: self.typed(place.person, address),
            first_name,
            last_name,
            says,
            created: ORDERED_FROM + place.created_after,
            modified: CHANGED_FROM + place.modified_after,
            status,
            test,
            cents: 1_000 + u32::try_from(self.own_roll(place.person, Roll::Amount, 20_000)).unwrap_or_default(),
            malformed,
        }
    }

    /// The newsletter row at a place of the book of rows.
    pub(crate) fn row(&self, place: Place) -> Row {
        let RowPart { says, confirmed, address, name, channel, malformed } = self.part(place.person).rows[place.part];
        let (first_name, last_name) = self.names(place.person, name);
        let created = JOINED_FROM + place.created_after;
        let modified = CHANGED_FROM + place.modified_after;
        let wait = Second::try_from(self.own_roll(place.person, Roll::SaidOn, 90)).unwrap_or_default() * DAY;
        let confirmed_at = confirmed.then_some(created + wait);
        Row {
            id: place.id,
            email: self.typed(place.person, address),
            first_name,
            last_name,
            says,
            said_at: if says == Says::No { modified } else { confirmed_at.unwrap_or(created) },
            confirmed_at,
            channel,
            created,
            modified,
            shows_modified: says == Says::No || confirmed,
            malformed,
        }
    }

    /// Whether a person's own address is this one.
    pub(crate) fn owns(&self, person: u64, address: &str) -> bool {
        let own = self.address(person);
        let office = format!("office.{own}");
        [own, office].iter().any(|candidate| normalized(candidate).as_deref() == Some(address))
    }
}

/// Letters swapped to the other case; domain and local part are one to a mail server only after folding.
fn recased(address: &str) -> String {
    address
        .chars()
        .map(|c| match c {
            c if c.is_ascii_lowercase() => c.to_ascii_uppercase(),
            c => c.to_ascii_lowercase(),
        })
        .collect()
}

fn capitalised(address: &str) -> String {
    let mut starts = true;
    address
        .chars()
        .map(|c| {
            let c = if starts { c.to_ascii_uppercase() } else { c };
            starts = matches!(c, '.' | '@');
            c
        })
        .collect()
}

fn pick(number: u64, within: usize) -> usize {
    usize::try_from(number % within as u64).unwrap_or_default()
}

/// `SplitMix64`, a fixed function: the population must not change with a release of a random number crate.
pub(crate) fn mix(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
