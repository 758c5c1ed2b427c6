//! P11 below HTTP: broken requests, slow senders, odd URLs. Never a 5xx, and the server answers who comes next.

use std::time::Duration;

use futures::future::join_all;
use inlet_tests::{TestServer, corpus, fixtures, sign, spawn};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Longer than the server waits for anyone; who is not answered by then never is.
const LONGEST: Duration = Duration::from_secs(60);

/// Server and port, and where OneRoute posts.
fn address(server: &TestServer) -> (String, String) {
    let url = &server.sources["oneroute"].url;
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    (host.to_owned(), format!("/{path}"))
}

async fn connect(server: &TestServer) -> TcpStream {
    TcpStream::connect(address(server).0).await.unwrap()
}

/// All that comes until the server closes, or until there is nothing more for the moment when it need not close.
async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    // A reset after the answer is an end too.
    let _ = timeout(LONGEST, stream.read_to_end(&mut said)).await.expect("the server closes in time");
    said
}

/// Writes it, says that no more will come, and reads to the end.
async fn exchange(server: &TestServer, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(server).await;
    // The server may close before it has read all of it.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    rest(stream).await
}

/// The status of every answer in it.
fn statuses(said: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(said);
    text.match_indices("HTTP/1.1 ")
        .filter_map(|(at, line)| text.get(at + line.len()..)?.get(..3)?.parse().ok())
        .collect()
}

fn body() -> String {
    fixtures::of("oneroute").remove(0).body
}

/// A signed POST of the sample to this target, with these lines more in its head.
fn post(server: &TestServer, target: &str, more: &str) -> String {
    let body = body();
    let signature = sign::header("oneroute", &server.sources["oneroute"].secret, body.as_bytes()).1;
    format!(
        "POST {target} HTTP/1.1\r\nhost: inlet\r\nx-oneroute-signature: {signature}\r\ncontent-length: {}\r\n{more}\r\n{body}",
        body.len()
    )
}

