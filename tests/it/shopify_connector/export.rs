//! A large shop as a whole: exported in bulk, whatever goes wrong with that.

use std::sync::Arc;

use assent::connectors::{Checkpoint, Connector, ConnectorError, Pass, PeoplePage, Retry, Total};
use assent::domain::people::Stream;
use assent::domain::{Clock as _, SystemClock};
use assent::sandbox::{
    Change, ExportOptions, ExportTrouble, Fault, FaultPlan, SandboxStore, ShopifyCredentials, ShopifyOptions,
};
use chrono::TimeDelta;
use futures::StreamExt;
use serde_json::json;

use super::shop::{Answer, HandClock, Shop, line, lines, page};
use super::simulated::{assert_true, first_subscriber, read, read_all, start_with};

/// Every shop of these tests has more records than this.
const FROM: u64 = 10;
/// Most looks at an export that a test waits for.
const MAX_LOOKS: usize = 30;

async fn exporting(people: u64, exports: ExportOptions) -> (SandboxStore, Box<dyn Connector>) {
    let shopify = ShopifyOptions { exports, ..ShopifyOptions::default() };
    start_with(people, shopify, Arc::new(SystemClock), Some(FROM)).await
}

/// Pages from a checkpoint on until `enough`, waiting for the export as the engine does.
async fn pages(
    connector: &dyn Connector,
    mut resume: Option<Checkpoint>,
    enough: impl Fn(&[PeoplePage]) -> bool,
) -> Result<Vec<PeoplePage>, ConnectorError> {
    let mut read = Vec::new();
    for _ in 0..MAX_LOOKS {
        let mut stream = connector.pages(Stream::Customers, Pass::Full, resume.clone());
        loop {
            match stream.next().await {
                Some(Ok(page)) => {
                    resume = Some(page.resume_from.clone());
                    read.push(page);
                    if enough(&read) {
                        return Ok(read);
                    }
                }
                Some(Err(ConnectorError::NotReady { .. })) => break,
                Some(Err(error)) => return Err(error),
                None => return Ok(read),
            }
        }
    }
    panic!("the export does not end");
}

fn is_exported(pages: &[PeoplePage]) -> bool {
    pages.iter().any(|page| page.resume_from.0.get("export").is_some())
}

fn in_order(pages: &[PeoplePage]) -> Vec<String> {
    let mut lines = lines(pages);
    lines.sort();
    lines
}

#[tokio::test]
async fn an_export_shows_the_same_records_as_pages() {
    let (store, exporting) = exporting(1_300, ExportOptions::default()).await;
    let exported = pages(&*exporting, None, |_| false).await.unwrap();
    assert!(is_exported(&exported));
    let (_paged_store, paging) = start_with(1_300, ShopifyOptions::default(), Arc::new(SystemClock), None).await;
    let paged = pages(&*paging, None, |_| false).await.unwrap();
    assert!(!is_exported(&paged));
    assert_eq!(in_order(&exported), in_order(&paged));
    assert!(exported.iter().all(|page| page.records.len() <= 500));
    assert_eq!(exported.last().unwrap().total, Some(Total::Exact(in_order(&paged).len() as u64)));
    assert_true(&store, &read_all(&*exporting).await);
}

#[tokio::test]
async fn a_shop_that_can_not_count_its_customers_is_exported() {
    // 25,001 stands for "more" (vendors/shopify.md section 3).
    for (count, precision, begins) in
        [(4_999, "EXACT", "Customers"), (5_000, "EXACT", "RunExport"), (25_001, "AT_LEAST", "RunExport")]
    {
        let shop = Shop::open(move |asked| match asked.operation() {
            "CustomersCount" => {
                Answer::json(&json!({"data": {"customersCount": {"count": count, "precision": precision}}}))
            }
            "RunExport" => Answer::json(&json!({"data": {"bulkOperationRunQuery": {
                "bulkOperation": {"id": "gid://shopify/BulkOperation/1", "createdAt": "2026-10-05T11:59:59Z"},
                "userErrors": []}}})),
            _ => page("customers", &[], None),
        })
        .await;
        let first = shop.connector.pages(Stream::Customers, Pass::Full, None).next().await.unwrap().unwrap();
        assert_eq!(shop.asked().last().unwrap().operation(), begins, "{count}");
        assert_eq!(is_exported(&[first]), begins == "RunExport");
    }
}

