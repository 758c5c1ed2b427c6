//! GraphQL over HTTP: POST with JSON, and GET for queries and, as event streams, for subscriptions.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{Method, StatusCode, header},
    web,
};
use async_graphql::{Response, parser::types::OperationType};
use inlet_domain::ids::WorkspaceId;
use inlet_store::apply::admission::Permit;
use serde_json::json;
use tracing::Span;

use crate::{
    access::credential::Credential,
    error::{ApiError, ErrorCode, response_of},
    execution::{
        engine::{Outcome, Written},
        parameters::{BadParameters, Parameters},
    },
    transport::{
        accept::{Media, negotiate, takes_events, wants_html},
        graphiql,
        intake::{self, NotTaken, Sender},
        origin::{self, PageOrigin},
        outgoing::{Held, Outgoing},
        request::{self, bearer, header_text, request_id},
        spans, sse,
        state::ApiState,
        websocket,
    },
};

/// Answers every request to `/graphql`.
pub async fn graphql(request: HttpRequest, payload: web::Payload, state: web::Data<ApiState>) -> HttpResponse {
    let origin = origin_of(&request, &state);
    if origin == PageOrigin::Foreign {
        let message = "pages of this origin may not call the API: the operator can add the origin to --allowed-origins";
        return refuse(StatusCode::FORBIDDEN, "ORIGIN_REFUSED", message);
    }
    let span = spans::request(&request);
    let mut response = answer(request, payload, &state, &span).await;
    spans::tell_status(&span, &response);
    origin::tell(&origin, &mut response);
    response
}

/// Answers a browser's preflight request.
pub async fn options(request: HttpRequest, state: web::Data<ApiState>) -> HttpResponse {
    let origin = origin_of(&request, &state);
    let mut response = origin::preflight(&request, &origin);
    origin::tell(&origin, &mut response);
    response
}

fn origin_of(request: &HttpRequest, state: &ApiState) -> PageOrigin {
    origin::of(request.headers(), &state.engine().shared.public_url, &state.config().allowed_origins)
}

async fn answer(request: HttpRequest, payload: web::Payload, state: &ApiState, span: &Span) -> HttpResponse {
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
    span.record("inlet.request_id", request_id.as_str());
    let Some(media) = negotiate(accept.as_deref()) else {
        let message = "accept application/json, application/graphql-response+json or text/event-stream";
        return refuse(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE", message);
    };
    let takes_events = takes_events(accept.as_deref());
    let mut answer = Answer { media, request_id, takes_events, outgoing: state.outgoing().clone(), workspace: None };
    let is_get = request.method() == Method::GET;
    if !is_get && !is_json(&request) {
        let message = "send the body as application/json in UTF-8";
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message);
    }
    // Look up the credential before reading the body.
    let mut payload = payload;
    let credential = match credential(&request, state).await {
        Ok(credential) => credential,
        Err(error) => {
            intake::drain(&mut payload, state.config().max_body, state.intake()).await;
            return answer.refused(error);
        }
    };
    answer.workspace = credential.as_ref().map(|credential| credential.viewer.scope.workspace());
    spans::tell_caller(span, answer.workspace);
    let sender = match answer.workspace {
        Some(workspace) => Sender::Workspace(workspace),
        None => Sender::Stranger(request::origin(&request, state, &answer.request_id).client),
    };
    let Some(mut place) = state.intake().place(sender) else {
        return answer.not_taken(NotTaken::Crowded);
    };
    let parameters = if is_get {
        match intake::weigh(request.query_string().as_bytes(), &mut place) {
            Ok(()) => Parameters::from_url(request.query_string()),
            Err(refusal) => return answer.not_taken(refusal),
        }
    } else {
        let limit = state.config().max_body;
        let limit = if credential.is_some() { limit } else { limit.min(intake::STRANGERS_BODY) };
        match intake::read(&mut payload, limit, &mut place).await {
            Ok(body) => Parameters::from_body(&body),
            Err(refusal) => {
                // A slow client, or one that is gone, sends nothing more that is worth a wait.
                if !matches!(refusal, NotTaken::TooSlow | NotTaken::BrokenOff) {
                    intake::drain(&mut payload, state.config().max_body, state.intake()).await;
                }
                return answer.not_taken(refusal);
            }
        }
    };
    match parameters {
        Ok(parameters) => run(&request, state, parameters, (credential, place), (&answer, span)).await,
        Err(bad) => answer.bad_parameters(&bad),
    }
}

/// The credential of the request, if it has a token.
async fn credential(request: &HttpRequest, state: &ApiState) -> Result<Option<Credential>, ApiError> {
    match bearer(request) {
        Some(bearer) => state.engine().credential(&bearer).await.map(Some),
        None => Ok(None),
    }
}

