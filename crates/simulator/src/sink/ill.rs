//! Receivers that are not well, each in its own way: nothing of it may reach the others.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::AbortOnDropHandle;

/// What is wrong with a receiver.
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
    /// Answers with what says that it is compressed, and would be a gigabyte.
    Unfolds,
}

/// What floods, again and again: to make it anew for each request would cost the machine more than what is measured.
static FLOOD: [u8; 64 << 10] = [b'x'; 64 << 10];
const FLOODS: usize = (10 << 20) / FLOOD.len();

/// The head of a gzip stream; after it a megabyte of what would be a thousand.
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
static FOLDED: [u8; 64 << 10] = [0; 64 << 10];
const FOLDS: usize = (1 << 20) / FOLDED.len();

/// A running receiver that is not well. It stops when it is dropped.
pub struct IllSink {
    /// Where it listens.
    pub url: String,
    _task: AbortOnDropHandle<()>,
}

impl Ill {
    /// Each of them.
    pub const ALL: [Self; 5] = [Self::Hangs, Self::Drips, Self::Refuses, Self::Floods, Self::Unfolds];

    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// Where no port is to be had.
    pub async fn start(self) -> io::Result<IllSink> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let task = tokio::spawn(async move {
            loop {
                let Ok((socket, _)) = listener.accept().await else { continue };
                // A sender that gives up is what is waited for.
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
