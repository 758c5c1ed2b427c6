//! A webhook receiver in the test's process: it records what comes and answers as it is told. Each body must fit the
//! schema of its type.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use inlet_domain::event::{EventType, schema};
use jsonschema::Validator;
use tokio::sync::watch;

use crate::stub::Stub;

static SCHEMAS: LazyLock<HashMap<&str, Validator>> = LazyLock::new(|| {
    let validator = |kind: &EventType| {
        let schema = schema::of(*kind)?;
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        Some((kind.name(), options.build(&schema).expect("the schema is one")))
    };
    EventType::ALL.iter().filter_map(validator).collect()
});

/// What of a webhook's body does not fit the schema of its type.
#[must_use]
pub fn misfits(body: &serde_json::Value) -> Vec<String> {
    let Some(schema) = body["type"].as_str().and_then(|kind| SCHEMAS.get(kind)) else {
        return vec![format!("there is no schema for the type {}", body["type"])];
    };
    schema.iter_errors(body).map(|error| format!("{} at {}", error, error.instance_path())).collect()
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// In capitals.
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// The query, without its `?`.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body.
    pub body: Vec<u8>,
}

impl Received {
    /// The header of this name, in lower case; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

type Answer = Arc<dyn Fn(&Received) -> (u16, Vec<(String, String)>) + Send + Sync>;

struct State {
    received: watch::Sender<Vec<Received>>,
    answer: Mutex<Answer>,
    hold: watch::Sender<bool>,
}

/// The receiver. It ends with the test.
pub struct Sink {
    url: String,
    state: Arc<State>,
    _stub: Stub,
}

impl Sink {
    /// Starts it; it answers 200 at once.
    pub async fn start() -> Self {
        let state = Arc::new(State {
            received: watch::Sender::new(Vec::new()),
            answer: Mutex::new(Arc::new(|_| (200, Vec::new()))),
            hold: watch::Sender::new(false),
        });
        let stub = Stub::start(state.clone(), receive);
        Self { url: format!("http://{}/", stub.address), state, _stub: stub }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on answers with this status and these headers.
    pub fn answer(&self, answer: impl Fn(&Received) -> (u16, Vec<(String, String)>) + Send + Sync + 'static) {
        *self.state.answer.lock().unwrap() = Arc::new(answer);
    }

    /// From now on holds every request without an answer, or lets them go.
    pub fn hold(&self, hold: bool) {
        self.state.hold.send_replace(hold);
    }

    /// All that has come.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state.received.borrow().clone()
    }

    /// Waits until so many letters of the mail hook have come, and gives them. They are no webhooks.
    pub async fn letters(&self, count: usize) -> Vec<Received> {
        let mut watch = self.state.received.subscribe();
        let enough = watch.wait_for(|received| received.len() >= count);
        let received = tokio::time::timeout(std::time::Duration::from_secs(60), enough).await;
        received.expect("the letters that were waited for did not come").unwrap().clone()
    }

    /// Waits until `enough` holds of what has come, and gives it.
    pub async fn wait(&self, enough: impl FnMut(&Vec<Received>) -> bool) -> Vec<Received> {
        let mut watch = self.state.received.subscribe();
        let received = tokio::time::timeout(std::time::Duration::from_secs(60), watch.wait_for(enough)).await;
        let received = received.expect("the webhooks that were waited for did not come").unwrap().clone();
        for one in &received {
            let misfits = misfits(&one.json());
            assert!(misfits.is_empty(), "{misfits:?}: {}", String::from_utf8_lossy(&one.body));
        }
        received
    }
}

async fn receive(request: HttpRequest, body: web::Bytes, state: web::Data<State>) -> HttpResponse {
    let received = Received {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.query_string().to_owned(),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned()))
            .collect(),
        body: body.to_vec(),
    };
    let answer = state.answer.lock().unwrap().clone();
    let (status, headers) = answer(&received);
    state.received.send_modify(|all| all.push(received));
    let mut hold = state.hold.subscribe();
    let _ = hold.wait_for(|hold| !hold).await;
    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    for header in headers {
        response.append_header(header);
    }
    response.finish()
}
