//! GraphQL over HTTP: POST with JSON, and GET for queries and, as event streams, for subscriptions.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web,
};
use async_graphql::{Response, parser::types::OperationType};
use inlet_domain::{model::network, store::audit::Origin};
use serde_json::json;

use crate::{
    ApiState,
    accept::{Media, negotiate, takes_events, wants_html},
    error::{ApiError, ErrorCode},
    graphiql,
    operation::{finish, is_request_error, is_timeout, response_of, to_json},
    origin::{self, PageOrigin},
    parameters::{BadParameters, Parameters},
    sse, websocket,
};

/// Answers whatever comes to `/graphql`.
pub async fn graphql(request: HttpRequest, payload: web::Payload, state: web::Data<ApiState>) -> HttpResponse {
    let origin = origin_of(&request, &state);
    if origin == PageOrigin::Foreign {
        let message = "a page of this origin may not call: list it in --allowed-origins";
        return refuse(StatusCode::FORBIDDEN, "ORIGIN_REFUSED", message);
    }
    let mut response = answer(request, payload, &state).await;
    origin::tell(&origin, &mut response);
    response
}

/// Answers a browser that asks what a page may do.
pub async fn options(request: HttpRequest, state: web::Data<ApiState>) -> HttpResponse {
    let origin = origin_of(&request, &state);
    let mut response = origin::preflight(&request, &origin);
    origin::tell(&origin, &mut response);
    response
}

fn origin_of(request: &HttpRequest, state: &ApiState) -> PageOrigin {
    origin::of(request.headers(), &state.engine().shared.public_url, &state.config().allowed_origins)
}

async fn answer(request: HttpRequest, payload: web::Payload, state: &ApiState) -> HttpResponse {
    let is_upgrade = header_text(&request, header::UPGRADE).is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
    if request.method() == Method::GET && is_upgrade {
        return websocket::open(&request, payload, state).await;
    }
    let accept = accepted(&request);
    let is_page = !request.query_string().contains("query=") && wants_html(accept.as_deref());
    if request.method() == Method::GET && is_page {
        return graphiql::page();
    }
    let request_id = request_id(&request, state);
    let Some(media) = negotiate(accept.as_deref()) else {
        let message = "accept application/json, application/graphql-response+json or text/event-stream";
        return refuse(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE", message);
    };
    let is_get = request.method() == Method::GET;
    let parameters = if is_get {
        Parameters::from_url(request.query_string())
    } else {
        match body(&request, payload, state.config().max_body).await {
            Ok(body) => Parameters::from_body(&body),
            Err(refusal) => return refusal,
        }
    };
    let answer = Answer { media, request_id, takes_events: takes_events(accept.as_deref()) };
    match parameters {
        Ok(parameters) => run(&request, state, parameters, is_get, &answer).await,
        Err(bad) => answer.bad_parameters(&bad),
    }
}

async fn run(
    request: &HttpRequest,
    state: &ApiState,
    parameters: Parameters,
    is_get: bool,
    answer: &Answer,
) -> HttpResponse {
    let engine = state.engine();
    let credential = match bearer(request) {
        None => None,
        Some(bearer) => match engine.credential(&bearer).await {
            Ok(credential) => Some(credential),
            Err(error) => {
                let status = if error.code() == ErrorCode::Unauthenticated {
                    StatusCode::UNAUTHORIZED
                } else {
                    StatusCode::SERVICE_UNAVAILABLE
                };
                return answer.send(status, response_of(error));
            }
        },
    };
    let origin = origin(request, state, &answer.request_id);
    let prepared = match engine.prepare(parameters, credential.as_ref(), origin).await {
        Ok(prepared) => prepared,
        Err(refused) => return answer.request_error(*refused),
    };
    match prepared.kind {
        OperationType::Mutation if is_get => {
            let error = ApiError::new(ErrorCode::GraphqlValidationFailed, "a mutation needs POST");
            let mut response = answer.send(StatusCode::METHOD_NOT_ALLOWED, response_of(error));
            response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
            response
        }
        OperationType::Subscription if !answer.takes_events => {
            let message = "a subscription needs an event stream (accept: text/event-stream) or a WebSocket with \
                           graphql-transport-ws, at this same URL";
            answer.request_error(response_of(ApiError::new(ErrorCode::GraphqlValidationFailed, message)))
        }
        kind if kind == OperationType::Subscription || answer.media == Media::EventStream => {
            match sse::open(state, prepared, credential, &answer.request_id) {
                Ok(response) => response,
                Err(error) => answer.send(StatusCode::SERVICE_UNAVAILABLE, response_of(error)),
            }
        }
        _ => {
            let response = engine.execute(prepared).await;
            if is_request_error(&response) {
                answer.request_error(response)
            } else {
                answer.send(StatusCode::OK, response)
            }
        }
    }
}

/// How a request is answered.
struct Answer {
    media: Media,
    request_id: String,
    takes_events: bool,
}

impl Answer {
    /// Answers a well-formed request that has no data.
    fn request_error(&self, response: Response) -> HttpResponse {
        match self.media {
            Media::Json => self.send(StatusCode::OK, response),
            Media::GraphqlResponse if is_timeout(&response) => self.send(StatusCode::GATEWAY_TIMEOUT, response),
            Media::GraphqlResponse => self.send(StatusCode::BAD_REQUEST, response),
            Media::EventStream => sse::one(response, &self.request_id),
        }
    }

    fn send(&self, status: StatusCode, mut response: Response) -> HttpResponse {
        finish(&mut response, &self.request_id);
        let mut builder = HttpResponse::build(status);
        if status == StatusCode::UNAUTHORIZED {
            builder.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            builder.insert_header((header::RETRY_AFTER, "1"));
        }
        builder
            .insert_header((header::CONTENT_TYPE, self.media.content_type()))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header(("x-request-id", self.request_id.clone()))
            .body(to_json(&response))
    }

    fn bad_parameters(&self, bad: &BadParameters) -> HttpResponse {
        let error = ApiError::new(ErrorCode::BadUserInput, bad.to_string());
        self.send(StatusCode::BAD_REQUEST, response_of(error))
    }
}

/// A refusal before there is a GraphQL request.
fn refuse(status: StatusCode, code: &str, message: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({"error": {"code": code, "message": message}}))
}

