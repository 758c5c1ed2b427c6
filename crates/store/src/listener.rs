//! Hears what the processes tell each other by NOTIFY.

use sqlx::postgres::PgListener;
use tokio_util::sync::CancellationToken;

use crate::{
    database::Database,
    error::StoreError,
    log::{self, Heads},
    presence::{self, Presence},
    revocations::{self, Revocations},
};

/// Feeds `heads`, `revocations` and `presence` from the NOTIFYs of the processes until `stop`, over one connection.
/// Reconnects by itself.
pub async fn listen(
    database: Database,
    heads: Heads,
    revocations: Revocations,
    presence: Presence,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        let listening = async {
            let mut listener = PgListener::connect_with(&database.pool).await?;
            listener.listen_all([log::CHANNEL, revocations::CHANNEL, presence::CHANNEL]).await?;
            revocations.tell_all();
            presence.ask();
            // A connection that was lost comes back by itself, but what was told meanwhile does not.
            loop {
                match listener.try_recv().await? {
                    Some(told) if told.channel() == log::CHANNEL => heads.advance_from_payload(told.payload()),
                    Some(told) if told.channel() == presence::CHANNEL => presence.hear(told.payload()),
                    Some(told) => revocations.tell_from_payload(told.payload()),
                    None => {
                        revocations.tell_all();
                        presence.ask();
                    }
                }
            }
        };
        // Over a connection that hangs nothing is heard, and nothing says so.
        let listening = async {
            let heard: Result<(), sqlx::Error> = database.while_present(listening).await?;
            Ok::<(), StoreError>(heard?)
        };
        if let Some(Err(error)) = stop.run_until_cancelled(Box::pin(listening)).await {
            database.complain(&error, "lost the LISTEN connection; following by poll until it is back");
            stop.run_until_cancelled(tokio::time::sleep(std::time::Duration::from_secs(1))).await;
        }
    }
}
