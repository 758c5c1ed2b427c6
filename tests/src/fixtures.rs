//! The samples of the providers' documents, in the order of their index.

use std::fs;

use serde_json::{Value, json};

use crate::workspace;

/// A documented event.
pub struct Fixture {
    /// Where it stands below the fixtures' folder.
    pub file: String,
    /// Whose document it is from.
    pub provider: String,
    /// The last part of the path, where the body alone does not tell the event.
    pub suffix: Option<String>,
    /// What the provider sends.
    pub body: String,
}

/// Every fixture of the index.
#[must_use]
pub fn all() -> Vec<Fixture> {
    let folder = workspace::root().join("crates/adapters/fixtures");
    let index: Value = serde_json::from_slice(&fs::read(folder.join("index.json")).unwrap()).unwrap();
    let fixture = |entry: &Value| {
        let file = entry["file"].as_str().unwrap().to_owned();
        Fixture {
            provider: entry["provider"].as_str().unwrap().to_owned(),
            suffix: entry["suffix"].as_str().map(str::to_owned),
            body: fs::read_to_string(folder.join(&file)).unwrap(),
            file,
        }
    };
    index.as_array().unwrap().iter().map(fixture).collect()
}

/// Those of one provider.
#[must_use]
pub fn of(provider: &str) -> Vec<Fixture> {
    all().into_iter().filter(|fixture| fixture.provider == provider).collect()
}

/// A documented message of OneRoute under an id of the test's own, which is its text, too.
#[must_use]
pub fn message(id: &str) -> String {
    let sample = of("oneroute").remove(0).body;
    let mut body: Value = serde_json::from_str(&sample).unwrap();
    body["message"]["externalId"] = json!(id);
    body["message"]["content"] = json!(id);
    body.to_string()
}
