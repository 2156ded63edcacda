//! Objects of the graph whose fields are known beforehand, as JSON with a `__typename`.

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use serde_json::{Map, Value};

struct Known(Map<String, Value>);

impl ObjectValue for Known {
    fn type_name(&self) -> &str {
        self.0.get("__typename").and_then(Value::as_str).unwrap_or_default()
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        match self.0.get(info.field_name()) {
            Some(value) => Ok(resolved(value.clone())),
            None if info.field_definition().ty.is_non_null() => Err(self.unknown_field_error(info)),
            None => Ok(ResolvedValue::null()),
        }
    }
}

/// A value as the execution takes it.
pub(super) fn resolved<'a>(value: Value) -> ResolvedValue<'a> {
    match value {
        Value::Null => ResolvedValue::null(),
        Value::Object(fields) => ResolvedValue::object(Known(fields)),
        Value::Array(items) => ResolvedValue::list(items.into_iter().map(resolved).collect::<Vec<_>>()),
        Value::Bool(value) => ResolvedValue::leaf(value),
        Value::Number(value) => ResolvedValue::leaf(value),
        Value::String(value) => ResolvedValue::leaf(value),
    }
}
