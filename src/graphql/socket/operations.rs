//! The operations of one socket.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use async_graphql::ServerError;
use async_graphql::parser::types::OperationType;
use async_stream::stream;
use futures::StreamExt as _;
use futures::future::pending;
use futures::stream::{AbortHandle, Abortable, BoxStream, SelectAll};

use super::protocol::{Close, ToClient};
use crate::app::App;
use crate::auth::Caller;
use crate::error::Error;
use crate::graphql::Schema;
use crate::graphql::answer::tidy;
use crate::graphql::limits::refused;
use crate::graphql::operation::{Operation, Parameters, Ready, count};

/// Most operations of a socket at once: a front end follows a handful. Each looks at the database on its own.
const MAX_OPERATIONS: usize = 16;
/// Time for a query or a mutation, as for a request over HTTP. A subscription has as long as its caller's token.
const TIMEOUT: Duration = Duration::from_secs(90);

/// The operations of one socket, by the client's names for them.
#[derive(Default)]
pub(super) struct Operations {
    running: SelectAll<Abortable<BoxStream<'static, ToClient>>>,
    by_id: HashMap<String, AbortHandle>,
}

impl Operations {
    /// Begins an operation; tells at once what became of it if there are too many.
    ///
    /// # Errors
    /// There is one of this name.
    pub(super) fn start(
        &mut self,
        id: String,
        answers: impl FnOnce(String) -> BoxStream<'static, ToClient>,
    ) -> Result<Option<ToClient>, Close> {
        if self.by_id.contains_key(&id) {
            return Err(Close::SubscriberExists(id));
        }
        if self.by_id.len() >= MAX_OPERATIONS {
            let sentence = format!("a socket carries at most {MAX_OPERATIONS} operations at once");
            return Ok(Some(ToClient::Error { id, payload: vec![refused(Error::TooComplex(sentence))] }));
        }
        let (handle, registration) = AbortHandle::new_pair();
        self.running.push(Abortable::new(answers(id.clone()), registration));
        self.by_id.insert(id, handle);
        Ok(None)
    }

    /// Ends an operation, if it is there.
    pub(super) fn stop(&mut self, id: &str) {
        if let Some(handle) = self.by_id.remove(id) {
            handle.abort();
        }
    }

    /// The next that any of them says; waits for ever while there is none.
    pub(super) async fn next(&mut self) -> ToClient {
        let Some(said) = self.running.next().await else { return pending().await };
        if let Some(id) = said.ended() {
            self.by_id.remove(id);
        }
        said
    }
}

/// Everything that is said of one operation, up to its last message.
pub(super) fn answers(
    app: App,
    schema: Schema,
    caller: Caller,
    id: String,
    parameters: Parameters,
) -> BoxStream<'static, ToClient> {
    let answers = stream! {
        let operation = match Operation::read(parameters) {
            Ok(operation) => operation,
            Err(error) => {
                yield ToClient::Error { id, payload: shown(vec![error]) };
                return;
            }
        };
        let kind = operation.kind;
        let Ready { request, executed, batches } = operation.of(app, caller);
        let mut executions = pin!(batches.drive(schema.execute_stream(request)));
        let mut is_first = true;
        loop {
            let next = if kind == Some(OperationType::Subscription) {
                executions.next().await
            } else if let Ok(next) = tokio::time::timeout(TIMEOUT, executions.next()).await {
                next
            } else {
                yield ToClient::Error { id, payload: vec![refused(Error::TimedOut)] };
                return;
            };
            let Some(mut execution) = next else { break };
            if std::mem::take(&mut is_first) {
                count(kind, &executed, &execution);
            }
            tidy(&mut execution, executed.get());
            if !executed.get() {
                yield ToClient::Error { id, payload: execution.errors };
                return;
            }
            yield ToClient::Next { id: id.clone(), payload: Box::new(execution) };
        }
        yield ToClient::Complete { id };
    };
    answers.boxed()
}

/// The errors of a document that was not executed, with their codes.
pub(super) fn shown(errors: Vec<ServerError>) -> Vec<ServerError> {
    let mut execution = async_graphql::Response::from_errors(errors);
    tidy(&mut execution, false);
    execution.errors
}
