//! The way of spans to the collector: a bounded queue, and one task that empties it. A collector that is away or slow costs spans,
//! which are counted, and nothing else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

/// How often lost spans are told of in the log.
const TOLD_EVERY: Duration = Duration::from_secs(60);
/// How long the end of the process waits for the last spans to be taken.
const FLUSH: Duration = Duration::from_secs(3);

/// How spans are gathered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The most spans that wait.
    pub(super) waiting: usize,
    /// The most spans in one request to the collector.
    pub(super) batch: usize,
    /// How long a span waits for others to go with it.
    pub(super) delay: Duration,
}

/// Where ended spans go. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    spans: mpsc::Sender<SpanData>,
    losses: Losses,
}

impl Queue {
    /// Takes a span, or counts it as lost where there is no room.
    pub(super) fn offer(&self, span: SpanData) {
        if self.spans.try_send(span).is_err() {
            self.losses.add("queue_full", 1);
        }
    }
}

/// Spans that were not exported.
#[derive(Debug, Clone, Default)]
struct Losses(Arc<AtomicU64>);

impl Losses {
    fn add(&self, reason: &'static str, spans: u64) {
        self.0.fetch_add(spans, Ordering::Relaxed);
        metrics::counter!("inlet_spans_lost_total", "reason" => reason).increment(spans);
    }

    fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// The running export.
#[derive(Debug)]
pub struct Export {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Export {
    /// Exports what is still waiting, for a few seconds at most. Spans that end later are lost.
    pub async fn finish(mut self) {
        self.stop.cancel();
        if timeout(FLUSH, &mut self.task).await.is_err() {
            self.task.abort();
            tracing::warn!("the collector did not take the last spans in time; they are lost");
        }
    }
}

/// Starts the export. Call it within a tokio runtime.
pub(super) fn start(exporter: impl SpanExporter + 'static, pace: Pace) -> (Queue, Export) {
    let (sender, spans) = mpsc::channel(pace.waiting);
    let (losses, stop) = (Losses::default(), CancellationToken::new());
    let task = tokio::spawn(run(spans, exporter, pace, losses.clone(), stop.clone()));
    (Queue { spans: sender, losses }, Export { task, stop })
}

async fn run(
    mut spans: mpsc::Receiver<SpanData>,
    exporter: impl SpanExporter,
    pace: Pace,
    losses: Losses,
    stop: CancellationToken,
) {
    let mut told: Option<Instant> = None;
    while let Some(batch) = gather(&mut spans, pace, &stop).await {
        let count = batch.len() as u64;
        if exporter.export(batch).await.is_err() {
            losses.add("not_taken", count);
        }
        if told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            let lost = losses.take();
            if lost > 0 {
                told = Some(Instant::now());
                tracing::warn!(lost, "spans are lost: the collector is away, slow, or refuses them");
            }
        }
    }
}

/// The next spans to go together; `None` after the stop, when nothing waits any more.
async fn gather(spans: &mut mpsc::Receiver<SpanData>, pace: Pace, stop: &CancellationToken) -> Option<Vec<SpanData>> {
    let mut batch = Vec::new();
    tokio::select! {
        biased;
        _ = spans.recv_many(&mut batch, pace.batch) => {}
        () = stop.cancelled(), if !spans.is_closed() => {
            spans.close();
            spans.recv_many(&mut batch, pace.batch).await;
        }
    }
    let until = Instant::now() + pace.delay;
    while batch.len() < pace.batch && !stop.is_cancelled() {
        let room = pace.batch - batch.len();
        tokio::select! {
            taken = spans.recv_many(&mut batch, room) => if taken == 0 { break },
            () = sleep_until(until) => break,
            () = stop.cancelled() => break,
        }
    }
    (!batch.is_empty()).then_some(batch)
}

#[cfg(test)]
mod tests;
