//! Ids of platforms that do not number their records: made from the number, as text without meaning.

use super::nature::{Ids, Nature};
use super::population::mix;

/// How the platform's API writes the id of record `number` of a stream.
pub(crate) fn shown(nature: &Nature, stream: &str, number: u64) -> String {
    match nature.ids {
        Ids::Number => number.to_string(),
        Ids::Text => text(stream, number),
        // An order's number is its site's (`vendors/sfcc.md` section 5).
        Ids::Commerce if stream == "orders" => format!("{}/{number:08}", super::sfcc::SITE),
        Ids::Commerce => commerce(stream, number),
    }
}

/// 32 hexadecimal digits like a UUID of version 7, so that ids of one stream sort as their numbers do.
pub(crate) fn text(stream: &str, number: u64) -> String {
    let salt = mix(stream.bytes().fold(0_u64, |salt, byte| salt.wrapping_mul(31).wrapping_add(byte.into())), number);
    format!("{:012x}7{:03x}8{:015x}", 0x018d_0000_0000_u64 + number, salt & 0xfff, salt >> 4)
}

/// 28 characters, as the Commerce API's ids of customers have at most (`vendors/sfcc/`, `Customer`).
pub(crate) fn commerce(stream: &str, number: u64) -> String {
    format!("ab{}", text(stream, number).split_at(6).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ids_differ_by_stream_and_sort_by_number() {
        let ids: Vec<_> = (1..400).map(|number| text("customers", number)).collect();
        assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 32));
        assert_ne!(ids[0], text("orders", 1));
    }
}
