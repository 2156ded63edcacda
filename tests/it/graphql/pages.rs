//! Relay connections: every walk gives the same items, and a page tells rightly whether there is more.

use serde_json::{Value, json};

use super::{ask, data, nodes, refusal};
use crate::support::api::Api;
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(
    forward_and_backward_walks_give_the_same_items,
    a_page_that_cannot_be_is_refused,
    a_cursor_outlives_its_item,
);

const PEOPLE: usize = 11;

/// An account with some people on a list; two consents each, some at the same time.
async fn people(api: &Api) -> String {
    let list = api.make_list("News", "marketing").await;
    for person in 0..PEOPLE {
        api.submit(&format!("person{person}@example.com"), &[&list]).await;
    }
    list
}

/// The connections to walk: how to ask, and where the answer stands.
const CONNECTIONS: &[(&str, &str)] = &[
    ("contacts(ARGUMENTS) { PAGE }", "/contacts"),
    ("consents(ARGUMENTS) { PAGE }", "/consents"),
    ("contacts(filter: {listId: \"LIST\"}, ARGUMENTS) { PAGE }", "/contacts"),
    ("list(id: \"LIST\") { contacts(ARGUMENTS) { PAGE } }", "/list/contacts"),
];

async fn page(api: &Api, connection: (&str, &str), list: &str, arguments: &str) -> Value {
    let (field, place) = connection;
    let page = "edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }";
    let field = field.replace("ARGUMENTS", arguments).replace("PAGE", page).replace("LIST", list);
    let answer = data(api, &format!("{{ {field} }}"), json!({})).await;
    answer.pointer(place).expect("the connection").clone()
}

/// Walks to the end and tells the identifiers in the list's order.
async fn walk(api: &Api, connection: (&str, &str), list: &str, size: usize, forward: bool) -> Vec<String> {
    let (count, from, on, more) = if forward {
        ("first", "after", "endCursor", "hasNextPage")
    } else {
        ("last", "before", "startCursor", "hasPreviousPage")
    };
    let back = if forward { "hasPreviousPage" } else { "hasNextPage" };
    let mut found: Vec<String> = Vec::new();
    let mut arguments = format!("{count}: {size}");
    for step in 0..=PEOPLE {
        let page = page(api, connection, list, &arguments).await;
        let ids = nodes(&page).iter().map(|node| node["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>();
        let info = &page["pageInfo"];
        let edges = page["edges"].as_array().expect("edges");
        assert_eq!(info["startCursor"], edges.first().map_or(Value::Null, |edge| edge["cursor"].clone()));
        assert_eq!(info["endCursor"], edges.last().map_or(Value::Null, |edge| edge["cursor"].clone()));
        assert_eq!(info[back], json!(step > 0), "{connection:?} {arguments}");
        found = if forward { [found, ids].concat() } else { [ids, found].concat() };
        assert_eq!(info[more], json!(found.len() < PEOPLE), "{connection:?} {arguments}");
        if info[more] == json!(false) {
            return found;
        }
        arguments = format!("{count}: {size}, {from}: {}", info[on]);
    }
    panic!("{connection:?} has no end");
}

async fn forward_and_backward_walks_give_the_same_items(db: TestDatabase) {
    let api = Api::new(db).await;
    let list = people(&api).await;
    for connection in CONNECTIONS {
        let all = walk(&api, *connection, &list, 100, true).await;
        assert_eq!(all.len(), PEOPLE);
        for size in [1, 2, 3, 10, PEOPLE] {
            for forward in [true, false] {
                assert_eq!(walk(&api, *connection, &list, size, forward).await, all, "{connection:?} {size} {forward}");
            }
        }
    }
}

async fn a_page_that_cannot_be_is_refused(db: TestDatabase) {
    let api = Api::new(db).await;
    let list = people(&api).await;
    let consents = page(&api, CONNECTIONS[1], &list, "first: 1").await;
    let foreign = consents["pageInfo"]["endCursor"].as_str().expect("a cursor").to_owned();
    let cases = [
        ("first: 101".to_owned(), "#/first"),
        ("first: -1".to_owned(), "#/first"),
        ("last: 101".to_owned(), "#/last"),
        ("last: -1".to_owned(), "#/last"),
        ("first: 1, last: 1".to_owned(), "#/last"),
        ("after: \"nonsense\"".to_owned(), "#/after"),
        ("before: \"\"".to_owned(), "#/before"),
        (format!("after: \"{foreign}\""), "#/after"),
    ];
    for (arguments, field) in cases {
        let document = format!("{{ contacts({arguments}) {{ nodes {{ id }} }} }}");
        let answer = ask(&api, Some(&api.token), &document, json!({})).await;
        assert_eq!(refusal(&answer), ("INVALID".to_owned(), field.to_owned()), "{arguments}");
    }
    let none = page(&api, CONNECTIONS[0], &list, "first: 0").await;
    assert_eq!(none["edges"], json!([]));
    assert_eq!(none["pageInfo"]["hasNextPage"], json!(true));
}

async fn a_cursor_outlives_its_item(db: TestDatabase) {
    let api = Api::new(db).await;
    let names = ["A", "B", "C", "D"];
    let mut ids = Vec::new();
    for name in names {
        ids.push(api.make_list(name, "other").await);
    }
    let page = data(&api, "{ lists(first: 2) { pageInfo { endCursor } } }", json!({})).await;
    let cursor = &page["lists"]["pageInfo"]["endCursor"];
    data(&api, "mutation($id: UUID!) { deleteList(id: $id) }", json!({"id": ids[1]})).await;
    let rest = "query($after: String) { lists(after: $after) { nodes { name } } }";
    let rest = data(&api, rest, json!({"after": cursor})).await;
    assert_eq!(rest["lists"]["nodes"], json!([{"name": "C"}, {"name": "D"}]));
}
