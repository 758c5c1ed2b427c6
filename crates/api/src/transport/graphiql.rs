//! GraphiQL, served from this binary: the page loads nothing from other hosts.

use actix_web::{HttpResponse, http::header, web};

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Inlet GraphiQL</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/graphql/assets/graphiql-4.1.2.css">
<style>html, body, #graphiql { height: 100%; margin: 0 }</style>
</head>
<body>
<div id="graphiql">Loading...</div>
<script src="/graphql/assets/react-18.3.1.js"></script>
<script src="/graphql/assets/react-dom-18.3.1.js"></script>
<script src="/graphql/assets/graphiql-4.1.2.js"></script>
<script src="/graphql/assets/start.js"></script>
</body>
</html>
"#;

/// The headers of the editor become the `connection_init` payload of its WebSocket, so one token serves both.
const START: &str = r##"const url = new URL("/graphql", location.href);
const socket = new URL(url);
socket.protocol = url.protocol === "https:" ? "wss:" : "ws:";
const fetcher = GraphiQL.createFetcher({ url: url.href, subscriptionUrl: socket.href });
const defaultQuery = `# Log in, then put the token into the Headers tab: {"authorization": "Bearer is_..."}
mutation LogIn {
  login(input: {email: "", password: ""}) { token member { id role } }
}

query Inbox {
  head
  conversations(first: 20, filter: {status: [IN_QUEUE]}) {
    nodes { id status unread contact { name phone } lastMessage { content occurredAt } }
  }
}

subscription Follow {
  events { __typename ... on Event { id type cursor payload } ... on Reset { reason cursor } }
}
`;
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, { fetcher, defaultQuery, defaultEditorToolsVisibility: "headers", shouldPersistHeaders: false }),
);
"##;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

#[must_use]
pub fn page() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(PAGE)
}

/// An asset of the page. The libraries are stored compressed, with their licences in `assets`.
pub async fn asset(name: web::Path<String>) -> HttpResponse {
    const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
    let (kind, body): (_, &'static [u8]) = match name.as_str() {
        "start.js" => {
            return HttpResponse::Ok()
                .insert_header((header::CONTENT_TYPE, JAVASCRIPT))
                .insert_header((header::CACHE_CONTROL, "no-cache"))
                .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .body(START);
        }
        "graphiql-4.1.2.js" => (JAVASCRIPT, include_bytes!("../../assets/graphiql.min.js.gz")),
        "graphiql-4.1.2.css" => ("text/css; charset=utf-8", include_bytes!("../../assets/graphiql.min.css.gz")),
        "react-18.3.1.js" => (JAVASCRIPT, include_bytes!("../../assets/react.production.min.js.gz")),
        "react-dom-18.3.1.js" => (JAVASCRIPT, include_bytes!("../../assets/react-dom.production.min.js.gz")),
        _ => return HttpResponse::NotFound().finish(),
    };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((header::CONTENT_ENCODING, "gzip"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_no_other_host() {
        for text in [PAGE, START] {
            assert!(!text.contains("http:") && !text.contains("https://") && !text.contains("\"//"), "{text}");
        }
        assert!(!POLICY.contains("http"));
    }
}
