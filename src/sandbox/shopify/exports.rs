//! Bulk operations: begun by a mutation, done after some looks at them, their result a file of JSON lines at an address
//! of its own (`vendors/shopify.md` section 8 and `bulk-*.json` of its examples).
//!
//! No time passes: each look moves an operation on, so that nobody has to wait for one.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, Uri, header};
use chrono::DateTime;
use serde_json::{Value, json};

use crate::sandbox::options::{ExportOptions, ExportTrouble};
use crate::sandbox::records::Second;
use crate::sandbox::server::Answer;

/// Number of the first operation.
const FIRST_ID: u64 = 4_000_000_000_001;
/// Operations that are kept; older ones are forgotten with their files.
const KEPT: usize = 8;
/// Where the files are.
pub(super) const FOLDER: &str = "/bulk/";

/// The operations of an app at a shop.
#[derive(Debug)]
pub(super) struct Exports {
    options: ExportOptions,
    base_url: String,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    begun: u64,
    refused: usize,
    operations: Vec<Export>,
}

#[derive(Debug)]
struct Export {
    id: u64,
    created: Second,
    query: String,
    looks: u32,
    is_cancelled: bool,
    trouble: Option<ExportTrouble>,
    /// The rows, or why there are none: a word of `BulkOperationErrorCode`.
    rows: Result<Rows, &'static str>,
}

/// The file of an operation.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// A line of JSON per row.
    text: String,
    count: usize,
}

impl Rows {
    /// Adds the rows of an executed part, one per root object, and tells how many those were. Connections within rows
    /// are not served here.
    pub(super) fn add(&mut self, data: &Value) -> usize {
        let before = self.count;
        for connection in data.as_object().into_iter().flat_map(|fields| fields.values()) {
            let edges = connection.get("edges").and_then(Value::as_array).into_iter().flatten();
            let nodes = connection.get("nodes").and_then(Value::as_array).into_iter().flatten();
            for node in edges.filter_map(|edge| edge.get("node")).chain(nodes) {
                writeln!(self.text, "{node}").expect("writing to a string can't fail");
                self.count += 1;
            }
        }
        self.count - before
    }
}

/// Why an operation is not begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct TooMany;

impl Exports {
    pub(super) fn new(options: ExportOptions, base_url: String) -> Self {
        Self { options, base_url, book: Mutex::default() }
    }

    /// Whether another operation may be begun: five at once since 2026-01.
    pub(super) fn admit(&self) -> Result<(), TooMany> {
        let mut book = self.lock();
        let running = book.operations.iter().filter(|export| !export.is_over(&self.options)).count();
        if book.refused < self.options.refusals {
            book.refused += 1;
            return Err(TooMany);
        }
        if running >= self.options.at_once { Err(TooMany) } else { Ok(()) }
    }

    /// Begins an operation over rows that were just read. Gives it as the graph shows it.
    pub(super) fn begin(&self, query: &str, rows: Result<Rows, &'static str>, now: Second) -> Value {
        let mut book = self.lock();
        let trouble = usize::try_from(book.begun).ok().and_then(|nth| self.options.troubles.get(nth)).copied();
        let id = FIRST_ID + book.begun;
        book.begun += 1;
        let export = Export { id, created: now, query: query.to_owned(), looks: 0, is_cancelled: false, trouble, rows };
        let shown = export.shown(&self.options, &self.base_url);
        if book.operations.len() >= KEPT {
            book.operations.remove(0);
        }
        book.operations.push(export);
        shown
    }

    /// An operation as the graph shows it; null if there is none. Each look moves it on.
    pub(super) fn look(&self, id: u64) -> Value {
        let mut book = self.lock();
        let Some(export) = book.operations.iter_mut().find(|export| export.id == id) else { return Value::Null };
        export.looks = export.looks.saturating_add(1);
        export.shown(&self.options, &self.base_url)
    }

