//! Pages on the wire: `{"items": […], "next": "…"}`, and the cursors between them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::page::Slice;

/// One page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Give this as `after` to get the next page; `null` on the last one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of views.
    pub fn of<D, K: Key>(slice: Slice<D>, key: impl FnOnce(&D) -> K) -> Self
    where
        T: From<D>,
    {
        let next = slice.items.last().filter(|_| slice.has_more).map(|last| encode(&key(last)));
        Self { items: slice.items.into_iter().map(T::from).collect(), next }
    }
}

/// What a list is ordered by.
pub trait Key: Sized {
    /// Tells keys of different lists apart.
    const TAG: u8;
    /// The key as bytes.
    fn to_bytes(&self) -> Vec<u8>;
    /// The key from bytes.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

impl Key for Uuid {
    const TAG: u8 = 1;

    fn to_bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::from_slice(bytes).ok()
    }
}

/// Small fixed lists are in the order of their declaration.
impl Key for u32 {
    const TAG: u8 = 3;

    fn to_bytes(&self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self::from_be_bytes(bytes.try_into().ok()?))
    }
}

/// Consent records stand in the order of their time, then of their place in the chain.
impl Key for (DateTime<Utc>, i64) {
    const TAG: u8 = 2;

    fn to_bytes(&self) -> Vec<u8> {
        [self.0.timestamp_micros().to_be_bytes(), self.1.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (at, sequence) = bytes.split_first_chunk::<8>()?;
        let at = DateTime::from_timestamp_micros(i64::from_be_bytes(*at))?;
        // Outside these years the databases have no such time.
        let known = (-3_000_000_000..32_503_680_000).contains(&at.timestamp());
        known.then_some((at, i64::from_be_bytes(sequence.try_into().ok()?)))
    }
}

/// A key as an opaque cursor.
pub fn encode<K: Key>(key: &K) -> String {
    let mut bytes = vec![K::TAG];
    bytes.extend(key.to_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A cursor that we gave out; `None` for anything else.
#[must_use]
pub fn decode<K: Key>(cursor: &str) -> Option<K> {
    if cursor.len() > 64 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (tag, key) = bytes.split_first()?;
    (*tag == K::TAG).then(|| K::from_bytes(key)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_others_do_not() {
        let id = Uuid::from_u128(7);
        assert_eq!(decode(&encode(&id)), Some(id));
        let key = (DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap(), 9);
        assert_eq!(decode(&encode(&key)), Some(key));
        assert_eq!(decode::<Uuid>(&encode(&key)), None);
        for text in ["", "!", "AQ", "7", &"A".repeat(100)] {
            assert_eq!(decode::<Uuid>(text), None, "{text}");
        }
        let absurd = (DateTime::<Utc>::MAX_UTC, 1);
        assert_eq!(decode::<(DateTime<Utc>, i64)>(&encode(&absurd)), None);
    }
}
