//! A look at a store without writing: what a sync would make of the first page of each stream.
//!
//! The records go through the same judgement, merge law and contact rules as in a run. There is no database: it is
//! as if the store had just been installed.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::TryStreamExt as _;
use futures::future::ready;

use super::reading::{Content, Judged};
use super::walk::Patience;
use crate::connectors::{Connector, ConnectorError, PeoplePage, Total};
use crate::domain::contact_rules::{self, Evidence};
use crate::domain::people::{StoreRecord, Stream};
use crate::domain::source_record::SourceRecord;
use crate::domain::statement::OptIn;
use crate::domain::{Audience, Clock, Platform};

/// Longest that one page is waited for, tries and all.
const LONGEST: Duration = Duration::from_mins(2);

/// What the first page of a stream shows.
#[derive(Debug, Default)]
pub(crate) struct StreamLook {
    /// Records looked at.
    pub(crate) read: u64,
    /// Records of the stream in all, if the store tells.
    pub(crate) total: Option<u64>,
    /// Records of people, by their standing in the store.
    pub(crate) people: BTreeMap<&'static str, u64>,
    /// Records that are in order but nobody, by the reason.
    pub(crate) skipped: BTreeMap<&'static str, u64>,
    /// Records that can't be used, by what is wrong with them.
    pub(crate) quarantined: BTreeMap<String, u64>,
    /// Records that say no to marketing.
    pub(crate) opt_outs: u64,
}

/// What is known of the people of a store after a look at its streams.
#[derive(Debug)]
pub(crate) struct Look {
    platform: Platform,
    evidence: BTreeMap<String, Vec<Evidence>>,
}

impl Look {
    /// Nothing is known yet.
    pub(crate) const fn new(platform: Platform) -> Self {
        Self { platform, evidence: BTreeMap::new() }
    }

    /// Looks at up to `limit` records of a stream's first page.
    ///
    /// # Errors
    /// The store does not answer well, also not after some patience.
    pub(crate) async fn at(
        &mut self,
        connector: &dyn Connector,
        stream: Stream,
        limit: usize,
        clock: &dyn Clock,
    ) -> Result<StreamLook, ConnectorError> {
        let mut look = StreamLook::default();
        let Some(page) = first_page(connector, stream).await? else { return Ok(look) };
        look.total = page.total.map(Total::count);
        for record in page.records.into_iter().take(limit) {
            self.take(stream, record, &mut look, clock);
        }
        Ok(look)
    }

    /// How many addresses the contact rules put into each audience of the platform.
    pub(crate) fn audiences(&self) -> BTreeMap<Audience, u64> {
        let rules = contact_rules::of(self.platform);
        let mut counts: BTreeMap<Audience, u64> = rules.audiences().iter().map(|audience| (*audience, 0)).collect();
        for evidence in self.evidence.values() {
            for (audience, _) in contact_rules::apply(rules, evidence, None).iter() {
                *counts.entry(audience).or_default() += 1;
            }
        }
        counts
    }

    /// How many different addresses were read.
    pub(crate) fn addresses(&self) -> usize {
        self.evidence.len()
    }

    fn take(&mut self, stream: Stream, record: StoreRecord, look: &mut StreamLook, clock: &dyn Clock) {
        look.read += 1;
        if let StoreRecord::Skipped { reason, .. } = &record {
            *look.skipped.entry(reason.as_str()).or_default() += 1;
        }
        match Judged::of(stream, Content::Shown(record)) {
            Judged::Nobody(..) => {}
            Judged::Unusable(record) => {
                *look.quarantined.entry(format!("{}: {}", record.reason, record.detail)).or_default() += 1;
            }
            Judged::Person(person, email, hash) => {
                *look.people.entry(person.kind.as_str()).or_default() += 1;
                look.opt_outs += u64::from(person.statement.value == OptIn::Withdrawn);
                let address = email.normalized().to_owned();
                let record = SourceRecord::first_seen(stream, &person, email, hash, clock.now());
                self.evidence.entry(address).or_default().push(record.evidence());
            }
        }
    }
}

/// The first page that has records; `None` of an empty stream.
async fn first_page(connector: &dyn Connector, stream: Stream) -> Result<Option<PeoplePage>, ConnectorError> {
    let asking = async {
        let mut patience = Patience::default();
        loop {
            let mut pages = connector.look(stream).try_filter(|page| ready(!page.records.is_empty()));
            match pages.try_next().await {
                Ok(page) => return Ok(page),
                Err(error) => match patience.wait_after(&error) {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return Err(error),
                },
            }
        }
    };
    tokio::time::timeout(LONGEST, asking).await.unwrap_or(Err(ConnectorError::TimedOut))
}
