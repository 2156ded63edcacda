//! Data loaders: what the resolvers of one moment ask for is read in one query. One per request, without a memory,
//! so that a mutation's answer shows what it did.
//!
//! A moment is one poll of the execution: batches are run by the request's own task, and only when the execution has
//! nothing left to do but wait. With a timer instead, how many queries a document takes would depend on how busy the
//! machine is.

use std::collections::HashMap;
use std::hash::Hash;
use std::pin::pin;
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, OutputType};
use async_stream::stream;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use uuid::Uuid;

use super::context::Parts as _;
use super::pages::{self, Arguments, Page, RELATION_PAGE};
use crate::api::consent::ConsentRecordView;
use crate::api::contact::{ContactView, SourceRecordView};
use crate::api::integration::{IntegrationView, OptOutLatencyView};
use crate::api::list::ListView;
use crate::api::page::Key;
use crate::api::sync::SyncRunView;
use crate::api::webhook::WebhooksView;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::contact::{Contact, Membership, MembershipEvent, SourceRecord};
use crate::domain::evidence::RecordedConsent;
use crate::domain::ids::{ConsentRecordId, ContactId, IntegrationId, ListId, SourceRecordId, SyncRunId};
use crate::domain::page::{Slice, Window};
use crate::domain::run::{QuarantinedRecord, SyncRun};
use crate::error::{Error, SharedError};
use crate::service::evidence::ConsentKey;
use crate::service::{self, relations};

/// Reads for one caller.
pub(super) struct Reader {
    app: App,
    caller: Caller,
}

/// Batches that wait to be run.
pub(super) struct Batches(UnboundedReceiver<BoxFuture<'static, ()>>);

/// The loader of a request, and the batches that it will ask for.
pub(super) fn for_request(app: &App, caller: &Caller) -> (DataLoader<Reader>, Batches) {
    let (sender, receiver) = unbounded_channel();
    let queue = move |batch: BoxFuture<'static, ()>| {
        // Nobody waits for it once the execution has ended.
        drop(sender.send(batch));
    };
    let loader = DataLoader::new(Reader { app: app.clone(), caller: caller.clone() }, queue).delay(Duration::ZERO);
    (loader, Batches(receiver))
}

impl Batches {
    /// Runs an execution to its end, and its batches whenever it waits.
    pub(super) async fn run<T>(self, execution: impl Future<Output = T>) -> T {
        let Self(mut queue) = self;
        let mut execution = pin!(execution);
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                ended = &mut execution => return ended,
                Some(batch) = queue.recv() => running.push(batch),
                Some(()) = running.next() => {}
            }
        }
    }
}

impl Batches {
    /// The same for an execution with several results.
    pub(super) fn drive<T>(self, executions: impl Stream<Item = T>) -> impl Stream<Item = T> {
        stream! {
            let Self(mut queue) = self;
            let mut executions = pin!(executions);
            let mut running = FuturesUnordered::new();
            loop {
                let next = tokio::select! {
                    biased;
                    next = executions.next() => next,
                    Some(batch) = queue.recv() => {
                        running.push(batch);
                        continue;
                    }
                    Some(()) = running.next() => continue,
                };
                match next {
                    Some(execution) => yield execution,
                    None => return,
                }
            }
        }
    }
}

/// Reads by identity.
macro_rules! by_id {
    ($($id:ty => $view:ty, $read:path, $id_of:expr);+ $(;)?) => {$(
        impl Loader<$id> for Reader {
            type Value = $view;
            type Error = SharedError;

            async fn load(&self, ids: &[$id]) -> Result<HashMap<$id, $view>, SharedError> {
                let found = $read(&self.app, &self.caller, ids).await?;
                Ok(found.into_iter().map(|item| ($id_of(&item), item.into())).collect())
            }
        }
    )+};
}

by_id! {
    ListId => ListView, service::lists::by_ids, |list: &crate::domain::list::List| list.id;
    ContactId => ContactView, service::contacts::by_ids, |contact: &Contact| contact.id;
    IntegrationId => IntegrationView, service::integrations::by_ids,
        |integration: &crate::domain::integration::Integration| integration.id;
    SyncRunId => SyncRunView, service::runs::by_ids, |run: &SyncRun| run.id;
    SourceRecordId => SourceRecordView, service::contacts::sources_by_ids, |record: &SourceRecord| record.id;
    ConsentRecordId => ConsentRecordView, service::evidence::by_ids, |found: &RecordedConsent| found.record.id;
}

/// How long an integration's opt-outs took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct LatencyOf(pub(super) IntegrationId);

impl Loader<LatencyOf> for Reader {
    type Value = OptOutLatencyView;
    type Error = SharedError;

    async fn load(&self, keys: &[LatencyOf]) -> Result<HashMap<LatencyOf, OptOutLatencyView>, SharedError> {
        let ids: Vec<IntegrationId> = keys.iter().map(|LatencyOf(id)| *id).collect();
        let found = service::statistics::opt_out_latencies(&self.app, &self.caller, &ids).await?;
        Ok(found.into_iter().map(|(id, latency)| (LatencyOf(id), latency.into())).collect())
    }
}

