//! A server whose database holds two filled workspaces, cloned from a template.

use inlet_domain::ambient::Ambient;
use inlet_server::config::Role;
use serde_json::{Value, json};

use crate::{
    Options, SeededWorkspace, TestServer, database, seeds,
    server::{mail_hook, start},
};

/// Starts a server over a clone of the template. It has no notifier: what a notifier does to deliveries meanwhile would
/// look like the doing of whom the test is about. The two workspaces heard the same events under the same ids of their
/// providers.
pub async fn spawn(options: Options) -> (TestServer, [SeededWorkspace; 2]) {
    let (url, told) = database::create_seeded("filled", fill).await;
    let server = start(without_notifier(options), url, seeds::from_json(&told["seeds"])).await;
    let parties = [0_usize, 1].map(|number| SeededWorkspace::read(&server, &told["parties"][number]));
    (server, parties)
}

fn without_notifier(options: Options) -> Options {
    Options { roles: vec![Role::Ingest, Role::Api], ..options }
}

async fn fill(url: &str) -> Value {
    let options = without_notifier(Options { mail_hook: Some(mail_hook()), ..Options::default() });
    let seeds = seeds::plant(url, &Ambient::system()).await;
    let told = seeds::to_json(&seeds);
    let server = start(options, url.to_owned(), seeds).await;
    let mut parties = Vec::new();
    for _ in 0..2 {
        let party = SeededWorkspace::of(&server).await;
        party.fill().await;
        parties.push(party.to_json());
    }
    server.halt().await;
    json!({"seeds": told, "parties": parties})
}
