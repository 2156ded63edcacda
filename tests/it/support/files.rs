//! The files of the checkout, for tests that read the project itself.

use std::path::{Path, PathBuf};

/// Folders that hold no work of ours.
const FOREIGN: &[&str] = &[".git", "target", "data", "node_modules"];
/// Longest way down that is looked at; a link in a circle ends here.
const MAX_DEPTH: usize = 12;

/// One text file of the checkout.
pub(crate) struct TextFile {
    /// Path from the root, with `/`.
    pub(crate) path: String,
    /// Content.
    pub(crate) text: String,
}

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All text files below the root whose path passes, sorted by path.
pub(crate) fn text_files(wanted: impl Fn(&str) -> bool) -> Vec<TextFile> {
    let mut paths = Vec::new();
    collect(root(), MAX_DEPTH, &mut paths);
    let mut files: Vec<TextFile> = paths
        .into_iter()
        .filter_map(|path| {
            let name = path.strip_prefix(root()).ok()?.to_str()?.replace('\\', "/");
            wanted(&name).then_some(())?;
            Some(TextFile { path: name, text: std::fs::read_to_string(path).ok()? })
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// All Rust files, without generated ones.
pub(crate) fn rust_files() -> Vec<TextFile> {
    let files = text_files(|path| Path::new(path).extension().is_some_and(|extension| extension == "rs"));
    assert!(files.len() > 20, "the checkout's Rust files are not found");
    files
}

fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let entries = std::fs::read_dir(folder).expect("folders of the checkout can be read");
    for entry in entries.map(|entry| entry.expect("folders of the checkout can be read")) {
        let name = entry.file_name();
        if FOREIGN.iter().any(|foreign| name == *foreign) {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), depth, paths);
        } else {
            paths.push(entry.path());
        }
    }
}
