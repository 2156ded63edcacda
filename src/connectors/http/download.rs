//! Large files that a store offers at an address of its own: read line by line, in constant memory, from any place on.
//!
//! Such an address is signed and needs no credentials; none are sent. It is another host than the store's API, so
//! the store's pace does not hold there, and the file may be larger than any answer: only a line has a limit.

use std::time::Duration;

use bytes::BytesMut;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, RANGE};
use reqwest::{Method, StatusCode};
use tracing::Instrument as _;

use super::asking::{Asking, Operation};
use super::{Answer, HostPolicy, Http, transport_error};
use crate::connectors::ConnectorError;
use crate::domain::Platform;

/// Longest line read. A line is one record of the fields that we ask for: some hundred bytes.
pub(crate) const MAX_LINE_BYTES: usize = 1024 * 1024;
/// Longest time for a whole download. The time for the next bytes is that of a request.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_hours(24);

impl Http {
    /// Opens a file of lines at the byte `from`, which has to be the beginning of a line.
    ///
    /// A server that does not know ranges sends the file from its beginning; then what comes before `from` is passed
    /// over. No more lines, if `from` is the end.
    ///
    /// # Errors
    /// The address can't be called, or what its status stands for.
    pub(crate) async fn lines(&self, platform: Platform, url: url::Url, from: u64) -> Result<Lines, ConnectorError> {
        self.admit(&url)?;
        if url.scheme() != "https" && self.policy == HostPolicy::PublicOnly {
            return Err(ConnectorError::Refused { status: 0 });
        }
        // A place in a packed file is not one in the file itself.
        let mut request = self.request(Method::GET, url).timeout(DOWNLOAD_TIMEOUT).header(ACCEPT_ENCODING, "identity");
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let asking = Asking::begin(platform, &Method::GET, Operation::Named("download"));
        let sending = request.send().instrument(asking.span.clone());
        let response = match tokio::time::timeout(self.timeout, sending).await {
            Ok(response) => response.map_err(|error| transport_error(&error)),
            Err(_) => Err(ConnectorError::TimedOut),
        };
        asking.ended(response.as_ref().map(reqwest::Response::status));
        let response = response?;
        let skip = match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let begins = format!("bytes {from}-");
                let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
                if !range.is_some_and(|range| range.starts_with(&begins)) {
                    return Err(ConnectorError::BadAnswer { what: "the range that was asked for" });
                }
                0
            }
            StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => return Ok(Lines::none(from)),
            status => {
                let answer = Answer { status, headers: response.headers().clone(), body: bytes::Bytes::new() };
                answer.checked()?;
                from
            }
        };
        Ok(Lines { response: Some(response), timeout: self.timeout, skip, buffer: BytesMut::new(), offset: from })
    }
}

/// The lines of a file.
#[derive(Debug)]
pub(crate) struct Lines {
    /// `None` once there is nothing more to receive.
    response: Option<reqwest::Response>,
    timeout: Duration,
    /// Bytes still to be passed over.
    skip: u64,
    buffer: BytesMut,
    offset: u64,
}

/// One line of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its bytes, without the line break.
    pub(crate) bytes: BytesMut,
    /// Whether a line break ended it; the last line may lack one, and so does one that was cut off.
    pub(crate) is_ended: bool,
}

impl Lines {
    /// No lines, at this place.
    pub(crate) fn none(offset: u64) -> Self {
        Self { response: None, timeout: Duration::ZERO, skip: 0, buffer: BytesMut::new(), offset }
    }

    /// Where in the file the next line begins.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line that is not empty; `None` at the end of the file.
    ///
    /// # Errors
    /// The connection ends before the file, nothing comes in time, or a line is over [`MAX_LINE_BYTES`].
    pub(crate) async fn next(&mut self) -> Result<Option<Line>, ConnectorError> {
        let mut searched = 0;
        loop {
            if let Some(found) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let mut bytes = self.buffer.split_to(searched + found + 1);
                self.offset += bytes.len() as u64;
                bytes.truncate(bytes.trim_ascii_end().len());
                if bytes.is_empty() {
                    searched = 0;
                    continue;
                }
                return Ok(Some(Line { bytes, is_ended: true }));
            }
            searched = self.buffer.len();
            if searched > MAX_LINE_BYTES {
                return Err(ConnectorError::TooLarge { limit: MAX_LINE_BYTES });
            }
            if !self.receive().await? {
                let bytes = self.buffer.split();
                self.offset += bytes.len() as u64;
                return Ok((!bytes.is_empty()).then_some(Line { bytes, is_ended: false }));
            }
        }
    }

    /// Takes in the next bytes; `false` at the end.
    async fn receive(&mut self) -> Result<bool, ConnectorError> {
        let Some(response) = &mut self.response else { return Ok(false) };
        let chunk = tokio::time::timeout(self.timeout, response.chunk())
            .await
            .map_err(|_| ConnectorError::TimedOut)?
            .map_err(|error| transport_error(&error))?;
        let Some(mut chunk) = chunk else {
            self.response = None;
            return Ok(false);
        };
        let passed = usize::try_from(self.skip).unwrap_or(usize::MAX).min(chunk.len());
        self.skip -= passed as u64;
        self.buffer.extend_from_slice(&chunk.split_off(passed));
        Ok(true)
    }
}
