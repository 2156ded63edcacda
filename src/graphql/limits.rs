//! How much one GraphQL document may ask for, and the guard that counts it before anything walks the document.
//!
//! The library walks fragments without remembering them, so that twenty-four fragments that spread each other twice
//! cost sixteen million visits before its own limits speak. The guard remembers each fragment's weight and costs one
//! visit per fragment, whatever they spread. It runs in `prepare_request`: the hooks after it are too late.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextPrepareRequest};
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType, Selection, SelectionSet};
use async_graphql::{Name, Pos, Positioned, Request, Response, ServerError, ServerResult, Value, async_trait};

use crate::error::Error;

/// Longest document in bytes. The longest that a front end of ours sends is under 4 KiB; parsing 64 KiB takes
/// milliseconds.
pub(super) const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
/// Most operations of a document: all are checked, one is executed. Editors keep a handful in one tab.
const MAX_OPERATIONS: usize = 10;
/// Most fragments. Clients that make one per component stay under it; more only lengthen error lists.
const MAX_FRAGMENTS: usize = 50;
/// Most fields and spreads after all fragments are spread. The standard introspection query has about 250.
const MAX_NODES: u64 = 2_000;
/// Most fields at the root, each of which is at least one query: enough for a dashboard.
const MAX_ROOT_FIELDS: u64 = 20;
/// Most aliases after spreading. They are how one field is asked for many times over.
const MAX_ALIASES: u64 = 100;
/// How many selection sets and fragments may lie in one another before the guard gives up, for the stack's sake.
const MAX_NESTING: usize = 64;

/// Fields below one another. The standard introspection query has 13, our deepest useful path 11
/// (list, contacts, edges, node, memberships, edges, node, causes, integration, mappings, list).
pub(super) const MAX_DEPTH: usize = 15;
/// Fields that an answer may have, counting a list as its page size: fifty contacts of a list, each with ten
/// memberships, events, consents and sources and their causes, are 13,000; an answer of 20,000 is about 1 MB.
pub(super) const MAX_COMPLEXITY: usize = 20_000;
/// How deep the library's own walks go; above [`MAX_DEPTH`], since inline fragments count too.
pub(super) const MAX_RECURSION: usize = 32;
/// Directives on one field. There are two, each useful once.
pub(super) const MAX_DIRECTIVES: usize = 4;
/// Most errors that are shown. A client can't use more, and each echoes a piece of the document.
pub(super) const MAX_ERRORS: usize = 20;

/// Refuses a document over a limit.
///
/// # Errors
/// [`Error::TooComplex`], which names the limit; [`Error::Malformed`] for a subscription to several things.
pub(super) fn check(document: &ExecutableDocument) -> Result<(), Error> {
    at_most("operations", document.operations.iter().len() as u64, MAX_OPERATIONS as u64)?;
    at_most("fragments", document.fragments.len() as u64, MAX_FRAGMENTS as u64)?;
    let mut scale = Scale { document, known: HashMap::new() };
    // Also the unused ones: validation walks them all.
    for (name, fragment) in &document.fragments {
        scale.fragment(name, &fragment.node.selection_set.node, 0)?;
    }
    let mut sum = Weight::default();
    let mut top = 0;
    for (_, operation) in document.operations.iter() {
        if operation.node.ty == OperationType::Subscription {
            one_field(&operation.node.selection_set.node)?;
        }
        let weight = scale.weigh(&operation.node.selection_set.node, 0)?;
        top = top.max(weight.top);
        sum.add(weight);
    }
    let fragments = scale.known.values().flatten();
    let nodes = fragments.map(|weight| weight.nodes).fold(sum.nodes, u64::max);
    at_most("fields once its fragments are spread", nodes, MAX_NODES)?;
    at_most("fields at the root", top, MAX_ROOT_FIELDS)?;
    at_most("aliases", sum.aliases, MAX_ALIASES)
}

/// A subscription follows one thing (GraphQL specification, section 5.2.4.1). The library would follow each field, and
/// those of fragments and with `@skip` or `@include` in ways of its own, so the one has to stand there plainly.
fn one_field(set: &SelectionSet) -> Result<(), Error> {
    match set.items.as_slice() {
        [Positioned { node: Selection::Field(field), .. }] if field.node.directives.is_empty() => Ok(()),
        _ => Err(Error::Malformed(
            "a subscription asks for exactly one field at its root, without a fragment or directive".to_owned(),
        )),
    }
}

