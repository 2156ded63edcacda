//! The documents: their links lead somewhere, and the variables they name are the ones that the service reads.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::files::{TextFile, root, rust_files, text_files};
use crate::support::vendors;

/// All documents of the project.
pub(super) fn documents() -> Vec<TextFile> {
    let documents = text_files(|path| Path::new(path).extension().is_some_and(|extension| extension == "md"));
    assert!(documents.iter().any(|document| document.path == "README.md"));
    documents
}

fn document(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("the document is there")
}

#[test]
fn relative_links_lead_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    for document in documents() {
        for target in links(&document.text).into_iter().filter(|target| !target.contains("://")) {
            let (path, heading) = target.split_once('#').unwrap_or((&target, ""));
            let file = if path.is_empty() { root().join(&document.path) } else { beside(&document.path, path) };
            let leads = file.exists()
                && (heading.is_empty()
                    || headings(&std::fs::read_to_string(&file).unwrap_or_default()).contains(heading));
            if !leads {
                broken.push(format!("{} links to {target}", document.path));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

fn beside(document: &str, path: &str) -> PathBuf {
    root().join(document).parent().expect("documents lie in a folder").join(path)
}

/// Targets of `[text](target)` outside of code.
fn links(text: &str) -> Vec<String> {
    without_code(text)
        .split("](")
        .skip(1)
        .filter_map(|after| after.split_once(')'))
        .map(|(target, _)| target.trim().to_owned())
        .collect()
}

fn without_code(text: &str) -> String {
    let mut fenced = false;
    let mut kept = String::new();
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        if !fence && !fenced {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// The names under which headings can be linked to, as GitHub makes them.
fn headings(text: &str) -> BTreeSet<String> {
    let without_code = without_code(text);
    let titles = without_code.lines().filter(|line| line.starts_with('#'));
    titles
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
        })
        .collect()
}

/// Every `ASSENT_…` name in a text; a mere beginning such as `ASSENT_TEST_` is none.
fn variables(text: &str) -> BTreeSet<String> {
    text.match_indices("ASSENT_")
        .filter_map(|(at, _)| {
            let name: String = text
                .get(at..)?
                .chars()
                .take_while(|c| c.is_ascii_uppercase() || *c == '_' || c.is_ascii_digit())
                .collect();
            (!name.ends_with('_')).then_some(name)
        })
        .collect()
}

#[test]
fn the_readme_lists_exactly_the_variables_that_the_service_reads() {
    let read: BTreeSet<String> =
        fields_of_the_configuration().map(|name| format!("ASSENT_{}", name.to_uppercase())).collect();
    let listed: BTreeSet<String> = document("README.md")
        .lines()
        .filter(|line| line.starts_with("| `ASSENT_"))
        .flat_map(|row| variables(row.split('|').nth(1).unwrap_or_default()))
        .collect();
    assert_eq!(listed, read, "left: README.md, right: src/config.rs");
}

/// Names of the fields of `Config`, which are the variables without `ASSENT_`.
fn fields_of_the_configuration() -> impl Iterator<Item = String> {
    let source = document("src/config.rs");
    let (_, body) = source.split_once("pub struct Config {").expect("src/config.rs declares Config");
    let (body, _) = body.split_once("\n}").expect("the struct ends");
    let fields: Vec<String> =
        body.lines().filter_map(|line| Some(line.trim().strip_prefix("pub ")?.split_once(':')?.0.to_owned())).collect();
    fields.into_iter()
}

#[test]
fn every_variable_that_a_document_names_exists() {
    let mut known = variables(&document("src/config.rs"));
    for file in text_files(|path| path.starts_with("tests/it/support/")) {
        known.extend(variables(&file.text));
    }
    for document in documents() {
        let unknown: Vec<_> = variables(&document.text).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{} names {unknown:?}, which nothing reads", document.path);
    }
}

/// The commands that the program has, by its own help.
fn commands() -> BTreeSet<String> {
    let help = Command::new(env!("CARGO_BIN_EXE_assent")).arg("--help").output().expect("the program runs");
    let help = String::from_utf8(help.stdout).expect("the help is text");
    let (_, listed) = help.split_once("Commands:\n").expect("the help lists commands");
    let lines = listed.lines().take_while(|line| line.starts_with("  "));
    let names = lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn the_readme_explains_every_command() {
    let readme = document("README.md");
    let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `assent ")).collect();
    for command in commands() {
        let beginning = format!("| `assent {command}");
        assert!(rows.iter().any(|row| row.starts_with(&beginning)), "README.md has no row for assent {command}");
    }
}

/// Citations as the code writes them, for example "`vendors/woocommerce.md` section 2": sheet and section.
fn citations(text: &str) -> Vec<(String, Option<String>)> {
    let one_line = text.lines().map(|line| line.trim_start_matches([' ', '/', '!'])).collect::<Vec<_>>().join(" ");
    let cited = one_line.split("vendors/").skip(1).filter_map(|after| {
        let (sheet, rest) = after.split_once(".md")?;
        let is_name = sheet.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        let section = rest.trim_start_matches(['`', ',']).trim_start().strip_prefix("section ");
        let number = section.map(|text| text.chars().take_while(char::is_ascii_digit).collect());
        is_name.then(|| (format!("{sheet}.md"), number))
    });
    cited.collect()
}

#[test]
fn what_the_code_cites_is_there() {
    let Some(vendors) = vendors() else { return };
    for file in rust_files().into_iter().filter(|file| !file.path.starts_with("tests/it/")) {
        for (sheet, section) in citations(&file.text) {
            let content = std::fs::read_to_string(vendors.join(&sheet)).unwrap_or_default();
            assert!(!content.is_empty(), "{} cites {sheet}, which is not there", file.path);
            let heading = section.map(|number| format!("\n## {number}. "));
            let is_there = heading.as_ref().is_none_or(|heading| content.contains(heading));
            assert!(is_there, "{} cites {sheet}, which has no section{}", file.path, heading.unwrap_or_default());
        }
    }
}
