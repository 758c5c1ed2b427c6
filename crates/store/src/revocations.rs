//! Credentials that ended or changed, told to whoever holds a connection open under one: at once in this process, and
//! by NOTIFY in the others. It is a hint: whoever hears it reads its credential anew, and reads it now and then anyway.

use inlet_domain::ids::WorkspaceId;
use sqlx::PgConnection;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::error::StoreError;

/// The NOTIFY channel. The payload is a workspace's uuid.
pub const CHANNEL: &str = "inlet_credentials";

/// So many are remembered for a listener that is busy; beyond it, it looks whatever it was.
const REMEMBERED: usize = 256;

/// What this process hears of credentials. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Revocations {
    told: broadcast::Sender<Option<WorkspaceId>>,
}

impl Default for Revocations {
    fn default() -> Self {
        Self { told: broadcast::Sender::new(REMEMBERED) }
    }
}

impl Revocations {
    /// Credentials of this workspace have changed.
    pub fn tell(&self, workspace: WorkspaceId) {
        // Without listeners there is no one to tell.
        let _ = self.told.send(Some(workspace));
    }

    /// Any may have changed: some time nothing was heard.
    pub fn tell_all(&self) {
        let _ = self.told.send(None);
    }

    /// Reads a NOTIFY payload; of one that does not parse, any credential may be meant.
    pub fn tell_from_payload(&self, payload: &str) {
        match payload.parse() {
            Ok(workspace) => self.tell(WorkspaceId(workspace)),
            Err(_) => self.tell_all(),
        }
    }

    /// Hears what is told from now on. Make it before the credential is read, so that nothing falls between.
    #[must_use]
    pub fn listen(&self) -> Listener {
        Listener { told: self.told.subscribe() }
    }
}

/// One that listens.
#[derive(Debug)]
pub struct Listener {
    told: broadcast::Receiver<Option<WorkspaceId>>,
}

impl Listener {
    /// Resolves when credentials of the workspace may have changed.
    pub async fn changed(&mut self, workspace: WorkspaceId) {
        loop {
            match self.told.recv().await {
                Ok(Some(other)) if other != workspace => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

/// Tells every process when the transaction has committed, and none where it has not.
///
/// # Errors
/// Where the database fails.
pub async fn notify(conn: &mut PgConnection, workspaces: &[WorkspaceId]) -> Result<(), StoreError> {
    let workspaces: Vec<_> = workspaces.iter().map(|workspace| workspace.0).collect();
    sqlx::query("SELECT pg_notify($1, w::text) FROM unnest($2::uuid[]) w")
        .bind(CHANNEL)
        .bind(workspaces)
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn only_ones_own_workspace_wakes_and_what_was_missed_does() {
        let revocations = Revocations::default();
        let (own, other) = (WorkspaceId(Uuid::from_u128(1)), WorkspaceId(Uuid::from_u128(2)));
        let mut listener = revocations.listen();
        revocations.tell(other);
        assert!(listener.changed(own).now_or_never().is_none());
        revocations.tell_from_payload(&own.0.to_string());
        assert!(listener.changed(own).now_or_never().is_some());
        revocations.tell_from_payload("junk");
        assert!(listener.changed(own).now_or_never().is_some());
        for _ in 0..=REMEMBERED {
            revocations.tell(other);
        }
        assert!(listener.changed(own).now_or_never().is_some(), "who cannot keep up looks whatever it was");
    }
}
