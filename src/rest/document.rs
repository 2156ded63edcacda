//! The frame of the OpenAPI document, and the answers that all operations share.

use std::collections::BTreeMap;

use utoipa::openapi::security::{ClientCredentials, Flow, HttpAuthScheme, HttpBuilder, OAuth2, Scopes, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi};

use crate::domain::access::Scope;
use crate::error::{FieldProblem, Problem};

/// Everything but the operations, which their handlers bring.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Assent",
        description = "Connects online stores to marketing contact lists and can prove consent.\n\n\
            Sign in at `/oauth/token` with client credentials; the token lives for an hour. Lists come in pages: \
            `limit` is 1 to 200, 50 if absent, and `after` takes the `next` of the page before. Everything that goes \
            wrong is a problem document (RFC 9457) whose `code` is for programs.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/", description = "This service")),
    tags(
        (name = "connectors", description = "The platforms and their contact rules"),
        (name = "integrations", description = "Installed stores and their mappings"),
        (name = "syncs", description = "Passes over a store"),
        (name = "webhooks", description = "What stores tell by themselves"),
        (name = "lists", description = "Named sets of contacts"),
        (name = "contacts", description = "People, and why they are on a list"),
        (name = "consents", description = "Evidence of what people agreed to"),
        (name = "privacy", description = "What people may ask for by law: their data, and their erasure"),
        (name = "access", description = "Signing in"),
    ),
    components(schemas(Problem, FieldProblem)),
    security(("token" = [])),
    modifiers(&Security),
)]
pub(super) struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        let scopes: BTreeMap<String, String> =
            Scope::ALL.iter().map(|scope| (scope.as_str().to_owned(), describe(*scope))).collect();
        let flow = ClientCredentials::new("/oauth/token", Scopes::from_iter(scopes));
        components.add_security_scheme("client", SecurityScheme::OAuth2(OAuth2::new([Flow::ClientCredentials(flow)])));
    }
}

fn describe(scope: Scope) -> String {
    let word = scope.as_str();
    match word.split_once(':') {
        Some((noun, "read")) => format!("See {noun}"),
        Some((noun, _)) => format!("Change {noun}"),
        None => word.to_owned(),
    }
}

/// What every operation may answer besides its own.
pub(super) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let problem = |description: &str| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            RefOr::T(
                ResponseBuilder::new().description(description).content("application/problem+json", content).build(),
            )
        };
        BTreeMap::from([
            ("4XX".to_owned(), problem("What is wrong with the request")),
            ("5XX".to_owned(), problem("What is wrong here, or with the store")),
        ])
    }
}

/// Answers that are no problems, by status. OpenAPI wants a sentence for each.
const ANSWERS: &[(&str, &str)] = &[
    ("200", "As asked"),
    ("201", "Made"),
    ("202", "Taken on, and done later"),
    ("204", "Done; there is nothing to show"),
];

/// Describes the answers whose handlers say nothing about them.
pub(super) fn describe_answers(document: &mut utoipa::openapi::OpenApi) {
    let operations = document
        .paths
        .paths
        .values_mut()
        .flat_map(|item| [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch])
        .flatten();
    for operation in operations {
        for (status, response) in &mut operation.responses.responses {
            let sentence = ANSWERS.iter().find(|(known, _)| known == status).map(|(_, sentence)| *sentence);
            if let (RefOr::T(response), Some(sentence)) = (response, sentence)
                && response.description.is_empty()
            {
                sentence.clone_into(&mut response.description);
            }
        }
    }
}

/// Which page of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes the parameters; Parameters reads them")]
pub(super) struct PageParameters {
    /// Most items of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u64>,
    /// The `next` of the page before.
    #[param(pattern = "^[A-Za-z0-9_-]{2,64}$")]
    after: Option<String>,
}
