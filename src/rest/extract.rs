//! Extractors whose refusals are problems that name the field, and never hold a value.

use std::collections::BTreeMap;

use axum::body::{HttpBody as _, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::api::object::Object;
use crate::api::page::{Key, decode};
use crate::domain::page::{DEFAULT_SIZE, MAX_SIZE, Window};
use crate::domain::people::bounded;
use crate::error::Error;

/// Largest body, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T, S> FromRequest<S> for Body<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let Object(value) = read(request).await?;
        Ok(Self(value))
    }
}

async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Error> {
    if !is_json(&request) {
        return Err(Error::UnsupportedMediaType("application/json"));
    }
    let bytes = to_bytes(request.into_body(), MAX_BODY_BYTES).await.map_err(|_| Error::TooLarge(MAX_BODY_BYTES))?;
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| refused(&error))?;
    reader.end().map_err(|_| Error::Malformed("the body holds more than one JSON value".to_owned()))?;
    Ok(value)
}

/// A JSON body that may be left out, or be `null`, as the contract says of it.
pub(super) struct OptionalBody<T>(pub(super) T);

impl<T, S> FromRequest<S> for OptionalBody<T>
where
    T: DeserializeOwned + Default,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        if request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        let value: Option<Object<T>> = read(request).await?;
        Ok(Self(value.map(|Object(value)| value).unwrap_or_default()))
    }
}

fn is_json(request: &Request) -> bool {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// What serde says, without the values that it quotes.
fn refused(error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let inner = error.inner();
    if !inner.is_data() {
        return Error::Malformed("the body is not valid JSON".to_owned());
    }
    let message = inner.to_string();
    let path = error.path().to_string();
    let path = if path == "." { String::new() } else { path.replace('[', ".").replace(']', "") };
    let quoted = || message.split('`').nth(1).map(|name| bounded(name.to_owned(), 64));
    let below = |name: String| match parent(&path, &name) {
        "" => name,
        parent => format!("{parent}.{name}"),
    };
    match quoted() {
        Some(name) if message.starts_with("missing field") => Error::invalid(below(name), "is required"),
        Some(name) if message.starts_with("unknown field") => Error::invalid(below(name), "is not a field here"),
        Some(name) if message.starts_with("duplicate field") => Error::invalid(below(name), "stands there twice"),
        _ if path.is_empty() => Error::Malformed("the body must be a JSON object".to_owned()),
        _ => Error::invalid(path, expectation(&message)),
    }
}

/// For an unknown field the path may end in it already.
fn parent<'a>(path: &'a str, name: &str) -> &'a str {
    match path.rsplit_once('.') {
        Some((parent, last)) if last == name => parent,
        None if path == name => "",
        _ => path,
    }
}

/// The part of serde's sentence that tells what was expected: written by us, unlike what was found.
fn expectation(message: &str) -> String {
    let expected = message.rsplit_once(", expected ").map(|(_, rest)| rest.split(" at line ").next().unwrap_or(rest));
    match expected {
        Some(expected) => format!("must be {}", expected.replace('`', "")),
        None => "is not of the expected form".to_owned(),
    }
}

/// The identifier in the path.
pub(super) struct PathId(pub(super) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let wrong = || Error::invalid("{id}", "must be a UUID");
        let text = path_text(parts, state).await.map_err(|_| wrong())?;
        // Only the hyphenated form: one thing has one address.
        let id = Uuid::try_parse(&text).ok().filter(|_| text.len() == 36);
        id.map(Self).ok_or_else(wrong)
    }
}

/// The word in the path.
pub(super) struct PathWord(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathWord {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        Ok(Self(path_text(parts, state).await?))
    }
}

async fn path_text<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, Error> {
    let parameters = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Error::NoRoute)?;
    parameters.iter().next().map(|(_, text)| text.to_owned()).ok_or(Error::NoRoute)
}

/// The query, taken parameter by parameter; what is left at the end is refused.
pub(super) struct Parameters(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let mut found = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            let name = bounded(name.into_owned(), 64);
            if found.contains_key(&name) {
                return Err(Error::invalid(format!("?{name}"), "stands there twice"));
            }
            found.insert(name, value.into_owned());
        }
        Ok(Self(found))
    }
}

impl Parameters {
    /// A parameter, if it is there.
    pub(super) fn take<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Error> {
        let Some(text) = self.0.remove(name) else { return Ok(None) };
        read(&text).map(Some).map_err(|problem| Error::invalid(format!("?{name}"), problem))
    }

    /// An identifier, if it is there.
    pub(super) fn id(&mut self, name: &str) -> Result<Option<Uuid>, Error> {
        self.take(name, |text| Uuid::try_parse(text).map_err(|_| "must be a UUID".to_owned()))
    }

    /// A word of a closed set, if it is there.
    pub(super) fn word<T>(&mut self, name: &str) -> Result<Option<T>, Error>
    where
        T: std::str::FromStr<Err = crate::domain::words::UnknownWord>,
    {
        self.take(name, |text| text.parse().map_err(|unknown: T::Err| unknown.to_string()))
    }

    /// Which page; the last to be taken: parameters that are still there are unknown.
    pub(super) fn page<K: Key>(mut self) -> Result<Window<K>, Error> {
        let size = self.take("limit", |text| {
            let size = text.parse().ok().filter(|size| (1..=MAX_SIZE).contains(size));
            size.ok_or_else(|| format!("must be a whole number from 1 to {MAX_SIZE}"))
        })?;
        let after = self.take("after", |text| {
            decode(text).ok_or_else(|| "must be the next of an earlier page of this list".to_owned())
        })?;
        match self.0.into_keys().next() {
            Some(unknown) => Err(Error::invalid(format!("?{unknown}"), "is not a parameter here")),
            None => Ok(Window::first(size.unwrap_or(DEFAULT_SIZE), after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Input {
        #[expect(dead_code, reason = "only its reading is tested")]
        first_one: u8,
        #[expect(dead_code, reason = "only its reading is tested")]
        #[serde(default)]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its reading is tested")]
        id: Uuid,
    }

    fn problem(json: &str) -> String {
        let mut reader = serde_json::Deserializer::from_str(json);
        refused(&serde_path_to_error::deserialize::<_, Object<Input>>(&mut reader).err().unwrap()).to_string()
    }

    #[test]
    fn a_refusal_names_the_field_and_never_the_value() {
        let cases = [
            (r#"{"firstOne":"secret"}"#, "firstOne must be u8"),
            (r#"{"firstOne":1,"second":2}"#, "second is not a field here"),
            ("{}", "firstOne is required"),
            (r#"{"firstOne":1,"firstOne":1}"#, "firstOne stands there twice"),
            (r#"{"firstOne":1,"inner":[{"id":"secret"}]}"#, "inner.0.id is not of the expected form"),
            (r#"{"firstOne":1,"inner":[{}]}"#, "inner.0.id is required"),
            (r#"{"firstOne":1,"inner":[{"x":"secret"}]}"#, "inner.0.x is not a field here"),
            (r#"{"firstOne":1,"inner":7}"#, "inner must be a sequence"),
            ("7", "the body must be a JSON object"),
            ("[1,[]]", "the body must be a JSON object"),
            (r#"{"firstOne":1"#, "the body is not valid JSON"),
            ("", "the body is not valid JSON"),
        ];
        for (json, expected) in cases {
            assert_eq!(problem(json), expected, "{json}");
        }
    }
}
