//! Listens to the NOTIFYs of the processes.

use sqlx::postgres::PgListener;
use tokio_util::sync::CancellationToken;

use crate::{
    database::Database,
    error::StoreError,
    log::{self, Heads},
    presence::{self, Presence},
    revocations::{self, Revocations},
};

/// Feeds `heads`, `revocations` and `presence` from NOTIFYs over one connection, until `stop`. Reconnects by itself.
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
            // The listener reconnects by itself, but the NOTIFYs meanwhile are lost.
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
        // A connection that hangs reports no error.
        let listening = async {
            let heard: Result<(), sqlx::Error> = database.while_present(listening).await?;
            Ok::<(), StoreError>(heard?)
        };
        if let Some(Err(error)) = stop.run_until_cancelled(Box::pin(listening)).await {
            database.complain(&error, "lost the LISTEN connection; processes poll until it is back");
            stop.run_until_cancelled(tokio::time::sleep(std::time::Duration::from_secs(1))).await;
        }
    }
}
