//! What a test may need and not find: said aloud once, or demanded.
//!
//! Also a module of the crate's own unit tests (`src/lib.rs`), hence without any other part of `support`.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::LazyLock;

/// Where the vendors' own descriptions and the recorded exchanges lie: beside the checkout, no part of the project.
const VENDORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vendors");

/// Says something past the test harness, which keeps what `eprintln!` writes to itself while a test passes.
pub(crate) fn announce(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("standard error can be written to");
}

/// Whether a variable demands that a part of the tests must not be skipped: set, and neither empty nor `0`.
pub(crate) fn demanded(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| !value.is_empty() && value != "0")
}

static FOUND: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let folder = Some(PathBuf::from(VENDORS)).filter(|folder| folder.is_dir());
    if folder.is_none() && !demanded("ASSENT_REQUIRE_VENDORS") {
        announce("Tests against the vendors' data skipped: there is no ../shared/vendors beside the checkout.");
    }
    folder
});

/// The folder of the vendors' data; `None` (said once, visibly) where it is missing.
///
/// # Panics
/// It is missing although `ASSENT_REQUIRE_VENDORS` demands it.
pub(crate) fn vendors() -> Option<PathBuf> {
    let is_demanded = demanded("ASSENT_REQUIRE_VENDORS");
    assert!(FOUND.is_some() || !is_demanded, "ASSENT_REQUIRE_VENDORS is set, but there is no ../shared/vendors");
    FOUND.clone()
}
