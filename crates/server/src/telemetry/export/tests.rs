use std::future::pending;

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use parking_lot::Mutex;
use tracing::{info_span, instrument::WithSubscriber, subscriber::with_default};
use tracing_subscriber::{layer::SubscriberExt, registry};

use super::*;
use crate::telemetry::layer::SpanLayer;

const PACE: Pace = Pace { waiting: 4, batch: 2, delay: Duration::from_millis(1) };

/// A collector of a test.
#[derive(Debug, Clone, Default)]
struct Kept {
    batches: Arc<Mutex<Vec<Vec<SpanData>>>>,
    hangs: bool,
    refuses: bool,
}

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        if self.hangs {
            pending::<()>().await;
        }
        self.batches.lock().push(batch);
        if self.refuses { Err(OTelSdkError::InternalFailure("no".to_owned())) } else { Ok(()) }
    }
}

fn spans(queue: &Queue, count: usize) {
    with_default(registry().with(SpanLayer::new(queue.clone())), || {
        for number in 0..count {
            drop(info_span!("one", number));
        }
    });
}

#[tokio::test]
async fn what_waits_at_the_end_is_exported_in_batches() {
    let kept = Kept::default();
    let (queue, export) = start(kept.clone(), PACE);
    spans(&queue, 3);
    export.finish().await;
    let batches = kept.batches.lock();
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(batches[0][0].name, "one");
    assert_eq!(queue.losses.take(), 0);
    spans(&queue, 1);
    assert_eq!(queue.losses.take(), 1, "what ends later is lost");
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_hangs_costs_spans_and_holds_no_end_up() {
    let (queue, export) = start(Kept { hangs: true, ..Kept::default() }, PACE);
    spans(&queue, 1);
    // The task takes the span and hangs.
    tokio::time::sleep(PACE.delay * 2).await;
    spans(&queue, 10);
    assert_eq!(queue.losses.take(), 6, "four wait");
    let begun = Instant::now();
    export.finish().await;
    assert!(begun.elapsed() <= FLUSH + Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn losses_are_told_of_once_a_minute() {
    let lines = Lines::default();
    let (sender, receiver) = mpsc::channel(PACE.waiting);
    let (losses, stop) = (Losses::default(), CancellationToken::new());
    let queue = Queue { spans: sender, losses: losses.clone() };
    let running = run(receiver, Kept { refuses: true, ..Kept::default() }, PACE, losses, stop.clone());
    let log = tracing_subscriber::fmt().with_writer(lines.clone()).with_ansi(false).without_time().finish();
    let task = tokio::spawn(running.with_subscriber(log));
    for _ in 0..5 {
        spans(&queue, 1);
        tokio::time::sleep(TOLD_EVERY / 2 + PACE.delay * 10).await;
    }
    stop.cancel();
    task.await.unwrap();
    let text = String::from_utf8(lines.0.lock().clone()).unwrap();
    let told: Vec<&str> = text.lines().filter_map(|line| line.split("lost=").nth(1)).collect();
    assert_eq!(told, ["1", "2", "2"], "{text}");
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
