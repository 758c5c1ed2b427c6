//! One attempt: the request, and the classification of its answer.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    compose::{self, ComposeError},
};
use inlet_egress::{
    Client, ErrorKind, HeaderMap, HeaderName, HeaderValue, Method, Request, Response, SendError, Url, header,
};
use inlet_store::records::deliveries::{AttemptRecord, Verdict, attempt_id};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use crate::{
    backoff,
    body_budget::BodyBudget,
    endpoint_queues::{Health, Job},
    receiver::Target,
    signing::Signer,
    spans::{self, Traceparent},
};

/// The most bytes of an answer that the attempt keeps.
const KEPT_BODY: usize = 16 * 1024;
const KEPT_HEADERS: usize = 8 * 1024;

const USER_AGENT: &str = concat!("Inlet/", env!("CARGO_PKG_VERSION"));

/// The result of an attempt.
pub(crate) struct Exchange {
    pub(crate) verdict: Verdict,
    pub(crate) health: Health,
    /// The endpoint is gone for good (410).
    pub(crate) gone: bool,
    /// How long the endpoint asked for no requests.
    pub(crate) quiet: Option<Duration>,
    pub(crate) attempt: AttemptRecord,
}

/// The dependencies of attempts.
pub(crate) struct Sender {
    pub(crate) client: Client,
    pub(crate) ambient: Ambient,
    pub(crate) traceparent: Traceparent,
    pub(crate) bodies: BodyBudget,
}

impl Sender {
    /// Waits until the workspace may have the composed body of `job` in memory. The caller holds the permit until the attempt
    /// ends. The length of the event stands for that of the body.
    pub(crate) async fn reserve(&self, job: &Job, target: &Target) -> Option<OwnedSemaphorePermit> {
        match target {
            Target::Event(_) => None,
            Target::Composed(_) => self.bodies.reserve(job.workspace, job.parcel.body.len()).await,
        }
    }

    /// Sends `job` once.
    pub(crate) async fn attempt(&self, job: &Job, parts: (&Target, &Signer, &HeaderMap)) -> Exchange {
        let span = spans::attempt(job);
        let traceparent = spans::header(self.traceparent, &span);
        let exchange = send(&self.client, &self.ambient, job, parts, traceparent).await;
        spans::tell_outcome(&span, &exchange.verdict, &exchange.attempt);
        exchange
    }
}

async fn send(
    client: &Client,
    ambient: &Ambient,
    job: &Job,
    (target, signer, own): (&Target, &Signer, &HeaderMap),
    traceparent: Option<HeaderValue>,
) -> Exchange {
    let started_at = ambient.now();
    let began = Instant::now();
    let Letter { method, url, composed, content_type, body } = match letter(job, target) {
        Ok(letter) => letter,
        Err(error) => return unsendable(job, &error, started_at, ambient),
    };
    let mut headers = own.clone();
    headers.extend(composed);
    headers.extend(content_type.map(|content_type| (header::CONTENT_TYPE, content_type)));
    if let Some(traceparent) = traceparent {
        // A `traceparent` of the webhook's own stays.
        headers.entry(HeaderName::from_static("traceparent")).or_insert(traceparent);
    }
    sign(&mut headers, job, signer, &body, started_at);
    let timeout = job.receiver.timeout;
    let outcome = client.send(Request { method, url, headers, body, timeout, max_body: KEPT_BODY }).await;
    let duration = began.elapsed();
    metrics::histogram!("inlet_delivery_attempt_seconds").record(duration.as_secs_f64());
    judge(job, outcome, started_at, duration, ambient)
}

/// The request without the headers that every request has.
struct Letter {
    method: Method,
    url: Url,
    composed: HeaderMap,
    content_type: Option<HeaderValue>,
    body: Bytes,
}

fn letter(job: &Job, target: &Target) -> Result<Letter, ComposeError> {
    let composer = match target {
        Target::Event(url) => {
            return Ok(Letter {
                method: Method::POST,
                url: url.clone(),
                composed: HeaderMap::new(),
                content_type: Some(HeaderValue::from_static("application/json")),
                body: job.parcel.body.clone(),
            });
        }
        Target::Composed(composer) => composer,
    };
    // Inlet wrote this body, so it is valid JSON.
    let event = serde_json::from_slice(&job.parcel.body).unwrap_or_default();
    let request = composer.compose(&event, &job.parcel.body)?;
    let value = |text: &str| HeaderValue::from_str(text).ok();
    let header = |(name, text): &(String, String)| Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value(text)?));
    Ok(Letter {
        method: match request.method {
            compose::Method::Get => Method::GET,
            compose::Method::Post => Method::POST,
            compose::Method::Put => Method::PUT,
            compose::Method::Patch => Method::PATCH,
            compose::Method::Delete => Method::DELETE,
        },
        url: request.url,
        composed: request.headers.iter().filter_map(header).collect(),
        content_type: request.content_type.as_deref().and_then(value),
        body: request.body.into(),
    })
}

