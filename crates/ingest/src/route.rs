//! The door for providers: `POST|GET|PUT /in/{token}[/{event}]`.

use std::{net::IpAddr, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web::{self, Payload, ServiceConfig},
};
use inlet_domain::{
    ambient::Ambient,
    apply::{Apply, Outcome},
    command::{Inbound, Purpose, RawRequest},
    database::Database,
    ids::InboundEventId,
    model::provider::Verification,
    secrets::Sealer,
    store::sources::Source,
};
use ipnet::IpNet;
use serde_json::{Value, json};

use crate::{
    intake, lenient, network,
    provider::adapter,
    read::{self, Readout},
    refusal::Refusal,
    source_cache::SourceCache,
};

/// A handshake is short; no longer body is parsed before it has proved itself.
const LONGEST_HANDSHAKE: usize = 4096;

/// What the door needs.
#[derive(Clone)]
pub struct IngestState {
    /// Where sources are looked up.
    pub database: Database,
    /// Where commands go.
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

#[derive(Clone)]
struct Door {
    sources: SourceCache,
    apply: Apply,
    ambient: Ambient,
    max_body: usize,
    trusted_proxies: Arc<[IpNet]>,
}

/// Mounts the door. Call it once and clone the result for each worker, so that they share one cache.
pub fn configure(state: IngestState) -> impl FnOnce(&mut ServiceConfig) + Clone {
    let door = Door {
        sources: SourceCache::new(state.database, state.sealer),
        apply: state.apply,
        ambient: state.ambient,
        max_body: state.max_body,
        trusted_proxies: state.trusted_proxies.into(),
    };
    move |config: &mut ServiceConfig| {
        for path in ["/in/{token}", "/in/{token}/{event:[^/]*}"] {
            config.service(web::resource(path).app_data(web::Data::new(door.clone())).to(receive));
        }
    }
}

async fn receive(request: HttpRequest, door: web::Data<Door>, mut payload: Payload) -> HttpResponse {
    match answer(&request, &door, &mut payload).await {
        Ok(response) => response,
        Err(refusal) => {
            metrics::counter!("inlet_ingest_refused_total", "code" => refusal.code()).increment(1);
            tracing::debug!(code = refusal.code(), %refusal, "a provider's request was refused");
            // Who is slow or gone sends nothing more that is worth waiting for.
            if !matches!(refusal, Refusal::TooSlow | Refusal::BrokenOff) {
                intake::drain(&mut payload).await;
            }
            actix_web::ResponseError::error_response(&refusal)
        }
    }
}

async fn answer(request: &HttpRequest, door: &Door, payload: &mut Payload) -> Result<HttpResponse, Refusal> {
    if ![Method::POST, Method::GET, Method::PUT].contains(request.method()) {
        return Err(Refusal::Method);
    }
    let token = request.match_info().get("token").unwrap_or_default();
    let source = match door.sources.by_token(token).await {
        Ok(Some(source)) => source,
        Ok(None) => return Err(Refusal::UnknownToken),
        Err(error) => {
            tracing::error!(error = &*error as &dyn std::error::Error, "a source could not be looked up");
            return Err(Refusal::Store);
        }
    };
    check_network(request, door, &source)?;
    let body = intake::read(payload, declared_length(request), door.max_body).await?;
    let received_at = door.ambient.now();

    let adapter = adapter(source.provider);
    let scheme = adapter.scheme();
    let signature = request.headers().get(scheme.header).map(header::HeaderValue::as_bytes);
    let verified = match source.verification {
        Verification::Hmac => scheme.verify(signature, &body, &source.secrets),
        Verification::None => Ok(()),
    };
    // The provider asks before it has a secret to sign with, so an unsigned handshake is answered; it has no effect.
    if (verified.is_ok() || signature.is_none())
        && let Some(proof) = handshake(&source, &body)
    {
        metrics::counter!("inlet_ingest_handshakes_total", "provider" => source.provider.as_str()).increment(1);
        return Ok(HttpResponse::Ok().json(proof));
    }
    verified?;

    let raw = raw_request(request, body);
    let named = hint(request);
    let Readout { event, reading, raw, unreadable } = read::read(&source, received_at, named.as_deref(), raw);
    let id = InboundEventId(door.ambient.uuid());
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
    let receipt = door.apply.submit(inbound).await?;
    metrics::counter!(
        "inlet_ingest_requests_total",
        "provider" => source.provider.as_str(), "outcome" => receipt.outcome.as_str()
    )
    .increment(1);
    match unreadable {
        Some(unreadable) if receipt.outcome == Outcome::Quarantined => Err(Refusal::Unreadable(unreadable)),
        _ => Ok(HttpResponse::Ok().json(json!({"id": id, "outcome": receipt.outcome}))),
    }
}

fn check_network(request: &HttpRequest, door: &Door, source: &Source) -> Result<(), Refusal> {
    if source.allowed_networks.is_empty() {
        return Ok(());
    }
    // A peer without an address (a socket file) is no address of the internet's.
    let peer = request.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip());
    let forwarded: Vec<&str> =
        request.headers().get_all("x-forwarded-for").map(|value| value.to_str().unwrap_or_default()).collect();
    let client = network::client(peer, &forwarded, &door.trusted_proxies);
    if network::is_allowed(client, &source.allowed_networks) { Ok(()) } else { Err(Refusal::Network(client)) }
}

fn declared_length(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The event's name in the URL: the last path segment, else `?event=`.
fn hint(request: &HttpRequest) -> Option<String> {
    // Postgres holds no NUL in text.
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

fn handshake(source: &Source, body: &[u8]) -> Option<Value> {
    if body.len() > LONGEST_HANDSHAKE {
        return None;
    }
    adapter(source.provider).handshake(&lenient::parse(body).ok()?.value)
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