async fn assert_alive(server: &TestServer, after: &str) {
    let (status, answer) = server.post("oneroute", None, &body()).await;
    assert_eq!(status, 200, "after {after}: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_broken_requests_are_the_senders_fault_or_cut_off() {
    let server = spawn().await;
    let (_, path) = address(&server);
    let head = format!("POST {path} HTTP/1.1\r\nhost: inlet\r\n");
    let noise = corpus::noise(200_000);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a chunk of no size", format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n").into()),
        (
            "a chunk too large to count",
            format!("{head}transfer-encoding: chunked\r\n\r\nffffffffffffffffffff\r\nhello\r\n").into(),
        ),
        ("a negative chunk", format!("{head}transfer-encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n").into()),
        ("a chunk without end", format!("{head}transfer-encoding: chunked\r\n\r\n5\r\nhel").into()),
        (
            "a long chunk extension",
            format!("{head}transfer-encoding: chunked\r\n\r\n1;{noise}\r\nx\r\n0\r\n\r\n").into(),
        ),
        ("a long trailer", format!("{head}transfer-encoding: chunked\r\n\r\n0\r\nx: {noise}\r\n\r\n").into()),
        ("two codings", format!("{head}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n").into()),
        ("an unknown coding", format!("{head}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n").into()),
        (
            "a length and chunks",
            format!("{head}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /").into(),
        ),
        ("two lengths", format!("{head}content-length: 4\r\ncontent-length: 5\r\n\r\nhello").into()),
        ("a negative length", format!("{head}content-length: -1\r\n\r\n").into()),
        ("a length beyond 64 bits", format!("{head}content-length: 99999999999999999999\r\n\r\nx").into()),
        ("a body that ends early", format!("{head}content-length: 100\r\n\r\nhello").into()),
        ("a declared gigabyte", format!("{head}content-length: 1073741824\r\n\r\nhello").into()),
        ("a long header", format!("{head}x: {noise}\r\n\r\n").into()),
        ("many headers", format!("{head}{}\r\n", "x: y\r\n".repeat(5000)).into()),
        ("NUL in a header", format!("{head}x: a\0b\r\n\r\n").into()),
        ("a folded header", format!("{head}x: a\r\n b\r\ncontent-length: 0\r\n\r\n").into()),
        ("a header without a name", format!("{head}: x\r\n\r\n").into()),
        ("bare line feeds", format!("{head}content-length: 0\r\n\r\n").replace('\r', "").into()),
        ("no host", format!("POST {path} HTTP/1.1\r\ncontent-length: 0\r\n\r\n").into()),
        ("a long target", format!("GET /in/{noise} HTTP/1.1\r\nhost: inlet\r\n\r\n").into()),
        ("a target of no text", b"GET /in/\xff\xfe HTTP/1.1\r\nhost: inlet\r\n\r\n".to_vec()),
        ("a target without a slash", b"GET in HTTP/1.1\r\nhost: inlet\r\n\r\n".to_vec()),
        ("a star", b"OPTIONS * HTTP/1.1\r\nhost: inlet\r\n\r\n".to_vec()),
        ("a tunnel", b"CONNECT example.com:443 HTTP/1.1\r\nhost: inlet\r\n\r\n".to_vec()),
        ("an unknown method", format!("BREW {path} HTTP/1.1\r\nhost: inlet\r\n\r\n").into()),
        ("a long method", format!("{noise} / HTTP/1.1\r\n\r\n").into()),
        ("HTTP/0.9", b"GET /\r\n".to_vec()),
        ("HTTP/1.0", format!("POST {path} HTTP/1.0\r\ncontent-length: 0\r\n\r\n").into()),
        ("HTTP/9.9", format!("POST {path} HTTP/9.9\r\nhost: inlet\r\n\r\n").into()),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
        ("a TLS hello", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec()),
        ("an upgrade", format!("{head}upgrade: websocket\r\nconnection: upgrade\r\ncontent-length: 0\r\n\r\n").into()),
        ("nothing", Vec::new()),
        ("empty lines", b"\r\n".repeat(10_000)),
        ("bytes", (0..=255).cycle().take(100_000).collect()),
    ];
    for (name, bytes) in cases {
        let said = exchange(&server, &bytes).await;
        let statuses = statuses(&said);
        assert!(statuses.iter().all(|status| *status < 500), "{name}: {statuses:?}");
        assert!(!statuses.contains(&200), "{name}: {statuses:?}");
        assert_alive(&server, name).await;
    }
    assert_eq!(
        server.kept().await.iter().filter(|kept| kept.outcome != "accepted" && kept.outcome != "duplicate").count(),
        0
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_odd_but_lawful_requests_are_taken() {
    let server = spawn().await;
    let (host, path) = address(&server);
    let twice = format!("{}{}", post(&server, &path, ""), post(&server, &path, "connection: close\r\n"));
    assert_eq!(statuses(&exchange(&server, twice.as_bytes()).await), [200, 200], "two in one write");
    let close = "connection: close\r\n";
    for target in [
        format!("http://{host}{path}"),
        format!("http://elsewhere.example{path}"),
        format!("{path}/"),
        format!("{path}?a=b&event=newMessage&%00=%ff&=&&"),
        format!("{path}/{}", "%00".repeat(1000)),
        format!("{path}/a%2fb%5c..%2f"),
        format!("{path}/%F0%9F%92%A9%ff%fe"),
        format!("{path}/{}", corpus::noise(20_000)),
        format!("{path}?event={}", corpus::noise(20_000)),
    ] {
        let shown: String = target.chars().take(60).collect();
        let said = exchange(&server, post(&server, &target, close).as_bytes()).await;
        assert_eq!(statuses(&said), [200], "{shown}: {}", String::from_utf8_lossy(&said));
    }
    let continued =
        exchange(&server, post(&server, &path, "expect: 100-continue\r\nconnection: close\r\n").as_bytes()).await;
    assert_eq!(statuses(&continued).last(), Some(&200));
    for target in ["/in/", "/in//", "/in/%00", "/in/..%2f..", "/in/%", "/in/%zz", "/in/x/y/z", "//in/x", "/in/%ff/%00"]
    {
        let said = exchange(&server, post(&server, target, close).as_bytes()).await;
        assert!(matches!(statuses(&said)[..], [400 | 404]), "{target}: {}", String::from_utf8_lossy(&said));
    }
    server.stop().await;
}

/// The JSON of an answer.
fn told(said: &[u8]) -> Value {
    let text = String::from_utf8_lossy(said).into_owned();
    serde_json::from_str(text.split_once("\r\n\r\n").unwrap_or_default().1).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_slow_senders_are_told_so_and_hold_nobody_up() {
    let server = spawn().await;
    let (_, path) = address(&server);
    let head = format!("POST {path} HTTP/1.1\r\nhost: inlet\r\ncontent-length: 1000000\r\n\r\n");
    let stalled = |bytes: String| {
        let server = &server;
        async move {
            let mut stream = connect(server).await;
            stream.write_all(bytes.as_bytes()).await.unwrap();
            rest(stream).await
        }
    };
    let dripping = async {
        let (mut from, mut to) = connect(&server).await.into_split();
        let drip = async {
            to.write_all(head.as_bytes()).await.unwrap();
            let mut pace = tokio::time::interval(Duration::from_millis(50));
            loop {
                pace.tick().await;
                // When it is cut off, there is an answer to be read.
                if to.write_all(b" ").await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let mut said = Vec::new();
        let read = async { timeout(LONGEST, from.read_to_end(&mut said)).await.expect("it is cut off") };
        tokio::select! {
            () = drip => {}
            end = read => { let _ = end; }
        }
        said
    };
    let stallers = join_all((0..100).map(|_| stalled(format!("{head}{{"))));
    let heads = join_all((0..100).map(|_| stalled(head[..40].to_owned())));
    let others = async {
        for n in 0..100 {
            assert_alive(&server, &format!("{n} more")).await;
        }
    };
    let (stallers, heads, dripped, ()) = tokio::join!(stallers, heads, dripping, others);
    for said in stallers.iter().chain([&dripped]) {
        assert_eq!(statuses(said), [408], "{}", String::from_utf8_lossy(said));
        assert_eq!(told(said)["error"]["code"], "TIMEOUT");
    }
    for said in heads {
        // The head is not ours to answer: actix-web cuts it off by itself, with an empty 408.
        assert!(matches!(statuses(&said)[..], [] | [408]), "{}", String::from_utf8_lossy(&said));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_who_breaks_off_a_long_request_leaves_the_turn_to_the_next() {
    let server = spawn().await;
    let (_, path) = address(&server);
    let long = |number: usize| {
        let padding = " ".repeat(900_000);
        let body = body().replacen('{', &format!("{{{padding}\"number\":{number},"), 1);
        let signature = sign::header("oneroute", &server.sources["oneroute"].secret, body.as_bytes()).1;
        format!(
            "POST {path} HTTP/1.1\r\nhost: inlet\r\nconnection: close\r\nx-oneroute-signature: {signature}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    assert_eq!(statuses(&exchange(&server, long(0).as_bytes()).await), [200], "a long request is taken");
    for number in 1..=20 {
        let mut stream = connect(&server).await;
        // The whole request is sent. The answer is not waited for.
        stream.write_all(long(number).as_bytes()).await.unwrap();
    }
    assert_eq!(statuses(&exchange(&server, long(21).as_bytes()).await), [200], "after those who broke off");
    server.stop().await;
}
