//! Tells the other processes the heads of the logs after the commits, in as few NOTIFYs as possible.

use std::collections::HashMap;

use inlet_domain::ids::WorkspaceId;
use tokio::sync::mpsc;

use super::{CHANNEL, Head};
use crate::database::Database;

/// The most bytes of a payload. Postgres takes less than 8,000.
const MOST: usize = 7_900;

/// Tells the heads that `news` gives, until every sender is gone.
pub(crate) async fn announce(database: Database, mut news: mpsc::UnboundedReceiver<Vec<(WorkspaceId, Head)>>) {
    let mut waiting = Vec::new();
    while news.recv_many(&mut waiting, 1024).await > 0 {
        let mut heads: HashMap<WorkspaceId, Head> = HashMap::new();
        for (workspace, head) in waiting.drain(..).flatten() {
            let known = heads.entry(workspace).or_insert(head);
            if (head.epoch, head.seq) > (known.epoch, known.seq) {
                *known = head;
            }
        }
        tell(&database, heads).await;
    }
}

/// Tells these heads.
pub(crate) async fn tell(database: &Database, heads: HashMap<WorkspaceId, Head>) {
    let told = sqlx::query("SELECT pg_notify($1, payload) FROM unnest($2::text[]) given(payload)")
        .bind(CHANNEL)
        .bind(payloads(heads))
        .execute(&database.pool)
        .await;
    if let Err(error) = told {
        database.complain(&error, "could not tell the other processes of new events; they find them when they poll");
    }
}

fn payloads(heads: HashMap<WorkspaceId, Head>) -> Vec<String> {
    let mut payloads: Vec<String> = Vec::new();
    for (workspace, head) in heads {
        let entry = head.told(workspace);
        match payloads.last_mut() {
            Some(last) if last.len() + 1 + entry.len() <= MOST => {
                last.push(',');
                last.push_str(&entry);
            }
            _ => payloads.push(entry),
        }
    }
    payloads
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use inlet_domain::ids::EventId;

    #[test]
    fn every_head_is_told_and_no_payload_overflows() {
        let head = Head { epoch: i32::MAX, seq: i64::MAX, id: EventId(Uuid::max()) };
        let heads: HashMap<_, _> = (0..1_000).map(|n| (WorkspaceId(Uuid::from_u128(n)), head)).collect();
        let payloads = payloads(heads);
        assert!(payloads.len() > 1 && payloads.iter().all(|payload| payload.len() <= MOST));
        assert_eq!(payloads.iter().flat_map(|payload| payload.split(',')).count(), 1_000);
    }
}