    /// Ends an operation that is not over.
    pub(super) fn cancel(&self, id: u64) -> Value {
        let mut book = self.lock();
        let Some(export) = book.operations.iter_mut().find(|export| export.id == id) else { return Value::Null };
        export.is_cancelled |= !export.is_over(&self.options);
        export.shown(&self.options, &self.base_url)
    }

    /// A file, from the byte that is asked for. A request with a token is refused: the address is signed.
    pub(super) fn file(&self, uri: &Uri, headers: &HeaderMap) -> Answer {
        let id = uri.path().strip_prefix(FOLDER).and_then(|name| name.strip_suffix(".jsonl")?.parse().ok());
        let book = self.lock();
        let export = book.operations.iter().find(|export| Some(export.id) == id);
        let is_signed = id.is_some_and(|id| uri.query() == Some(&signature(id)));
        let (Some(export), true, false) = (export, is_signed, headers.contains_key("x-shopify-access-token")) else {
            return Answer::text(403, "application/xml", "<Error><Code>AccessDenied</Code></Error>");
        };
        if export.trouble == Some(ExportTrouble::AddressEnded) {
            return Answer::text(400, "application/xml", "<Error><Code>ExpiredToken</Code></Error>");
        }
        let mut text = export.text();
        if export.trouble == Some(ExportTrouble::ShortFile) {
            text = text.get(..text.floor_char_boundary(text.len() / 2)).unwrap_or_default();
        }
        let from = headers.get(header::RANGE).and_then(|range| range.to_str().ok()).filter(|_| self.options.ranges);
        let from = from.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
        match from {
            None => Answer::text(200, "application/jsonl", text),
            Some(from) if from >= text.len() => {
                Answer::text(416, "application/xml", "").with("content-range", format!("bytes */{}", text.len()))
            }
            Some(from) => {
                let range = format!("bytes {from}-{}/{}", text.len() - 1, text.len());
                Answer::text(206, "application/jsonl", text.get(from..).unwrap_or_default())
                    .with("content-range", range)
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Export {
    fn is_over(&self, options: &ExportOptions) -> bool {
        self.is_cancelled || self.looks >= options.looks
    }

    fn text(&self) -> &str {
        self.rows.as_ref().map_or("", |rows| &rows.text)
    }

    fn shown(&self, options: &ExportOptions, base_url: &str) -> Value {
        let is_over = self.is_over(options);
        let status = match (is_over, self.trouble, &self.rows) {
            _ if self.is_cancelled => "CANCELED",
            (false, ..) if self.looks == 0 => "CREATED",
            (false, ..) => "RUNNING",
            (true, Some(ExportTrouble::Fails), _) | (true, _, Err(_)) => "FAILED",
            (true, Some(ExportTrouble::Expires), _) => "EXPIRED",
            (true, ..) => "COMPLETED",
        };
        let rows = self.rows.as_ref().map_or(0, |rows| rows.count);
        let address = || format!("{base_url}{FOLDER}{}.jsonl?{}", self.id, signature(self.id));
        // Null when there is nothing.
        let url = (status == "COMPLETED" && rows > 0).then(address);
        let partial = (status == "FAILED" && self.rows.is_ok()).then(address);
        let time = DateTime::from_timestamp(self.created, 0).map(|time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string());
        let error = match (status, &self.rows) {
            ("FAILED", Err(code)) => Some(*code),
            ("FAILED", Ok(_)) => Some("TIMEOUT"),
            _ => None,
        };
        json!({
            "__typename": "BulkOperation", "id": gid(self.id), "status": status, "errorCode": error, "type": "QUERY",
            "createdAt": time, "completedAt": time.as_ref().filter(|_| status == "COMPLETED"),
            "query": self.query, "objectCount": rows.to_string(), "rootObjectCount": rows.to_string(),
            "fileSize": url.as_ref().map(|_| self.text().len().to_string()), "url": url, "partialDataUrl": partial,
        })
    }
}

/// The global id of an operation.
fn gid(id: u64) -> String {
    format!("gid://shopify/BulkOperation/{id}")
}

fn signature(id: u64) -> String {
    format!("signature=sandbox{id}")
}