fn at_most(what: &str, count: u64, limit: u64) -> Result<(), Error> {
    if count <= limit { Ok(()) } else { Err(Error::TooComplex(format!("the document has more than {limit} {what}"))) }
}

/// What a selection set comes to once its fragments are spread.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    nodes: u64,
    aliases: u64,
    /// Fields that stand directly in it.
    top: u64,
    /// Selection sets and fragments that lie in one another.
    height: usize,
}

impl Weight {
    const fn add(&mut self, other: Self) {
        self.nodes = self.nodes.saturating_add(other.nodes);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.top = self.top.saturating_add(other.top);
        if other.height > self.height {
            self.height = other.height;
        }
    }
}

struct Scale<'a> {
    document: &'a ExecutableDocument,
    /// By fragment; `None` while it is being weighed.
    known: HashMap<&'a str, Option<Weight>>,
}

impl<'a> Scale<'a> {
    fn weigh(&mut self, set: &'a SelectionSet, nesting: usize) -> Result<Weight, Error> {
        if nesting > MAX_NESTING {
            return Err(too_deep());
        }
        let mut sum = Weight::default();
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let inner = self.weigh(&field.node.selection_set.node, nesting + 1)?;
                    let aliases = inner.aliases.saturating_add(u64::from(field.node.alias.is_some()));
                    sum.add(Weight { nodes: inner.nodes.saturating_add(1), aliases, top: 1, height: inner.height });
                }
                Selection::InlineFragment(fragment) => {
                    sum.add(Weight { nodes: 1, ..Weight::default() });
                    sum.add(self.weigh(&fragment.node.selection_set.node, nesting + 1)?);
                }
                Selection::FragmentSpread(spread) => {
                    sum.add(Weight { nodes: 1, ..Weight::default() });
                    let name = spread.node.fragment_name.node.as_str();
                    // An unknown fragment weighs nothing; validation names it.
                    if let Some((name, fragment)) = self.document.fragments.get_key_value(name) {
                        sum.add(self.fragment(name, &fragment.node.selection_set.node, nesting + 1)?);
                    }
                }
            }
        }
        // What was weighed before adds to the height without adding to the stack.
        sum.height += 1;
        if sum.height > MAX_NESTING { Err(too_deep()) } else { Ok(sum) }
    }

    fn fragment(&mut self, name: &'a str, set: &'a SelectionSet, nesting: usize) -> Result<Weight, Error> {
        match self.known.get(name) {
            Some(Some(weight)) => Ok(*weight),
            Some(None) => Err(Error::TooComplex("a fragment of the document spreads itself".to_owned())),
            None => {
                self.known.insert(name, None);
                let weight = self.weigh(set, nesting)?;
                self.known.insert(name, Some(weight));
                Ok(weight)
            }
        }
    }
}

fn too_deep() -> Error {
    Error::TooComplex(format!("the document is nested more than {MAX_NESTING} deep"))
}

/// The refusal of a document over [`MAX_DOCUMENT_BYTES`].
pub(super) fn too_long() -> ServerError {
    refused(Error::TooComplex(format!("the document is longer than {MAX_DOCUMENT_BYTES} bytes")))
}

/// An error about the whole document: it names no place in it.
pub(super) fn refused(error: Error) -> ServerError {
    let mut error = async_graphql::Error::from(error).into_server_error(Pos::default());
    error.locations.clear();
    error
}

/// Set once a request has passed all checks and is being executed: before that, an answer holds no `data`.
#[derive(Debug, Clone, Default)]
pub(super) struct Executed(Arc<AtomicBool>);

impl Executed {
    /// Whether it was.
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A variable of the operation that must be there and is not. The library finds that out too late: while it executes.
fn missing_variable(request: &mut Request) -> ServerResult<Option<String>> {
    let name = request.operation_name.clone();
    let document = request.parsed_query()?;
    let operation = match (&document.operations, &name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name.as_str()),
        (DocumentOperations::Multiple(operations), None) => {
            operations.values().next().filter(|_| operations.len() == 1)
        }
    };
    let definitions = operation.map(|operation| operation.node.variable_definitions.as_slice()).unwrap_or_default();
    let required = definitions.iter().map(|definition| &definition.node);
    let required =
        required.filter(|definition| !definition.var_type.node.nullable && definition.default_value.is_none());
    let names: Vec<_> = required.map(|definition| definition.name.node.clone()).collect();
    let absent = |name: &Name| request.variables.get(name).is_none_or(|value| *value == Value::Null);
    Ok(names.into_iter().find(absent).map(|name| name.to_string()))
}

