//! A receiver of webhooks in the test's process: it records what comes, and its answer can be changed at any time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::mpsc;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

/// How long a test waits for a request before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request that came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Path and query.
    pub path: String,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    /// The bytes of the body.
    pub body: Vec<u8>,
}

impl Received {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

/// The receiver.
pub struct Sink {
    /// Where it listens.
    pub url: String,
    answer: Arc<Mutex<ResponseTemplate>>,
    received: mpsc::UnboundedReceiver<Received>,
    _server: MockServer,
}

impl Sink {
    /// Starts it; it answers 200.
    pub async fn start() -> Self {
        let server = MockServer::start().await;
        let answer = Arc::new(Mutex::new(ResponseTemplate::new(200)));
        let (sender, received) = mpsc::unbounded_channel();
        let current = answer.clone();
        let respond = move |request: &Request| {
            let headers = request.headers.iter().map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            });
            let path = request.url[url::Position::BeforePath..].to_owned();
            // A sink that was dropped records nothing more.
            let _ = sender.send(Received { path, headers: headers.collect(), body: request.body.clone() });
            current.lock().expect("no test panics in here").clone()
        };
        Mock::given(any()).respond_with(respond).mount(&server).await;
        Self { url: format!("{}/", server.uri()), answer, received, _server: server }
    }

    /// What it answers from now on.
    pub fn answer(&self, answer: ResponseTemplate) {
        *self.answer.lock().expect("no test panics in here") = answer;
    }

    /// The next request, in the order of arrival.
    pub async fn next(&mut self) -> Received {
        tokio::time::timeout(PATIENCE, self.received.recv()).await.expect("a request comes").expect("the sink is alive")
    }

    /// A request that has come and was not looked at yet, if there is one.
    pub fn try_next(&mut self) -> Option<Received> {
        self.received.try_recv().ok()
    }
}
