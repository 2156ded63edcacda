//! The checker itself: against a description of our own, and against the vendors' with the examples that fit them.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::support::vendors;

const DESCRIPTION: &str = r##"
openapi: 3.0.3
servers: [{ url: "https://api.example.com/stores/{hash}/v3" }]
paths:
  /people:
    parameters:
      - $ref: "#/components/parameters/limit"
    get:
      parameters:
        - { name: "id:in", in: query, schema: { type: array, items: { type: integer } } }
        - { name: sort, in: query, required: true, schema: { type: string, enum: [name, age] } }
        - { name: "filter[0][field]", in: query, schema: { type: string } }
      responses:
        "200":
          content: { application/json: { schema: { $ref: "#/components/schemas/Person" } } }
        4XX: { description: refused }
    post:
      requestBody:
        required: true
        content: { application/json: { schema: { $ref: "#/components/schemas/Person" } } }
      responses: { "204": { description: done } }
  /people/{id}: { get: { responses: { "200": { description: anything } } } }
  /people/last: { get: { responses: { "404": { description: never } } } }
components:
  parameters:
    limit: { name: limit, in: query, schema: { type: integer, maximum: 250 } }
  schemas:
    Person:
      type: object
      required: [name]
      properties:
        name: { type: string }
        born: { type: string, format: date-time, nullable: true }
        mother: { nullable: true, allOf: [{ $ref: "#/components/schemas/Person" }] }
"##;

/// The description in a folder of its own, which has to live as long as it is read.
fn contract() -> Contract {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("description.yml");
    fs::write(&file, DESCRIPTION).unwrap();
    Contract::load(&[file])
}

