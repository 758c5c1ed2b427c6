//! The door for providers: `POST|GET|PUT /in/{token}[/{event}]`.

use std::{net::IpAddr, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web::{self, Payload, ServiceConfig},
};
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use inlet_adapters::{
    body::{
        batch,
        lenient::{self, Unreadable},
    },
    read::{self, Readout},
    registry::{adapter, scheme_of},
};
use inlet_domain::{
    ambient::Ambient,
    command::{Inbound, Purpose, RawRequest},
    ids::InboundEventId,
    model::{outcome::Outcome, provider::Verification, source::Source},
    secrets::Sealer,
};
use inlet_store::{
    apply::{Apply, ApplyError, admission::Admission},
    database::Database,
    error::StoreError,
    long_work::LongWork,
};
use ipnet::IpNet;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tracing::Span;

use crate::{
    intake::{self, Drains},
    network,
    refusal::Refusal,
    source_cache::SourceCache,
    spans,
};

/// How many elements of one body wait for their commit at once: as many as one transaction takes, and far fewer than
/// the half of the queue that a workspace may use.
const ELEMENTS_AT_ONCE: usize = 256;

/// The timeout of the look-up of a source: providers give up after 3 s.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bodies of this size take some milliseconds to read, and would delay other requests on the same thread.
const LONG: usize = 64 << 10;

/// The dependencies of the door.
#[derive(Clone)]
pub struct IngestParts {
    /// Holds the sources.
    pub database: Database,
    /// Commits the requests.
    pub apply: Apply,
    /// Opens the secrets of sources.
    pub sealer: Sealer,
    /// Time and ids.
    pub ambient: Ambient,
    /// The most bytes of a body; 1 MiB by default.
    pub max_body: usize,
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
}

/// The door for providers. Cheap to clone.
#[derive(Clone)]
pub struct IngestState {
    database: Database,
    sources: SourceCache,
    apply: Apply,
    ambient: Ambient,
    max_body: usize,
    bodies: Admission,
    drains: Drains,
    trusted_proxies: Arc<[IpNet]>,
    /// Reads long requests.
    long: LongWork,
}

impl IngestState {
    /// A door with these parts. All HTTP workers share it and its cache of sources.
    #[must_use]
    pub fn new(parts: IngestParts) -> Self {
        Self {
            sources: SourceCache::new(parts.database.clone(), parts.sealer),
            database: parts.database,
            apply: parts.apply,
            ambient: parts.ambient,
            max_body: parts.max_body,
            bodies: intake::places(),
            drains: Drains::default(),
            trusted_proxies: parts.trusted_proxies.into(),
            long: LongWork::default(),
        }
    }

    /// Reads a request. Long requests are read one at a time on another thread, so that short requests do not wait for
    /// them.
    async fn read(
        &self,
        source: &Arc<Source>,
        at: DateTime<Utc>,
        named: Option<&str>,
        raw: RawRequest,
    ) -> Result<Readout, Refusal> {
        if raw.body.len() < LONG {
            return Ok(read::read(source, at, named, raw));
        }
        let (source, named) = (Arc::clone(source), named.map(str::to_owned));
        let reading = self.long.run(move || read::read(&source, at, named.as_deref(), raw));
        reading.await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "the task that reads a long request failed");
            Refusal::Apply(ApplyError::Stopping)
        })
    }

    /// Mounts the routes of the door.
    pub fn configure(&self, services: &mut ServiceConfig) {
        for path in ["/in/{token}", "/in/{token}/{event:[^/]*}"] {
            services.service(web::resource(path).app_data(web::Data::new(self.clone())).to(receive));
        }
    }
}

async fn receive(request: HttpRequest, door: web::Data<IngestState>, mut payload: Payload) -> HttpResponse {
    let span = spans::request(&request);
    let response = match Box::pin(answer(&request, &door, &mut payload, &span)).await {
        Ok(response) => response,
        Err(refusal) => {
            span.record("inlet.refusal", refusal.code());
            metrics::counter!("inlet_ingest_refused_total", "code" => refusal.code()).increment(1);
            tracing::debug!(code = refusal.code(), %refusal, "a provider's request was refused");
            // A sender that is slow or gone will send nothing useful.
            if !matches!(refusal, Refusal::TooSlow | Refusal::BrokenOff) {
                intake::drain(&mut payload, &door.drains).await;
            }
            actix_web::ResponseError::error_response(&refusal)
        }
    };
    span.record("http.response.status_code", response.status().as_u16());
    response
}

