//! The examples of the documents: the program takes the commands, and the simulated stores take the changes.

use assent::cli::Cli;
use assent::domain::Platform;
use assent::sandbox::{SandboxStore, StoreOptions};
use clap::Parser as _;
use clap::error::ErrorKind;
use reqwest::Method;

use crate::documents::documents;
use crate::support::files::root;

/// What a command line may lack where a document only names the command.
const MERELY_NAMED: &[ErrorKind] = &[
    ErrorKind::MissingRequiredArgument,
    ErrorKind::MissingSubcommand,
    ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
    ErrorKind::DisplayHelp,
];

#[test]
fn every_command_that_a_document_names_is_taken() {
    let mut tried = 0;
    for document in documents() {
        for line in pieces_of_code(&document.text) {
            // Any of them will do for the one that a document leaves open.
            let Some(arguments) = arguments_of(&line.replace("<platform>", "woocommerce")) else { continue };
            tried += 1;
            if let Err(error) = Cli::try_parse_from(&arguments) {
                assert!(MERELY_NAMED.contains(&error.kind()), "{} has `{line}`: {error}", document.path);
            }
        }
    }
    assert!(tried > 10, "the documents' commands are not found");
}

/// Lines of fenced blocks, and what stands between backticks elsewhere.
fn pieces_of_code(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut pieces = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            pieces.push(line.to_owned());
        } else {
            pieces.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    pieces
}

/// The arguments of our program, its name first; `None` if the line does not run it.
fn arguments_of(line: &str) -> Option<Vec<String>> {
    let words = words(line);
    let mut words = words.into_iter().skip_while(|word| word.starts_with("ASSENT_")).peekable();
    let program = words.next()?;
    if program == "cargo" {
        words.next_if_eq("run")?;
        let after: Vec<String> = words.skip_while(|word| word != "--").skip(1).collect();
        return (!after.is_empty()).then(|| [vec!["assent".to_owned()], after].concat());
    }
    let is_ours = program == "assent" || program.ends_with("/assent");
    (is_ours && words.peek().is_some()).then(|| [vec![program], words.collect()].concat())
}

/// The words of a simple command as a shell splits them, up to a comment or a pipe.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ') => words.push(String::new()),
            _ => words.last_mut().expect("there is a word").push(c),
        }
    }
    let is_end = |word: &String| ["#", "|", ">", "&&"].contains(&word.as_str());
    words.into_iter().filter(|word| !word.is_empty()).take_while(|word| !is_end(word)).collect()
}

#[test]
fn commands_are_read_as_a_shell_reads_them() {
    let arguments = |line: &str| arguments_of(line).map(|words| words.join("|"));
    assert_eq!(arguments("ASSENT_LOG=info assent serve  # comment").as_deref(), Some("assent|serve"));
    assert_eq!(arguments("cargo run -- sandbox --once | jq .").as_deref(), Some("assent|sandbox|--once"));
    assert_eq!(
        arguments("bin/assent account create --name 'A b'").as_deref(),
        Some("bin/assent|account|create|--name|A b")
    );
    assert_eq!(arguments("cargo test --workspace"), None);
    assert_eq!(arguments("assent"), None);
}

#[tokio::test]
async fn the_stores_take_the_documented_changes_in_their_order() {
    let document = std::fs::read_to_string(root().join("docs/sandbox.md")).expect("the document is there");
    for platform in [Platform::Shopify, Platform::Shopware, Platform::WooCommerce] {
        // What only one platform has is shown with a variable of its own.
        let own = format!("${}/", platform.as_str().to_uppercase());
        let is_for_it = |line: &&str| line.starts_with("curl ") && (line.contains("$STORE") || line.contains(&own));
        let options = StoreOptions { people: 20, ..StoreOptions::default() };
        let store = SandboxStore::start(platform, options).await.expect("the store starts");
        let mut tried = 0;
        for line in document.lines().filter(is_for_it) {
            tried += 1;
            let status = send(&line.replace(&own, "$STORE/"), &store.control_url()).await;
            assert!(status.is_success(), "{platform}: {status} for {line}");
        }
        assert!(tried > 10, "the document's commands are not found");
        store.stop().await;
    }
}

/// Does what a documented `curl` does.
async fn send(line: &str, control_url: &str) -> reqwest::StatusCode {
    let words = words(line);
    let after = |option: &str| words.iter().skip_while(|word| *word != option).nth(1);
    let url = words.iter().find_map(|word| word.strip_prefix("$STORE").or_else(|| word.strip_prefix("$SHOPIFY")));
    let url = format!("{control_url}{}", url.expect("the command has an address"));
    let body = after("-d");
    let method = match after("-X") {
        Some(method) => method.parse().expect("a method"),
        None if body.is_some() => Method::POST,
        None => Method::GET,
    };
    let mut request = reqwest::Client::builder().build().expect("a client can be built").request(method, url);
    if let Some((name, value)) = after("-H").and_then(|header| header.split_once(": ")) {
        request = request.header(name, value);
    }
    if let Some(body) = body {
        request = request.body(body.clone());
    }
    request.send().await.expect("the store answers").status()
}