fn query(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const PEOPLE: &str = "/stores/abc/v3/people";

#[test]
fn what_fits_has_no_problem() {
    let asked = query(&[("limit", "250"), ("id:in", "1,2"), ("sort", "age"), ("filter[7][field]", "x")]);
    let answer = json!({"name": "Anna", "born": null, "mother": {"name": "Berta", "born": "1950-01-31T10:00:00Z", "mother": null}});
    let problems = contract().check("GET", PEOPLE, &asked, None, 200, Some(&answer));
    assert_eq!(problems, Vec::<String>::new());
    let behind_a_proxy = format!("/api{PEOPLE}/5");
    assert_eq!(contract().check("GET", &behind_a_proxy, &[], None, 200, Some(&json!(1))), Vec::<String>::new());
    assert_eq!(contract().check("POST", PEOPLE, &[], Some(&answer), 204, None), Vec::<String>::new());
}

#[test]
fn each_fault_is_a_problem() {
    let contract = contract();
    let good = json!({"name": "Anna"});
    let get = |asked: &[(&str, &str)], status, answer: Option<&Value>| {
        contract.check("GET", PEOPLE, &query(asked), None, status, answer).join("; ")
    };
    let sort = ("sort", "age");
    let cases = [
        (get(&[sort, ("page", "1")], 200, Some(&good)), "the parameter page is not declared"),
        (get(&[sort, ("limit", "x")], 200, Some(&good)), "parameter limit"),
        (get(&[sort, ("limit", "251")], 200, Some(&good)), "parameter limit"),
        (get(&[sort, ("id:in", "1,x")], 200, Some(&good)), "parameter id:in"),
        (get(&[("sort", "size")], 200, Some(&good)), "parameter sort"),
        (get(&[], 200, Some(&good)), "the parameter sort is missing"),
        (get(&[sort], 200, None), "has no body"),
        (get(&[sort], 200, Some(&json!({"name": 7}))), "answer 200 /name"),
        (get(&[sort], 200, Some(&json!({"name": "A", "born": "yesterday"}))), "answer 200 /born"),
        (get(&[sort], 200, Some(&json!({"name": "A", "mother": {}}))), "answer 200 /mother"),
        (get(&[sort], 500, Some(&good)), "the status 500 is not described"),
        (contract.check("PUT", PEOPLE, &[], None, 200, None).join("; "), "PUT /stores/abc/v3/people is not described"),
        (contract.check("GET", "/v3/people", &[], None, 200, None).join("; "), "is not described"),
        (contract.check("GET", &format!("{PEOPLE}/last"), &[], None, 200, None).join("; "), "the status 200"),
        (contract.check("POST", PEOPLE, &[], None, 204, None).join("; "), "the request body is missing"),
        (contract.check("POST", PEOPLE, &[], Some(&json!({})), 204, None).join("; "), "request body"),
        (contract.check("GET", &format!("{PEOPLE}/5"), &[], Some(&good), 200, None).join("; "), "is not described"),
    ];
    for (problems, expected) in cases {
        assert!(problems.contains(expected), "{expected}: {problems:?}");
    }
    assert_eq!(get(&[sort], 404, None), "", "a body that is left open may be missing");
}

#[test]
fn an_allowance_covers_its_problem_and_must_be_needed() {
    let allowance = |problem| Allowance { problem, because: "section 4: a slip" };
    let problems = || vec!["GET /people: the parameter id is missing".to_owned(), "another".to_owned()];
    assert_eq!(not_allowed(problems(), &[allowance("parameter id is missing")]), ["another"]);
    assert_eq!(not_allowed(Vec::new(), &[allowance("x")]), ["not needed: x (section 4: a slip)"]);
}

fn files(folder: &str) -> Vec<PathBuf> {
    let Some(vendors) = vendors() else { return Vec::new() };
    let entries = fs::read_dir(vendors.join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "json" || extension == "yml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_vendors_description_can_be_read_whole() {
    for folder in ["bigcommerce/openapi", "magento", "sfcc", "shopware"] {
        let contract = Contract::load(&files(folder));
        for document in &contract.documents {
            for (path, item) in document.root["paths"].as_object().unwrap() {
                for (method, operation) in item.as_object().unwrap() {
                    let responses = operation.get("responses").and_then(Value::as_object);
                    for (status, response) in responses.into_iter().flatten() {
                        let response = document.resolved(response);
                        if let Some(schema) = schema_of_content(response).or_else(|| response.get("schema")) {
                            document.validator(&format!("{method} {path} {status}"), schema);
                        }
                    }
                }
            }
        }
    }
}

/// Slips: section 4 of `vendors/bigcommerce.md` (no id is needed) and 5 (a sort may have a direction); a time in an
/// example without its zone.
const SLIPS: &[&str] = &[
    "parameter id is missing",
    "GET /orders parameter sort",
    "GET /customers/subscribers parameter date_modified:min",
];

/// The examples were checked with another validator; section 12 of `vendors/bigcommerce.md` says how.
#[test]
fn the_examples_of_bigcommerce_fit_its_description() {
    let examples = files("bigcommerce/examples");
    if examples.is_empty() {
        return;
    }
    let contract = Contract::load(&files("bigcommerce/openapi"));
    let mut checked = 0;
    for file in examples {
        let example: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let (asked, answered) = (&example["request"], &example["response"]);
        let is_checked = example["checked_against"].as_str().is_some_and(|told| told.ends_with(": ok"));
        if !is_checked || !asked["path"].is_string() {
            continue;
        }
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let asked_for = asked["query"].as_object().into_iter().flatten();
        let asked_for: Vec<_> = asked_for.map(|(name, value)| (name.clone(), text(value))).collect();
        let status = u16::try_from(answered["status"].as_u64().unwrap()).unwrap();
        let (path, method) = (asked["path"].as_str().unwrap(), asked["method"].as_str().unwrap());
        let problems = contract.check(method, path, &asked_for, asked.get("body"), status, answered.get("body"));
        let faults: Vec<String> =
            problems.into_iter().filter(|problem| !SLIPS.iter().any(|slip| problem.contains(slip))).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", file.display());
        checked += 1;
    }
    assert!(checked >= 10, "{checked}");
}
