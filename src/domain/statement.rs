//! The merge law: what a person last said about marketing in one store.
//!
//! What a person said is a set of dated statements per (email, store, channel). **The newest wins; at an equal time
//! the less permissive wins.** That makes merging a maximum over a total order, hence commutative, associative and
//! idempotent: no order of arrival, repetition or full re-sync changes the answer (product rule 5).
//!
//! Not every platform dates its flag. **An undated flag counts from when its value was seen to change**, and one
//! that is merely still there says nothing new. One that was there when we first looked was not seen to change: its
//! yes counts from the earliest it can have been said, so that it undoes no opt-out, and its no from when we saw it. The
//! same holds where it is another flag than the one that was looked at before ([`Statement::flags`]).

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};

use super::wire_enum::wire_enum;

wire_enum! {
    /// What a store's flag says. Declared from most to least permissive; ties go to the later one.
    OptIn {
        /// A positive opt-in.
        Granted = "granted",
        /// Nothing we may act on: never asked, pending, absent, or a value we do not know. Never a yes.
        Unknown = "unknown",
        /// An explicit no.
        Withdrawn = "withdrawn",
    }
}

wire_enum! {
    /// By which way an opt-in came about, as far as the platform tells.
    OptInSource {
        /// Ticked while an account was made, or kept on the account.
        AccountCreation = "account_creation",
        /// Ticked at checkout.
        Checkout = "checkout",
        /// The store's newsletter form.
        NewsletterForm = "newsletter_form",
        /// The platform's own marketing state, whatever set it.
        StoreSetting = "store_setting",
        /// A custom attribute made by the merchant.
        CustomAttribute = "custom_attribute",
    }
}

/// Whose opt-in a flag is: product rule 7 asks, when an address changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The store states it for the very address (Shopify, newsletter rows, an order).
    Address,
    /// The store keeps it on the account; a new address does not inherit it.
    Account,
    /// The store states it for the very address, but for a part of the store that was not chosen. A yes there is none
    /// here, and no opt-out either; once its part is chosen it counts like one that was there when we first looked.
    Elsewhere,
}

/// What one record of a store says about marketing, now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// The flag.
    pub value: OptIn,
    /// When the person said it, if the store tells.
    pub at: Option<DateTime<Utc>>,
    /// Before which they can't have said it, if the store dates the record but not the flag.
    pub since: Option<DateTime<Utc>>,
    /// By which way.
    pub source: OptInSource,
    /// Whose it is.
    pub scope: Scope,
    /// The vendor's own words for it, for the consent record; no personal data, at most 255 bytes.
    pub detail: String,
    /// Where the store may keep it under one of several names: the name of the flag that it was read off; if that says
    /// nothing, all names that were looked for. Empty where there is but one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

/// What a source record holds about the opt-in of its present address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The flag as the store last showed it.
    pub shown: OptIn,
    /// What it is worth for this address; `None` while the record has said nothing.
    pub word: Option<Word>,
    /// By which name or names: [`Statement::flags`].
    pub flags: Vec<String>,
}

/// A dated statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word {
    /// When it was said; where the store does not tell, from when it counts (see the module).
    pub at: DateTime<Utc>,
    /// What was said. After `at` in the order: at equal times the less permissive is the greater.
    pub value: OptIn,
    /// `true` if the store gives no time that can be believed.
    pub observed: bool,
}

impl Word {
    /// Since when the person is opted in no longer, if this says so and the store gives a time that can be believed.
    #[must_use]
    pub fn opted_out_at(self) -> Option<DateTime<Utc>> {
        (self.value != OptIn::Granted && !self.observed).then_some(self.at)
    }
}

/// The newest word; at equal times the less permissive one. The merge law itself.
#[must_use]
pub fn newest(words: impl IntoIterator<Item = Word>) -> Option<Word> {
    words.into_iter().max()
}

