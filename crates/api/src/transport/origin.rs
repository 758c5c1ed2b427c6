//! Origins of pages that may call from a browser.
//!
//! The server reads no cookie and nothing else that a browser sends by itself, so a page without a token can do
//! nothing. A page of another origin is still refused unless it is listed, over HTTP, event streams and WebSockets
//! alike (a browser does not ask before it opens a WebSocket).

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderMap, HeaderValue},
};
use url::Url;

/// Origin of the page that made a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageOrigin {
    /// No page, or one of this server.
    Own,
    /// A page of this allowed origin.
    Listed(HeaderValue),
    /// A page of any other origin.
    Foreign,
}

/// From the header `Origin`. Programs send none.
#[must_use]
pub fn of(headers: &HeaderMap, public_url: &str, listed: &[String]) -> PageOrigin {
    let mut given = headers.get_all(header::ORIGIN);
    let Some(value) = given.next() else { return PageOrigin::Own };
    let Some(origin) = value.to_str().ok().filter(|_| given.next().is_none()) else { return PageOrigin::Foreign };
    if listed.iter().any(|one| one.eq_ignore_ascii_case(origin)) {
        return PageOrigin::Listed(value.clone());
    }
    // A proxy in front may terminate TLS, so compare only the host.
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let is_host = authority.is_some_and(|authority| host.is_some_and(|host| host.eq_ignore_ascii_case(authority)));
    let is_public = Url::parse(public_url).is_ok_and(|url| url.origin().ascii_serialization() == origin);
    if is_host || is_public { PageOrigin::Own } else { PageOrigin::Foreign }
}

/// Lets the page read the response, if it may.
pub fn tell(origin: &PageOrigin, response: &mut HttpResponse) {
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let PageOrigin::Listed(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let exposed = HeaderValue::from_static("retry-after, x-request-id");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// Answers a preflight request (Fetch, section "CORS-preflight request").
#[must_use]
pub fn preflight(request: &HttpRequest, origin: &PageOrigin) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if asks && matches!(origin, PageOrigin::Listed(_)) {
        response
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "accept, authorization, content-type, x-request-id"))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, "7200"));
    }
    response.insert_header((header::ALLOW, "GET, POST")).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(origin: Option<&str>) -> PageOrigin {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("inlet.example:8080"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        of(&headers, "https://in.example", &["https://desk.example".to_owned()])
    }

    #[test]
    fn only_our_own_and_listed_pages_may_call() {
        assert_eq!(judged(None), PageOrigin::Own);
        for own in ["http://inlet.example:8080", "https://INLET.example:8080", "https://in.example"] {
            assert_eq!(judged(Some(own)), PageOrigin::Own, "{own}");
        }
        assert_eq!(
            judged(Some("https://desk.example")),
            PageOrigin::Listed(HeaderValue::from_static("https://desk.example"))
        );
        for foreign in [
            "null",
            "",
            "https://evil.example",
            "http://inlet.example",
            "https://desk.example.evil.example",
            "http://desk.example",
            "https://in.example.evil.example",
            "inlet.example:8080",
        ] {
            assert_eq!(judged(Some(foreign)), PageOrigin::Foreign, "{foreign}");
        }
    }
}