/// The guard as an extension of the schema, so that no transport can go around it.
pub(super) struct Guard;

impl ExtensionFactory for Guard {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Guard {
    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        mut request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        if request.query.len() > MAX_DOCUMENT_BYTES {
            return Err(too_long());
        }
        // The parsed document is kept in the request: nothing is parsed twice.
        check(request.parsed_query()?).map_err(refused)?;
        if let Some(name) = missing_variable(&mut request)? {
            return Err(refused(Error::invalid(format!("variables.{name}"), "is required")));
        }
        next.run(ctx, request).await
    }

    async fn execute(&self, ctx: &ExtensionContext<'_>, name: Option<&str>, next: NextExecute<'_>) -> Response {
        if let Some(executed) = ctx.query_data.and_then(|_| ctx.data_opt::<Executed>()) {
            executed.0.store(true, Ordering::Relaxed);
        }
        next.run(ctx, name).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;
    use std::fmt::Write as _;

    fn verdict(document: &str) -> Result<(), String> {
        check(&parse_query(document).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_ordinary_document_passes() {
        verdict("query A { a { b } } query B { ...f } fragment f on Query { a { ...g } } fragment g on A { b }")
            .unwrap();
    }

    #[test]
    fn fragments_that_spread_each_other_twice_are_counted_not_walked() {
        let mut bomb = "{ ...f0 }".to_owned();
        for level in 0..40 {
            write!(bomb, " fragment f{level} on Query {{ ...f{} ...f{} }}", level + 1, level + 1).unwrap();
        }
        bomb.push_str(" fragment f40 on Query { a }");
        assert!(verdict(&bomb).unwrap_err().contains("more than 2000 fields"));
        let unused = bomb.replacen("{ ...f0 }", "{ a }", 1);
        assert!(verdict(&unused).unwrap_err().contains("more than 2000 fields"));
    }

    #[test]
    fn a_subscription_asks_for_one_field_plainly() {
        verdict("subscription { a: syncProgress { run { id } } }").unwrap();
        let documents = [
            "subscription { a b }",
            "subscription { ...f } fragment f on Subscription { a }",
            "subscription { ... on Subscription { a } }",
            "subscription { a @skip(if: true) }",
            "query Q { a } subscription S { a b }",
        ];
        for document in documents {
            assert!(verdict(document).unwrap_err().contains("exactly one field"), "{document}");
        }
    }

    #[test]
    fn each_limit_has_its_sentence() {
        let repeat = |count: usize, each: &dyn Fn(usize) -> String| (0..count).map(each).collect::<String>();
        let nested = format!("{}{{ a }}{}", "{ a ".repeat(60), "}".repeat(60));
        let fragments = |count| format!("{{ a }}{}", repeat(count, &|n| format!(" fragment f{n} on Q {{ a }}")));
        let chain = format!(
            "{{ ...f0 }}{} fragment f49 on Q {{ a }}",
            repeat(49, &|n| format!(" fragment f{n} on Q {{ a {{ b {{ ...f{} }} }} }}", n + 1))
        );
        let cases: &[(&str, String, &str)] = &[
            ("aliases at the root", format!("{{{}}}", repeat(21, &|n| format!(" a{n}: a"))), "20 fields at the root"),
            ("aliases below", format!("{{ a {{{}}} }}", repeat(101, &|n| format!(" a{n}: a"))), "100 aliases"),
            ("fragments", fragments(51), "50 fragments"),
            ("operations", repeat(11, &|n| format!(" query q{n} {{ a }}")), "10 operations"),
            ("a cycle", "{ ...f } fragment f on Q { a { ...f } }".to_owned(), "spreads itself"),
            ("fields", format!("{{ a {{{}}} }}", " b".repeat(2000)), "2000 fields"),
            ("a chain of fragments", chain, "64 deep"),
        ];
        for (what, document, expected) in cases {
            let refusal = verdict(document).expect_err(what);
            assert!(refusal.contains(expected), "{what}: {refusal}");
        }
        verdict(&nested).unwrap();
        verdict(&fragments(50)).unwrap();
    }
}