impl Held {
    /// What a record holds after showing `statement` at `seen_at`.
    ///
    /// `before` is what it held, `same_address` whether it was for the same address. A time in the future is taken
    /// as `seen_at`, so that a store's wrong clock can't outrank every later word. Times count in whole microseconds,
    /// as they are stored: a finer one would outrank its own stored copy.
    #[must_use]
    pub fn next(before: Option<&Self>, same_address: bool, statement: &Statement, seen_at: DateTime<Utc>) -> Self {
        let shown = statement.value;
        if statement.scope == Scope::Elsewhere {
            return Self { shown, word: None, flags: statement.flags.clone() };
        }
        let same_flag = before.is_none_or(|before| before.is_read_off(&statement.flags));
        let held = before.filter(|_| same_address).and_then(|held| held.word);
        // A yes of a flag that nobody looks at any more is not current; its no stays a no.
        let held = held.filter(|word| same_flag || word.value == OptIn::Withdrawn);
        let moved_account_flag =
            before.is_some() && !same_address && statement.scope == Scope::Account && shown == OptIn::Granted;
        // Only what was elsewhere is a yes for this address without a word.
        let was_elsewhere = statement.scope == Scope::Address
            && before.is_some_and(|held| held.shown == OptIn::Granted && held.word.is_none());
        let said = match (statement.at, before) {
            _ if moved_account_flag => None,
            (Some(at), _) => Some(Word { at: at.trunc_subsecs(6).min(seen_at), value: shown, observed: at > seen_at }),
            (None, Some(before))
                if same_address
                    && before.shown == shown
                    && !was_elsewhere
                    && (same_flag || shown != OptIn::Granted) =>
            {
                None
            }
            // A flag that was a yes and is gone is an opt-out; one that never was a yes says nothing.
            (None, Some(before)) if same_address && shown == OptIn::Unknown => (same_flag
                && before.shown == OptIn::Granted)
                .then_some(Word { at: seen_at, value: OptIn::Withdrawn, observed: true }),
            (None, _) if shown == OptIn::Unknown => None,
            // It was there when we first looked at this flag for this address, and may be older than any opt-out.
            (None, before)
                if shown == OptIn::Granted && (before.is_none() || !same_address || !same_flag || was_elsewhere) =>
            {
                let earliest = statement.since.unwrap_or(DateTime::UNIX_EPOCH).trunc_subsecs(6);
                Some(Word { at: earliest.min(seen_at), value: shown, observed: true })
            }
            (None, _) => Some(Word { at: seen_at, value: shown, observed: true }),
        };
        Self { shown, word: newest(held.into_iter().chain(said)), flags: statement.flags.clone() }
    }

