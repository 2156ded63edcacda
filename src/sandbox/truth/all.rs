//! The truth about many people: of one, of those who came by changes, and in numbers.

use std::collections::BTreeSet;

use super::{Problem, Totals, TrueRecord, Truth};
use crate::sandbox::book::Book;
use crate::sandbox::cast::ROUND;
use crate::sandbox::names::normalized;
use crate::sandbox::population::ERASED;
use crate::sandbox::records::{Account, Order, Record, Row};
use crate::sandbox::state::{Kept, State};

impl State {
    /// The truth about a person of the population: one entry per address, or one that says what is wrong.
    pub(crate) fn truths_of(&self, person: u64) -> Vec<Truth> {
        let found = self.seen(self.records_of(person));
        let accounts = found.accounts.iter().map(|account| (&account.email, account.malformed));
        let orders = found.orders.iter().map(|order| (&order.email, order.malformed));
        let rows = found.rows.iter().map(|row| (&row.email, row.malformed));
        let emails = accounts.chain(orders).chain(rows);
        let mut addresses = BTreeSet::new();
        let mut problems = Vec::new();
        for ((email, malformed), record) in emails.zip(self.told(&found)) {
            match problem(email.as_deref(), malformed) {
                Ok(address) => _ = addresses.insert(address),
                Err(problem) => problems.push(unusable(problem, TrueRecord { counts: false, ..record })),
            }
        }
        addresses.extend(self.former_addresses(person));
        // Somebody else's address is told with that somebody.
        addresses.retain(|address| {
            self.population.owner(address).is_none_or(|owner| owner == person || !self.population.owns(owner, address))
        });
        problems.extend(addresses.iter().map(|address| self.truth(address)));
        problems
    }

    /// Addresses that a person's records had before somebody changed them.
    fn former_addresses(&self, person: u64) -> Vec<String> {
        let mut former = self.former::<Account>(person);
        former.extend(self.former::<Order>(person));
        if self.population.sight.rows {
            former.extend(self.former::<Row>(person));
        }
        former
    }

    fn former<R: Kept>(&self, person: u64) -> Vec<String> {
        let book = R::book(self);
        let touched = book.laid_out_of(person).filter(|place| book.fate(place.id).is_touched());
        let emails = touched.filter_map(|place| R::build(self, place).email().map(str::to_owned));
        emails.filter(|email| email != ERASED).filter_map(|email| normalized(&email)).collect()
    }

    /// Addresses that came up by changes and belong to nobody of the population.
    pub(crate) fn added_addresses(&self) -> Vec<String> {
        let nobodys = |address: &String| self.owner_of(address).is_none();
        let mut addresses: BTreeSet<_> = added(&self.accounts);
        addresses.extend(added(&self.orders));
        if self.population.sight.rows {
            addresses.extend(added(&self.rows));
        }
        addresses.extend(self.noes.keys().cloned());
        addresses.into_iter().filter(nobodys).collect()
    }

    /// The person of the population whose own address this is.
    fn owner_of(&self, address: &str) -> Option<u64> {
        self.population.owner(address).filter(|person| self.population.owns(*person, address))
    }

    /// How many ought to be where. Costs as much as the changes, however many people there are.
    pub(crate) fn totals(&self) -> Totals {
        let touched = self.touched_people();
        let mut totals = Totals::default();
        let people = self.population.people;
        let untouched = State::new(self.population);
        for person in 0..people.min(ROUND) {
            // Everybody with one part has one truth; only the names differ.
            let alike = (people - person).div_ceil(ROUND);
            let touched = touched.iter().filter(|touched| *touched % ROUND == person).count() as u64;
            for truth in untouched.truths_of(person) {
                totals.add(&truth, alike - touched);
            }
        }
        for person in &touched {
            self.truths_of(*person).iter().for_each(|truth| totals.add(truth, 1));
        }
        for address in self.added_addresses() {
            totals.add(&self.truth(&address), 1);
        }
        totals
    }

    fn touched_people(&self) -> BTreeSet<u64> {
        let mut touched = self.touched(&self.accounts);
        touched.extend(self.touched(&self.orders));
        touched.extend(self.touched(&self.rows));
        touched.extend(self.noes.keys().filter_map(|address| self.owner_of(address)));
        touched
    }

    fn touched<R: Kept>(&self, book: &Book<R>) -> BTreeSet<u64> {
        let named = book.changed_live().filter_map(|record| self.owner_of(&normalized(record.email()?)?));
        named.chain(book.changed_ids().filter_map(|id| Some(book.laid_out(id)?.person))).collect()
    }
}

fn added<R: Kept>(book: &Book<R>) -> BTreeSet<String> {
    let new = book.changed_live().filter(|record| book.laid_out(Record::id(*record)).is_none());
    new.filter_map(|record| normalized(record.email()?)).collect()
}

fn unusable(problem: Problem, record: TrueRecord) -> Truth {
    Truth {
        address: None,
        audiences: Vec::new(),
        opted_in: None,
        said_at: None,
        deleted: false,
        problem: Some(problem),
        records: vec![record],
    }
}

/// The normalised address of a record, or what is wrong with it.
fn problem(email: Option<&str>, malformed: bool) -> Result<String, Problem> {
    match email {
        _ if malformed => Err(Problem::Malformed),
        None => Err(Problem::NoEmail),
        Some(ERASED) => Err(Problem::Erased),
        Some(email) => normalized(email).ok_or(Problem::InvalidEmail),
    }
}
