//! One pass over one stream: a large shop as a whole is exported in bulk, everything else is read page by page.
//!
//! An export is not charged against the budget and has no end at 25,000 objects (`vendors/shopify.md` section 8). Where
//! the shop refuses or does not finish one, the pages' windows get through as well.

use futures::stream::{self, Stream};
use serde_json::{Value, json};

use super::Shopify;
use super::envelope::Trouble;
use super::export::{Export, Step};
use super::pages::{Listing, Reader};
use crate::connectors::{Checkpoint, ConnectorError, Pass, PeoplePage, Retry};

/// A pass.
pub(super) struct Walk<'a> {
    shop: &'a Shopify,
    listing: &'static Listing,
    place: Place<'a>,
    /// Said by the pages of a pass from its start; one that goes on has said it already.
    hides_some: bool,
    may_export: bool,
}

enum Place<'a> {
    /// Of a full pass: how to read is not decided yet.
    Start,
    Paged(Reader<'a>),
    Exported(Export<'a>),
}

impl<'a> Walk<'a> {
    /// Begins or goes on.
    pub(super) fn new(shop: &'a Shopify, listing: &'static Listing, pass: &Pass, resume: Option<Checkpoint>) -> Self {
        let exported = resume.as_ref().and_then(|checkpoint| Export::resume(shop, listing, checkpoint));
        let place = match (exported, pass, resume) {
            (Some(export), ..) => Place::Exported(export),
            (None, Pass::Full, None) => Place::Start,
            (None, pass, resume) => Place::Paged(Reader::new(shop, listing, pass, resume)),
        };
        Self { shop, listing, place, hides_some: false, may_export: true }
    }

    /// A full pass page by page.
    pub(super) const fn without_export(shop: &'a Shopify, listing: &'static Listing) -> Self {
        Self { shop, listing, place: Place::Start, hides_some: false, may_export: false }
    }

    /// The pages that are left.
    pub(super) fn into_pages(self) -> impl Stream<Item = Result<PeoplePage, ConnectorError>> + Send + 'a {
        stream::try_unfold(self, |mut walk| async move {
            let page = walk.next().await?;
            Ok(page.map(|page| (page, walk)))
        })
    }

    /// The next page; `None` after the last one.
    async fn next(&mut self) -> Result<Option<PeoplePage>, ConnectorError> {
        loop {
            let hides_some = self.hides_some;
            match &mut self.place {
                Place::Start => {
                    self.hides_some = !self.shop.shows_all(self.listing).await?;
                    self.place = self.begin().await?;
                }
                Place::Paged(reader) => {
                    return Ok(reader.next().await?.map(|page| PeoplePage { hides_some, ..page }));
                }
                Place::Exported(export) => match export.next().await? {
                    Step::Page(page) => return Ok(Some(PeoplePage { hides_some, ..page })),
                    Step::End => return Ok(None),
                    Step::Refused => self.place = Place::Paged(Reader::everything(self.shop, self.listing, None)),
                },
            }
        }
    }

    async fn begin(&self) -> Result<Place<'a>, ConnectorError> {
        let count = self.count().await?;
        let is_large = count.is_some_and(|(count, is_exact)| !is_exact || count >= self.shop.export_from);
        Ok(if is_large && self.may_export {
            Place::Exported(Export::begin(self.shop, self.listing))
        } else {
            let total = count.filter(|(_, is_exact)| *is_exact).map(|(count, _)| count);
            Place::Paged(Reader::everything(self.shop, self.listing, total))
        })
    }

    /// How many records there are, and whether exactly: counts saturate where paging ends, and then say so
    /// (`vendors/shopify.md` section 3). A store that can't tell is no reason to stop; one that is busy or down is.
    async fn count(&self) -> Result<Option<(u64, bool)>, ConnectorError> {
        /// Points of a count, as in the recorded example.
        const COUNT_POINTS: f64 = 10.0;
        let reply = match self.shop.client.ask(self.listing.count, &json!({}), COUNT_POINTS).await {
            Ok(reply) => reply,
            Err(Trouble::Failed(error)) if error.retry() != Retry::Never => return Err(error),
            Err(_) => return Ok(None),
        };
        let count = reply.data.get(self.listing.count_root);
        let is_exact = count.and_then(|count| count.get("precision")).and_then(Value::as_str) == Some("EXACT");
        Ok(count.and_then(|count| count.get("count")).and_then(Value::as_u64).map(|count| (count, is_exact)))
    }
}
