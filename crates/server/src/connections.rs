//! Ends connections whose client holds them up: with data that it does not read, or with a request head that it does not finish.
//!
//! actix-web bounds the time of the first head of a connection alone. On a connection that is kept alive, a client can send a part of
//! the next head and then nothing.

use std::{
    any::Any,
    pin::Pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    Error,
    body::{BodySize, MessageBody},
    dev::{Extensions, ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Bytes,
};
use parking_lot::Mutex;
use socket2::{SockRef, Socket};
use tokio::{
    net::TcpStream,
    time::{Instant, MissedTickBehavior, interval},
};

/// How long a connection may stay open without a request.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long after its last response a connection must have finished another head.
const IDLE: Duration = Duration::from_secs(80);
/// The pause between two looks at the connections.
const PAUSE: Duration = Duration::from_secs(5);

/// How long a client may leave data unread before the kernel ends its connection. The kernel counts unacknowledged
/// bytes and a receive window that stays closed (`man 7 tcp`, TCP_USER_TIMEOUT).
#[cfg(target_os = "linux")]
const UNREAD: Duration = Duration::from_secs(30);

/// Lets the process open as many files as the system allows it: each connection takes two.
pub(crate) fn allow_many() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised =
        getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        tracing::debug!(error = &error as &dyn std::error::Error, "could not raise the limit of open files");
    }
}

/// The open connections of a listener. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<Vec<Weak<Connection>>>>);

#[derive(Debug)]
struct Connection {
    socket: Socket,
    /// Requests in work.
    requests: AtomicUsize,
    free_since: Mutex<Instant>,
}

impl Connections {
    /// Takes a new connection in: for `on_connect` of an HTTP server.
    pub(crate) fn opened(&self, connection: &dyn Any, extensions: &mut Extensions) {
        let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
        #[cfg(target_os = "linux")]
        if let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(UNREAD)) {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "could not bound the unread data of a connection"
            );
        }
        let socket = match SockRef::from(stream).try_clone() {
            Ok(socket) => socket,
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "could not watch a connection");
                return;
            }
        };
        let connection =
            Arc::new(Connection { socket, requests: AtomicUsize::new(0), free_since: Mutex::new(Instant::now()) });
        self.0.lock().push(Arc::downgrade(&connection));
        extensions.insert(connection);
    }

    /// Ends what is held up, until it is dropped.
    pub(crate) async fn watch(self) {
        let mut pace = interval(PAUSE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.end_idle(pace.tick().await);
        }
    }

    fn end_idle(&self, now: Instant) {
        self.0.lock().retain(|connection| {
            let Some(connection) = connection.upgrade() else { return false };
            let is_free = connection.requests.load(Ordering::Acquire) == 0;
            if is_free && now.saturating_duration_since(*connection.free_since.lock()) >= IDLE {
                // The client may have ended it meanwhile.
                let _ = connection.socket.shutdown(std::net::Shutdown::Both);
            }
            true
        });
    }
}

/// Counts a request as in work until its response is written: a middleware.
///
/// # Errors
/// Those of the service.
pub(crate) async fn track(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let work = request.conn_data::<Arc<Connection>>().map(|connection| Work::begin(Arc::clone(connection)));
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| Tracked { body: Box::pin(body), _work: work }))
}

/// A request in work.
struct Work(Arc<Connection>);

impl Work {
    fn begin(connection: Arc<Connection>) -> Self {
        connection.requests.fetch_add(1, Ordering::AcqRel);
        Self(connection)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        *self.0.free_since.lock() = Instant::now();
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The body of a response, also of a WebSocket or an event stream.
struct Tracked<B> {
    body: Pin<Box<B>>,
    _work: Option<Work>,
}

impl<B: MessageBody> MessageBody for Tracked<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.as_ref().get_ref().size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_mut().poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{App, HttpServer, middleware::from_fn, web};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[actix_web::test]
    async fn b1_a_head_that_is_never_finished_ends_its_connection() {
        let connections = Connections::default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let opened = connections.clone();
        let server = HttpServer::new(|| App::new().wrap(from_fn(track)).route("/", web::get().to(|| async { "hi" })))
            .workers(1)
            .keep_alive(KEEP_ALIVE)
            .on_connect(move |connection, extensions| opened.opened(connection, extensions))
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run();
        let handle = server.handle();
        let serving = actix_web::rt::spawn(server);

        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut answer = async |head: &str, until: &str| {
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut said = Vec::new();
            while !String::from_utf8_lossy(&said).ends_with(until) {
                if stream.read_buf(&mut said).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            String::from_utf8_lossy(&said).into_owned()
        };
        let whole = "GET / HTTP/1.1\r\nhost: inlet\r\n\r\n";
        assert!(answer(whole, "hi").await.starts_with("HTTP/1.1 200"));
        connections.end_idle(Instant::now() + IDLE / 2);
        assert!(answer(whole, "hi").await.starts_with("HTTP/1.1 200"), "within its time it goes on");
        connections.end_idle(Instant::now() + IDLE);
        assert_eq!(answer("GET / HTTP/1.1\r\nhost: in", "never").await, "", "it is ended");
        drop(stream);
        handle.stop(true).await;
        serving.await.unwrap().unwrap();
    }
}