#[tokio::test]
async fn an_export_goes_on_at_its_line_after_every_page() {
    for ranges in [true, false] {
        let (_store, connector) = exporting(2_600, ExportOptions { ranges, ..ExportOptions::default() }).await;
        let whole = pages(&*connector, None, |_| false).await.unwrap();
        assert!(whole.len() > 4, "there are several pages");
        for cut in 1..=whole.len() {
            let mut read = pages(&*connector, None, |pages| pages.len() == cut).await.unwrap();
            let checkpoint = read.last().map(|page| page.resume_from.clone());
            read.extend(pages(&*connector, checkpoint, |_| false).await.unwrap());
            assert_eq!(lines(&read), lines(&whole), "after page {cut}");
        }
    }
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_at_its_line() {
    let (store, connector) = exporting(2_600, ExportOptions::default()).await;
    let whole = pages(&*connector, None, |_| false).await.unwrap();
    let before = pages(&*connector, None, |pages| pages.iter().any(|page| page.records.len() == 500)).await.unwrap();
    let checkpoint = before.last().map(|page| page.resume_from.clone());
    assert!(store.plan_fault(FaultPlan { after: 1, ..FaultPlan::once(Fault::TruncatedBody) }));
    let (rest, _) = read_from(&*connector, checkpoint).await;
    assert_eq!(store.struck(Fault::TruncatedBody), 1);
    let mut all = lines(&before);
    all.extend(rest);
    all.dedup();
    assert_eq!(all, lines(&whole));
}

/// Lines from a checkpoint on and how many errors there were on the way.
async fn read_from(connector: &dyn Connector, mut resume: Option<Checkpoint>) -> (Vec<String>, usize) {
    let mut read = Vec::new();
    for errors in 0..MAX_LOOKS {
        let mut stream = connector.pages(Stream::Customers, Pass::Full, resume.clone());
        loop {
            match stream.next().await {
                Some(Ok(page)) => {
                    resume = Some(page.resume_from.clone());
                    read.extend(page.records.iter().map(line));
                }
                Some(Err(error)) => {
                    assert_ne!(error.retry(), Retry::Never, "{error}");
                    break;
                }
                None => return (read, errors),
            }
        }
    }
    panic!("the export does not end");
}

#[tokio::test]
async fn an_export_that_comes_to_nothing_is_begun_once_more() {
    for trouble in [ExportTrouble::Fails, ExportTrouble::Expires, ExportTrouble::AddressEnded] {
        let exports = ExportOptions { troubles: vec![trouble], ..ExportOptions::default() };
        let (store, connector) = exporting(700, exports).await;
        let read = pages(&*connector, None, |_| false).await.unwrap();
        assert!(read.iter().all(|page| page.resume_from.0.get("export").is_some()), "{trouble:?}");
        assert_true(&store, &read_all(&*connector).await);
    }
}

#[tokio::test]
async fn a_shop_whose_exports_come_to_nothing_is_read_page_by_page() {
    let troubles = vec![ExportTrouble::Fails, ExportTrouble::Expires];
    let (_store, connector) = exporting(700, ExportOptions { troubles, ..ExportOptions::default() }).await;
    let read = pages(&*connector, None, |_| false).await.unwrap();
    assert!(read.last().unwrap().resume_from.0.get("window").is_some());
    let (_paged_store, paging) = start_with(700, ShopifyOptions::default(), Arc::new(SystemClock), None).await;
    assert_eq!(in_order(&read), in_order(&pages(&*paging, None, |_| false).await.unwrap()));
}

#[tokio::test]
async fn a_file_that_ends_early_is_no_whole_shop() {
    let exports = ExportOptions { troubles: vec![ExportTrouble::ShortFile], ..ExportOptions::default() };
    let (_store, connector) = exporting(700, exports).await;
    let error = pages(&*connector, None, |_| false).await.unwrap_err();
    assert_eq!(error, ConnectorError::BadAnswer { what: "the whole export" });
}

#[tokio::test]
async fn operations_of_others_are_waited_for_and_then_done_without() {
    let waiting = ExportOptions { refusals: 4, ..ExportOptions::default() };
    let (store, connector) = exporting(700, waiting).await;
    assert!(is_exported(&pages(&*connector, None, |_| false).await.unwrap()));
    assert_true(&store, &read_all(&*connector).await);

    let clock = Arc::new(HandClock::default());
    let never = ExportOptions { at_once: 0, ..ExportOptions::default() };
    // So that pages need windows, too.
    let shopify = ShopifyOptions { exports: never, paging_ceiling: Some(20_500), ..ShopifyOptions::default() };
    let (_store, connector) = start_with(700, shopify, Arc::<HandClock>::clone(&clock), Some(FROM)).await;
    let asked = pages(&*connector, None, |pages| pages.len() == 1).await.unwrap();
    let asked = asked.last().map(|page| page.resume_from.clone());
    let error = connector.pages(Stream::Customers, Pass::Full, asked.clone()).next().await.unwrap().unwrap_err();
    assert!(matches!(error, ConnectorError::NotReady { .. }), "{error}");
    clock.advance(TimeDelta::minutes(61));
    let read = pages(&*connector, asked, |_| false).await.unwrap();
    assert!(!is_exported(&read) && lines(&read).len() > 100);
}

#[tokio::test]
async fn an_export_that_takes_more_than_a_day_is_done_without() {
    let clock = Arc::new(HandClock::default());
    let exports = ExportOptions { looks: u32::MAX, ..ExportOptions::default() };
    let shopify = ShopifyOptions { exports, ..ShopifyOptions::default() };
    let (_store, connector) = start_with(300, shopify, Arc::<HandClock>::clone(&clock), Some(FROM)).await;
    let begun = pages(&*connector, None, |pages| pages.len() == 1).await.unwrap();
    clock.advance(TimeDelta::hours(25));
    let read = pages(&*connector, begun.last().map(|page| page.resume_from.clone()), |_| false).await.unwrap();
    assert!(!is_exported(&read) && lines(&read).len() > 100);
}

#[tokio::test]
async fn what_changes_during_an_export_is_seen_by_the_next_incremental_pass() {
    let clock = Arc::new(HandClock::default());
    let beginning = clock.now();
    let (store, connector) =
        start_with(700, ShopifyOptions::default(), Arc::<HandClock>::clone(&clock), Some(FROM)).await;
    let (id, email) = first_subscriber(&store, &*connector).await;
    let begun = pages(&*connector, None, |pages| pages.len() == 1).await.unwrap();
    clock.advance(TimeDelta::hours(3));
    store.change(&Change::OptOut { email }).unwrap();
    let read_pages = pages(&*connector, begun.last().map(|page| page.resume_from.clone()), |_| false).await.unwrap();
    let subscribed = format!("{id} ");
    let stale = lines(&read_pages).into_iter().find(|line| line.starts_with(&subscribed)).unwrap();
    assert!(stale.contains(" granted "), "the export is from before: {stale}");
    assert!(read_pages.iter().all(|page| page.as_of == Some(beginning)), "and says so");
    let watermark = read_pages.last().unwrap().watermark.clone().expect("the last page has the watermark");
    assert!(read_pages.iter().rev().skip(1).all(|page| page.watermark.is_none()), "no other page has");
    let changed = read(&*connector, Stream::Customers, &Pass::Since(watermark)).await.0;
    assert!(line(&changed[&id]).contains(" withdrawn "), "{}", line(&changed[&id]));
}

#[tokio::test]
async fn an_export_survives_tokens_that_end() {
    let credentials = ShopifyCredentials::ClientCredentials { token_lives: std::time::Duration::from_secs(1) };
    let shopify = ShopifyOptions { credentials, ..ShopifyOptions::default() };
    let (store, connector) = start_with(700, shopify, Arc::new(SystemClock), Some(FROM)).await;
    assert_true(&store, &read_all(&*connector).await);
}
