//! Ill receivers, each with a fault of its own. None may affect other receivers.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::AbortOnDropHandle;

/// The fault of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ill {
    /// Takes the request and never answers.
    Hangs,
    /// Answers a byte a second.
    Drips,
    /// Answers 500.
    Refuses,
    /// Answers with 10 MB.
    Floods,
    /// Answers with a body that claims to be compressed and would decompress to a gigabyte.
    Unfolds,
}

/// The content of the flood, made once: to make it for each request would cost the machine more than the measured work.
static FLOOD: [u8; 64 << 10] = [b'x'; 64 << 10];
const FLOODS: usize = (10 << 20) / FLOOD.len();

/// The head of a gzip stream. A megabyte after it would decompress to a thousand.
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
static FOLDED: [u8; 64 << 10] = [0; 64 << 10];
const FOLDS: usize = (1 << 20) / FOLDED.len();

/// A running ill receiver. A drop stops it.
pub struct IllSink {
    /// Its URL.
    pub url: String,
    _task: AbortOnDropHandle<()>,
}

impl Ill {
    /// Every fault.
    pub const ALL: [Self; 5] = [Self::Hangs, Self::Drips, Self::Refuses, Self::Floods, Self::Unfolds];

    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(self) -> io::Result<IllSink> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let task = tokio::spawn(async move {
            loop {
                let Ok((socket, _)) = listener.accept().await else { continue };
                // The sender is expected to give up.
                tokio::spawn(async move { drop(self.serve(socket).await) });
            }
        });
        Ok(IllSink { url, _task: AbortOnDropHandle::new(task) })
    }

    async fn serve(self, mut socket: TcpStream) -> io::Result<()> {
        let mut request = vec![0; 64 * 1024];
        if socket.read(&mut request).await? == 0 {
            return Ok(());
        }
        let head = |status: &str, more: &str| format!("HTTP/1.1 {status}\r\nconnection: close\r\n{more}\r\n");
        match self {
            Self::Hangs => std::future::pending().await,
            Self::Drips => {
                socket.write_all(head("200 OK", "content-length: 1000\r\n").as_bytes()).await?;
                let mut second = tokio::time::interval(Duration::from_secs(1));
                loop {
                    second.tick().await;
                    socket.write_all(b"x").await?;
                }
            }
            Self::Refuses => socket.write_all(head("500 -", "content-length: 0\r\n").as_bytes()).await,
            Self::Floods => {
                let length = format!("content-length: {}\r\n", FLOODS * FLOOD.len());
                socket.write_all(head("200 OK", &length).as_bytes()).await?;
                repeat(&mut socket, &FLOOD, FLOODS).await
            }
            Self::Unfolds => {
                let length = GZIP.len() + FOLDS * FOLDED.len();
                let more = format!("content-encoding: gzip\r\ncontent-length: {length}\r\n");
                socket.write_all(head("200 OK", &more).as_bytes()).await?;
                socket.write_all(&GZIP).await?;
                repeat(&mut socket, &FOLDED, FOLDS).await
            }
        }
    }
}

async fn repeat(socket: &mut TcpStream, part: &[u8], times: usize) -> io::Result<()> {
    for _ in 0..times {
        socket.write_all(part).await?;
    }
    Ok(())
}