    /// Whether what is held tells how one of these flags stood before.
    fn is_read_off(&self, flags: &[String]) -> bool {
        self.flags.is_empty() || flags.is_empty() || flags.iter().any(|flag| self.flags.contains(flag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
    }

    fn statement(value: OptIn, said: Option<i64>, scope: Scope) -> Statement {
        let source = OptInSource::StoreSetting;
        Statement { value, at: said.map(at), since: None, source, scope, detail: String::new(), flags: Vec::new() }
    }

    fn any_opt_in() -> impl Strategy<Value = OptIn> {
        proptest::sample::select(OptIn::ALL)
    }

    fn any_word() -> impl Strategy<Value = Word> {
        (0..20i64, any_opt_in(), any::<bool>()).prop_map(|(second, value, observed)| Word {
            at: at(second),
            value,
            observed,
        })
    }

    proptest! {
        #[test]
        fn merging_does_not_depend_on_order_or_repetition(words in proptest::collection::vec(any_word(), 0..8), cut in 0..8usize) {
            let whole = newest(words.clone());
            let mut backwards = words.clone();
            backwards.reverse();
            prop_assert_eq!(newest(backwards), whole);
            let twice: Vec<Word> = words.iter().chain(&words).copied().collect();
            prop_assert_eq!(newest(twice), whole);
            let (left, right) = words.split_at(cut.min(words.len()));
            prop_assert_eq!(newest(newest(left.to_vec()).into_iter().chain(newest(right.to_vec()))), whole);
        }

        #[test]
        fn a_withdrawal_is_undone_only_by_a_newer_grant(words in proptest::collection::vec(any_word(), 1..8)) {
            let Some(result) = newest(words.clone()) else { return Ok(()) };
            if result.value == OptIn::Granted {
                for word in words.iter().filter(|word| word.value != OptIn::Granted) {
                    prop_assert!(result.at > word.at);
                }
            }
        }

        #[test]
        fn dated_statements_of_one_record_may_arrive_in_any_order(
            said in proptest::collection::vec((any_opt_in(), 0..20i64), 1..6)
        ) {
            let read = |order: &[(OptIn, i64)]| order.iter().fold(None, |before: Option<Held>, (value, second)| {
                Some(Held::next(before.as_ref(), true, &statement(*value, Some(*second), Scope::Address), at(100)))
            }).and_then(|held| held.word);
            let mut backwards = said.clone();
            backwards.reverse();
            prop_assert_eq!(read(&said), read(&backwards));
        }

        #[test]
        fn seeing_the_same_thing_again_changes_nothing(value in any_opt_in(), said in proptest::option::of(0..20i64)) {
            let statement = statement(value, said, Scope::Account);
            let once = Held::next(None, true, &statement, at(50));
            prop_assert_eq!(Held::next(Some(&once), true, &statement, at(60)), once);
        }
    }

    #[test]
    fn an_undated_yes_that_disappears_is_an_opt_out() {
        let yes = Held::next(None, true, &statement(OptIn::Granted, None, Scope::Account), at(1));
        let gone = Held::next(Some(&yes), true, &statement(OptIn::Unknown, None, Scope::Account), at(2));
        assert_eq!(gone.word, Some(Word { at: at(2), value: OptIn::Withdrawn, observed: true }));
        let still_gone = Held::next(Some(&gone), true, &statement(OptIn::Unknown, None, Scope::Account), at(3));
        assert_eq!(still_gone.word, gone.word);
    }

    #[test]
    fn an_account_that_was_never_asked_has_said_nothing() {
        let held = Held::next(None, true, &statement(OptIn::Unknown, None, Scope::Account), at(1));
        assert_eq!(held.word, None);
    }

    #[test]
    fn a_new_address_does_not_inherit_the_accounts_opt_in() {
        let yes = Held::next(None, true, &statement(OptIn::Granted, None, Scope::Account), at(1));
        let moved = Held::next(Some(&yes), false, &statement(OptIn::Granted, None, Scope::Account), at(2));
        assert_eq!(moved.word, None);
        let later = Held::next(Some(&moved), true, &statement(OptIn::Granted, None, Scope::Account), at(3));
        assert_eq!(later.word, None, "the flag has not been set again since the address changed");
    }

    #[test]
    fn an_undated_yes_that_was_there_before_us_undoes_no_opt_out() {
        let found =
            |since: Option<i64>| Statement { since: since.map(at), ..statement(OptIn::Granted, None, Scope::Account) };
        let word = |since| Held::next(None, true, &found(since), at(50)).word.unwrap();
        assert_eq!(word(Some(7)), Word { at: at(7), value: OptIn::Granted, observed: true });
        assert_eq!(word(None).at, DateTime::UNIX_EPOCH);
        assert_eq!(word(Some(60)).at, at(50), "a time in the future is not believed");
        let gone = Held::next(None, true, &statement(OptIn::Granted, None, Scope::Address), at(50));
        let back = Held::next(Some(&gone), false, &statement(OptIn::Granted, None, Scope::Address), at(90));
        assert_eq!(back.word.unwrap().at, DateTime::UNIX_EPOCH, "coming back is not saying it again");
    }

    #[test]
    fn an_undated_yes_that_was_seen_to_change_counts_from_then() {
        let no = Held::next(None, true, &statement(OptIn::Withdrawn, None, Scope::Account), at(1));
        let yes = Held::next(Some(&no), true, &statement(OptIn::Granted, None, Scope::Account), at(2));
        assert_eq!(yes.word, Some(Word { at: at(2), value: OptIn::Granted, observed: true }));
    }

    /// An undated statement that was read off these flags, of an account that was made at second 7.
    fn read_off(value: OptIn, flags: &[&str]) -> Statement {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Statement { since: Some(at(7)), flags, ..statement(value, None, Scope::Account) }
    }

    fn seen(statements: &[Statement]) -> Option<(DateTime<Utc>, OptIn)> {
        let held = (50..).zip(statements).fold(None, |before: Option<Held>, (second, statement)| {
            Some(Held::next(before.as_ref(), true, statement, at(second)))
        });
        held.and_then(|held| held.word).map(|word| (word.at, word.value))
    }

    #[test]
    fn a_stale_yes_of_another_flag_is_not_a_new_one() {
        use OptIn::{Granted, Unknown, Withdrawn};
        let (no, old_yes) = (read_off(Withdrawn, &["ours"]), read_off(Granted, &["legacy"]));
        assert_eq!(seen(&[no.clone(), old_yes.clone()]), Some((at(50), Withdrawn)), "the flag that said no is gone");
        let silent = read_off(Unknown, &["ours"]);
        assert_eq!(seen(&[silent.clone(), old_yes]), Some((at(7), Granted)), "the settings name another flag");
        assert_eq!(seen(&[silent, read_off(Granted, &["ours"])]), Some((at(51), Granted)), "seen to change");
        let asked = read_off(Unknown, &["ours", "legacy"]);
        assert_eq!(seen(&[asked, read_off(Granted, &["legacy"])]), Some((at(51), Granted)), "it was looked for before");
        assert_eq!(seen(&[no, read_off(Granted, &["ours"])]), Some((at(51), Granted)));
        let seen_to_change = [read_off(Unknown, &["ours"]), read_off(Granted, &["ours"])];
        let then_another = [&seen_to_change[..], &[read_off(Granted, &["legacy"])]].concat();
        assert_eq!(seen(&then_another), Some((at(7), Granted)), "it does not take over the other flag's date");
    }

    #[test]
    fn a_yes_that_is_no_longer_looked_at_does_not_count_and_is_no_opt_out() {
        use OptIn::{Granted, Unknown, Withdrawn};
        let (yes, other) = (read_off(Granted, &["ours"]), read_off(Unknown, &["legacy"]));
        assert_eq!(seen(&[yes.clone(), other.clone()]), None);
        assert_eq!(seen(&[yes.clone(), other.clone(), yes.clone()]), Some((at(7), Granted)));
        let gone = read_off(Unknown, &["ours", "legacy"]);
        assert_eq!(seen(&[yes, gone]), Some((at(51), Withdrawn)), "it was looked for and is gone");
        assert_eq!(seen(&[read_off(Withdrawn, &["ours"]), other]), Some((at(50), Withdrawn)), "a no stays a no");
    }

    #[test]
    fn a_yes_for_another_part_of_the_store_is_neither_a_yes_nor_an_opt_out() {
        let said = |value, scope| Statement { since: Some(at(1)), ..statement(value, None, scope) };
        let here = Held::next(None, true, &said(OptIn::Granted, Scope::Address), at(2));
        let elsewhere = Held::next(Some(&here), true, &said(OptIn::Granted, Scope::Elsewhere), at(3));
        assert_eq!(elsewhere.word, None);
        let back = Held::next(Some(&elsewhere), true, &said(OptIn::Granted, Scope::Address), at(9));
        assert_eq!(back.word, here.word, "coming back is not saying it again");
        let no = Held::next(Some(&elsewhere), true, &said(OptIn::Unknown, Scope::Address), at(9));
        assert_eq!(no.word, Some(Word { at: at(9), value: OptIn::Withdrawn, observed: true }));
    }

    #[test]
    fn a_time_finer_than_we_store_is_cut() {
        let fine = at(1) + chrono::TimeDelta::nanoseconds(1_999);
        let said = Statement { at: Some(fine), ..statement(OptIn::Granted, None, Scope::Address) };
        let word = Held::next(None, true, &said, at(5)).word.unwrap();
        assert_eq!(word.at, at(1) + chrono::TimeDelta::microseconds(1));
    }

    #[test]
    fn an_opt_in_that_the_store_states_for_the_new_address_counts() {
        let yes = Held::next(None, true, &statement(OptIn::Granted, Some(1), Scope::Address), at(1));
        let moved = Held::next(Some(&yes), false, &statement(OptIn::Granted, Some(1), Scope::Address), at(2));
        assert_eq!(moved.word.map(|word| word.value), Some(OptIn::Granted));
    }

    #[test]
    fn only_a_no_that_the_store_dates_has_a_time() {
        let said = |value, observed| Word { at: at(7), value, observed }.opted_out_at();
        assert_eq!(said(OptIn::Withdrawn, false), Some(at(7)));
        assert_eq!(said(OptIn::Withdrawn, true), None, "that is when we saw it");
        assert_eq!(said(OptIn::Unknown, false), Some(at(7)), "a yes that the store took back without calling it a no");
        assert_eq!(said(OptIn::Granted, false), None);
    }

    #[test]
    fn a_time_in_the_future_is_not_believed() {
        let held = Held::next(None, true, &statement(OptIn::Granted, Some(99), Scope::Address), at(5));
        assert_eq!(held.word, Some(Word { at: at(5), value: OptIn::Granted, observed: true }));
    }
}
