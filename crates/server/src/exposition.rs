//! `/metrics` for Prometheus: on the main listener or its own, with or without a token.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data, ServiceConfig},
};
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use subtle::ConstantTimeEq;

/// The metrics, and the token that guards them.
#[derive(Clone)]
pub(crate) struct Exposition {
    handle: PrometheusHandle,
    token: Option<SecretString>,
}

impl Exposition {
    pub(crate) fn new(handle: PrometheusHandle, token: Option<SecretString>) -> Self {
        Self { handle, token }
    }

    /// Whether the request bears the token, if one is required. Compares in constant time.
    fn admits(&self, request: &HttpRequest) -> bool {
        let Some(token) = &self.token else { return true };
        let given = request.headers().get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
        let given = given
            .and_then(|given| given.split_at_checked(7))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "));
        given.is_some_and(|(_, given)| bool::from(given.ct_eq(token.expose_secret().as_bytes())))
    }
}

pub(crate) fn configure(exposition: Exposition) -> impl FnOnce(&mut ServiceConfig) + Clone {
    move |config| {
        config.app_data(Data::new(exposition)).route("/metrics", web::get().to(metrics));
    }
}

async fn metrics(request: HttpRequest, exposition: Data<Exposition>) -> HttpResponse {
    if !exposition.admits(&request) {
        let message = "this path needs the token of --metrics-token: send it as `Authorization: Bearer TOKEN`";
        return HttpResponse::Unauthorized()
            .insert_header((header::WWW_AUTHENTICATE, "Bearer"))
            .json(json!({"error": {"code": "UNAUTHENTICATED", "message": message}}));
    }
    exposition.handle.run_upkeep();
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(exposition.handle.render())
}
