//! The ways to sign in at a store, of which exactly one is chosen. They stand in the table of settings, at each field.

use super::{InvalidSetting, SettingField};

/// The ways of a platform in the order of its table; none where there is no choice.
pub(super) fn ways(fields: &[SettingField]) -> Vec<&'static str> {
    let mut ways = Vec::new();
    for way in fields.iter().filter_map(SettingField::way) {
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways
}

/// The names of the settings that a way needs.
pub(super) fn needed(fields: &[SettingField], way: &str) -> Vec<&'static str> {
    fields.iter().filter(|field| field.way() == Some(way)).map(|field| field.name).collect()
}

/// Checks that exactly one way is complete, by what is given.
///
/// The way that is meant is the one of which most is given, and of equals the first.
///
/// # Errors
/// The first setting that the way still needs, or the first that doesn't go with it.
pub(super) fn check(fields: &[SettingField], is_given: impl Fn(&str) -> bool) -> Result<(), InvalidSetting> {
    let given = |way: &&str| needed(fields, way).into_iter().filter(|name| is_given(name)).count();
    let misfit = |way: &str| fields.iter().find(|field| !field.fits(way) && is_given(field.name));
    let is_chosen = |way: &&str| given(way) == needed(fields, way).len() && misfit(way).is_none();
    let ways = ways(fields);
    if ways.iter().any(is_chosen) {
        return Ok(());
    }
    let Some(way) = ways.into_iter().rev().max_by_key(given) else { return Ok(()) };
    let needed = needed(fields, way);
    let (there, missing): (Vec<_>, Vec<_>) = needed.into_iter().partition(|name| is_given(name));
    match (there.first(), missing.first()) {
        (None, Some(missing)) => Err(InvalidSetting::new(*missing, instead_of(fields, way))),
        (Some(there), Some(missing)) => Err(InvalidSetting::new(*missing, format!("is required with {there}"))),
        (_, None) => match misfit(way) {
            Some(other) => Err(InvalidSetting::new(other.name, format!("must be left out: the {way} is given"))),
            None => Ok(()),
        },
    }
}

fn instead_of(fields: &[SettingField], chosen: &str) -> String {
    let others: Vec<String> = ways(fields)
        .into_iter()
        .filter(|way| *way != chosen)
        .map(|way| format!("{} ({way})", needed(fields, way).join(", ")))
        .collect();
    format!("is required, or instead {}", others.join(" or "))
}
