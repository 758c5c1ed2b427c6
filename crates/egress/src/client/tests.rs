use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use inlet_domain::model::address::InnerAddress;
use tokio::{io::AsyncReadExt, io::AsyncWriteExt, net::TcpListener};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::*;
use crate::ErrorKind;

const DEVELOPMENT: Policy = Policy { allow_loopback: true, allow_http: true };
const OUTSIDE: Policy = Policy { allow_loopback: false, allow_http: true };

fn request(url: &str) -> Request {
    Request {
        method: Method::POST,
        url: url.parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"{}"),
        timeout: Duration::from_secs(10),
        max_body: 16,
    }
}

async fn answering(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&server).await;
    server
}

#[tokio::test]
async fn an_answer_is_read_up_to_the_limit_and_any_status_but_a_redirect_is_one() {
    let client = Client::new(DEVELOPMENT).unwrap();
    for (length, truncated) in [(0, false), (16, false), (17, true), (100_000, true)] {
        let server = answering(ResponseTemplate::new(500).set_body_bytes(vec![b'x'; length])).await;
        let answer = client.send(request(&server.uri())).await.unwrap();
        assert_eq!((answer.status, answer.body.len(), answer.truncated), (500, length.min(16), truncated));
    }
}

#[tokio::test]
async fn what_is_compressed_stays_so_and_a_bomb_is_read_no_further_than_anything_else() {
    // The head of a gzip stream. The client never decompresses it.
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    bomb.resize(10 << 20, 0);
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        let template =
            ResponseTemplate::new(200).set_body_bytes(bomb.clone()).insert_header("content-encoding", encoding);
        let server = answering(template).await;
        let answer = Client::new(DEVELOPMENT).unwrap().send(request(&server.uri())).await.unwrap();
        assert_eq!((&answer.body[..], answer.truncated), (&bomb[..16], true), "{encoding}");
        let asked = &server.received_requests().await.unwrap()[0];
        assert!(!asked.headers.contains_key("accept-encoding"), "nothing compressed is asked for");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = answering(ResponseTemplate::new(200)).await;
    let server = answering(ResponseTemplate::new(307).insert_header("location", target.uri())).await;
    let error = Client::new(DEVELOPMENT).unwrap().send(request(&server.uri())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert!(target.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_endpoint_that_never_answers_and_one_that_drips_time_out() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dripping = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let urls = [&silent, &dripping].map(|listener| format!("http://{}/", listener.local_addr().unwrap()));
    tokio::spawn(async move {
        let (mut socket, _) = dripping.accept().await.unwrap();
        let mut head = [0; 1024];
        let _ = socket.read(&mut head).await;
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx").await;
        std::future::pending::<()>().await;
    });
    let client = Client::new(DEVELOPMENT).unwrap();
    for url in urls {
        let hurried = Request { timeout: Duration::from_millis(50), ..request(&url) };
        assert_eq!(client.send(hurried).await.unwrap_err().kind(), ErrorKind::Timeout);
    }
}

#[tokio::test]
async fn what_fails_is_told_apart() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = Client::new(DEVELOPMENT).unwrap();
    assert_eq!(client.send(request(&format!("http://{closed}/"))).await.unwrap_err().kind(), ErrorKind::Connect);

    let plain = answering(ResponseTemplate::new(200)).await;
    let error = client.send(request(&plain.uri().replace("http:", "https:"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");

    let nowhere = Client::with_lookup(DEVELOPMENT, |_| async { Err(io::Error::other("no such name")) }).unwrap();
    let error = nowhere.send(request("http://gone.example/")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dns, "{error}");

    let babble = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", babble.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = babble.accept().await.unwrap();
        let _ = socket.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest).await;
    });
    assert!(client.send(request(&url)).await.is_err());
}

#[tokio::test]
async fn an_inner_address_is_refused_before_anything_is_sent() {
    let server = answering(ResponseTemplate::new(200)).await;
    let port = server.address().port();
    let client = Client::new(OUTSIDE).unwrap();
    for host in ["127.0.0.1", "127.1", "0x7f000001", "017700000001", "[::1]", "[::ffff:127.0.0.1]", "localhost"] {
        let error = client.send(request(&format!("http://{host}:{port}/"))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RefusedAddress, "{host}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a1_an_operators_client_reaches_an_inner_address_and_follows_no_redirect() {
    let server = answering(ResponseTemplate::new(200)).await;
    let moved = answering(ResponseTemplate::new(307).insert_header("location", server.uri())).await;
    let client = Client::of_operator().unwrap();
    assert_eq!(client.send(request(&server.uri())).await.unwrap().status, 200);
    assert_eq!(client.send(request(&moved.uri())).await.unwrap_err().kind(), ErrorKind::Redirect);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_name_is_refused_when_any_of_its_addresses_is_an_inner_one() {
    let server = answering(ResponseTemplate::new(200)).await;
    let port = server.address().port();
    for inner in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"] {
        let addresses: Vec<SocketAddr> =
            ["1.1.1.1", inner].iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
        let client = Client::with_lookup(OUTSIDE, move |_| std::future::ready(Ok(addresses.clone()))).unwrap();
        let error = client.send(request(&format!("http://trap.example:{port}/"))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RefusedAddress, "{inner}");
        assert!(error.refused().is_some());
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_name_that_changes_its_answer_is_caught_where_the_connection_is_made() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let lookup = move |_| {
        let inner = count.fetch_add(1, Ordering::Relaxed) > 0;
        let address = if inner { "127.0.0.1:0" } else { "192.0.2.1:0" };
        std::future::ready(Ok(vec![address.parse::<SocketAddr>().unwrap()]))
    };
    let client = Client::with_lookup(OUTSIDE, lookup).unwrap();
    let first = client.send(request("http://rebinding.example/")).await.unwrap_err();
    let second = client.send(request("http://rebinding.example/")).await.unwrap_err();
    assert_eq!(first.refused(), Some(InnerAddress::Documentation));
    assert_eq!(second.refused(), Some(InnerAddress::Loopback));
    assert_eq!(asked.load(Ordering::Relaxed), 2, "one look-up for each connection, and none apart from it");
}

#[tokio::test]
async fn connections_are_kept_for_the_next_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = accepted.clone();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut buffer = [0; 1024];
                while socket.read(&mut buffer).await.is_ok_and(|n| n > 0) {
                    let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                }
            });
        }
    });
    let client = Client::new(DEVELOPMENT).unwrap();
    for _ in 0..5 {
        client.send(request(&url)).await.unwrap();
    }
    assert_eq!(accepted.load(Ordering::Relaxed), 1);
}
