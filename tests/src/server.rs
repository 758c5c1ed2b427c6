//! The real server in the test's process, on a free port and a database of its own.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use inlet_domain::{ambient::Ambient, apply::ApplyConfig, secrets::Sealer};
use inlet_server::{
    config::{Role, Roles, ServerConfig},
    dev_file::DevSource,
    lifecycle::Shutdown,
    seed,
    server::Server,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};
use tokio::task::JoinHandle;

use crate::TestDatabase;

/// A running server with a workspace, an owner, a key and a source of each provider.
pub struct TestServer {
    pub url: String,
    pub workspace_id: String,
    pub email: String,
    pub password: String,
    pub api_key: String,
    /// By provider: `oneroute`, `mobtexting`, `oblic`.
    pub sources: BTreeMap<String, DevSource>,
    pub database: TestDatabase,
    pub http: reqwest::Client,
    shutdown: Shutdown,
    running: Option<JoinHandle<()>>,
}

impl TestServer {
    pub async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = TestDatabase::create().await;
        let ambient = Ambient::system();
        let sealer = Sealer::new([(1, [7; 32])], ambient.clone()).unwrap();
        let config = ServerConfig {
            roles: Roles::of(&[Role::All]),
            listen: "127.0.0.1:0".to_owned(),
            public_url: None,
            http_workers: 2,
            max_body: 1 << 20,
            trusted_proxies: Vec::new(),
            shutdown: std::time::Duration::from_secs(10),
            database_url: database.url().to_owned().into(),
            connections: 8,
            apply: ApplyConfig::default(),
            migrate: false,
            allow_loopback_targets: true,
            sealer: sealer.clone(),
            ambient: ambient.clone(),
        };
        let server = Server::build(config).await.unwrap();
        let url = server.public_url().to_owned();
        let mut transaction = server.database().pool.begin().await.unwrap();
        let seeds = seed::plant(&mut transaction, &ambient, &sealer, "Test", "test").await.unwrap();
        transaction.commit().await.unwrap();
        let shutdown = Shutdown::default();
        let stopping = shutdown.clone();
        let running = tokio::spawn(async move { server.run(stopping).await.unwrap() });
        Self {
            sources: seeds.urls(&url),
            url,
            workspace_id: seeds.workspace.to_string(),
            email: seeds.email,
            password: seeds.password.expose_secret().to_owned(),
            api_key: seeds.api_key.expose_secret().to_owned(),
            database,
            http: reqwest::Client::new(),
            shutdown,
            running: Some(running),
        }
    }

    /// Stops as SIGTERM does, and waits for the end.
    pub async fn stop(mut self) {
        self.shutdown.finish.cancel();
        if let Some(running) = self.running.take() {
            running.await.unwrap();
        }
    }

    /// Posts a body as the provider does, signed; `suffix` is what stands after the token. Status and answer.
    pub async fn post(&self, provider: &str, suffix: &str, body: &[u8]) -> (u16, Value) {
        let source = &self.sources[provider];
        let (name, signature) = sign(provider, &source.secret, body);
        self.post_to(&format!("{}{suffix}", source.url), body, &[(name, &signature)]).await
    }

    /// Posts a body with the given headers.
    pub async fn post_to(&self, url: &str, body: &[u8], headers: &[(&str, &str)]) -> (u16, Value) {
        let mut request = self.http.post(url).header("content-type", "application/json").body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    /// Runs a GraphQL operation with the API key; the whole answer.
    pub async fn graphql(&self, query: &str, variables: Value) -> Value {
        let response = self
            .http
            .post(format!("{}/graphql", self.url))
            .bearer_auth(&self.api_key)
            .json(&json!({"query": query, "variables": variables}))
            .send()
            .await
            .unwrap();
        response.json().await.unwrap()
    }

    /// The same, but fails on errors and gives the data.
    pub async fn data(&self, query: &str) -> Value {
        let mut answer = self.graphql(query, json!({})).await;
        assert!(answer["errors"].is_null(), "{query}\n{answer:#}");
        answer["data"].take()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shutdown.drop.cancel();
        self.shutdown.finish.cancel();
    }
}

/// The signature header of a provider and its value for a body.
pub fn sign(provider: &str, secret: &str, body: &[u8]) -> (&'static str, String) {
    fn hex_mac<M: Mac + KeyInit>(secret: &str, body: &[u8]) -> String {
        let mut mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    }
    match provider {
        "oneroute" => ("x-oneroute-signature", hex_mac::<Hmac<Sha512>>(secret, body)),
        "mobtexting" => ("signature", hex_mac::<Hmac<Sha256>>(secret, body)),
        "oblic" => ("x-oblic-signature", hex_mac::<Hmac<Sha256>>(secret, body)),
        other => panic!("no signature is known for {other}"),
    }
}
