//! One macro that mirrors a closed set of the domain for both transports.

/// Declares the mirror of a domain enum: serde and OpenAPI by its word, GraphQL in capitals, and `From` both ways.
///
/// A variant that only one side has does not compile. Words are taken as `tt`: utoipa does not see through a `literal`
/// and would describe the variants by their Rust names.
macro_rules! mirrored {
    ($(#[$meta:meta])* $name:ident = $domain:literal {
        $($(#[$variant_meta:meta])* $variant:ident = $word:tt),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq,
            serde::Serialize, serde::Deserialize, utoipa::ToSchema, async_graphql::Enum,
        )]
        #[graphql(remote = $domain)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant),+
        }
    };
}
pub(super) use mirrored;

/// Asserts that a mirror has the same word on the wire as what it mirrors.
#[cfg(test)]
pub(super) fn same_words<Mirror, Domain>(all: &[Domain])
where
    Domain: Copy + serde::Serialize,
    Mirror: From<Domain> + serde::Serialize,
{
    for &member in all {
        let mirror = serde_json::to_value(Mirror::from(member)).unwrap();
        assert_eq!(mirror, serde_json::to_value(member).unwrap());
    }
}
