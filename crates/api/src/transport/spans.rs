//! The spans of GraphQL. Their names and fields are listed in docs/tracing.md. No document, variable or name that a client chose
//! is told, but for the request's id.

use actix_web::{HttpRequest, HttpResponse, http::Method};
use async_graphql::parser::types::OperationType;
use inlet_domain::{ids::WorkspaceId, spans::TARGET};
use tracing::{Span, field::Empty, info_span};

use crate::access::credential::Credential;

/// The span of an HTTP request to `/graphql`.
pub(super) fn request(request: &HttpRequest) -> Span {
    let method = match *request.method() {
        Method::GET => "GET",
        Method::POST => "POST",
        _ => "_OTHER",
    };
    info_span!(
        target: TARGET,
        parent: None,
        "graphql.request",
        otel.kind = "server",
        http.request.method = method,
        http.route = "/graphql",
        http.response.status_code = Empty,
        graphql.operation.type = Empty,
        inlet.workspace = Empty,
        inlet.request_id = Empty,
    )
}

/// Tells whose HTTP request it is.
pub(super) fn tell_caller(span: &Span, workspace: Option<WorkspaceId>) {
    if let Some(workspace) = workspace {
        span.record("inlet.workspace", tracing::field::display(workspace));
    }
}

/// Tells what the request asks for.
pub(super) fn tell_kind(span: &Span, kind: OperationType) {
    span.record("graphql.operation.type", name(kind));
}

/// Tells the status of the answer.
pub(super) fn tell_status<B>(span: &Span, response: &HttpResponse<B>) {
    span.record("http.response.status_code", response.status().as_u16());
}

/// The span of an operation of a socket or an event stream: from its start to its last answer.
pub(super) struct OperationSpan {
    span: Span,
    answers: u64,
}

impl OperationSpan {
    pub(super) fn new(kind: OperationType, credential: Option<&Credential>, request_id: &str) -> Self {
        let workspace = credential.map(|credential| credential.viewer.scope.workspace());
        // The name says which it is, for a subscription lasts as long as its client follows.
        let span = if kind == OperationType::Subscription {
            info_span!(
                target: TARGET,
                parent: None,
                "graphql.subscription",
                graphql.operation.type = name(kind),
                inlet.workspace = Empty,
                inlet.request_id = request_id,
                inlet.answers = 0_u64,
            )
        } else {
            info_span!(
                target: TARGET,
                parent: None,
                "graphql.operation",
                graphql.operation.type = name(kind),
                inlet.workspace = Empty,
                inlet.request_id = request_id,
                inlet.answers = 0_u64,
            )
        };
        tell_caller(&span, workspace);
        Self { span, answers: 0 }
    }

    /// Counts an answer.
    pub(super) fn answered(&mut self) {
        self.answers += 1;
        self.span.record("inlet.answers", self.answers);
    }
}

fn name(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}