/// The composed request is impossible with the event's values, so a retry would fail too.
fn unsendable(job: &Job, error: &ComposeError, started_at: DateTime<Utc>, ambient: &Ambient) -> Exchange {
    let attempt = AttemptRecord {
        id: attempt_id(job.delivery, ambient),
        number: job.number,
        started_at,
        duration_ms: 0,
        status: None,
        headers: None,
        body: None,
        error_kind: Some("composition"),
        error: Some(format!("{}: {}", error.path, error.problem)),
    };
    Exchange { verdict: Verdict::Exhausted, health: Health::Well, gone: false, quiet: None, attempt }
}

fn sign(headers: &mut HeaderMap, job: &Job, signer: &Signer, body: &[u8], now: DateTime<Utc>) {
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    signer.sign(headers, &job.parcel.id, now.timestamp(), body);
    if let Ok(delivery) = HeaderValue::from_str(&job.delivery.to_string()) {
        headers.insert(HeaderName::from_static("inlet-delivery"), delivery);
    }
    headers.insert(HeaderName::from_static("inlet-attempt"), HeaderValue::from(job.number));
    if let Some(sequence) = job.sequence {
        headers.insert(HeaderName::from_static("inlet-sequence"), HeaderValue::from(sequence));
    }
}

fn judge(
    job: &Job,
    outcome: Result<Response, SendError>,
    started_at: DateTime<Utc>,
    duration: Duration,
    ambient: &Ambient,
) -> Exchange {
    let mut attempt = AttemptRecord {
        id: attempt_id(job.delivery, ambient),
        number: job.number,
        started_at,
        duration_ms: i32::try_from(duration.as_millis()).unwrap_or(i32::MAX),
        status: None,
        headers: None,
        body: None,
        error_kind: None,
        error: None,
    };
    let (health, retry_after) = match outcome {
        Ok(answer) => {
            let status = answer.status;
            attempt.status = Some(i32::from(status));
            attempt.headers = Some(kept_headers(&answer.headers));
            let asked = answer.headers.get(header::RETRY_AFTER).filter(|_| matches!(status, 429 | 503)).cloned();
            attempt.body = (!answer.body.is_empty()).then_some(answer.body);
            if (200..300).contains(&status) {
                return Exchange {
                    verdict: Verdict::Succeeded,
                    health: Health::Well,
                    gone: false,
                    quiet: None,
                    attempt,
                };
            }
            attempt.error_kind = Some("status");
            attempt.error = Some(format!("the endpoint answered {status}"));
            (Health::Refusing, asked)
        }
        Err(error) => {
            let kind = error.kind();
            if let SendError::Redirect { status } = &error {
                attempt.status = Some(i32::from(*status));
            }
            attempt.error_kind = Some(kind.code());
            attempt.error = Some(error.to_string().replace('\0', "").chars().take(500).collect());
            let silent = matches!(kind, ErrorKind::Timeout | ErrorKind::Connect | ErrorKind::Dns);
            (if silent { Health::Silent } else { Health::Refusing }, None)
        }
    };
    let gone = attempt.status == Some(410);
    let mut random = [0; 4];
    ambient.fill(&mut random);
    let jitter = f64::from(u32::from_be_bytes(random)) / f64::from(u32::MAX);
    let asked = retry_after.as_ref().and_then(|value| value.to_str().ok());
    let quiet = asked.and_then(|text| backoff::asked(text, started_at, jitter));
    let tried = job.number - job.round_start;
    let verdict = if gone || tried >= job.receiver.max_attempts {
        Verdict::Exhausted
    } else {
        Verdict::Retry { after: quiet.unwrap_or_else(|| backoff::after(&job.receiver.delays, tried, jitter)) }
    };
    Exchange { verdict, health, gone, quiet, attempt }
}

/// The headers as one JSON object. A repeated name has all values. Headers beyond the limit are left out.
fn kept_headers(headers: &HeaderMap) -> String {
    let mut out = String::with_capacity(256);
    out.push('{');
    for name in headers.keys() {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        let value = values.join(", ");
        if out.len() + name.as_str().len() + value.len() > KEPT_HEADERS {
            continue;
        }
        if out.len() > 1 {
            out.push(',');
        }
        inlet_domain::json::write_string(name.as_str(), &mut out);
        out.push(':');
        inlet_domain::json::write_string(&value, &mut out);
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_kept_as_one_object_within_a_limit() {
        let mut headers = HeaderMap::new();
        headers.insert("x-long", HeaderValue::from_str(&"x".repeat(KEPT_HEADERS)).unwrap());
        headers.append("set-cookie", HeaderValue::from_static("a=\"1\""));
        headers.append("set-cookie", HeaderValue::from_bytes(b"b=\xff").unwrap());
        let kept: serde_json::Value = serde_json::from_str(&kept_headers(&headers)).unwrap();
        assert_eq!(kept, serde_json::json!({"set-cookie": "a=\"1\", b=\u{fffd}"}));
    }
}
