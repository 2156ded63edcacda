//! What one execution knows.

use std::cell::{Cell, RefCell};

use super::Shop;
use super::exports::Exports;
use super::page::Extent;
use crate::sandbox::server::Shared;

/// One execution.
pub(super) struct Context<'a> {
    pub(super) shared: &'a Shared,
    pub(super) exports: &'a Exports,
    pub(super) extent: Extent,
    /// Objects given out, for the actual cost.
    pub(super) objects: Cell<u32>,
    /// Accounts given out.
    pub(super) accounts: RefCell<Vec<u64>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(shop: &'a Shop, extent: Extent) -> Self {
        let (objects, accounts) = (Cell::new(0), RefCell::new(Vec::new()));
        Self { shared: &shop.shared, exports: &shop.exports, extent, objects, accounts }
    }
}
