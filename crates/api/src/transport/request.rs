//! Token, origin and id of a request.

use actix_web::{HttpRequest, http::header};
use inlet_domain::model::network;
use inlet_store::records::audit::Origin;

use crate::transport::state::ApiState;

/// The text of a header.
pub fn header_text(request: &HttpRequest, name: header::HeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}

/// The token of the header `Authorization`. Anything but one bearer token is no credential.
pub fn bearer(request: &HttpRequest) -> Option<String> {
    header_text(request, header::AUTHORIZATION).map(|value| token(value).to_owned())
}

/// The token in the text of `Authorization`; empty if it is not a bearer token.
pub fn token(authorization: &str) -> &str {
    match authorization.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => "",
    }
}

/// The origin of a request: its id and the client's address, as far as the proxies in front are trusted.
pub fn origin(request: &HttpRequest, state: &ApiState, request_id: &str) -> Origin {
    let forwarded: Vec<&str> =
        request.headers().get_all(header::X_FORWARDED_FOR).map(|value| value.to_str().unwrap_or_default()).collect();
    let trusted = &state.config().trusted_proxies;
    let client = request.peer_addr().map(|peer| network::client(peer.ip(), &forwarded, trusted));
    Origin { request_id: Some(request_id.to_owned()), client }
}

/// The client's own request id if it is short and plain, else a new one.
pub fn request_id(request: &HttpRequest, state: &ApiState) -> String {
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
