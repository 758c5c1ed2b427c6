//! F: who may read `/metrics`.

use inlet_tests::{Options, TestServer, spawn_with};
use reqwest::header;
use serde_json::Value;

const TOKEN: &str = "a-token-of-prometheus";

/// The status of who asks with this header, and whether metrics are in the answer.
async fn ask(server: &TestServer, url: &str, authorization: Option<&str>) -> (u16, bool) {
    let request = server.client.get(url);
    let request = authorization.map_or(request.try_clone().unwrap(), |it| request.header(header::AUTHORIZATION, it));
    let answer = request.send().await.unwrap();
    let (status, is_challenged) = (answer.status().as_u16(), answer.headers().contains_key(header::WWW_AUTHENTICATE));
    assert_eq!(status == 401, is_challenged);
    let is_exposition = answer.headers()[header::CONTENT_TYPE].to_str().unwrap().contains("version=0.0.4");
    let text = answer.text().await.unwrap();
    if status != 200 {
        let error: Value = serde_json::from_str(&text).unwrap();
        assert!(error["error"]["message"].is_string(), "{error}");
    }
    (status, is_exposition)
}

#[tokio::test(flavor = "multi_thread")]
async fn f_metrics_ask_for_their_token() {
    let server = spawn_with(Options { metrics_token: Some(TOKEN.to_owned()), ..Options::default() }).await;
    let (url, right) = (server.metrics_url.clone(), format!("Bearer {TOKEN}"));
    assert_eq!(ask(&server, &url, Some(&right)).await, (200, true));
    assert_eq!(ask(&server, &url, Some(&right.replace("Bearer", "bearer"))).await, (200, true));
    let credential = format!("Bearer {}", server.api_key);
    let (longer, shorter) = (format!("{right}x"), right[..right.len() - 1].to_owned());
    for wrong in [None, Some(""), Some("Bearer "), Some(TOKEN), Some(&longer), Some(&shorter), Some(&credential)] {
        assert_eq!(ask(&server, &url, wrong).await, (401, false), "{wrong:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_metrics_with_a_listener_of_their_own_are_nowhere_else() {
    let beside = spawn_with(Options::default()).await;
    assert_eq!(ask(&beside, &format!("{}/metrics", beside.url), None).await, (200, true));
    beside.stop().await;

    let server = spawn_with(Options { has_metrics_listener: true, ..Options::default() }).await;
    assert_eq!(ask(&server, &server.metrics_url, None).await, (200, true));
    assert_eq!(ask(&server, &format!("{}/metrics", server.url), None).await, (404, false));
    // Nothing else is served there.
    for path in ["healthz", "readyz", "graphql"] {
        let (here, there) = (format!("{}/{path}", server.url), server.metrics_url.replace("metrics", path));
        assert_ne!(server.client.get(here).send().await.unwrap().status(), 404, "{path}");
        assert_eq!(server.client.get(there).send().await.unwrap().status(), 404, "{path}");
    }
    server.stop().await;

    let options = Options { has_metrics_listener: true, metrics_token: Some(TOKEN.to_owned()), ..Options::default() };
    let server = spawn_with(options).await;
    assert_eq!(ask(&server, &server.metrics_url, Some(&format!("Bearer {TOKEN}"))).await, (200, true));
    assert_eq!(ask(&server, &server.metrics_url, None).await, (401, false));
    server.stop().await;
}
