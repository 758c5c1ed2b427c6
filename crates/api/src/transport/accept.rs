//! Content negotiation (RFC 9110, section 12.5.1; GraphQL over HTTP, section "Accept").

/// Media type of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// `application/json`: every well-formed request gets status 200.
    Json,
    /// `application/graphql-response+json`: the status tells more.
    GraphqlResponse,
    /// `text/event-stream`: one event for each response.
    EventStream,
}

impl Media {
    /// The value of `Content-Type`. For event streams: that of an error before the stream.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json | Self::EventStream => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }
}

const EVENT_STREAM: &str = "text/event-stream";

/// The client's preference for `media`, from 0 to 1000; the most specific range decides.
fn quality(accept: &str, media: &str) -> u16 {
    let (group, _) = media.split_once('/').unwrap_or((media, ""));
    let mut best = (0, 0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let specific = if name == media {
            3
        } else if name.strip_suffix("/*") == Some(group) {
            2
        } else if name == "*/*" {
            1
        } else {
            continue;
        };
        let given = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = given.map_or(1.0, |text| text.trim().parse::<f32>().unwrap_or(0.0)).clamp(0.0, 1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1000")]
        let weight = (weight * 1000.0).round() as u16;
        if specific > best.0 {
            best = (specific, weight);
        }
    }
    best.1
}

/// Whether the client accepts event streams by name.
#[must_use]
pub fn takes_events(accept: Option<&str>) -> bool {
    accept.is_some_and(|accept| accept.to_ascii_lowercase().contains(EVENT_STREAM) && quality(accept, EVENT_STREAM) > 0)
}

/// The media type of the response; `None` if the client accepts none of them. JSON without a preference or with `*/*`,
/// an event stream if the client prefers it to both others.
#[must_use]
pub fn negotiate(accept: Option<&str>) -> Option<Media> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else { return Some(Media::Json) };
    let json = quality(accept, "application/json");
    let graphql = quality(accept, "application/graphql-response+json");
    let named = accept.to_ascii_lowercase().contains("application/graphql-response+json");
    if takes_events(Some(accept)) && quality(accept, EVENT_STREAM) > json.max(graphql) {
        return Some(Media::EventStream);
    }
    match (json, graphql) {
        (0, 0) => None,
        (json, graphql) if graphql > json || (graphql == json && named) => Some(Media::GraphqlResponse),
        _ => Some(Media::Json),
    }
}

/// Whether a browser asks for a page.
#[must_use]
pub fn wants_html(accept: Option<&str>) -> bool {
    accept.is_some_and(|accept| {
        let html = quality(accept, "text/html");
        accept.to_ascii_lowercase().contains("text/html") && html > 0 && html >= quality(accept, "application/json")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_chooses() {
        for (accept, media) in [
            (None, Some(Media::Json)),
            (Some("*/*"), Some(Media::Json)),
            (Some("application/json"), Some(Media::Json)),
            (Some("application/graphql-response+json"), Some(Media::GraphqlResponse)),
            (
                Some("application/graphql-response+json; charset=utf-8, application/json; charset=utf-8"),
                Some(Media::GraphqlResponse),
            ),
            (Some("application/graphql-response+json;q=0.5, application/json"), Some(Media::Json)),
            (Some("application/json;q=0, */*;q=0.1"), Some(Media::GraphqlResponse)),
            (Some("application/*"), Some(Media::Json)),
            (Some("text/event-stream"), Some(Media::EventStream)),
            (Some("text/event-stream, multipart/mixed"), Some(Media::EventStream)),
            (Some("application/json, text/event-stream, multipart/mixed"), Some(Media::Json)),
            (Some("text/event-stream, application/json;q=0.9"), Some(Media::EventStream)),
            (Some("text/*"), None),
            (Some("text/event-stream;q=0"), None),
            (Some("text/html"), None),
            (Some("application/json;q=0"), None),
        ] {
            assert_eq!(negotiate(accept), media, "{accept:?}");
        }
    }

    #[test]
    fn a_browser_gets_the_page_and_a_program_does_not() {
        assert!(wants_html(Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")));
        assert!(!wants_html(Some("*/*")));
        assert!(!wants_html(Some("application/json, text/html;q=0.1")));
        assert!(!wants_html(None));
    }
}
