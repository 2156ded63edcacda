//! Changes of mappings, and what they do to people.

use super::ids::ListId;
use super::integration::Integration;
use super::words::Audience;

/// Which audiences go elsewhere: to a list, or (`None`) to no list. Audiences that are not named stay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MappingChange(pub Vec<(Audience, Option<ListId>)>);

/// What a change of mappings does, or would do.
#[derive(Debug, Clone, PartialEq)]
pub struct MappingEffect {
    /// The integration with its mappings after the change.
    pub integration: Integration,
    /// One entry per audience that was named.
    pub audiences: Vec<AudienceEffect>,
}

/// What a change does to the people of one audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudienceEffect {
    /// The audience.
    pub audience: Audience,
    /// Contacts that come onto the new list.
    pub joins: u64,
    /// Contacts that go off the old list.
    pub leaves: u64,
    /// Contacts that stay on a list, because something else holds them there or nothing changes.
    pub stays: u64,
}
