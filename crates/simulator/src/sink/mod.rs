//! A webhook receiver that trusts nothing: it verifies both signatures of every request and counts the requests. It can
//! be told to fail or to hang.

mod ill;
mod verify;

use std::{
    collections::HashMap,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use serde::Deserialize;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

pub use self::{
    ill::{Ill, IllSink},
    verify::{Forged, Secret},
};
use crate::{
    clock,
    wire::{Message, Wire},
};

/// The behaviour of the sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Behaviour {
    /// Answers 200.
    #[default]
    Accept,
    /// Answers with this status.
    Fail(u16),
    /// Answers 500 to the first attempt of one in this many webhooks, and 200 to everything else.
    FailFirst(u64),
    /// Reads the request and never answers.
    Hang,
}

/// A received and verified webhook.
#[derive(Debug, Clone)]
pub struct Received {
    /// `id` of the body, the event's id.
    pub event: String,
    /// `type` of the body.
    pub kind: String,
    /// `payload.external_id`, if there is one.
    pub external_id: Option<String>,
    /// The first arrival.
    pub arrived: Instant,
    /// The number of receipts.
    pub times: u32,
}

/// The requests, counted by result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Different webhooks, by `webhook-id`.
    pub received: usize,
    /// Further copies of a webhook that was answered 200.
    pub repeats: usize,
    /// Requests that the sink failed on purpose.
    pub failed: usize,
    /// Requests that the sink refused, by reason.
    pub refused: Vec<(String, usize)>,
}

#[derive(Default)]
struct State {
    secret: Option<Secret>,
    behaviour: Behaviour,
    received: HashMap<String, Received>,
    failed: HashMap<String, u32>,
    repeats: usize,
    refused: HashMap<String, usize>,
}

/// A running sink. A drop stops it.
pub struct Sink {
    url: String,
    state: Arc<Mutex<State>>,
    count: watch::Receiver<usize>,
    stop: CancellationToken,
    _task: AbortOnDropHandle<()>,
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    r#type: String,
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    external_id: Option<String>,
}

impl Sink {
    /// Listens on a free port of this machine. Refuses everything until [`Sink::trust`] gives it a secret.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let state = Arc::<Mutex<State>>::default();
        let (counter, count) = watch::channel(0);
        let stop = CancellationToken::new();
        let accepting = accept(listener, state.clone(), counter, stop.clone());
        let task = tokio::spawn(accepting);
        Ok(Self { url, state, count, stop, _task: AbortOnDropHandle::new(task) })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sets the secret.
    pub fn trust(&self, secret: Secret) {
        lock(&self.state).secret = Some(secret);
    }

    /// Sets the behaviour.
    pub fn behave(&self, behaviour: Behaviour) {
        lock(&self.state).behaviour = behaviour;
    }

    /// Everything received, by `webhook-id`.
    #[must_use]
    pub fn received(&self) -> HashMap<String, Received> {
        lock(&self.state).received.clone()
    }

    /// The requests, counted by result.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let state = lock(&self.state);
        let mut refused: Vec<_> = state.refused.iter().map(|(why, times)| (why.clone(), *times)).collect();
        refused.sort();
        let failed = state.failed.values().map(|times| *times as usize).sum();
        Tally { received: state.received.len(), repeats: state.repeats, failed, refused }
    }

    /// Waits until `count` different webhooks were received, or nothing new arrived for `patience`. Returns the number
    /// of received webhooks.
    pub async fn wait_for(&self, count: usize, patience: Duration) -> usize {
        let mut seen = self.count.clone();
        loop {
            let now = *seen.borrow_and_update();
            if now >= count || !matches!(tokio::time::timeout(patience, seen.changed()).await, Ok(Ok(()))) {
                return now;
            }
        }
    }

    /// The number of different webhooks so far, as a watch channel.
    #[must_use]
    pub fn count(&self) -> watch::Receiver<usize> {
        self.count.clone()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock()
}

async fn accept(
    listener: TcpListener,
    state: Arc<Mutex<State>>,
    counter: watch::Sender<usize>,
    stop: CancellationToken,
) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (state, counter) = (state.clone(), counter.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            // The sender retries after a broken connection.
            let _ = serve(stream, &state, &counter).await;
        }));
    }
}

async fn serve(stream: TcpStream, state: &Mutex<State>, counter: &watch::Sender<usize>) -> io::Result<()> {
    let mut wire = Wire::over(stream)?;
    while let Some(webhook) = wire.receive().await? {
        let (status, known) = receive(&webhook, &mut lock(state));
        if let Some(known) = known {
            counter.send_if_modified(|count| {
                let grew = known > *count;
                *count = known.max(*count);
                grew
            });
        }
        let Some(status) = status else {
            return std::future::pending().await;
        };
        wire.send(format!("HTTP/1.1 {status} -\r\ncontent-length: 0\r\n\r\n").as_bytes()).await?;
    }
    Ok(())
}

/// The status of the answer (`None`: no answer) and, if the webhook was accepted, the number of different webhooks.
fn receive(webhook: &Message, state: &mut State) -> (Option<u16>, Option<usize>) {
    let arrived = Instant::now();
    let Some(secret) = &state.secret else {
        *state.refused.entry("no secret is known yet".into()).or_default() += 1;
        return (Some(503), None);
    };
    if let Err(forged) = secret.verify(webhook, clock::now().timestamp()) {
        *state.refused.entry(forged.to_string()).or_default() += 1;
        return (Some(401), None);
    }
    let id = webhook.header("webhook-id").unwrap_or_default();
    let attempts = state.failed.get(id).copied().unwrap_or(0);
    let status = match state.behaviour {
        Behaviour::Accept => None,
        Behaviour::Fail(status) => Some(Some(status)),
        Behaviour::FailFirst(one_in) => (attempts == 0 && chosen(id, one_in)).then_some(Some(500)),
        Behaviour::Hang => Some(None),
    };
    if let Some(status) = status {
        *state.failed.entry(id.to_owned()).or_default() += 1;
        return (status, None);
    }
    let Ok(envelope) = serde_json::from_slice::<Envelope>(&webhook.body) else {
        *state.refused.entry("its body is not the contract's".into()).or_default() += 1;
        return (Some(422), None);
    };
    if let Some(known) = state.received.get_mut(id) {
        known.times += 1;
        state.repeats += 1;
        return (Some(200), None);
    }
    let Envelope { id: event, r#type: kind, payload: Payload { external_id } } = envelope;
    state.received.insert(id.to_owned(), Received { event, kind, external_id, arrived, times: 1 });
    (Some(200), Some(state.received.len()))
}

/// Whether an id is among those to fail: a function of the id alone (FNV-1a).
fn chosen(id: &str, one_in: u64) -> bool {
    let hash = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 20).is_multiple_of(one_in.max(1))
}

#[cfg(test)]
mod tests;
