//! GraphQL over HTTP: POST with JSON, and GET for queries alone.

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
    accept::{Media, negotiate, wants_html},
    error::{ApiError, ErrorCode},
    graphiql,
    operation::{finish, is_request_error, response_of, to_json},
    parameters::{BadParameters, Parameters},
    websocket,
};

/// Answers whatever comes to `/graphql`.
pub async fn graphql(request: HttpRequest, payload: web::Payload, state: web::Data<ApiState>) -> HttpResponse {
    let is_upgrade = header_text(&request, header::UPGRADE).is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
    if request.method() == Method::GET && is_upgrade {
        return websocket::open(&request, payload, &state).await;
    }
    let accept = accepted(&request);
    let is_page = !request.query_string().contains("query=") && wants_html(accept.as_deref());
    if request.method() == Method::GET && is_page {
        return graphiql::page();
    }
    let request_id = request_id(&request, &state);
    let Some(media) = negotiate(accept.as_deref()) else {
        let message = "accept application/json or application/graphql-response+json";
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
    let answer = Answer { media, request_id };
    match parameters {
        Ok(parameters) => run(&request, &state, parameters, is_get, &answer).await,
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
    let session = match bearer(request) {
        None => None,
        Some(token) => match engine.session(&token).await {
            Ok(session) => Some(session),
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
    let prepared = match engine.prepare(parameters, session, origin(request, state, &answer.request_id)).await {
        Ok(prepared) => prepared,
        Err(refused) => return answer.send(answer.request_error_status(), *refused),
    };
    match prepared.kind {
        OperationType::Mutation if is_get => {
            let error = ApiError::new(ErrorCode::GraphqlValidationFailed, "a mutation needs POST");
            let mut response = answer.send(StatusCode::METHOD_NOT_ALLOWED, response_of(error));
            response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
            response
        }
        OperationType::Subscription => {
            let message = "a subscription needs a WebSocket with graphql-transport-ws, at this same URL";
            let error = ApiError::new(ErrorCode::GraphqlValidationFailed, message);
            answer.send(answer.request_error_status(), response_of(error))
        }
        OperationType::Query | OperationType::Mutation => {
            let response = engine.execute(prepared).await;
            let status = if is_request_error(&response) { answer.request_error_status() } else { StatusCode::OK };
            answer.send(status, response)
        }
    }
}

/// How a request is answered.
struct Answer {
    media: Media,
    request_id: String,
}

impl Answer {
    /// Of a well-formed request that cannot be executed.
    fn request_error_status(&self) -> StatusCode {
        match self.media {
            Media::Json => StatusCode::OK,
            Media::GraphqlResponse => StatusCode::BAD_REQUEST,
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
