//! The rules of the layout, kept by reading the source: who may name whom, and what may stand in no file.

use std::path::Path;

use crate::support::files::{TextFile, root, rust_files, text_files};
use crate::support::rust_source::{named_paths, without_comments_and_literals};

/// One rule of `docs/architecture.md`, section "Direction of dependencies".
struct Rule {
    /// Where it holds: beginnings of paths.
    within: &'static [&'static str],
    /// Where it does not: beginnings of paths.
    except: &'static [&'static str],
    /// Modules of this crate (`crate::x`) and other crates that may not be named there.
    never: &'static [&'static str],
    /// What the failure says.
    sentence: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        within: &["src/domain/"],
        except: &[],
        never: &[
            "crate::api",
            "crate::app",
            "crate::auth",
            "crate::cli",
            "crate::config",
            "crate::connectors",
            "crate::error",
            "crate::graphql",
            "crate::rest",
            "crate::sandbox",
            "crate::service",
            "crate::store",
            "crate::sync",
            "crate::telemetry",
            "async_graphql",
            "axum",
            "entity",
            "figment",
            "futures",
            "migration",
            "reqwest",
            "sea_orm",
            "std::env",
            "std::fs",
            "std::net::TcpListener",
            "std::net::TcpStream",
            "std::process",
            "std::thread",
            "tokio",
            "tracing",
            "utoipa",
        ],
        sentence: "domain is pure: it knows no other module, no async and no I/O",
    },
    Rule {
        within: &["src/connectors/"],
        except: &[],
        never: &[
            "crate::api",
            "crate::app",
            "crate::auth",
            "crate::graphql",
            "crate::rest",
            "crate::sandbox",
            "crate::service",
            "crate::store",
            "crate::sync",
            "entity",
            "migration",
            "sea_orm",
        ],
        sentence: "connectors import neither store nor service; sync joins the two",
    },
    Rule {
        within: &["src/connectors/"],
        except: &["src/connectors/http.rs", "src/connectors/http/"],
        never: &["tokio::time::sleep", "tokio::spawn"],
        sentence: "connectors describe requests and never sleep; http paces, the engine alone waits and retries",
    },
    Rule {
        within: &["src/rest/"],
        except: &[],
        never: &["crate::graphql", "crate::store", "crate::sync", "entity", "migration", "sea_orm"],
        sentence: "rest imports neither store nor entity nor sync, and not graphql",
    },
    Rule {
        within: &["src/graphql/"],
        except: &[],
        never: &["crate::rest", "crate::store", "crate::sync", "entity", "migration", "sea_orm"],
        sentence: "graphql imports neither store nor entity nor sync, and not rest",
    },
    Rule {
        within: &["src/api/"],
        except: &[],
        never: &[
            "crate::app",
            "crate::graphql",
            "crate::rest",
            "crate::sandbox",
            "crate::store",
            "crate::sync",
            "entity",
            "migration",
            "sea_orm",
        ],
        sentence: "api holds views and inputs over the domain; it reaches no data and no transport",
    },
    Rule {
        within: &["src/auth/"],
        except: &[],
        never: &["crate::api", "crate::graphql", "crate::rest", "crate::sandbox", "crate::sync"],
        sentence: "auth says who calls; it knows no transport but the headers",
    },
    Rule {
        within: &["src/jobs/"],
        except: &[],
        never: &[
            "crate::api",
            "crate::connectors",
            "crate::graphql",
            "crate::rest",
            "crate::sandbox",
            "crate::service",
            "crate::sync",
        ],
        sentence: "jobs offers runs to whoever carries them out, and knows neither sync nor service",
    },
    Rule {
        within: &["src/service/"],
        except: &[],
        never: &["crate::api", "crate::graphql", "crate::rest", "crate::sandbox"],
        sentence: "service is called by the transports and knows none of them",
    },
    Rule {
        within: &["src/store/"],
        except: &[],
        never: &[
            "crate::api",
            "crate::app",
            "crate::graphql",
            "crate::rest",
            "crate::sandbox",
            "crate::service",
            "crate::sync",
            "async_graphql",
            "axum",
            "reqwest",
        ],
        sentence: "store turns rows into domain types and knows nothing above it",
    },
    Rule {
        within: &["src/sync/"],
        except: &[],
        never: &["crate::api", "crate::graphql", "crate::rest", "crate::sandbox"],
        sentence: "sync joins service, store and connectors, and knows no transport",
    },
    Rule {
        within: &["src/sandbox/"],
        except: &[],
        never: &[
            "crate::connectors",
            "crate::domain::contact_rules",
            "crate::domain::statement",
            "crate::service",
            "crate::store",
            "crate::sync",
            "entity",
            "migration",
            "sea_orm",
        ],
        sentence: "the simulated stores share neither our client nor our rules, or they would prove nothing; cli/sandbox joins them",
    },
    Rule {
        within: &["entity/src/"],
        except: &[],
        never: &["assent", "async_graphql", "migration", "utoipa"],
        sentence: "entity holds tables, no logic and no derives of the API",
    },
    Rule {
        within: &["migration/src/"],
        except: &[],
        never: &["assent", "entity"],
        sentence: "a migration never names an entity: it must build the same tables in ten years",
    },
];

#[test]
fn modules_import_only_in_the_direction_of_the_layers() {
    let broken = broken_rules(&rust_files());
    assert!(broken.is_empty(), "{}\nA new arrow needs an ADR.", broken.join("\n"));
}

