//! How many members of a list one reading of a store may take off before somebody is asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::ListId;

/// How many may leave a list unasked: as long as they are few by themselves, or few of the list's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limit {
    /// Share of the members that the list had when the reading began, 1 to 100 %. With 100 nobody is ever asked.
    pub percent: u32,
    /// Fewer than so many leave unasked, whatever share they are. 1 to [`MAX_AT_LEAST`].
    pub at_least: u32,
}

/// Largest [`Limit::at_least`].
pub const MAX_AT_LEAST: u32 = 1_000_000;

impl Default for Limit {
    /// Product rules, issue "The sync scheduler": a fifth, and fifty people.
    fn default() -> Self {
        Self { percent: 20, at_least: 50 }
    }
}

/// Whether people may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They may.
    Go,
    /// Somebody has to be asked first.
    Stop,
}

impl Limit {
    /// Whether so few leave that their share does not matter.
    #[must_use]
    pub fn is_small(self, left: u64, about: u64) -> bool {
        u128::from(left) + u128::from(about) < u128::from(self.at_least)
    }

    /// Whether `about` more may leave a list that had `members` when the reading began and that `left` have left since.
    ///
    /// A list that was empty then can't shrink: whoever leaves it came in the same reading.
    #[must_use]
    pub fn decide(self, members: u64, left: u64, about: u64) -> Verdict {
        let leaving = u128::from(left) + u128::from(about);
        let is_free = self.percent >= 100 || members == 0 || about == 0;
        let is_part = leaving * 100 <= u128::from(members) * u128::from(self.percent);
        if is_free || self.is_small(left, about) || is_part { Verdict::Go } else { Verdict::Stop }
    }
}

/// What one reading of a store did to a list so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ListTally {
    /// Contacts that came onto it.
    pub joined: u64,
    /// Contacts that went off it.
    pub left: u64,
    /// How many members it had when the reading began; counted once so many are about to leave that it matters.
    pub members: Option<u64>,
    /// Contacts that went off it by readings before this one, none of which came to a good end. Then `members` is how many it
    /// had when the first of those began.
    #[serde(default)]
    pub left_before: u64,
}

impl ListTally {
    /// How many members it had when the reading began, if it has so many now.
    #[must_use]
    pub const fn members_before(self, now: u64) -> u64 {
        (now + self.left + self.left_before).saturating_sub(self.joined)
    }

    /// How many have gone off it as far as the limit asks. Who left by an earlier reading and comes back has not.
    #[must_use]
    pub const fn gone(self) -> u64 {
        self.left + self.left_before.saturating_sub(self.joined)
    }

    /// What a reading that begins anew starts from, after one that did not end well: else two refusals would let the same people
    /// leave in three parts. `None` where nobody has gone.
    #[must_use]
    pub fn carried_on(self) -> Option<Self> {
        let left_before = self.gone();
        (left_before > 0).then_some(Self { joined: 0, left: 0, members: self.members, left_before })
    }
}

/// What one reading did, by list.
pub type Tally = BTreeMap<ListId, ListTally>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn more_than_a_fifth_and_at_least_fifty_ask() {
        let cases = [
            (100, 0, 30, Verdict::Go),
            (100, 0, 49, Verdict::Go),
            (100, 0, 50, Verdict::Stop),
            (300, 0, 60, Verdict::Go),
            (300, 0, 61, Verdict::Stop),
            (300, 60, 1, Verdict::Stop),
            (300, 61, 0, Verdict::Go),
            (0, 0, 500, Verdict::Go),
            (10_000, 1_999, 1, Verdict::Go),
            (10_000, 2_000, 1, Verdict::Stop),
        ];
        for (members, left, about, verdict) in cases {
            assert_eq!(Limit::default().decide(members, left, about), verdict, "{members}, {left}, {about}");
        }
    }

    #[test]
    fn who_left_by_a_refused_reading_counts_in_the_next_until_they_are_back() {
        let refused = ListTally { joined: 7, left: 200, members: Some(1000), left_before: 0 };
        let next = refused.carried_on().unwrap();
        assert_eq!((next.gone(), next.members), (200, Some(1000)));
        assert_eq!(Limit::default().decide(1000, next.gone(), 1), Verdict::Stop);
        let after_next = ListTally { left: 5, ..next }.carried_on().unwrap();
        assert_eq!(after_next.gone(), 205);
        assert_eq!(ListTally { joined: 200, ..next }.gone(), 0);
        assert_eq!(ListTally { joined: 200, ..next }.carried_on(), None);
    }

    fn limits() -> impl Strategy<Value = Limit> {
        (1..=100_u32, 1..=MAX_AT_LEAST).prop_map(|(percent, at_least)| Limit { percent, at_least })
    }

    proptest! {
        #[test]
        fn who_may_leave_together_may_leave_one_after_the_other(
            limit in limits(), members in 0..u64::MAX / 2, left in 0..1_000_000_u64, about in 0..1_000_000_u64, part in 0..1_000_000_u64,
        ) {
            let part = part.min(about);
            if limit.decide(members, left, about) == Verdict::Go {
                prop_assert_eq!(limit.decide(members, left, part), Verdict::Go);
                prop_assert_eq!(limit.decide(members, left + part, about - part), Verdict::Go);
            }
        }

        #[test]
        fn more_leaving_or_fewer_members_never_make_it_easier(
            limit in limits(), members in 1..1_000_000_000_u64, left in 0..1_000_000_u64, about in 1..1_000_000_u64, more in 0..1_000_u64,
        ) {
            if limit.decide(members, left, about) == Verdict::Stop {
                prop_assert_eq!(limit.decide(members, left, about + more), Verdict::Stop);
                prop_assert_eq!(limit.decide(members, left + more, about), Verdict::Stop);
                prop_assert_eq!(limit.decide(members.saturating_sub(more).max(1), left, about), Verdict::Stop);
            }
        }

        #[test]
        fn a_hundred_percent_and_few_people_never_ask(
            members in 0..u64::MAX, left in 0..u64::MAX / 2, about in 0..u64::MAX / 2, limit in limits(),
        ) {
            prop_assert_eq!(Limit { percent: 100, ..limit }.decide(members, left, about), Verdict::Go);
            if left + about < u64::from(limit.at_least) {
                prop_assert_eq!(limit.decide(members, left, about), Verdict::Go);
            }
        }
    }
}
