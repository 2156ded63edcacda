//! One operation of a caller, from what a client sends to what is executed, whichever transport brought it.

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::{Request, Response as Execution, ServerError, Variables};
use serde_json::{Map, Value};

use super::limits::{Executed, MAX_DOCUMENT_BYTES, too_long};
use super::loaders::{self, Batches};
use crate::app::App;
use crate::auth::Caller;
use crate::error::Error;
use crate::telemetry::GRAPHQL_OPERATIONS;

/// One GraphQL request, checked for its form.
pub(super) struct Parameters {
    query: String,
    operation_name: Option<String>,
    variables: Map<String, Value>,
}

impl Parameters {
    /// Reads the members of a request. Those beyond the four that are known are ignored, as the specification of the
    /// transport asks.
    ///
    /// # Errors
    /// [`Error::Malformed`], naming the member.
    pub(super) fn from_members(mut members: Map<String, Value>) -> Result<Self, Error> {
        let Some(Value::String(query)) = members.remove("query") else {
            return Err(Error::Malformed("query must be there, as text".into()));
        };
        let operation_name = match members.remove("operationName") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name),
            Some(_) => return Err(Error::Malformed("operationName must be text".into())),
        };
        let mut object = |name: &str| match members.remove(name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(object)) => Ok(object),
            Some(_) => Err(Error::Malformed(format!("{name} must be an object"))),
        };
        object("extensions")?;
        Ok(Self { query, operation_name, variables: object("variables")? })
    }
}

/// An operation that was read and not yet judged.
pub(super) struct Operation {
    request: Request,
    /// What will be executed; `None` if the document leaves it open.
    pub(super) kind: Option<OperationType>,
}

/// An operation with what its resolvers need.
pub(super) struct Ready {
    pub(super) request: Request,
    /// Whether it came to be executed.
    pub(super) executed: Executed,
    /// What its loaders will read; to be run beside it.
    pub(super) batches: Batches,
}

impl Operation {
    /// Reads a document.
    ///
    /// # Errors
    /// It is too long, or no GraphQL.
    pub(super) fn read(parameters: Parameters) -> Result<Self, ServerError> {
        let Parameters { query, operation_name, variables } = parameters;
        if query.len() > MAX_DOCUMENT_BYTES {
            return Err(too_long());
        }
        let mut request = Request::new(query).variables(Variables::from_json(Value::Object(variables)));
        let kind = kind_of(request.parsed_query()?, operation_name.as_deref());
        request.operation_name = operation_name;
        Ok(Self { request, kind })
    }

    /// Makes it the caller's.
    pub(super) fn of(self, app: App, caller: Caller) -> Ready {
        let executed = Executed::default();
        let (loader, batches) = loaders::for_request(&app, &caller);
        let request = self.request.data(executed.clone()).data(loader).data(app).data(caller);
        Ready { request, executed, batches }
    }
}

/// What kind of operation will be executed; `None` if the document leaves it open.
fn kind_of(document: &ExecutableDocument, name: Option<&str>) -> Option<OperationType> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation.node.ty),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name).map(|found| found.node.ty),
        (DocumentOperations::Multiple(operations), None) => {
            operations.values().next().filter(|_| operations.len() == 1).map(|only| only.node.ty)
        }
    }
}

/// Counts an operation by its answer; a subscription by its first.
pub(super) fn count(kind: Option<OperationType>, executed: &Executed, execution: &Execution) {
    let kind = match kind {
        Some(OperationType::Query) => "query",
        Some(OperationType::Mutation) => "mutation",
        Some(OperationType::Subscription) => "subscription",
        None => "unknown",
    };
    let outcome = match (executed.get(), execution.errors.is_empty()) {
        (false, _) => "refused",
        (true, true) => "ok",
        (true, false) => "errors",
    };
    metrics::counter!(GRAPHQL_OPERATIONS, "kind" => kind, "outcome" => outcome).increment(1);
}
