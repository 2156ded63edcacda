//! The contact rules over one million people in memory: `cargo bench --bench rules`.
//!
//! Prints addresses a second, one core, no I/O. No assertion on time: see `docs/benchmarks.md` for measured figures.

#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a benchmark prints rates for people")]

use std::hint::black_box;
use std::time::Instant;

use assent::domain::Platform;
use assent::domain::contact_rules::{self, Evidence};
use assent::domain::people::PersonKind;
use assent::domain::statement::{OptIn, OptInSource, Word};
use chrono::DateTime;

const PEOPLE: i64 = 1_000_000;

fn main() {
    let people: Vec<Vec<Evidence>> = (0..PEOPLE).map(person).collect();
    println!("{:<14}{:>14}{:>14}", "platform", "addresses/s", "subscribers");
    for platform in Platform::ALL {
        let rules = contact_rules::of(*platform);
        let started = Instant::now();
        let subscribers = people
            .iter()
            .filter(|evidence| contact_rules::apply(black_box(rules), black_box(evidence), None).subscribers.is_some())
            .count();
        let seconds = started.elapsed().as_secs_f64();
        println!("{:<14}{:>14.0}{subscribers:>14}", platform.as_str(), people.len() as f64 / seconds);
    }
}

/// One to three records, with and without words, of every kind.
fn person(index: i64) -> Vec<Evidence> {
    (0..=index % 3)
        .map(|record| Evidence {
            kind: PersonKind::ALL[usize::try_from((index + record) % 4).unwrap_or(0)],
            word: (index % 2 == 0).then(|| {
                let at = DateTime::from_timestamp(1_700_000_000 + index % 977 + record, 0).unwrap_or_default();
                let value = OptIn::ALL[usize::try_from((index / 2 + record) % 3).unwrap_or(0)];
                let source = OptInSource::ALL[usize::try_from(index % 5).unwrap_or(0)];
                (Word { at, value, observed: false }, source)
            }),
        })
        .collect()
}
