//! Another workspace of a running server, with sources and a key of its own.

use std::collections::BTreeMap;

use inlet_domain::{ambient::Ambient, ids::WorkspaceId};
use inlet_server::{dev_file::DevSource, seed};
use reqwest::Response;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::{TestServer, database, server::sealer, sign, state::LISTS};

/// A workspace, and how to get in.
pub struct Tenant {
    /// Its id, as it is in the database.
    pub workspace: WorkspaceId,
    /// URL and secret of the source of each provider.
    pub sources: BTreeMap<String, DevSource>,
    graphql_url: String,
    api_key: String,
    client: reqwest::Client,
}

impl Tenant {
    /// A new one.
    pub async fn of(server: &TestServer) -> Self {
        let ambient = Ambient::system();
        let slug = format!("tenant-{}", &database::unique()[16..]);
        let mut transaction = server.database.begin().await.unwrap();
        let seeds = seed::plant(&mut transaction, &ambient, &sealer(&ambient), "Tenant", &slug).await.unwrap();
        transaction.commit().await.unwrap();
        Self {
            workspace: seeds.workspace,
            sources: seeds.urls(&server.url),
            graphql_url: server.graphql_url.clone(),
            api_key: seeds.api_key.expose_secret().to_owned(),
            client: server.client.clone(),
        }
    }

    /// A key with every scope.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Posts a body as the provider would, signed.
    pub async fn post(&self, provider: &str, event: Option<&str>, body: &str) -> Response {
        let source = &self.sources[provider];
        let (header, signature) = sign::header(provider, &source.secret, body.as_bytes());
        let url = event.map_or_else(|| source.url.clone(), |event| format!("{}/{event}", source.url));
        let request = self.client.post(url).header("content-type", "application/json").header(header, signature);
        request.body(body.to_owned()).send().await.expect("the server answers")
    }

    /// As [`TestServer::state`], of this workspace.
    pub async fn state(&self) -> Value {
        let request = self.client.post(&self.graphql_url).bearer_auth(&self.api_key);
        let answer: Value = request.json(&json!({"query": LISTS})).send().await.unwrap().json().await.unwrap();
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"].clone()
    }
}
