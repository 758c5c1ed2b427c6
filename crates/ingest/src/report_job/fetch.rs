//! Fetches one page over the guarded client, only from allowed hosts (OR-13), and classifies the answer.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use inlet_adapters::provider::CampaignReports;
use inlet_domain::model::source::Source;
use inlet_egress::{Client, ErrorKind, HeaderMap, HeaderValue, Method, Policy, Request, Response, Url, header};

use crate::report_job::Trouble;

/// The timeout of a page, from the DNS look-up to the last byte.
const PATIENCE: Duration = Duration::from_secs(20);

/// The most bytes of a page: about ten thousand rows.
pub(super) const LONGEST_PAGE: usize = 4 << 20;

/// The longest `Retry-After` that the job follows.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3_600);

const USER_AGENT: &str = concat!("Inlet/", env!("CARGO_PKG_VERSION"));

/// A fetched page.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) body: Bytes,
    pub(super) content_type: Option<String>,
    /// The URL of the request.
    pub(super) url: Url,
}

/// The URL of a report, if the source allows its host.
pub(super) fn target(text: &str, source: &Source, reports: &dyn CampaignReports) -> Result<Url, Trouble> {
    // The client checks its own policy. This check refuses only URLs that no policy would allow.
    let any = Policy { allow_loopback: true, allow_http: true };
    let url =
        any.check_url(text).map_err(|error| Trouble::Final(format!("the report's URL cannot be used: {error}")))?;
    let named: Vec<&str> = match source.report_hosts.is_empty() {
        true => reports.hosts().to_vec(),
        false => source.report_hosts.iter().map(String::as_str).collect(),
    };
    if named.iter().any(|allowed| is_of(&url, allowed)) {
        return Ok(url);
    }
    let host = url.host_str().unwrap_or_default();
    Err(Trouble::Final(format!(
        "reports of this source may come from {}, not from {host}: add the host to the `reportHosts` of the source, then replay the event",
        named.join(", ")
    )))
}

/// Whether the URL's host is exactly `allowed`, on any port.
fn is_of(url: &Url, allowed: &str) -> bool {
    let bare = |name: &str| name.trim().trim_end_matches('.').to_ascii_lowercase();
    url.host_str().is_some_and(|host| bare(host) == bare(allowed))
}

/// Fetches a page.
pub(super) async fn page(client: &Client, url: Url, now: impl Fn() -> DateTime<Utc>) -> Result<Fetched, Trouble> {
    let mut headers = HeaderMap::with_capacity(2);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    let request = Request {
        method: Method::GET,
        url: url.clone(),
        headers,
        body: Bytes::new(),
        timeout: PATIENCE,
        max_body: LONGEST_PAGE,
    };
    match client.send(request).await {
        Ok(answer) => judge(answer, url, now()),
        Err(error) => {
            let said = format!("the report could not be fetched: {error}");
            Err(match error.kind() {
                ErrorKind::RefusedAddress | ErrorKind::RefusedUrl | ErrorKind::Redirect => Trouble::Final(said),
                ErrorKind::Timeout | ErrorKind::Dns | ErrorKind::Connect | ErrorKind::Tls | ErrorKind::Body => {
                    Trouble::again(said)
                }
            })
        }
    }
}

fn judge(answer: Response, url: Url, now: DateTime<Utc>) -> Result<Fetched, Trouble> {
    let text = |name| answer.headers.get(name).and_then(|value| HeaderValue::to_str(value).ok());
    match answer.status {
        200..=299 if answer.truncated => {
            Err(Trouble::Final(format!("a page is longer than {LONGEST_PAGE} bytes: request smaller pages in the URL")))
        }
        200..=299 => {
            Ok(Fetched { content_type: text(header::CONTENT_TYPE).map(str::to_owned), body: answer.body, url })
        }
        status @ (408 | 425 | 429 | 500..) => {
            let after = text(header::RETRY_AFTER).and_then(|text| inlet_egress::retry_after(text, now));
            Err(Trouble::Again {
                error: format!("the provider answered {status}"),
                after: after.map(|after| after.min(LONGEST_WAIT)),
            })
        }
        status => Err(Trouble::Final(format!("the provider answered {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&'static str>, truncated: bool) -> Result<Fetched, Trouble> {
        let headers = retry_after.iter().map(|text| (header::RETRY_AFTER, HeaderValue::from_static(text))).collect();
        let answer = Response { status, headers, body: Bytes::from_static(b"{}"), truncated };
        judge(answer, "https://api.oneroute.io/".parse().unwrap(), "2026-11-20T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn or_12_what_may_pass_is_asked_again_and_when_the_provider_says_so() {
        assert!(answer(200, None, false).is_ok() && answer(204, None, false).is_ok());
        for status in [408, 425, 429, 500, 503, 599] {
            let trouble = answer(status, Some("120"), false).unwrap_err();
            let waited = matches!(&trouble, Trouble::Again { error, after: Some(after) }
                if error.ends_with(&status.to_string()) && after.as_secs() == 120);
            assert!(waited, "{trouble:?}");
        }
        let capped = answer(429, Some("99999999999"), false).unwrap_err();
        assert!(matches!(capped, Trouble::Again { after: Some(LONGEST_WAIT), .. }));
        assert!(matches!(answer(500, Some("soon"), false).unwrap_err(), Trouble::Again { after: None, .. }));
        for status in [400, 401, 403, 404, 410] {
            assert!(matches!(answer(status, None, false).unwrap_err(), Trouble::Final(_)), "{status}");
        }
        assert!(matches!(answer(200, None, true).unwrap_err(), Trouble::Final(_)), "a page without an end");
    }

    #[test]
    fn or_13_a_host_is_allowed_by_its_whole_name() {
        let is_of = |url: &str, allowed: &str| is_of(&url.parse().unwrap(), allowed);
        for allowed in ["api.oneroute.io", "API.OneRoute.io", "api.oneroute.io.", " api.oneroute.io"] {
            assert!(is_of("https://api.oneroute.io/logs?page[number]=1", allowed), "{allowed}");
        }
        assert!(is_of("https://api.oneroute.io.:8443/", "api.oneroute.io"));
        assert!(is_of("http://127.0.0.1:9009/", "127.0.0.1") && is_of("http://[::1]:9009/", "[::1]"));
        for (url, allowed) in [
            ("https://oneroute.io/", "api.oneroute.io"),
            ("https://api.oneroute.io.evil.example/", "api.oneroute.io"),
            ("https://xapi.oneroute.io/", "api.oneroute.io"),
            ("https://a.api.oneroute.io/", "api.oneroute.io"),
            ("https://evil.example/?x=api.oneroute.io", "api.oneroute.io"),
            ("https://api.oneroute.io@evil.example/", "api.oneroute.io"),
            ("https://api.oneroute.io/", ""),
        ] {
            assert!(!is_of(url, allowed), "{url} by {allowed}");
        }
    }
}
