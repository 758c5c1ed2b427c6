//! Tests the guard against a DNS server that changes its answers (DNS rebinding).

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use inlet_domain::model::address::InnerAddress;
use reqwest::{Method, header::HeaderMap};
use tokio::net::UdpSocket;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::{Client, ErrorKind, Policy, Request, SendError};

/// A DNS server (RFC 1035) that answers with the addresses of its list in turn, and then with the last one.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<usize>>,
}

impl Server {
    async fn start(answers: Vec<Vec<Ipv4Addr>>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (socket.local_addr().unwrap(), Arc::new(Mutex::new(0)));
        let count = asked.clone();
        tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                let turn = {
                    let mut count = count.lock().unwrap();
                    *count += 1;
                    *count - 1
                };
                let answer = answer(&query[..length], &answers[turn.min(answers.len() - 1)]);
                let _ = socket.send_to(&answer, from).await;
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }

    /// A client that uses this DNS server.
    fn client(&self, policy: Policy) -> Client {
        let server = self.address;
        Client::with_lookup(policy, move |name| look_up(server, name)).unwrap()
    }
}

/// The answer to a query: these addresses, with a time to live of 0.
fn answer(query: &[u8], addresses: &[Ipv4Addr]) -> Vec<u8> {
    let mut out = query[..2].to_vec();
    out.extend([0x81, 0x80, 0, 1, 0, u8::try_from(addresses.len()).unwrap(), 0, 0, 0, 0]);
    out.extend(&query[12..]);
    for address in addresses {
        // The name of the question, type A, class IN, a time to live of 0 s, 4 bytes.
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        out.extend(address.octets());
    }
    out
}

async fn look_up(server: SocketAddr, name: String) -> io::Result<Vec<SocketAddr>> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let mut query = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    socket.send_to(&query, server).await?;
    let mut answer = [0; 512];
    let (length, _) = socket.recv_from(&mut answer).await?;
    let records = answer[query.len()..length].chunks_exact(16);
    let address = |record: &[u8]| IpAddr::from([record[12], record[13], record[14], record[15]]);
    Ok(records.map(|record| SocketAddr::new(address(record), 0)).collect())
}

fn request(port: u16) -> Request {
    Request {
        method: Method::POST,
        url: format!("http://rebinding.example:{port}/").parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"{}"),
        timeout: Duration::from_secs(10),
        max_body: 16,
    }
}

/// A receiver that closes each connection, so that each request looks the name up anew.
async fn receiver() -> MockServer {
    let server = MockServer::start().await;
    let template = ResponseTemplate::new(200).insert_header("connection", "close");
    Mock::given(any()).respond_with(template).mount(&server).await;
    server
}

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// Allows the test's own address, which stands for a public one.
const DEVELOPMENT: Policy = Policy { allow_loopback: true, allow_http: true };

#[tokio::test]
async fn a_name_that_was_well_once_is_refused_when_it_leads_inside() {
    let receiver = receiver().await;
    let port = receiver.address().port();
    let server = Server::start(vec![vec![HERE], vec![METADATA], vec![HERE, METADATA], vec![HERE]]).await;
    let client = server.client(DEVELOPMENT);
    assert_eq!(client.send(request(port)).await.unwrap().status, 200);
    for turn in ["it leads inside", "one of its addresses does"] {
        let error: SendError = client.send(request(port)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.refused()),
            (ErrorKind::RefusedAddress, Some(InnerAddress::LinkLocal)),
            "{turn}"
        );
    }
    assert_eq!(client.send(request(port)).await.unwrap().status, 200);
    assert_eq!(server.asked(), 4, "one look-up for each connection: what is checked is what is connected to");
    assert_eq!(receiver.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn between_the_check_and_the_connection_nothing_is_asked_again() {
    let receiver = receiver().await;
    let port = receiver.address().port();
    // A second look-up would lead to this machine.
    let server = Server::start(vec![vec![Ipv4Addr::new(192, 0, 2, 1)], vec![HERE]]).await;
    let strict = Policy { allow_loopback: false, allow_http: true };
    let error = server.client(strict).send(request(port)).await.unwrap_err();
    assert_eq!(error.refused(), Some(InnerAddress::Documentation));
    assert_eq!(server.asked(), 1);
    let error = server.client(strict).send(request(port)).await.unwrap_err();
    assert_eq!(error.refused(), Some(InnerAddress::Loopback));
    assert!(receiver.received_requests().await.unwrap().is_empty());
}
