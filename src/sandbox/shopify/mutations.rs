//! What can be changed at the shop itself: bulk operations and webhooks (`vendors/shopify.md` sections 8 and 9).

use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::resolvers::{Execution, FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonMap;
use serde_json::{Value, json};

use super::Shop;
use super::context::Context;
use super::exports::Rows;
use super::known::resolved;
use super::page::Extent;
use super::resolve::Object;

/// Rows that are executed at once, so that a large shop is never held as objects.
const PART: usize = 1000;

/// The root of mutations.
pub(super) struct Mutation<'a>(pub(super) &'a Shop);

impl ObjectValue for Mutation<'_> {
    fn type_name(&self) -> &'static str {
        "Mutation"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let text = |name: &str| info.arguments().get(name).and_then(|value| value.as_str()).unwrap_or_default();
        Ok(resolved(match info.field_name() {
            "bulkOperationRunQuery" => self.0.run_export(text("query")),
            "bulkOperationCancel" => {
                let operation = number(text("id")).map_or(Value::Null, |id| self.0.exports.cancel(id));
                json!({ "__typename": "BulkOperationCancelPayload", "bulkOperation": operation, "userErrors": [] })
            }
            "webhookSubscriptionCreate" => self.0.create_subscription(info.arguments()),
            "webhookSubscriptionUpdate" => self.0.update_subscription(info.arguments()),
            "webhookSubscriptionDelete" => self.0.delete_subscription(info.arguments()),
            _ => return Err(self.unknown_field_error(info)),
        }))
    }
}

/// The number in a global id.
pub(super) fn number(gid: &str) -> Option<u64> {
    gid.rsplit('/').next()?.parse().ok()
}

impl Shop {
    fn run_export(&self, query: &str) -> Value {
        let refused = |message: &str, code: &str| {
            let error =
                json!({ "__typename": "BulkOperationUserError", "field": ["query"], "message": message, "code": code });
            json!({ "__typename": "BulkOperationRunQueryPayload", "bulkOperation": null, "userErrors": [error] })
        };
        if self.exports.admit().is_err() {
            return refused(
                "A bulk query operation for this app and shop is already in progress.",
                "OPERATION_IN_PROGRESS",
            );
        }
        let Some(rows) = self.export(query) else {
            return refused("Invalid bulk query: it must be valid and have at least one connection.", "INVALID");
        };
        let operation = self.exports.begin(query, rows, self.shared.now());
        json!({ "__typename": "BulkOperationRunQueryPayload", "bulkOperation": operation, "userErrors": [] })
    }

    /// The rows of a query, read now; `None` if it is no bulk query.
    fn export(&self, query: &str) -> Option<Result<Rows, &'static str>> {
        let document = self.document(query);
        let document = document.as_ref().as_ref().ok()?;
        let operation = document.operations.get(None).ok().filter(|operation| operation.is_query())?;
        let has_connection = operation
            .root_fields(document)
            .any(|field| field.definition.ty.inner_named_type().as_str().ends_with("Connection"));
        if !has_connection {
            return None;
        }
        let variables = coerce_variable_values(&self.schema, operation, &JsonMap::new()).ok()?;
        let mut rows = Rows::default();
        for from in (0..).step_by(PART) {
            let context = Context::new(self, Extent::Part { from, count: PART as u64 });
            let execution =
                Execution::new(&self.schema, document).operation(operation).coerced_variable_values(&variables);
            let response = execution.execute_sync(&Object::query(&context)).ok()?;
            if !response.errors.is_empty() {
                return Some(Err("ACCESS_DENIED"));
            }
            if rows.add(&serde_json::to_value(response.data).unwrap_or_default()) == 0 {
                break;
            }
        }
        Some(Ok(rows))
    }
}
