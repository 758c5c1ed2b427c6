//! HTTP/1.1 over one keep-alive connection, without a library: it costs so little that a load on one machine measures
//! the server and not the client.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The longest head, and the longest body.
const LIMIT: usize = 16 << 20;

/// One end of a connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    buffer: BytesMut,
}

/// A request or a response.
#[derive(Debug)]
pub struct Message {
    head: Bytes,
    /// The body, without its framing.
    pub body: Bytes,
}

impl Message {
    /// The first line.
    #[must_use]
    pub fn start(&self) -> &str {
        self.lines().next().unwrap_or_default()
    }

    /// The value of a header, by its name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// The status of a response; 0 for anything else.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.start().split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// Whether the other end closes the connection after this message.
    #[must_use]
    pub fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        std::str::from_utf8(&self.head).unwrap_or_default().split("\r\n")
    }
}

impl Wire {
    /// Connects to `address`, a host and a port.
    ///
    /// # Errors
    /// The connection fails.
    pub async fn open(address: &str) -> io::Result<Self> {
        Self::over(TcpStream::connect(address).await?)
    }

    /// Takes over a connection.
    ///
    /// # Errors
    /// The socket is closed.
    pub fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::with_capacity(8 << 10) })
    }

    /// Sends raw bytes.
    ///
    /// # Errors
    /// The connection is closed.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends a request and reads its response.
    ///
    /// # Errors
    /// The connection closes before the end of the response.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Message> {
        self.send(request).await?;
        self.receive().await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Reads the next request or response; `None` if the other end closed in between.
    ///
    /// # Errors
    /// The connection breaks within a message, or the input is not HTTP.
    pub async fn receive(&mut self) -> io::Result<Option<Message>> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            if self.buffer.len() > LIMIT {
                return Err(invalid("the head is too long"));
            }
            if !self.more().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        };
        let head = self.take(end).await?;
        self.take(4).await?;
        let mut message = Message { head, body: Bytes::new() };
        let chunked = message.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        message.body = if chunked {
            self.chunks().await?
        } else {
            let length = message.header("content-length").unwrap_or("0");
            let length = length.parse().map_err(|_| invalid("content-length is no number"))?;
            self.take(length).await?
        };
        Ok(Some(message))
    }

    async fn chunks(&mut self) -> io::Result<Bytes> {
        let mut body = BytesMut::new();
        loop {
            let line = self.line().await?;
            let size = std::str::from_utf8(&line).unwrap_or_default();
            let size = size.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| invalid("a chunk's size is no number"))?;
            body.extend_from_slice(&self.take(size).await?);
            self.line().await?;
            if size == 0 {
                return Ok(body.freeze());
            }
        }
    }

    async fn line(&mut self) -> io::Result<Bytes> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = self.take(at).await?;
                self.take(2).await?;
                return Ok(line);
            }
            if !self.more().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn take(&mut self, length: usize) -> io::Result<Bytes> {
        if length > LIMIT {
            return Err(invalid("the body is too long"));
        }
        while self.buffer.len() < length {
            if !self.more().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.buffer.split_to(length).freeze())
    }

    async fn more(&mut self) -> io::Result<bool> {
        self.buffer.reserve(8 << 10);
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The target of a post: the host with its port, and the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The address to connect to.
    pub address: String,
    /// The path to request.
    pub path: String,
}

impl Endpoint {
    /// The target of a plain `http` URL; `None` for any other URL.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let url = url::Url::parse(url).ok().filter(|url| url.scheme() == "http")?;
        let address = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
        let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        Some(Self { address, path })
    }

    /// The bytes of a POST of JSON.
    #[must_use]
    pub fn post(&self, header: (&str, &str), body: &[u8]) -> Vec<u8> {
        let Self { address, path } = self;
        let (name, value) = header;
        let length = body.len();
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n{name}: {value}\r\ncontent-length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        request
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn answered(bytes: &'static [u8]) -> io::Result<Message> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await?;
            let mut wire = Wire::over(stream)?;
            wire.receive().await?;
            wire.send(bytes).await
        });
        let endpoint = Endpoint::parse(&format!("http://{address}/in/x?event=y")).ok_or(io::ErrorKind::InvalidInput)?;
        assert_eq!(endpoint.path, "/in/x?event=y");
        Wire::open(&address).await?.exchange(&endpoint.post(("signature", "s"), b"{}")).await
    }

    #[tokio::test]
    async fn reads_a_body_with_a_length_and_one_in_chunks() {
        let plain = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await.unwrap();
        assert_eq!((plain.status(), &plain.body[..], plain.closes()), (200, &b"ok"[..], true));
        let chunks = b"HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n2;x=1\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        let chunked = answered(chunks).await.unwrap();
        assert_eq!((chunked.status(), &chunked.body[..], chunked.closes()), (503, &b"abc"[..], false));
    }

    #[tokio::test]
    async fn a_response_that_breaks_off_is_an_error() {
        let broken = answered(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab").await;
        assert_eq!(broken.map(|m| m.status()).map_err(|e| e.kind()), Err(io::ErrorKind::UnexpectedEof));
    }
}