/// Answers a method that GraphQL has no use for.
pub async fn method_not_allowed() -> HttpResponse {
    let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "use POST, or GET for queries");
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, POST"));
    response
}

async fn body(request: &HttpRequest, payload: web::Payload, limit: usize) -> Result<web::Bytes, HttpResponse> {
    let content_type = header_text(request, header::CONTENT_TYPE).unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    let charset = parts.find_map(|part| part.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("charset")));
    let is_utf8 = charset.is_none_or(|(_, name)| name.trim_matches('"').eq_ignore_ascii_case("utf-8"));
    if !is_json || !is_utf8 {
        let message = "send the body as application/json in UTF-8";
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message));
    }
    match payload.to_bytes_limited(limit).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(refuse(StatusCode::BAD_REQUEST, "BAD_REQUEST", "the body could not be read to its end")),
        Err(_) => {
            let message = format!("a request has at most {limit} bytes");
            Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", &message))
        }
    }
}

pub(crate) fn header_text(request: &HttpRequest, name: header::HeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}

fn accepted(request: &HttpRequest) -> Option<String> {
    let ranges: Vec<&str> = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok()).collect();
    (!ranges.is_empty()).then(|| ranges.join(","))
}

/// The token of an `Authorization` header. Anything but one bearer token stands for no one.
pub(crate) fn bearer(request: &HttpRequest) -> Option<String> {
    header_text(request, header::AUTHORIZATION).map(|value| token(value).to_owned())
}

/// The token of the text of an `Authorization` header; empty where it is no bearer token.
pub(crate) fn token(authorization: &str) -> &str {
    match authorization.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => "",
    }
}

/// From where a request comes: its id, and the client's address as far as the proxies in front are trusted.
pub(crate) fn origin(request: &HttpRequest, state: &ApiState, request_id: &str) -> Origin {
    let forwarded: Vec<&str> =
        request.headers().get_all(header::X_FORWARDED_FOR).map(|value| value.to_str().unwrap_or_default()).collect();
    let trusted = &state.config().trusted_proxies;
    let client = request.peer_addr().map(|peer| network::client(peer.ip(), &forwarded, trusted));
    Origin { request_id: Some(request_id.to_owned()), client }
}

/// The client's own id of the request where it is short and plain, else a new one.
pub(crate) fn request_id(request: &HttpRequest, state: &ApiState) -> String {
    let given = request.headers().get("x-request-id").and_then(|value| value.to_str().ok());
    let plain = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    given.filter(plain).map_or_else(|| state.engine().shared.ambient.uuid().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_token_is_a_credential() {
        assert_eq!(token("Bearer is_x"), "is_x");
        assert_eq!(token("bearer  is_x "), "is_x");
        assert_eq!(token("Basic aaa"), "");
        assert_eq!(token("Bearer"), "");
    }
}
