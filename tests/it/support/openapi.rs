//! A vendor's own description of its interface, OpenAPI 3 or Swagger 2, held against exchanges.
//!
//! What is checked: the method and path are described; every query parameter is declared, of its type, and none that
//! is required is missing; both bodies fit their JSON schemas, formats and `nullable` included; the status is declared.
//! Schemas of OpenAPI 3.0 and Swagger 2 are read as JSON Schema draft 7, which they are but for `nullable`.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// Most problems told about one body.
const MAX_PROBLEMS: usize = 10;

/// A problem that is the description's own and no fault of an exchange.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    /// Part of the sentences it stands for.
    pub(crate) problem: &'static str,
    /// Section of the sheet that says so, and what is meant.
    pub(crate) because: &'static str,
}

/// The problems that no allowance stands for, each once, and the allowances that stand for none.
pub(crate) fn not_allowed(problems: Vec<String>, allowances: &[Allowance]) -> Vec<String> {
    let stands_for = |allowance: &Allowance, problem: &String| problem.contains(allowance.problem);
    let unused = allowances.iter().filter(|allowance| !problems.iter().any(|problem| stands_for(allowance, problem)));
    let unused: Vec<String> =
        unused.map(|allowance| format!("not needed: {} ({})", allowance.problem, allowance.because)).collect();
    let rest: BTreeSet<String> =
        problems.into_iter().filter(|problem| !allowances.iter().any(|one| stands_for(one, problem))).collect();
    rest.into_iter().chain(unused).collect()
}

/// Descriptions of one vendor, taken together.
pub(crate) struct Contract {
    documents: Vec<Document>,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

struct Document {
    name: String,
    root: Value,
    draft: Draft,
    /// Path of the server that the description names, cut at its slashes.
    server: Vec<String>,
}

/// The operation that a request is for.
struct Operation<'a> {
    document: &'a Document,
    /// Method and path as described, for problems and as a key.
    label: String,
    parameters: Vec<&'a Value>,
    body: &'a Value,
}

impl Contract {
    /// Reads descriptions in JSON or YAML.
    ///
    /// # Panics
    /// A file can't be read or is no description.
    pub(crate) fn load(files: &[impl AsRef<Path>]) -> Self {
        let documents = files.iter().map(|file| Document::load(file.as_ref())).collect();
        Self { documents, validators: Mutex::default() }
    }

    /// What is wrong with an exchange; nothing if all is well.
    ///
    /// `path` is the request's whole path; it may have more in front than the description's server has. `None` for a
    /// body that is empty.
    pub(crate) fn check(
        &self,
        method: &str,
        path: &str,
        query: &[(String, String)],
        request_body: Option<&Value>,
        status: u16,
        response_body: Option<&Value>,
    ) -> Vec<String> {
        let Some(operation) = self.operation(method, path) else {
            return vec![format!("{method} {path} is not described")];
        };
        let mut problems = self.check_query(&operation, query);
        problems.extend(self.check_request(&operation, request_body));
        problems.extend(self.check_response(&operation, status, response_body));
        problems
    }

    fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let asked: Vec<&str> = path.trim_matches('/').split('/').collect();
        let found = self.documents.iter().flat_map(|document| {
            let paths = document.root["paths"].as_object().expect("a description has paths");
            paths.iter().map(move |(template, item)| (document, template, item))
        });
        let fitting = found.filter_map(|(document, template, item)| {
            let literals = document.fit(template, &asked)?;
            let body = item.get(method.to_ascii_lowercase())?;
            Some((literals, document, template, item, body))
        });
        let (_, document, template, item, body) = fitting.max_by_key(|(literals, ..)| *literals)?;
        let lists = [item.get("parameters"), body.get("parameters")];
        let parameters = lists.into_iter().flatten().filter_map(Value::as_array).flatten();
        Some(Operation {
            document,
            label: format!("{method} {template}"),
            parameters: parameters.map(|parameter| document.resolved(parameter)).collect(),
            body,
        })
    }

    fn check_query(&self, operation: &Operation<'_>, query: &[(String, String)]) -> Vec<String> {
        let label = &operation.label;
        let declared: Vec<_> = operation.parameters.iter().filter(|parameter| parameter["in"] == "query").collect();
        let mut problems = Vec::new();
        for (name, value) in query {
            match declared.iter().find(|parameter| parameter["name"] == first_indices(name).as_str()) {
                None => problems.push(format!("{label}: the parameter {name} is not declared")),
                Some(parameter) => {
                    let schema = parameter.get("schema").unwrap_or(parameter);
                    let schema = operation.document.resolved(schema);
                    let what = format!("{label} parameter {name}");
                    problems.extend(self.check_text(operation.document, &what, schema, value));
                }
            }
        }
        for parameter in declared.iter().filter(|parameter| parameter["required"] == true) {
            let name = parameter["name"].as_str().expect("a parameter has a name");
            if !query.iter().any(|(given, _)| first_indices(given) == name) {
                problems.push(format!("{label}: the parameter {name} is missing"));
            }
        }
        problems
    }

    /// The text of a parameter as a value of its schema; a list is separated by commas.
    fn check_text(&self, document: &Document, what: &str, schema: &Value, text: &str) -> Vec<String> {
        if schema["type"] == "array" {
            let items = document.resolved(&schema["items"]);
            return text.split(',').flat_map(|item| self.check_text(document, what, items, item)).collect();
        }
        let typed = match schema["type"].as_str() {
            Some("integer" | "number" | "boolean") => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
            _ => json!(text),
        };
        self.check_value(document, what, schema, &typed)
    }

    fn check_request(&self, operation: &Operation<'_>, sent: Option<&Value>) -> Vec<String> {
        let label = &operation.label;
        let described = operation.body.get("requestBody").map(|body| operation.document.resolved(body));
        let as_parameter = operation.parameters.iter().find(|parameter| parameter["in"] == "body").copied();
        let schema = described.and_then(schema_of_content).or_else(|| as_parameter?.get("schema"));
        let is_required = described.or(as_parameter).is_some_and(|body| body["required"] == true);
        match (sent, schema) {
            (Some(sent), Some(schema)) => {
                self.check_value(operation.document, &format!("{label} request body"), schema, sent)
            }
            (Some(_), None) => vec![format!("{label}: a request body is not described")],
            (None, _) if is_required => vec![format!("{label}: the request body is missing")],
            (None, _) => Vec::new(),
        }
    }

    fn check_response(&self, operation: &Operation<'_>, status: u16, answer: Option<&Value>) -> Vec<String> {
        let label = &operation.label;
        let responses = &operation.body["responses"];
        let keys = [status.to_string(), format!("{}XX", status / 100), "default".to_owned()];
        let Some(response) = keys.iter().find_map(|key| responses.get(key)) else {
            return vec![format!("{label}: the status {status} is not described")];
        };
        let response = operation.document.resolved(response);
        match (answer, schema_of_content(response).or_else(|| response.get("schema"))) {
            (Some(answer), Some(schema)) => {
                self.check_value(operation.document, &format!("{label} answer {status}"), schema, answer)
            }
            (None, Some(_)) => vec![format!("{label}: the answer {status} has no body, one is described")],
            // A status whose body is left open, as most errors are.
            (_, None) => Vec::new(),
        }
    }

    fn check_value(&self, document: &Document, what: &str, schema: &Value, value: &Value) -> Vec<String> {
        let key = format!("{} {what}", document.name);
        let mut validators = self.validators.lock().expect("no test panics with the validators in hand");
        let validator = validators.entry(key).or_insert_with(|| Arc::new(document.validator(what, schema))).clone();
        drop(validators);
        let errors = validator.iter_errors(value).take(MAX_PROBLEMS);
        errors.map(|error| format!("{what} {}: {}", error.instance_path(), error.masked())).collect()
    }
}

