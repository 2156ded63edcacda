//! What we build on: only licences that allow anybody to run, change and ship the service, and each built once.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Licences that ask for no more than notice, by their SPDX names.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates whose manifest names no licence that can be read, each with what was found by reading it.
const READ_BY_HAND: &[(&str, &str)] =
    &[("jsonpath-rust", "its LICENSE file is the MIT licence; version 0.3.5, by apollo-compiler")];

#[test]
fn every_dependency_has_a_permissive_licence() {
    let packages = packages();
    assert!(packages.len() > 100, "only {} packages are known", packages.len());
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !READ_BY_HAND.iter().any(|(name, _)| package["name"] == *name))
        .filter(|package| !package["license"].as_str().is_some_and(is_allowed))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "not on the table of allowed licences:\n{}", refused.join("\n"));
}

#[test]
fn every_dependency_comes_from_the_registry_or_from_here() {
    let foreign: Vec<String> = packages()
        .iter()
        .filter(|package| package["source"].as_str().is_some_and(|source| !source.starts_with("registry+")))
        .map(|package| format!("{} from {}", package["name"], package["source"]))
        .collect();
    assert!(foreign.is_empty(), "{}", foreign.join("\n"));
}

#[test]
fn tests_ask_for_no_features_that_the_program_is_built_without() {
    let (program, tests) = (features("normal,build"), features("normal,build,dev"));
    assert!(program.len() > 100, "only {} packages are known", program.len());
    let twice: Vec<&String> = program.difference(&tests).collect();
    assert!(twice.is_empty(), "built once for the program and once more for the tests; see Cargo.toml: {twice:#?}");
}

/// Every package with its features, one a line, as cargo builds it for these kinds of dependencies.
fn features(kinds: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let told = Command::new(cargo)
        .args(["tree", "--locked", "--offline", "--package", "assent", "--edges", kinds])
        .args(["--prefix", "none", "--format", "{p} {f}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let lines = String::from_utf8(told.stdout).expect("cargo speaks UTF-8");
    // A package that was shown before is marked.
    lines.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

/// Everything that is compiled for this machine, as cargo tells it. Needs no network: it is all there already.
fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let rustc = Path::new(&cargo).with_file_name("rustc");
    let version = Command::new(rustc).arg("-vV").output().expect("rustc runs");
    let version = String::from_utf8(version.stdout).expect("rustc speaks UTF-8");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let told = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let mut metadata: Value = serde_json::from_slice(&told.stdout).expect("cargo metadata is JSON");
    let used: Vec<Value> =
        metadata["resolve"]["nodes"].as_array().expect("nodes").iter().map(|n| n["id"].clone()).collect();
    let Value::Array(mut packages) = metadata["packages"].take() else { panic!("cargo metadata lists packages") };
    packages.retain(|package| used.contains(&package["id"]));
    packages
}

/// Whether one may choose allowed licences only. `OR` binds weaker than `AND`; `/` is an old way to write `OR`.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let (allowed, rest) = any_of(expression.trim());
    allowed && rest.is_empty()
}

fn any_of(text: &str) -> (bool, &str) {
    let (mut allowed, mut rest) = all_of(text);
    while let Some(next) = rest.strip_prefix("OR ") {
        let (other, after) = all_of(next.trim_start());
        (allowed, rest) = (allowed || other, after);
    }
    (allowed, rest)
}

fn all_of(text: &str) -> (bool, &str) {
    let (mut allowed, mut rest) = one(text);
    while let Some(next) = rest.strip_prefix("AND ") {
        let (other, after) = one(next.trim_start());
        (allowed, rest) = (allowed && other, after);
    }
    (allowed, rest)
}

fn one(text: &str) -> (bool, &str) {
    if let Some(inner) = text.strip_prefix('(') {
        let (allowed, rest) = any_of(inner.trim_start());
        return match rest.strip_prefix(')') {
            Some(after) => (allowed, after.trim_start()),
            None => (false, rest),
        };
    }
    let end = [" OR ", " AND ", ")"].iter().filter_map(|stop| text.find(stop)).min().unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    (ALLOWED.contains(&name.trim()), rest.trim_start())
}

#[test]
fn licence_expressions_are_read_by_their_grammar() {
    let cases = [
        ("MIT", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("(MIT OR Apache-2.0) AND GPL-3.0-only", false),
        ("ISC AND (Apache-2.0 OR ISC) AND OpenSSL", true),
        ("GPL-3.0-only OR MIT AND SSPL-1.0", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only", true),
        ("MIT)", false),
        ("", false),
    ];
    for (expression, expected) in cases {
        assert_eq!(is_allowed(expression), expected, "{expression}");
    }
}
