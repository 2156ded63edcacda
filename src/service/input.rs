//! Checks that every use case's input shares. A refusal names the field and never holds the value.

use crate::domain::EmailProblem;
use crate::error::Error;

/// Text of 1 to `max` characters on one line, trimmed.
///
/// # Errors
/// Empty, too long, or with control characters.
pub fn text(field: &str, text: &str, max: usize) -> Result<String, Error> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > max {
        return Err(Error::invalid(field, format!("must have 1 to {max} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "must not hold control characters"));
    }
    Ok(text.to_owned())
}

/// A problem with an address, at its field.
#[must_use]
pub fn email(field: &str, problem: EmailProblem) -> Error {
    Error::invalid(field, problem.to_string())
}
