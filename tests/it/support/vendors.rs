//! The vendors' own descriptions and the recorded exchanges, which are no part of the project.

use std::path::PathBuf;
use std::sync::LazyLock;

use super::{announce, demanded};

/// Where the vendors' data lies, beside the checkout.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vendors");

static FOUND: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let folder = PathBuf::from(FOLDER);
    if folder.is_dir() {
        return Some(folder);
    }
    announce("Tests against the vendors' data skipped: there is no ../shared/vendors beside the checkout.");
    None
});

/// The folder of the vendors' data; `None` (said once, visibly) where it is missing.
///
/// # Panics
/// It is missing although `ASSENT_REQUIRE_VENDORS` demands it.
pub(crate) fn vendors() -> Option<PathBuf> {
    assert!(
        FOUND.is_some() || !demanded("ASSENT_REQUIRE_VENDORS"),
        "ASSENT_REQUIRE_VENDORS is set, but there is no ../shared/vendors beside the checkout"
    );
    FOUND.clone()
}

#[test]
fn the_vendors_data_has_a_sheet_per_platform() {
    let Some(folder) = crate::support::vendors() else { return };
    for platform in assent::domain::Platform::ALL {
        assert!(folder.join(format!("{platform}.md")).is_file(), "there is no sheet of {platform}");
    }
}
