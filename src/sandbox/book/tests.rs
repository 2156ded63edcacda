//! Paging held against looking at every record.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone, PartialEq)]
struct Note {
    id: u64,
    modified: Second,
    email: Option<&'static str>,
}

impl Record for Note {
    fn id(&self) -> u64 {
        self.id
    }
    fn modified(&self) -> Second {
        self.modified
    }
    fn email(&self) -> Option<&str> {
        self.email
    }
}

const FROM: Second = 1_000;

/// Two records for every third person of a round, one for every other.
fn book(people: u64) -> Book<Note> {
    Book::new(people, 10, FROM, |person| if person.is_multiple_of(3) { 2 } else { 1 })
}

fn note(place: Place) -> Note {
    Note { id: place.id, modified: FROM + place.modified_after, email: None }
}

/// The same by looking at every record.
fn naive(book: &Book<Note>, people: u64, sort: Sort, keys: &Range<Key>, odd: bool) -> Vec<Note> {
    let laid_out =
        (0..people).flat_map(|person| book.laid_out_of(person)).filter(|place| !odd || place.person % 2 == 1);
    let untouched = laid_out.map(note).filter(|note| !book.fate(note.id).is_touched());
    let mut notes: Vec<_> = untouched.chain(book.changed_live().cloned()).collect();
    notes.retain(|note| keys.contains(&key(note, sort)));
    notes.sort_by_key(|note| key(note, sort));
    notes
}

proptest! {
    #[test]
    fn any_page_of_a_changed_book_is_what_looking_at_every_record_shows(
        people in 0..260u64,
        changes in proptest::collection::vec((prop_oneof![0..4u64, 0..400u64], proptest::option::of(0..40_000_000i64), email()), 0..12),
        by_change in any::<bool>(),
        odd in any::<bool>(),
        window in (0..40_000_000i64, 0..40_000_000i64),
        (offset, limit) in (prop_oneof![0..4usize, 0..400usize], 0..60usize),
    ) {
        let mut book = book(people);
        for (id, modified, email) in changes {
            match modified {
                Some(modified) => book.put(Note { id: 10 + id, modified, email }),
                None => book.remove(10 + id),
            }
        }
        let sort = if by_change { Sort::Modified } else { Sort::Id };
        let keys = if by_change { (window.0.min(window.1), 0)..(window.0.max(window.1), 0) } else { ALL_KEYS };
        let expected = naive(&book, people, sort, &keys, odd);
        let listing = book.list(sort, keys, |person, _| !odd || person % 2 == 1, |_| true);
        prop_assert_eq!(listing.len(), expected.len() as u64);
        let page: Vec<_> = listing.slice(offset as u64, limit as u64).into_iter().map(|entry| entry.or_build(note)).collect();
        let window: Vec<_> = expected.iter().skip(offset).take(limit).cloned().collect();
        prop_assert_eq!(page, window);
        for (number, note) in expected.iter().enumerate() {
            prop_assert_eq!(listing.up_to(listing.key_of(note)), number as u64 + 1);
        }
    }
}

fn email() -> impl Strategy<Value = Option<&'static str>> {
    proptest::sample::select(vec![
        None,
        Some("anna"),
        Some(" Anna@example.com"),
        Some("anna@EXAMPLE.com"),
        Some("ben@example.com"),
    ])
}

proptest! {
    #[test]
    fn a_changed_record_is_found_by_the_address_it_carries_now(
        changes in proptest::collection::vec((0..9u64, any::<bool>(), email()), 0..40),
    ) {
        let mut book = book(3);
        for (id, stays, email) in changes {
            if stays { book.put(Note { id: 10 + id, modified: FROM, email }) } else { book.remove(10 + id) }
        }
        for address in ["anna@example.com", "ben@example.com"] {
            let found: Vec<_> = book.changed_with(address).collect();
            let carries = |note: &&Note| note.email.and_then(normalized).as_deref() == Some(address);
            prop_assert_eq!(found, book.changed_live().filter(carries).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_book_that_nobody_has_records_in_takes_new_ones() {
    let mut book = Book::<Note>::new(200, 10, FROM, |_| 0);
    assert_eq!((book.list(Sort::Id, ALL_KEYS, |_, _| true, |_| true).len(), book.laid_out(10)), (0, None));
    let id = book.issue_id();
    book.put(Note { id, modified: FROM + 5, email: None });
    let listing = book.list(Sort::Modified, ALL_KEYS, |_, _| true, |_| true);
    assert_eq!((listing.len(), listing.slice(0, 9).len()), (1, 1));
}