impl Document {
    fn load(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).expect("a description can be read");
        let is_json = file.extension().is_some_and(|extension| extension == "json");
        let mut root: Value = if is_json {
            serde_json::from_str(&text).expect("a description is JSON")
        } else {
            serde_saphyr::from_str(&text).expect("a description is YAML")
        };
        let draft = match root["openapi"].as_str() {
            Some(version) if version.starts_with("3.1") => Draft::Draft202012,
            _ => {
                honour_nullable(&mut root);
                Draft::Draft7
            }
        };
        let server = server_path(&root);
        Self { name: file.display().to_string(), root, draft, server }
    }

    /// How many segments of a path template are literally those asked for; `None` if it is another path.
    fn fit(&self, template: &str, asked: &[&str]) -> Option<usize> {
        let own = template.trim_matches('/').split('/');
        let segments: Vec<&str> = self.server.iter().map(String::as_str).chain(own).collect();
        let asked = &asked[asked.len().checked_sub(segments.len())?..];
        let is_variable = |segment: &str| segment.starts_with('{') && segment.ends_with('}');
        let fits = segments.iter().zip(asked).all(|(segment, asked)| is_variable(segment) || segment == asked);
        fits.then(|| segments.iter().filter(|segment| !is_variable(segment)).count())
    }

    /// What a node stands for: itself, or what its `$ref` points to.
    fn resolved<'a>(&'a self, node: &'a Value) -> &'a Value {
        match node.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#')) {
            Some(pointer) => self.resolved(self.root.pointer(pointer).expect("a reference leads somewhere")),
            None => node,
        }
    }

    fn validator(&self, what: &str, schema: &Value) -> Validator {
        let shared = ["components", "definitions"].into_iter().filter_map(|part| Some((part, self.root.get(part)?)));
        let mut whole: Map<String, Value> = shared.map(|(part, schemas)| (part.to_owned(), schemas.clone())).collect();
        whole.insert("allOf".to_owned(), json!([schema]));
        jsonschema::options()
            .with_draft(self.draft)
            .should_validate_formats(true)
            .should_ignore_unknown_formats(true)
            .build(&Value::Object(whole))
            .unwrap_or_else(|error| panic!("{what} of {}: {error}", self.name))
    }
}

/// The path of the first server. In Magento's base path `default` stands for any store's code.
fn server_path(root: &Value) -> Vec<String> {
    let path = match (root["servers"][0]["url"].as_str(), root["basePath"].as_str()) {
        (Some(url), _) => {
            url.split_once("//").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path))
        }
        (None, Some(base)) => base,
        (None, None) => "",
    };
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.map(|segment| if segment == "default" { "{storeCode}" } else { segment }.to_owned()).collect()
}

/// The schema of a body: of JSON if it is described, else of the first form.
fn schema_of_content(body: &Value) -> Option<&Value> {
    let content = body.get("content")?.as_object()?;
    content.get("application/json").or_else(|| content.values().next())?.get("schema")
}

/// Numbers in brackets count up what is described once, with 0.
fn first_indices(name: &str) -> String {
    let parts = name.split('[').map(|part| match part.strip_suffix(']') {
        Some(index) if !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()) => "0]",
        _ => part,
    });
    parts.collect::<Vec<_>>().join("[")
}

/// Writes `nullable: true` as JSON Schema understands it, everywhere below a node.
fn honour_nullable(node: &mut Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(honour_nullable),
        Value::Object(fields) => {
            fields.values_mut().for_each(honour_nullable);
            let is_nullable = |name| fields.get(name) == Some(&json!(true));
            if is_nullable("nullable") || is_nullable("x-nullable") {
                fields.remove("nullable");
                fields.remove("x-nullable");
                let schema = Value::Object(std::mem::take(fields));
                *node = json!({ "anyOf": [schema, { "type": "null" }] });
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "openapi_tests.rs"]
mod tests;
