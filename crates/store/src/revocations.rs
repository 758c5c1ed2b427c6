//! Tells the holders of open connections that credentials have ended or changed: at once in this process, and by NOTIFY
//! in the others. It is a hint: a listener then reads its credential anew, and reads it from time to time anyway.

use inlet_domain::ids::WorkspaceId;
use sqlx::PgConnection;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::error::StoreError;

/// The NOTIFY channel. The payload is the uuid of a workspace.
pub const CHANNEL: &str = "inlet_credentials";

/// How many changes a busy listener may be behind. Beyond it the listener assumes that its own workspace changed.
const REMEMBERED: usize = 256;

/// The changes of credentials that this process hears of. Cheap to clone.
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
    /// Says that credentials of this workspace have changed.
    pub fn tell(&self, workspace: WorkspaceId) {
        // The send fails if nobody listens; ignore it.
        let _ = self.told.send(Some(workspace));
    }

    /// Says that any credential may have changed. Call it after a time without NOTIFYs.
    pub fn tell_all(&self) {
        let _ = self.told.send(None);
    }

    /// Takes a NOTIFY payload in. A payload that does not parse may mean any credential.
    pub fn tell_from_payload(&self, payload: &str) {
        match payload.parse() {
            Ok(workspace) => self.tell(WorkspaceId(workspace)),
            Err(_) => self.tell_all(),
        }
    }

    /// Listens from now on. Create the listener before reading the credential, so that it misses no change.
    #[must_use]
    pub fn listen(&self) -> Listener {
        Listener { told: self.told.subscribe() }
    }
}

/// A listener to changes of credentials.
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

/// Tells every process when the transaction commits; tells nobody if it does not.
pub async fn notify(conn: &mut PgConnection, workspaces: &[WorkspaceId]) -> Result<(), StoreError> {
    let workspaces: Vec<_> = workspaces.iter().map(|workspace| workspace.0).collect();
    sqlx::query("SELECT pg_notify($1, workspace_id::text) FROM unnest($2::uuid[]) given(workspace_id)")
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
