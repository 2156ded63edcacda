//! One document for every root field, with the scopes it needs, and something in the account for it to find.

use serde_json::{Value, json};

use super::data;
use crate::support::api::{Api, consent, shop};

/// One root field: its name, the scopes without which it is forbidden, a document that asks for it alone.
pub(super) struct Operation {
    pub(super) field: &'static str,
    pub(super) scopes: &'static [&'static str],
    pub(super) document: &'static str,
}

const fn operation(field: &'static str, scopes: &'static [&'static str], document: &'static str) -> Operation {
    Operation { field, scopes, document }
}

/// Every root field of the schema; a test compares the names with the schema. Those that end things come last.
pub(super) const OPERATIONS: &[Operation] = &[
    operation("me", &[], "{ me { accountId actor scopes } }"),
    operation("connectors", &["integrations:read"], "{ connectors { platform rules { customers } settings { name } } }"),
    operation("connector", &["integrations:read"], "{ connector(platform: SHOPIFY) { title settingsSchema capabilities { optOut { soonest atLatest } limits } } }"),
    operation("integrations", &["integrations:read"], "{ integrations { nodes { id name settings secrets } } }"),
    operation(
        "integration",
        &["integrations:read"],
        "query($integration: UUID!) { integration(id: $integration) { id name mappings { subscribersId } } }",
    ),
    operation(
        "syncRuns",
        &["syncs:read"],
        "query($integration: UUID!) { syncRuns(integrationId: $integration) { nodes { id status } } }",
    ),
    operation("syncRun", &["syncs:read"], "query($run: UUID!) { syncRun(id: $run) { id mode } }"),
    operation("lists", &["lists:read"], "{ lists { nodes { id name } } }"),
    operation("list", &["lists:read"], "query($list: UUID!) { list(id: $list) { id name memberCount } }"),
    operation("contacts", &["contacts:read"], "{ contacts { nodes { id email } } }"),
    operation("contact", &["contacts:read"], "query($contact: UUID!) { contact(id: $contact) { id email } }"),
    operation("contactByEmail", &["contacts:read"], r#"{ contactByEmail(email: "ann@example.com") { id email } }"#),
    operation("consents", &["consents:read"], "{ consents { nodes { id text } } }"),
    operation("consent", &["consents:read"], "query($consent: UUID!) { consent(id: $consent) { id text } }"),
    operation(
        "privacyRequests",
        &["privacy:read"],
        "{ privacyRequests(state: DONE) { nodes { id state dueAt outcome } } }",
    ),
    operation(
        "privacyRequest",
        &["privacy:read"],
        "query($privacy: UUID!) { privacyRequest(id: $privacy) { id kind export { exportedAt } } }",
    ),
    operation(
        "exportContact",
        &["privacy:read"],
        "query($contact: UUID!) { exportContact(id: $contact) { contacts { id } consents { id } events { id } } }",
    ),
    operation("verifyConsents", &["consents:read"], "{ verifyConsents { ok records erased } }"),
    operation(
        "createIntegration",
        &["integrations:write"],
        "mutation($shop: NewIntegration!) { createIntegration(input: $shop) { id } }",
    ),
    operation(
        "updateIntegration",
        &["integrations:write"],
        r#"mutation($integration: UUID!) { updateIntegration(id: $integration, input: {name: "Shop two"}) { id name } }"#,
    ),
    operation(
        "testIntegration",
        &["integrations:write"],
        "mutation($integration: UUID!) { testIntegration(id: $integration) { ok } }",
    ),
    operation(
        "testWebhooks",
        &["integrations:write"],
        "mutation($integration: UUID!) { testWebhooks(integrationId: $integration) { ok arrived problems } }",
    ),
    operation(
        "previewMappings",
        &["integrations:read"],
        "mutation($integration: UUID!, $other: UUID!) {
            previewMappings(integrationId: $integration, input: {customers: $other}) { audiences { audience joins } } }",
    ),
    operation(
        "setMappings",
        &["integrations:write"],
        "mutation($integration: UUID!, $other: UUID!) {
            setMappings(integrationId: $integration, input: {customers: $other}) { id mappings { customersId } } }",
    ),
    operation("createList", &["lists:write"], r#"mutation { createList(input: {name: "New", purpose: OTHER}) { id } }"#),
    operation(
        "updateList",
        &["lists:write"],
        r#"mutation($list: UUID!) { updateList(id: $list, input: {name: "Newer"}) { id name } }"#,
    ),
    operation(
        "submitConsent",
        &["consents:write"],
        "mutation($again: NewConsent!) { submitConsent(input: $again) { duplicate record { id } joined } }",
    ),
    operation(
        "suppressContact",
        &["contacts:write"],
        r#"mutation($contact: UUID!) { suppressContact(id: $contact, input: {reason: "asked"}) { id suppressedAt } }"#,
    ),
    operation(
        "resubscribeContact",
        &["contacts:write", "consents:write"],
        "mutation($contact: UUID!, $newer: NewConsent!) {
            resubscribeContact(id: $contact, input: $newer) { record { id } joined } }",
    ),
    operation(
        "eraseContact",
        &["privacy:write"],
        "mutation($contact: UUID!) { eraseContact(id: $contact) { id state outcome } }",
    ),
    operation(
        "completePrivacyRequest",
        &["privacy:write"],
        "mutation($privacy: UUID!) { completePrivacyRequest(id: $privacy) { id state doneAt } }",
    ),
    operation(
        "retrySyncIssues",
        &["syncs:write"],
        "mutation($run: UUID!) { retrySyncIssues(syncId: $run) { queued unidentified resolved } }",
    ),
    operation(
        "confirmSync",
        &["syncs:write"],
        "mutation($run: UUID!) { confirmSync(id: $run) { id status continuesId } }",
    ),
    operation(
        "cancelSync",
        &["syncs:write"],
        "mutation($run: UUID!) { cancelSync(id: $run) { id status } }",
    ),
    operation(
        "startSync",
        &["syncs:write"],
        "mutation($integration: UUID!) { startSync(integrationId: $integration, input: {mode: FULL}) { id status } }",
    ),
    operation(
        "pauseIntegration",
        &["integrations:write"],
        "mutation($integration: UUID!) { pauseIntegration(id: $integration) { id state } }",
    ),
    operation(
        "resumeIntegration",
        &["integrations:write"],
        "mutation($integration: UUID!) { resumeIntegration(id: $integration) { id state } }",
    ),
    operation(
        "deleteIntegration",
        &["integrations:write"],
        "mutation($integration: UUID!) { deleteIntegration(id: $integration) }",
    ),
    operation("deleteList", &["lists:write"], "mutation($list: UUID!) { deleteList(id: $list) }"),
];