async fn answer(
    request: &HttpRequest,
    door: &IngestState,
    payload: &mut Payload,
    span: &Span,
) -> Result<HttpResponse, Refusal> {
    if ![Method::POST, Method::GET, Method::PUT].contains(request.method()) {
        return Err(Refusal::Method);
    }
    let token = request.match_info().get("token").unwrap_or_default();
    let came = Instant::now();
    // An absent database may return within the timeout.
    let found = async {
        door.database.present().await;
        door.database.while_present(door.sources.by_token(token)).await
    };
    let source = match timeout(PATIENCE, found).await.unwrap_or(Err(StoreError::Away)) {
        Ok(Ok(Some(source))) => source,
        Ok(Ok(None)) => return Err(Refusal::UnknownToken),
        Ok(Err(error)) => {
            door.database.complain(&*error, "a source could not be looked up");
            return Err(Refusal::Store);
        }
        Err(error) => {
            door.database.complain(&error, "a source could not be looked up");
            return Err(Refusal::Store);
        }
    };
    let waited = came.elapsed();
    spans::tell_source(span, &source);
    check_network(request, door, &source)?;
    let mut place = door.bodies.take(source.workspace, 0).ok_or_else(Refusal::crowded)?;
    let body = intake::read(payload, declared_length(request), door.max_body, &mut place).await?;
    let received_at = door.ambient.now();

    let scheme = scheme_of(&source);
    let signature = request.headers().get(scheme.header.as_ref()).map(header::HeaderValue::as_bytes);
    let verified = match source.verification {
        Verification::Hmac => {
            let signed = read::signed(source.provider, request.query_string(), &body);
            let secrets = source.secrets.iter().filter(|secret| secret.counts(received_at)).map(|it| &it.secret);
            scheme.verify(signature, signed, secrets)
        }
        Verification::None => Ok(()),
    };
    // The provider sends the handshake before it has a secret to sign with, so the door answers an unsigned handshake.
    // It has no effect.
    if (verified.is_ok() || signature.is_none())
        && let Some(proof) = adapter(source.provider).handshake(&body)
    {
        metrics::counter!("inlet_ingest_handshakes_total", "provider" => source.provider.as_str()).increment(1);
        return Ok(HttpResponse::Ok().json(proof));
    }
    verified?;

    let raw = raw_request(request, body);
    let named = hint(request);
    let arrival = Arrival { door, source: &source, received_at, waited, named: named.as_deref(), span };
    match read::split(&source, received_at, named.as_deref(), &raw)? {
        Some(requests) => arrival.take_all(requests).await,
        None => arrival.take_one(raw).await,
    }
}

/// An authentic request.
#[derive(Clone, Copy)]
struct Arrival<'a> {
    door: &'a IngestState,
    source: &'a Arc<Source>,
    received_at: DateTime<Utc>,
    /// How long the look-up of the source took.
    waited: Duration,
    /// The event's name in the URL.
    named: Option<&'a str>,
    span: &'a Span,
}

impl Arrival<'_> {
    async fn take_one(self, raw: RawRequest) -> Result<HttpResponse, Refusal> {
        let (id, outcome, unreadable) = self.submit(raw, self.span).await?;
        match unreadable {
            Some(unreadable) if outcome == Outcome::Quarantined => Err(Refusal::Unreadable(unreadable)),
            _ => Ok(HttpResponse::Ok().json(json!({"id": id, "outcome": outcome}))),
        }
    }

    /// Commits each element by itself. If one is not committed, the provider gets an error and sends the whole body
    /// again; the other elements are duplicates then.
    async fn take_all(self, requests: impl Iterator<Item = RawRequest>) -> Result<HttpResponse, Refusal> {
        let taken: Vec<(InboundEventId, Outcome)> = stream::iter(requests)
            .map(|raw| async move {
                let span = spans::element(self.span, self.source);
                let (id, outcome, _) = self.submit(raw, &span).await?;
                Ok::<_, Refusal>((id, outcome))
            })
            .buffered(ELEMENTS_AT_ONCE)
            .try_collect()
            .await?;
        let events: Vec<Value> = taken.iter().map(|(id, outcome)| json!({"id": id, "outcome": outcome})).collect();
        let outcome = batch::worst(taken.iter().map(|(_, outcome)| *outcome));
        let first = taken.first().map(|(id, _)| id);
        Ok(HttpResponse::Ok().json(json!({"id": first, "outcome": outcome, "events": events})))
    }

    async fn submit(
        self,
        raw: RawRequest,
        span: &Span,
    ) -> Result<(InboundEventId, Outcome, Option<Unreadable>), Refusal> {
        let Self { door, source, received_at, waited, named, .. } = self;
        let Readout { event, reading, raw, unreadable } = door.read(source, received_at, named, raw).await?;
        let id = InboundEventId(door.ambient.uuid());
        spans::tell_id(span, id);
        let inbound = Inbound {
            id,
            workspace: source.workspace,
            source: source.id,
            account: source.account,
            received_at,
            event,
            raw,
            reading,
            purpose: Purpose::Receipt,
        };
        let now = Instant::now();
        let receipt = door.apply.submit_since(inbound, now.checked_sub(waited).unwrap_or(now)).await?;
        metrics::counter!(
            "inlet_ingest_requests_total",
            "provider" => source.provider.as_str(), "outcome" => receipt.outcome.as_str()
        )
        .increment(1);
        span.record("inlet.outcome", receipt.outcome.as_str());
        Ok((id, receipt.outcome, unreadable))
    }
}

fn check_network(request: &HttpRequest, door: &IngestState, source: &Source) -> Result<(), Refusal> {
    if source.allowed_networks.is_empty() {
        return Ok(());
    }
    // A peer without an IP address (a socket file) matches no network.
    let peer = request.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip());
    let forwarded: Vec<&str> =
        request.headers().get_all("x-forwarded-for").map(|value| value.to_str().unwrap_or_default()).collect();
    let client = inlet_domain::model::network::client(peer, &forwarded, &door.trusted_proxies);
    if network::is_allowed(client, &source.allowed_networks) { Ok(()) } else { Err(Refusal::Network(client)) }
}

fn declared_length(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The event's name in the URL: the last path segment, else `?event=`.
fn hint(request: &HttpRequest) -> Option<String> {
    // Postgres cannot store NUL in text.
    let in_path = request
        .match_info()
        .get("event")
        .filter(|event| !event.is_empty())
        .map(|event| event.replace('\0', "\u{fffd}"));
    in_path.or_else(|| {
        let query = lenient::parse_form(request.query_string().as_bytes());
        query.get("event").and_then(Value::as_str).filter(|event| !event.is_empty()).map(str::to_owned)
    })
}

fn raw_request(request: &HttpRequest, body: Vec<u8>) -> RawRequest {
    let query = request.query_string();
    RawRequest {
        method: request.method().as_str().to_owned(),
        query: (!query.is_empty()).then(|| query.to_owned()),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body,
    }
}
