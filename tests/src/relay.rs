//! A way to a server that a test can bar, cut and lead elsewhere.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use url::Url;

/// How long a test waits for the relay to be used.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where connections are led, and whether anything passes.
#[derive(Debug, Clone, Copy)]
struct Way {
    to: SocketAddr,
    is_barred: bool,
    /// Connections of an earlier life are over.
    life: u64,
}

/// A relay on a port of its own.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    way: Arc<watch::Sender<Way>>,
    /// How many connections were led to where it leads now.
    led: Arc<watch::Sender<usize>>,
}

fn address_of(url: &str) -> SocketAddr {
    let url = Url::parse(url).unwrap();
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap()).parse().unwrap()
}

impl Relay {
    /// Leads to the server of this URL.
    pub async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let way = Arc::new(watch::Sender::new(Way { to: address_of(url), is_barred: false, life: 0 }));
        let led = Arc::new(watch::Sender::new(0));
        let (ways, leading) = (Arc::clone(&way), Arc::clone(&led));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(lead(client, ways.subscribe(), Arc::clone(&leading)));
            }
        });
        Self { address, way, led }
    }

    /// A URL of the server, by way of the relay.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let mut url = Url::parse(url).unwrap();
        url.set_host(Some(&self.address.ip().to_string())).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.into()
    }

    /// Lets nothing pass any more, or lets what came meanwhile pass too. Connections are accepted all the same.
    pub fn bar(&self, is_barred: bool) {
        self.way.send_modify(|way| way.is_barred = is_barred);
    }

    /// Leads new connections to the server of another URL. Those that stand lead where they did.
    pub fn lead_to(&self, url: &str) {
        self.led.send_replace(0);
        self.way.send_modify(|way| way.to = address_of(url));
    }

    /// Breaks off every connection that stands.
    pub fn cut(&self) {
        self.way.send_modify(|way| way.life += 1);
    }

    /// Waits until so many connections were led to where it leads now.
    pub async fn has_led(&self, count: usize) {
        let mut led = self.led.subscribe();
        timeout(PATIENCE, led.wait_for(|led| *led >= count)).await.expect("the relay is used in time").unwrap();
    }
}

async fn lead(client: TcpStream, mut way: watch::Receiver<Way>, led: Arc<watch::Sender<usize>>) {
    let life = way.borrow().life;
    let mut until = way.clone();
    let leading = async {
        let to = way.wait_for(|way| !way.is_barred).await.unwrap().to;
        let Ok(server) = TcpStream::connect(to).await else { return };
        led.send_modify(|led| *led += 1);
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            () = pass(from_client, to_server, way.clone()) => {}
            () = pass(from_server, to_client, way.clone()) => {}
        }
    };
    tokio::select! {
        () = leading => {}
        _ = until.wait_for(|way| way.life != life) => {}
    }
}

async fn pass(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, mut way: watch::Receiver<Way>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count) = from.read(&mut bytes).await {
        if way.wait_for(|way| !way.is_barred).await.is_err() || count == 0 {
            return;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