async fn run(
    request: &HttpRequest,
    state: &ApiState,
    parameters: Parameters,
    (credential, place): (Option<Credential>, Permit),
    (answer, span): (&Answer, &Span),
) -> HttpResponse {
    let engine = state.engine();
    let is_get = request.method() == Method::GET;
    let wants_stream = answer.media == Media::EventStream && credential.is_some();
    let span = span.clone();
    let streams = move |kind| {
        spans::tell_kind(&span, kind);
        match kind {
            OperationType::Subscription => true,
            OperationType::Mutation => is_get || wants_stream,
            OperationType::Query => wants_stream,
        }
    };
    let origin = request::origin(request, state, &answer.request_id);
    let outcome = engine.answer(parameters, credential.clone(), origin, streams).await;
    drop(place);
    let prepared = match outcome {
        Ok(Outcome::Answered(written)) if written.is_request_error => return answer.request_error(written),
        Ok(Outcome::Answered(written)) => return answer.whole(written).await,
        Ok(Outcome::Prepared(prepared)) => *prepared,
        Err(error) => return answer.refused(error),
    };
    match prepared.kind {
        OperationType::Mutation if is_get => {
            let error = ApiError::new(ErrorCode::GraphqlValidationFailed, "send a mutation with POST");
            let mut response = answer.told(StatusCode::METHOD_NOT_ALLOWED, response_of(error));
            response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
            response
        }
        OperationType::Subscription if !answer.takes_events => {
            let message = "open a subscription at this URL as an event stream (accept: text/event-stream) or over a \
                           WebSocket with graphql-transport-ws";
            let error = ApiError::new(ErrorCode::GraphqlValidationFailed, message);
            answer.request_error(Written::of(response_of(error), &answer.request_id))
        }
        _ => {
            let Some(credential) = credential else {
                let message = "pass `Authorization: Bearer` with a session token (see `login`) or an API key";
                let error = ApiError::new(ErrorCode::Unauthenticated, message);
                return answer.request_error(Written::of(response_of(error), &answer.request_id));
            };
            match sse::open(state, prepared, credential, &answer.request_id) {
                Ok(response) => response,
                Err(error) => answer.refused(error),
            }
        }
    }
}

/// The way to answer a request.
struct Answer {
    media: Media,
    request_id: String,
    takes_events: bool,
    outgoing: Outgoing,
    /// The viewer's workspace, once known.
    workspace: Option<WorkspaceId>,
}

impl Answer {
    /// Answers a well-formed request that has no data.
    fn request_error(&self, written: Written) -> HttpResponse {
        match self.media {
            Media::Json => self.send(StatusCode::OK, written),
            Media::GraphqlResponse if written.is_timeout => self.send(StatusCode::GATEWAY_TIMEOUT, written),
            Media::GraphqlResponse => self.send(StatusCode::BAD_REQUEST, written),
            Media::EventStream => sse::one(&written, &self.request_id),
        }
    }

    /// Answers a request that is not processed now, or has an invalid token.
    fn refused(&self, error: ApiError) -> HttpResponse {
        let status = match error.code() {
            ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        self.told(status, response_of(error))
    }

    fn not_taken(&self, refusal: NotTaken) -> HttpResponse {
        match refusal {
            NotTaken::TooLong(limit) => {
                let message =
                    format!("the request exceeds {limit} bytes: send less (without a credential the limit is lower)");
                refuse(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", &message)
            }
            NotTaken::TooMany(limit) => {
                let message = format!("a request holds at most {limit} JSON values: split it into several requests");
                self.told(StatusCode::BAD_REQUEST, response_of(ApiError::new(ErrorCode::LimitExceeded, message)))
            }
            NotTaken::TooSlow => refuse(
                StatusCode::REQUEST_TIMEOUT,
                "REQUEST_TIMEOUT",
                "the body did not arrive in time: send it faster or shorter",
            ),
            NotTaken::BrokenOff => {
                refuse(StatusCode::BAD_REQUEST, "BAD_REQUEST", "the body could not be read to its end")
            }
            NotTaken::Crowded => self.refused(ApiError::overloaded(
                "the server handles too many bytes at once: retry after `retryAfter` seconds",
                1,
            )),
        }
    }

    fn told(&self, status: StatusCode, response: Response) -> HttpResponse {
        self.send(status, Written::of(response, &self.request_id))
    }

    /// Answers with a response, once clients of the workspace have read enough of the earlier ones.
    async fn whole(&self, written: Written) -> HttpResponse {
        let body = web::Bytes::from(written.body);
        match self.outgoing.room(self.workspace, body.len()).await {
            Some(room) => self.head(StatusCode::OK).body(Held::new(body, room)),
            None => {
                drop(body);
                let message = "too many responses of this workspace wait to be read: read them, then retry";
                self.refused(ApiError::overloaded(message, 1))
            }
        }
    }

    fn send(&self, status: StatusCode, written: Written) -> HttpResponse {
        self.head(status).body(written.body)
    }

    fn head(&self, status: StatusCode) -> HttpResponseBuilder {
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
            .insert_header(("x-request-id", self.request_id.clone()));
        builder
    }

    fn bad_parameters(&self, bad: &BadParameters) -> HttpResponse {
        self.told(StatusCode::BAD_REQUEST, response_of(ApiError::new(ErrorCode::BadUserInput, bad.to_string())))
    }
}

/// An error before there is a GraphQL request.
fn refuse(status: StatusCode, code: &str, message: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({"error": {"code": code, "message": message}}))
}

/// Answers a method that GraphQL does not use.
pub async fn method_not_allowed() -> HttpResponse {
    let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "use POST, or GET for queries");
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, POST"));
    response
}

/// Whether the content type is JSON in UTF-8.
fn is_json(request: &HttpRequest) -> bool {
    let content_type = header_text(request, header::CONTENT_TYPE).unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    let charset = parts.find_map(|part| part.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("charset")));
    let is_utf8 = charset.is_none_or(|(_, name)| name.trim_matches('"').eq_ignore_ascii_case("utf-8"));
    is_json && is_utf8
}

fn accepted(request: &HttpRequest) -> Option<String> {
    let ranges: Vec<&str> = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok()).collect();
    (!ranges.is_empty()).then(|| ranges.join(","))
}
