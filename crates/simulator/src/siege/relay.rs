//! A relay to the database that can be blocked: connections stay open, new ones are accepted, and no byte passes.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;
use url::Url;

#[derive(Debug, Clone, Copy, Default)]
struct Way {
    is_barred: bool,
    /// Connections of an earlier generation are closed.
    life: u64,
}

/// A relay on a port of its own. A drop stops it.
#[derive(Debug)]
pub struct Relay {
    /// The database's URL through the relay.
    pub url: String,
    way: Arc<watch::Sender<Way>>,
    _task: AbortOnDropHandle<()>,
}

impl Relay {
    /// A relay to the database of this URL.
    ///
    /// # Errors
    /// The URL has no host and port, or no port is free.
    pub async fn to(database_url: &str) -> io::Result<Self> {
        let no_url = |_| io::Error::new(io::ErrorKind::InvalidInput, "the database's URL names no host and port");
        let mut url = Url::parse(database_url).map_err(io::Error::other)?;
        let host = url.host_str().unwrap_or_default();
        let to: SocketAddr = format!("{host}:{}", url.port().unwrap_or(5432)).parse().map_err(no_url)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        url.set_port(Some(port)).map_err(|()| io::Error::other("the database's URL takes no port"))?;
        let way = Arc::new(watch::Sender::new(Way::default()));
        let ways = Arc::clone(&way);
        let task = tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else { continue };
                tokio::spawn(lead(client, to, ways.subscribe()));
            }
        });
        Ok(Self { url: url.into(), way, _task: AbortOnDropHandle::new(task) })
    }

    /// Blocks the relay, or opens it again and forwards the waiting bytes.
    pub fn bar(&self, is_barred: bool) {
        self.way.send_modify(|way| way.is_barred = is_barred);
    }

    /// Closes every open connection.
    pub fn cut(&self) {
        self.way.send_modify(|way| way.life += 1);
    }
}

async fn lead(client: TcpStream, to: SocketAddr, mut way: watch::Receiver<Way>) {
    let life = way.borrow().life;
    let mut until = way.clone();
    let leading = async {
        if way.wait_for(|way| !way.is_barred).await.is_err() {
            return;
        }
        let Ok(server) = TcpStream::connect(to).await else { return };
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
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count) = from.read(&mut bytes).await {
        if count == 0 || way.wait_for(|way| !way.is_barred).await.is_err() {
            return;
        }
        if to.write_all(bytes.get(..count).unwrap_or_default()).await.is_err() {
            return;
        }
    }
}
