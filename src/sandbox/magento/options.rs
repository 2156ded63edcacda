//! What only the simulated Magento has.

/// What only the simulated Magento has.
#[derive(Debug, Clone, Copy, Default)]
pub struct MagentoOptions {
    /// The merchant has a module that lists guest subscribers; core REST can't (`vendors/magento.md` section 6).
    pub subscribers_endpoint: bool,
    /// What a page past the end has.
    pub past_the_end: PastTheEnd,
}

/// What a page past the end has (`vendors/magento.md` section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PastTheEnd {
    /// Nothing, as in current releases.
    #[default]
    Empty,
    /// The last page again, as in older ones.
    LastPage,
}