/// Every root field of subscriptions. What a socket says of them is tested in `progress`.
pub(super) const SUBSCRIPTIONS: &[Operation] = &[operation(
    "syncProgress",
    &["syncs:read"],
    "subscription($run: UUID!) { syncProgress(syncId: $run) { percent run { id status } } }",
)];

impl Operation {
    /// The variables that its document declares.
    pub(super) fn variables(&self, all: &Value) -> Value {
        let all = all.as_object().expect("variables are an object");
        let used = all.iter().filter(|(name, _)| self.document.contains(&format!("${name}: ")));
        Value::Object(used.map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

/// Fills an account and gives the variables that the documents use.
pub(super) async fn filled(api: &Api) -> Value {
    let graphql = |mut value: Value| {
        // Words are in capitals here.
        value["platform"] = json!("WOOCOMMERCE");
        value
    };
    let made = data(
        api,
        r#"mutation($shop: NewIntegration!) {
            list: createList(input: {name: "News", purpose: MARKETING}) { id }
            other: createList(input: {name: "Customers", purpose: OTHER}) { id }
            shop: createIntegration(input: $shop) { id }
        }"#,
        json!({"shop": graphql(shop("Shop one"))}),
    )
    .await;
    let (list, integration) = (&made["list"]["id"], &made["shop"]["id"]);
    let list_id = list.as_str().expect("an id");
    let submitted = data(
        api,
        "mutation($consent: NewConsent!, $integration: UUID!) {
            submitConsent(input: $consent) { contact { id } record { id } }
            startSync(integrationId: $integration, input: {mode: FULL}) { id }
        }",
        json!({"consent": consent("ann@example.com", &[list_id]), "integration": integration}),
    )
    .await;
    let mut newer = consent("ann@example.com", &[list_id]);
    newer["dateTimeConsented"] = json!("2026-04-04T12:00:01Z");
    let somebody = data(
        api,
        "mutation($other: NewConsent!) { submitConsent(input: $other) { contact { id } } }",
        json!({"other": consent("gone@example.com", &[])}),
    )
    .await;
    let erased = data(
        api,
        "mutation($id: UUID!) { eraseContact(id: $id) { id } }",
        json!({"id": somebody["submitConsent"]["contact"]["id"]}),
    )
    .await;
    json!({
        "privacy": erased["eraseContact"]["id"],
        "list": list,
        "other": made["other"]["id"],
        "integration": integration,
        "contact": submitted["submitConsent"]["contact"]["id"],
        "consent": submitted["submitConsent"]["record"]["id"],
        "run": submitted["startSync"]["id"],
        "shop": graphql(shop("Shop three")),
        "again": consent("ann@example.com", &[list_id]),
        "newer": newer,
    })
}
