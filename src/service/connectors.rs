//! The platforms that stores can be installed from. Everybody who may see integrations may see them.

use crate::auth::Caller;
use crate::domain::Platform;
use crate::domain::access::Scope;
use crate::domain::page::{End, Slice, Window};
use crate::error::Error;

/// A page of platforms with their positions, in the order of their declaration.
///
/// # Errors
/// The scope is missing.
pub fn list(caller: &Caller, page: &Window<u32>) -> Result<Slice<(u32, Platform)>, Error> {
    caller.require(Scope::IntegrationsRead)?;
    let inside = |(position, _): &(u32, Platform)| {
        page.after.is_none_or(|after| *position > after) && page.before.is_none_or(|before| *position < before)
    };
    let mut found: Vec<_> = (0..).zip(Platform::ALL.iter().copied()).filter(inside).collect();
    if page.end == End::Last {
        found.reverse();
    }
    Ok(Slice::new(found, page.size, page.end))
}

/// One platform by its word.
///
/// # Errors
/// There is no such platform.
pub fn get(caller: &Caller, platform: &str) -> Result<Platform, Error> {
    caller.require(Scope::IntegrationsRead)?;
    platform.parse().map_err(|_| Error::NotFound("connector"))
}
