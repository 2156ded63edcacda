//! `assent export`: write both contracts, and the page about the connectors, to the files that are committed.

use std::path::{Path, PathBuf};

use super::connector::document;
use super::{Failure, print};
use crate::{graphql, rest};

/// Write the contracts of the API, `schema/schema.graphql` and `openapi/openapi.json`, and `docs/connectors.md`.
///
/// Needs no database. The files are committed; a change of the contracts is a change of the API.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  assent export            write the files
  assent export --check    exit code 1 if a file is not what this program would write")]
pub(super) struct Arguments {
    /// Folder that holds `schema/`, `openapi/` and `docs/`.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// Write nothing; exit code 1 if a file is not what this program would write.
    #[arg(long)]
    check: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let files = [
        ("schema/schema.graphql", graphql::export(&graphql::schema())),
        ("openapi/openapi.json", rest::export()),
        ("docs/connectors.md", document()),
    ];
    let mut stale = Vec::new();
    for (name, content) in files {
        let path = arguments.folder.join(name);
        let is_fresh = std::fs::read_to_string(&path).is_ok_and(|found| found == content);
        match (is_fresh, arguments.check) {
            (true, _) => print(&format!("{name} is fresh"))?,
            (false, true) => stale.push(name),
            (false, false) => {
                write(&path, &content)?;
                print(&format!("{name} written"))?;
            }
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(format!("{} missing or out of date; renew with: cargo run -- export", stale.join(" and "))))
}

fn write(path: &Path, content: &str) -> Result<(), Failure> {
    let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, content));
    written.map_err(|error| Failure::failed(format!("{} can't be written: {error}", path.display())))
}
