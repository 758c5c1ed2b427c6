//! The real server in the test's own process, on port 0, with a database of its own.

use std::{collections::BTreeMap, time::Duration};

use inlet_api::ApiConfig;
use inlet_domain::{
    ambient::Ambient,
    command::RawRequest,
    ids::{InboundEventId, WorkspaceId},
    secrets::{Place, Sealer},
};
use inlet_notifier::MailHook;
use inlet_server::{
    config::{Role, Roles, ServerConfig},
    dev_file::DevSource,
    error::ServerError,
    lifecycle::Shutdown,
    seed::Seeds,
    server::Server,
};
use inlet_store::{apply::ApplyConfig, records::retention::Retention};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::task::JoinHandle;

use crate::{database, seeds, sign};

/// What a test may want different.
#[derive(Clone)]
pub struct Options {
    /// What the server does.
    pub roles: Vec<Role>,
    /// Time and randomness; the machine's where it is `None`.
    pub ambient: Option<Ambient>,
    /// How apply works.
    pub apply: ApplyConfig,
    /// The largest body of a provider, in bytes.
    pub max_body: usize,
    /// How long a stop waits for what is in hand.
    pub shutdown: Duration,
    /// How GraphQL is served.
    pub api: ApiConfig,
    /// Where letters to people go.
    pub mail_hook: Option<MailHook>,
    /// Whether `/metrics` has a listener of its own.
    pub has_metrics_listener: bool,
    /// What `/metrics` asks for.
    pub metrics_token: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            roles: vec![Role::All],
            ambient: None,
            // What is built for tests takes its time over a large body.
            apply: ApplyConfig { patience: Duration::from_secs(6), ..ApplyConfig::default() },
            max_body: 1 << 20,
            shutdown: Duration::from_secs(5),
            api: ApiConfig::default(),
            mail_hook: None,
            has_metrics_listener: false,
            metrics_token: None,
        }
    }
}

/// A request of the raw log.
#[derive(Debug)]
pub struct Kept {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Its id.
    pub id: InboundEventId,
    /// What came of it.
    pub outcome: String,
}

/// A running server and how to get in.
pub struct TestServer {
    /// Where it listens, without a slash at the end.
    pub url: String,
    /// Where GraphQL is.
    pub graphql_url: String,
    /// Where `/metrics` is.
    pub metrics_url: String,
    /// The workspace, as `ws_...`.
    pub workspace_id: String,
    /// The owner's login.
    pub email: String,
    /// The owner's password.
    pub password: String,
    /// A key with every scope.
    pub api_key: String,
    /// URL and secret of the source of each provider: `oneroute`, `mobtexting`, `oblic`.
    pub sources: BTreeMap<String, DevSource>,
    /// The server's database, for a look past the server.
    pub database: PgPool,
    /// Its URL.
    pub database_url: String,
    /// A client with keep-alive.
    pub client: reqwest::Client,
    pub(crate) seeds: Seeds,
    shutdown: Shutdown,
    running: JoinHandle<Result<(), ServerError>>,
}

/// Every server of the tests seals under the same key: a template holds what another process sealed.
///
/// # Panics
/// Never: there is a key.
#[must_use]
pub fn sealer(ambient: &Ambient) -> Sealer {
    Sealer::new([(1, *b"the key of every server of tests")], ambient.clone()).expect("there is a key")
}

/// A mail hook that nobody listens at.
///
/// # Panics
/// Never: it is one.
#[must_use]
pub fn mail_hook() -> MailHook {
    MailHook::new("http://127.0.0.1:9/", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()).expect("it is one")
}

