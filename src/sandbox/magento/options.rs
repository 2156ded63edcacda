//! What only the simulated Magento has.

/// What only the simulated Magento has.
#[derive(Debug, Clone, Copy, Default)]
pub struct MagentoOptions {
    /// The merchant has a module that lists guest subscribers; core REST can't (`vendors/magento.md` section 6).
    pub subscribers_endpoint: bool,
    /// What a page past the end has.
    pub past_the_end: PastTheEnd,
    /// The token of an integration is taken as bearer, and [`settings`](super::super::SandboxStore::settings) gives it;
    /// off by default since 2.4.4 (section 2).
    pub bearer: bool,
    /// Pages larger than this are refused; no limit by default (section 3).
    pub largest_page: Option<u64>,
    /// The list of customers does not show `is_subscribed`, as before 2.4 (section 6).
    pub list_hides_flag: bool,
    /// A resource of the access control that the integration was not given (section 2).
    pub missing_right: Option<&'static str>,
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