/// The webhooks of an integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct WebhooksOf(pub(super) IntegrationId);

impl Loader<WebhooksOf> for Reader {
    type Value = WebhooksView;
    type Error = SharedError;

    async fn load(&self, keys: &[WebhooksOf]) -> Result<HashMap<WebhooksOf, WebhooksView>, SharedError> {
        let ids: Vec<IntegrationId> = keys.iter().map(|WebhooksOf(id)| *id).collect();
        let found = service::webhooks::by_ids(&self.app, &self.caller, &ids).await?;
        Ok(found.into_iter().map(|(id, webhooks)| (WebhooksOf(id), webhooks.into())).collect())
    }
}

/// Reads pages of relations: for each parent and window one page.
macro_rules! pages_of {
    ($($(#[$meta:meta])* $key:ident($parent:ty, $order:ty) => $item:ty, $read:path);+ $(;)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub(super) struct $key(pub(super) $parent, pub(super) Window<$order>);

        impl Loader<$key> for Reader {
            type Value = Slice<$item>;
            type Error = SharedError;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Slice<$item>>, SharedError> {
                let mut found = HashMap::new();
                for (window, parents) in by_window(keys.iter().map(|$key(parent, window)| (*parent, *window))) {
                    let pages = $read(&self.app, &self.caller, &parents, &window).await?;
                    found.extend(pages.into_iter().map(|(parent, page)| ($key(parent, window), page)));
                }
                Ok(found)
            }
        }
    )+};
}

pages_of! {
    /// The contacts of a list.
    ContactsOn(ListId, Uuid) => Contact, relations::contacts_on;
    /// The memberships of a contact.
    MembershipsOf(ContactId, Uuid) => Membership, relations::memberships_of;
    /// The joins and leaves of a contact.
    EventsOf(ContactId, Uuid) => MembershipEvent, relations::events_of;
    /// What the stores said about a contact.
    SourcesOf(ContactId, Uuid) => SourceRecord, relations::sources_of;
    /// The consent records of a contact.
    ConsentsOf(ContactId, ConsentKey) => RecordedConsent, relations::consents_of;
    /// The runs of an integration.
    RunsOf(IntegrationId, Uuid) => SyncRun, relations::runs_of;
    /// The records that a run could not use.
    IssuesOf(SyncRunId, Uuid) => QuarantinedRecord, relations::issues_of;
    /// Those of them that are not settled.
    UnresolvedIssuesOf(SyncRunId, Uuid) => QuarantinedRecord, relations::unresolved_issues_of;
}

/// Parents by window. One place in a document asks for one window, so there are few.
fn by_window<P, K: Eq + Hash + Copy>(keys: impl Iterator<Item = (P, Window<K>)>) -> HashMap<Window<K>, Vec<P>> {
    let mut windows: HashMap<Window<K>, Vec<P>> = HashMap::new();
    for (parent, window) in keys {
        windows.entry(window).or_default().push(parent);
    }
    windows
}

/// One thing by identity; `None` if it is gone.
pub(super) async fn find<I, V>(ctx: &Context<'_>, id: I) -> async_graphql::Result<Option<V>>
where
    Reader: Loader<I, Value = V, Error = SharedError>,
    I: Send + Sync + Hash + Eq + Clone + 'static,
    V: Send + Sync + Clone + 'static,
{
    Ok(loader(ctx)?.load_one(id).await?)
}

/// One thing by identity that may not be named at all.
pub(super) async fn find_some<I, V>(ctx: &Context<'_>, id: Option<Uuid>) -> async_graphql::Result<Option<V>>
where
    Reader: Loader<I, Value = V, Error = SharedError>,
    I: From<Uuid> + Send + Sync + Hash + Eq + Clone + 'static,
    V: Send + Sync + Clone + 'static,
{
    match id {
        Some(id) => find(ctx, I::from(id)).await,
        None => Ok(None),
    }
}

/// A page of a relation.
pub(super) async fn relation<L, D, N, K>(
    ctx: &Context<'_>,
    arguments: Arguments,
    of: impl FnOnce(Window<K>) -> L,
    key: impl Fn(&D) -> K,
) -> async_graphql::Result<Page<N>>
where
    Reader: Loader<L, Value = Slice<D>, Error = SharedError>,
    L: Send + Sync + Hash + Eq + Clone + 'static,
    D: Into<N> + Send + Sync + Clone + 'static,
    N: OutputType,
    K: Key + Copy,
{
    let window = arguments.window::<K>(RELATION_PAGE)?;
    let slice = loader(ctx)?.load_one(of(window)).await?;
    Ok(pages::page(&window, slice.unwrap_or(Slice { items: Vec::new(), has_more: false }), key))
}

fn loader<'a>(ctx: &Context<'a>) -> Result<&'a DataLoader<Reader>, Error> {
    ctx.parts()?;
    ctx.data_opt::<DataLoader<Reader>>().ok_or(Error::Unauthenticated)
}