/// A client with keep-alive.
#[must_use]
pub fn client() -> reqwest::Client {
    // Whoever was first in this process set the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// Starts a server with every role.
pub async fn spawn() -> TestServer {
    spawn_with(Options::default()).await
}

/// Starts a server of another kind. Its workspace stands in the template; under a clock of the test's own it is made anew,
/// so that nothing in it is later than that clock.
pub async fn spawn_with(options: Options) -> TestServer {
    let (url, seeds) = match &options.ambient {
        Some(ambient) => {
            let url = database::create().await;
            let seeds = seeds::plant(&url, ambient).await;
            (url, seeds)
        }
        None => seeds::create().await,
    };
    start(options, url, seeds).await
}

pub(crate) async fn start(options: Options, database_url: String, seeds: Seeds) -> TestServer {
    let ambient = options.ambient.unwrap_or_else(Ambient::system);
    let sealer = sealer(&ambient);
    let config = ServerConfig {
        roles: Roles::of(&options.roles),
        listen: "127.0.0.1:0".to_owned(),
        public_url: None,
        metrics_listen: options.has_metrics_listener.then(|| "127.0.0.1:0".to_owned()),
        metrics_token: options.metrics_token.map(Into::into),
        http_workers: 2,
        max_body: options.max_body,
        trusted_proxies: Vec::new(),
        shutdown: options.shutdown,
        database_url: database_url.clone().into(),
        connections: 8,
        apply: options.apply,
        retention: Retention::default(),
        migrate: false,
        allow_loopback_targets: true,
        mail_hook: options.mail_hook,
        api: options.api,
        sealer,
        ambient,
    };
    let server = Server::build(config).await.expect("the server is built");
    let url = server.public_url().to_owned();
    let metrics_url = match server.metrics_address() {
        Some(address) => format!("http://{address}/metrics"),
        None => format!("{url}/metrics"),
    };
    let shutdown = Shutdown::default();
    let running = tokio::spawn(server.run(shutdown.clone()));
    TestServer {
        graphql_url: format!("{url}/graphql"),
        metrics_url,
        workspace_id: seeds.workspace.to_string(),
        email: seeds.email.clone(),
        password: seeds.password.expose_secret().to_owned(),
        api_key: seeds.api_key.expose_secret().to_owned(),
        sources: seeds.urls(&url),
        database: PgPool::connect(&database_url).await.unwrap(),
        database_url,
        client: client(),
        url,
        seeds,
        shutdown,
        running,
    }
}

impl TestServer {
    /// A second server over the same database and workspace, as another process would be.
    pub async fn beside(&self, options: Options) -> Self {
        start(options, self.database_url.clone(), self.seeds.clone()).await
    }

    /// Posts a body as the provider would, signed; returns the status and the JSON that came back. `event` is the last
    /// part of the path, where the provider needs one.
    pub async fn post(&self, provider: &str, event: Option<&str>, body: &str) -> (u16, Value) {
        let source = &self.sources[provider];
        let (header, signature) = sign::header(provider, &source.secret, body.as_bytes());
        let url = event.map_or_else(|| source.url.clone(), |event| format!("{}/{event}", source.url));
        let request = self.client.post(url).header("content-type", "application/json").header(header, signature);
        let answer = request.body(body.to_owned()).send().await.expect("the server answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.expect("the answer is JSON"))
    }

    /// Runs a GraphQL operation with the API key; returns `data`, and panics on errors.
    pub async fn graphql(&self, query: &str, variables: Value) -> Value {
        let answer = self.graphql_raw(query, variables).await;
        assert!(answer["errors"].is_null(), "{query}: {}", answer["errors"]);
        answer["data"].clone()
    }

    /// The same; returns the whole answer, errors and all.
    pub async fn graphql_raw(&self, query: &str, variables: Value) -> Value {
        let request = self.client.post(&self.graphql_url).bearer_auth(&self.api_key);
        let answer = request.json(&json!({"query": query, "variables": variables})).send().await.unwrap();
        answer.json().await.expect("the answer is JSON")
    }

    /// The path and message with which a mutation's input is refused.
    pub async fn refused(&self, mutation: &str, input: Value) -> (String, String) {
        let answer = self.graphql_raw(mutation, json!({"input": input})).await;
        let error = &answer["errors"][0];
        let path: Vec<&str> =
            error["extensions"]["inputPath"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        (path.join("."), error["message"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned())
    }

    /// Posts JSON to a source's URL with one header more.
    pub async fn post_to(&self, url: &Value, header: (&str, &str), body: &str) -> (reqwest::StatusCode, Value) {
        let request = self.client.post(url.as_str().unwrap()).header("content-type", "application/json");
        let answer = request.header(header.0, header.1).body(body.to_owned()).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// The raw log, oldest first.
    pub async fn kept(&self) -> Vec<Kept> {
        let rows: Vec<(WorkspaceId, InboundEventId, String)> =
            sqlx::query_as("SELECT workspace_id, id, outcome FROM inbound_event ORDER BY id")
                .fetch_all(&self.database)
                .await
                .unwrap();
        rows.into_iter().map(|(workspace, id, outcome)| Kept { workspace, id, outcome }).collect()
    }

    /// The body of a request of the raw log, as it is kept.
    pub async fn kept_body(&self, kept: &Kept) -> Vec<u8> {
        let sealed: Vec<u8> =
            sqlx::query_scalar("SELECT sealed FROM inbound_event WHERE workspace_id = $1 AND id = $2")
                .bind(kept.workspace)
                .bind(kept.id)
                .fetch_one(&self.database)
                .await
                .unwrap();
        let place = Place { workspace: kept.workspace, table: "inbound_event", id: kept.id.0, column: "sealed" };
        let plain = sealer(&Ambient::system()).open(&place, &sealed).expect("it opens");
        serde_json::from_slice::<RawRequest>(&plain).expect("it is a request").body
    }

    /// Stops it as SIGTERM would, and drops its database.
    pub async fn stop(self) {
        let url = self.halt().await;
        database::drop(&url).await;
    }

    /// Stops it as SIGTERM would; the database stays. Returns its URL.
    pub async fn halt(self) -> String {
        self.shutdown.finish.cancel();
        self.running.await.expect("the server does not panic").expect("the server stops well");
        self.database.close().await;
        self.database_url
    }
}
