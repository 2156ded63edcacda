//! The JSON Schema of a platform's settings and the check of the service: one table, so one answer.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use assent::connectors::settings::{Need, SettingField, SettingKind, settings_schema};
use assent::connectors::{Settings, settings_of};
use assent::domain::Platform;
use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// One for each platform: making one takes longer than any test of it.
static VALIDATORS: LazyLock<BTreeMap<Platform, Validator>> = LazyLock::new(|| {
    let validator = |platform: Platform| {
        let schema = settings_schema("Test", settings_of(platform));
        (platform, jsonschema::validator_for(&schema).expect("the schema is one"))
    };
    Platform::ALL.iter().copied().map(validator).collect()
});

/// The settings that the schema finds fault with; of the ways to sign in all that take part.
fn faults(platform: Platform, input: &Value) -> BTreeSet<String> {
    let validator = &VALIDATORS[&platform];
    let mut faults = BTreeSet::new();
    for error in validator.iter_errors(input) {
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                faults.insert(property.as_str().expect("names are texts").to_owned());
            }
            ValidationErrorKind::AdditionalProperties { unexpected } => faults.extend(unexpected.iter().cloned()),
            ValidationErrorKind::AnyOf { .. } => faults.extend(sign_in(platform).map(|field| field.name.to_owned())),
            _ => {
                let path = error.instance_path().to_string();
                faults.insert(path.split('/').nth(1).expect("a fault lies in a setting").to_owned());
            }
        }
    }
    faults
}

fn sign_in(platform: Platform) -> impl Iterator<Item = &'static SettingField> {
    settings_of(platform).iter().filter(|field| matches!(field.need, Need::SignIn { .. }))
}

/// Asserts that schema and service agree on whether the input will do, and on which setting is at fault.
fn agree(platform: Platform, input: &Value) {
    let faults = faults(platform, input);
    let parsed = Settings::parse(settings_of(platform), input.as_object().expect("settings are an object").clone());
    match parsed {
        Ok(_) => assert!(faults.is_empty(), "{platform}: the service takes it, the schema refuses {faults:?}: {input}"),
        Err(problem) => {
            assert!(faults.contains(&problem.field), "{platform}: {problem}; the schema says {faults:?}: {input}");
        }
    }
}

/// A value that fits.
fn good(field: &SettingField) -> Value {
    let text = match (field.example, field.kind) {
        (Some(example), _) => example,
        (None, SettingKind::Url) => "https://store.example.com/shop",
        (None, SettingKind::Text | SettingKind::TextList) => "x",
    };
    if field.kind == SettingKind::TextList { json!([text]) } else { json!(text) }
}

/// Everything but the ways to sign in.
fn base(platform: Platform) -> Map<String, Value> {
    let all = settings_of(platform).iter().filter(|field| !matches!(field.need, Need::SignIn { .. }));
    all.map(|field| (field.name.to_owned(), good(field))).collect()
}

/// The base with the first way to sign in.
fn complete(platform: Platform) -> Map<String, Value> {
    let mut input = base(platform);
    let first = sign_in(platform).next().map(|field| field.need);
    if let Some(Need::SignIn { way: first, .. }) = first {
        for field in sign_in(platform) {
            if matches!(field.need, Need::SignIn { way, .. } if way == first) {
                input.insert(field.name.to_owned(), good(field));
            }
        }
    }
    input
}

#[test]
fn the_schemas_are_schemas_and_a_complete_set_of_settings_will_do() {
    for platform in Platform::ALL {
        let schema = settings_schema("Test", settings_of(*platform));
        jsonschema::meta::validate(&schema).expect("a valid schema");
        let input = Value::Object(complete(*platform));
        assert_eq!(faults(*platform, &input), BTreeSet::new(), "{platform}: {input}");
        agree(*platform, &input);
    }
}

#[test]
fn secrets_are_marked_and_every_setting_says_what_it_is() {
    for platform in Platform::ALL {
        let schema = settings_schema("Test", settings_of(*platform));
        for field in settings_of(*platform) {
            let property = &schema["properties"][field.name];
            let marks = (&property["writeOnly"], property["format"] == "password");
            let expected = if field.secret { (&json!(true), true) } else { (&Value::Null, false) };
            assert_eq!(marks, expected, "{platform} {}", field.name);
            assert!(property["description"].as_str().is_some_and(|text| text.ends_with('.')), "{}", field.name);
        }
    }
}

#[test]
fn each_setting_is_refused_for_the_same_reasons_by_both() {
    let long = "a".repeat(2049);
    let texts = [
        "",
        " ",
        "a",
        "a b",
        "a\n",
        "\u{0}",
        "é",
        "ftp://x.example",
        "https://",
        "https://u:p@x.example",
        "https://x.example?a=b",
        "https://x.example#a",
        "https://x.example:8443/shop/",
        "http://[::1]:1/",
        "c_x",
        &long,
    ];
    for platform in Platform::ALL {
        for field in settings_of(*platform) {
            let mut values = vec![json!(null), json!(7), json!(true), json!({}), json!([]), json!([7])];
            values.extend(texts.iter().flat_map(|text| [json!(text), json!([text])]));
            values.push(json!(vec![good(field); 51]));
            values.push(json!(vec!["1"; 50]));
            for value in values {
                let mut input = complete(*platform);
                input.insert(field.name.to_owned(), value);
                agree(*platform, &Value::Object(input));
            }
            let mut input = complete(*platform);
            input.remove(field.name);
            agree(*platform, &Value::Object(input));
        }
        let mut input = complete(*platform);
        input.insert("nonsense".to_owned(), json!("x"));
        agree(*platform, &Value::Object(input));
    }
}

#[test]
fn every_choice_of_ways_to_sign_in_is_judged_alike() {
    let mut choices = 0;
    for platform in Platform::ALL {
        let ways: Vec<&SettingField> = sign_in(*platform).collect();
        for chosen in 0..1_u32 << ways.len() {
            let mut input = base(*platform);
            for (bit, field) in ways.iter().enumerate().filter(|(bit, _)| chosen >> bit & 1 == 1) {
                input.insert(field.name.to_owned(), json!(format!("secret{bit}")));
            }
            agree(*platform, &Value::Object(input));
            choices += 1;
        }
    }
    assert!(choices > 40, "Shopify and Magento have several ways");
}

proptest! {
    #[test]
    fn any_text_in_any_setting_is_judged_alike(
        platform in proptest::sample::select(Platform::ALL),
        index in any::<prop::sample::Index>(),
        // Ports above 65535 and impossible IP numbers are left to the service: no pattern can say them.
        text in "[a-zA-Z0-9_ ./:@?#%\\-\u{0}\u{85}é]{0,40}",
        is_list in any::<bool>(),
    ) {
        let field = &settings_of(platform)[index.index(settings_of(platform).len())];
        prop_assume!(field.kind != SettingKind::Url || !text.chars().any(|c| c.is_ascii_digit() || c == '.' || c == '-'));
        let mut input = complete(platform);
        input.insert(field.name.to_owned(), if is_list { json!([text]) } else { json!(text) });
        agree(platform, &Value::Object(input));
    }
}
