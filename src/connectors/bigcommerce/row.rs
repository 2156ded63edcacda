//! One record as the store sent it, with nothing kept but what is read of it.
//!
//! An order of V2 is 4 KiB, there is no field selection, and we need a tenth (`vendors/bigcommerce.md` section 5). So
//! the rest is passed over while the answer is parsed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The fields that anything is read from, of all three kinds of records.
const KEPT: [&str; 15] = [
    "id",
    "email",
    "first_name",
    "last_name",
    "date_created",
    "date_modified",
    // Customers.
    "channel_ids",
    // Subscribers, and `channel_id` also of orders.
    "channel_id",
    "consents",
    "source",
    // Orders.
    "customer_id",
    "status_id",
    "is_deleted",
    "is_email_opt_in",
    "billing_address",
];

/// The kept fields; `None` where the record is no object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row(pub(super) Option<Map<String, Value>>);

impl Row {
    /// A field.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.as_ref()?.get(name)
    }

    /// The id, where it can be read.
    pub(super) fn id(&self) -> Option<u64> {
        self.get("id")?.as_u64()
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Row, A::Error> {
        let mut kept = Map::new();
        while let Some(name) = fields.next_key::<Cow<'_, str>>()? {
            if KEPT.contains(&name.as_ref()) {
                kept.insert(name.into_owned(), fields.next_value()?);
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Row(Some(kept)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Row, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Row(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Row, E> {
        Ok(Row(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Row, E> {
        Ok(Row(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Row, E> {
        Ok(Row(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Row, E> {
        Ok(Row(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Row, E> {
        Ok(Row(None))
    }

    fn visit_unit<E>(self) -> Result<Row, E> {
        Ok(Row(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_read_is_kept_and_no_record_spoils_the_others() {
        let text = r#"[{"id":1,"notes":{"a":[1]},"em\u0061il":"x"}, 7, -7, 1.5, "four", null, true, [[{}]], {"id":2}]"#;
        let rows: Vec<Row> = serde_json::from_str(text).unwrap();
        assert_eq!(rows[0].0.clone().map(Value::Object), Some(json!({"id": 1, "email": "x"})));
        assert!(rows[1..8].iter().all(|row| row.0.is_none()));
        assert_eq!(rows[8].id(), Some(2));
    }
}
