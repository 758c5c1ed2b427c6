//! The two stages of a stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The two stages of stopping.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Accept nothing more, and finish the work in hand.
    pub finish: CancellationToken,
    /// Drop the rest.
    pub drop: CancellationToken,
}

impl Shutdown {
    /// Follows SIGTERM and SIGINT: the first one begins the first stage, a second one the second.
    #[must_use]
    pub fn on_signals() -> Self {
        let shutdown = Self::default();
        let stages = shutdown.clone();
        tokio::spawn(async move {
            let (Ok(mut terminate), Ok(mut interrupt)) =
                (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
            else {
                tracing::error!("cannot listen for signals: only kill -9 will stop this process");
                return;
            };
            for stage in [&stages.finish, &stages.drop] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                stage.cancel();
            }
        });
        shutdown
    }
}
