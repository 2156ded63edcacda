//! The JSON Schema of a platform's settings, made from its table, so that a form can be built from it.
//!
//! **Invariant:** the schema accepts what [`Settings::parse`](super::Settings::parse) accepts, and names the same
//! setting otherwise. What a pattern can't say stays with the check: a port above 65535, an impossible IP number.

use serde_json::{Map, Value, json};

use super::{MAX_LIST_ITEMS, MAX_TEXT_CHARS, Need, SettingField, SettingKind, sign_in};

/// The schema of a table, by JSON Schema 2020-12. Secrets are `writeOnly` with the format `password`; `null` is the
/// same as leaving an optional setting out.
#[must_use]
pub fn settings_schema(title: &str, fields: &[SettingField]) -> Value {
    let properties: Map<String, Value> = fields.iter().map(|field| (field.name.to_owned(), property(field))).collect();
    let required: Vec<_> = fields.iter().filter(|field| field.need == Need::Required).map(|field| field.name).collect();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Settings of a {title} store"),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    let ways: Vec<Value> = sign_in::ways(fields).into_iter().map(|way| alternative(fields, way)).collect();
    if !ways.is_empty() {
        schema["anyOf"] = Value::Array(ways);
    }
    schema
}

fn property(field: &SettingField) -> Value {
    let text = json!({
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_TEXT_CHARS,
        "pattern": field.shape.pattern,
    });
    let is_required = field.need == Need::Required;
    let mut property = match field.kind {
        SettingKind::Text | SettingKind::Url => text,
        SettingKind::TextList => json!({
            "type": "array",
            "items": text,
            "minItems": usize::from(is_required),
            "maxItems": MAX_LIST_ITEMS,
        }),
    };
    if !is_required {
        property["type"] = json!([property["type"], "null"]);
    }
    property["description"] = json!(field.description);
    if field.kind == SettingKind::Url {
        property["format"] = json!("uri");
    }
    if field.secret {
        property["format"] = json!("password");
        property["writeOnly"] = json!(true);
    }
    if let Some(example) = field.example {
        let example = if field.kind == SettingKind::TextList { json!([example]) } else { json!(example) };
        property["examples"] = json!([example]);
    }
    property
}

/// One way to sign in: what it needs is there, and what belongs only to the others is not.
fn alternative(fields: &[SettingField], way: &str) -> Value {
    let needed = sign_in::needed(fields, way);
    let there = needed.iter().map(|name| (*name, json!({ "type": "string" })));
    let absent = fields.iter().filter(|field| !field.fits(way)).map(|field| (field.name, json!({ "type": "null" })));
    let properties: Map<String, Value> = there.chain(absent).map(|(name, rule)| (name.to_owned(), rule)).collect();
    json!({ "title": format!("With the {way}"), "required": needed, "properties": properties })
}
