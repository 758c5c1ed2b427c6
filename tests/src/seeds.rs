//! The demo workspace of each server: planted once into a template, and read back by those who clone it.

use inlet_domain::ambient::Ambient;
use inlet_server::seed::{self, SeededSource, Seeds};
use inlet_store::database::Database;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use crate::{database, server::sealer};

/// A database with the demo workspace.
pub(crate) async fn create() -> (String, Seeds) {
    let seed = async |url: &str| to_json(&plant(url, &Ambient::system()).await);
    let (url, told) = database::create_seeded("demo", seed).await;
    (url, from_json(&told))
}

/// Makes the demo workspace in a database.
pub(crate) async fn plant(url: &str, ambient: &Ambient) -> Seeds {
    let database = Database::connect(url, 2, 1).await.unwrap();
    let mut transaction = database.upkeep.begin().await.unwrap();
    let slug = format!("test-{}", &database::unique()[16..]);
    let seeds = seed::plant(&mut transaction, ambient, &sealer(ambient), "Test", &slug).await.unwrap();
    transaction.commit().await.unwrap();
    database.close().await;
    seeds
}

/// Seeds with their secrets.
pub(crate) fn to_json(seeds: &Seeds) -> Value {
    let sources = seeds.sources.iter().map(|(provider, source)| {
        (provider.to_string(), json!({"token": source.token, "secret": source.secret.expose_secret()}))
    });
    json!({
        "workspace": seeds.workspace,
        "email": seeds.email,
        "password": seeds.password.expose_secret(),
        "apiKey": seeds.api_key.expose_secret(),
        "sources": sources.collect::<Map<_, _>>(),
    })
}

/// What [`to_json`] told.
pub(crate) fn from_json(told: &Value) -> Seeds {
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{told}")).to_owned();
    let sources = told["sources"].as_object().unwrap_or_else(|| panic!("{told}")).iter().map(|(provider, source)| {
        let source = SeededSource { token: text(&source["token"]), secret: text(&source["secret"]).into() };
        (provider.parse().expect("it is a provider"), source)
    });
    Seeds {
        workspace: text(&told["workspace"]).parse().expect("it is an id"),
        email: text(&told["email"]),
        password: text(&told["password"]).into(),
        api_key: text(&told["apiKey"]).into(),
        sources: sources.collect(),
    }
}
