//! How the platforms that are written in PHP write JSON.

use std::fmt::Write as _;

use serde_json::Value;

/// JSON as PHP writes it unless told otherwise: `\/`, and `\uXXXX` for what is not ASCII. A receiver that hashes anything
/// but the bytes it got is caught by that.
pub(crate) fn json(body: &Value) -> Vec<u8> {
    let mut text = String::new();
    for character in body.to_string().chars() {
        match character {
            '/' => text.push_str("\\/"),
            character if character.is_ascii() => text.push(character),
            character => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(text, "\\u{unit:04x}").expect("texts can be written");
                }
            }
        }
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_and_letters_beyond_ascii_are_escaped() {
        let body = serde_json::json!({ "url": "https://\u{fc}\u{1f600}" });
        assert_eq!(json(&body), br#"{"url":"https:\/\/\u00fc\ud83d\ude00"}"#);
        assert_eq!(serde_json::from_slice::<Value>(&json(&body)).unwrap(), body);
    }
}