fn broken_rules(files: &[TextFile]) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files {
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| file.path.starts_with(prefix));
        for named in named_paths(&without_comments_and_literals(&file.text)) {
            let path = absolute(&file.path, &named.segments);
            let is_never = |never: &&str| path == *never || path.starts_with(&format!("{never}::"));
            for rule in RULES.iter().filter(|rule| starts(rule.within) && !starts(rule.except)) {
                if rule.never.iter().any(is_never) {
                    broken.push(format!("{}:{} names {path}, but {}", file.path, named.line, rule.sentence));
                }
            }
        }
    }
    broken
}

#[test]
fn a_forbidden_path_is_found_however_it_is_written() {
    let broken =
        |path: &str, text: &str| broken_rules(&[TextFile { path: path.to_owned(), text: text.to_owned() }]).len();
    assert_eq!(broken("src/connectors/shopify/mod.rs", "use crate::{\n    domain,\n    store::people,\n};"), 1);
    assert_eq!(broken("src/connectors/mod.rs", "use super::service::settle;"), 1);
    assert_eq!(broken("src/rest/lists.rs", "fn f() { let _ = ::entity::contact::Entity::find(); }"), 1);
    assert_eq!(broken("src/domain/email.rs", "use crate::domain::ids; use std::fmt; // crate::store::people"), 0);
    assert_eq!(broken("src/sync/engine.rs", "use crate::{connectors::Pass, store::people};"), 0);
}

/// The path as seen from the crate's root, as far as `super` can be followed without knowing inline modules.
fn absolute(file: &str, segments: &[String]) -> String {
    let folder = file.split_once("src/").map_or(file, |(_, inside)| inside);
    let stem = folder.trim_end_matches(".rs").trim_end_matches("/mod");
    let depth = stem.split('/').count();
    let supers = segments.iter().take_while(|segment| *segment == "super").count();
    if supers >= depth && supers > 0 {
        return format!("crate::{}", segments[supers..].join("::"));
    }
    segments.join("::")
}

#[test]
fn super_paths_are_followed_to_the_root() {
    let path = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(absolute("src/rest/mod.rs", &path("super::store::lists")), "crate::store::lists");
    assert_eq!(absolute("src/rest/lists.rs", &path("super::super::store")), "crate::store");
    assert_eq!(absolute("src/rest/lists.rs", &path("super::problem")), "super::problem");
    assert_eq!(absolute("src/rest/lists.rs", &path("crate::store")), "crate::store");
}

/// Files over the limit that have a reason to be, with it.
const LONG_FILES: &[(&str, &str)] = &[];
const MAX_LINES: usize = 400;

#[test]
fn files_stay_short() {
    let long: Vec<String> = rust_files()
        .into_iter()
        .map(|file| (file.text.lines().count(), file.path))
        .filter(|(lines, path)| *lines > MAX_LINES && !LONG_FILES.iter().any(|(long, _)| long == path))
        .map(|(lines, path)| format!("{path} has {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{}\nAt most {MAX_LINES}: split by noun.", long.join("\n"));
}

/// Words that no code of ours holds, with what to do instead. Spelled in two parts, so that this file passes too.
const NOT_IN_CODE: &[(&[&str], &str)] = &[
    (&["#[al", "low("], "use #[expect(lint, reason = \"...\")]: it says why, and when it is no longer needed"),
    (&["#![al", "low("], "use #![expect(lint, reason = \"...\")]"),
    (&["to", "do!("], "finish it, or return an error that says what is missing"),
    (&["unimple", "mented!("], "finish it, or return an error that says what is missing"),
    (&["dbg", "!("], "take it out"),
    (&["#[ig", "nore"], "a test that does not run tests nothing"),
    (&["#[should_", "panic"], "assert the error instead"),
    (&["thread::", "sleep"], "poll with a bound instead"),
];

#[test]
fn code_holds_no_stopgaps() {
    complain(&rust_files(), NOT_IN_CODE);
}

/// Beginnings of paths that exist on one machine only.
const NOT_IN_ANY_FILE: &[(&[&str], &str)] = &[
    (&["/wo", "rk/"], "that is a path of one machine"),
    (&["/ho", "me/"], "that is a path of one machine"),
    (&["/ro", "ot/"], "that is a path of one machine"),
    (&["/Us", "ers/"], "that is a path of one machine"),
];

#[test]
fn files_hold_no_paths_of_one_machine() {
    complain(&text_files(|path| !path.ends_with(".snap.new")), NOT_IN_ANY_FILE);
}

fn complain(files: &[TextFile], words: &[(&[&str], &str)]) {
    let words: Vec<(String, &str)> = words.iter().map(|(parts, advice)| (parts.concat(), *advice)).collect();
    let mut found = Vec::new();
    for file in files {
        for (line, text) in (1..).zip(file.text.lines()) {
            for (word, advice) in words.iter().filter(|(word, _)| text.contains(word.as_str())) {
                found.push(format!("{}:{line} holds {word}: {advice}", file.path));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let manifests = text_files(|path| Path::new(path).file_name().is_some_and(|name| name == "Cargo.toml"));
    assert!(manifests.len() >= 3, "the manifests are not found below {}", root().display());
    for manifest in manifests {
        let lints = manifest.text.split("\n[lints]\n").nth(1).unwrap_or_default();
        assert!(lints.starts_with("workspace = true"), "{} lacks `[lints] workspace = true`", manifest.path);
    }
}
