//! F: no text of a row, no password and no token reaches a log, whatever the database refuses.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures::FutureExt;
use serde_json::json;

use super::{
    attack::{Attack, Counts, DoorIs, Outcome},
    caller::{crowd, operation},
    ground::Ground,
};
use crate::SimulatorError;

pub const CANARIES: Attack = Attack {
    name: "F canaries",
    what: |size| format!("{} clients make the same label, invitation and source at once", size.of(16, 8)),
    bound: "no log of the server or of Postgres holds a row's text; Postgres's is 0600",
    door: DoorIs::Open,
    run: |ground| canaries(ground).boxed(),
};

async fn canaries(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let canary = &ground.canary;
    let mutations = [
        (
            "mutation($i: CreateLabelInput!) { createLabel(input: $i) { label { id } } }",
            json!({ "name": canary, "color": "#336699" }),
        ),
        (
            "mutation($i: InviteMemberInput!) { inviteMember(input: $i) { invitation { id } } }",
            json!({ "email": format!("{canary}@siege.example"), "name": canary, "role": "AGENT" }),
        ),
        (
            "mutation($i: CreateSourceInput!) { createSource(input: $i) { source { id } } }",
            json!({ "name": canary, "provider": "OBLIC", "secret": format!("{canary}-secret-of-thirty-two-bytes") }),
        ),
    ];
    let got = crowd(ground.size.of(16, 8), |client| {
        let (caller, key) = (ground.attacker(client), ground.key(client));
        let keyed = |(query, input): &(&str, serde_json::Value)| {
            let mut input = input.clone();
            input["idempotencyKey"] = json!(format!("{canary}-{client}"));
            operation(query, json!({ "i": input }))
        };
        let mut bodies: Vec<_> = mutations.iter().map(keyed).collect();
        // A value that no column accepts.
        bodies.push(operation(
            "mutation($i: CreateLabelInput!) { createLabel(input: $i) { label { id } } }",
            json!({ "i": { "name": format!("{canary}\u{0}"), "color": canary, "idempotencyKey": canary } }),
        ));
        bodies.push(operation("{ contact(id: $x) }", json!({ "x": canary })));
        async move {
            let (mut got, mut wire) = (Counts::new(), None);
            for body in bodies {
                *got.entry(caller.ask(&mut wire, Some(&key), &body).await.0).or_default() += 1;
            }
            got
        }
    })
    .await;
    Ok(Outcome::of(got))
}

/// The logs of the servers and of Postgres.
///
/// # Errors
/// Postgres's log is missing.
pub fn logs(data_dir: &Path, of_servers: [PathBuf; 2]) -> Result<Vec<PathBuf>, SimulatorError> {
    let home = data_dir.join("postgres");
    // The supervisor puts it into a folder that Postgres's account can enter.
    let home = fs::read_to_string(home.join("elsewhere")).map_or(home, |elsewhere| PathBuf::from(elsewhere.trim()));
    let mut logs = Vec::from(of_servers);
    logs.push(home.join("postgres.log"));
    for log in &logs {
        fs::metadata(log).map_err(SimulatorError::io(log.display().to_string()))?;
    }
    Ok(logs)
}

/// Forbidden texts in logs: each with its count and its file. Also a log of Postgres that others may read.
///
/// # Errors
/// A log cannot be read.
pub fn found(logs: &[PathBuf], texts: &[&str]) -> Result<Vec<String>, SimulatorError> {
    let mut found = Vec::new();
    for log in logs {
        let name = log.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let said = fs::read(log).map_err(SimulatorError::io(log.display().to_string()))?;
        let said = String::from_utf8_lossy(&said);
        for text in texts {
            let lines: Vec<_> = said.lines().filter(|line| line.contains(text)).collect();
            if let Some(first) = lines.first() {
                let beginning: String = first.chars().take(200).collect();
                found.push(format!("`{text}` in {} lines of {name}: {beginning}", lines.len()));
            }
        }
        let metadata = fs::metadata(log).map_err(SimulatorError::io(log.display().to_string()))?;
        let mode = metadata.permissions().mode() & 0o777;
        if name == "postgres.log" && mode != 0o600 {
            found.push(format!("{name} is {mode:o}"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_in_a_log_and_a_log_that_others_may_read_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("postgres.log");
        fs::write(&log, "a\nDETAIL: Key (name)=(canary) already exists.\n").unwrap();
        fs::set_permissions(&log, fs::Permissions::from_mode(0o644)).unwrap();
        let found = |text| found(std::slice::from_ref(&log), &[text]).unwrap();
        assert_eq!(found("canary").len(), 2, "{:?}", found("canary"));
        fs::set_permissions(&log, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(found("canary").len() == 1 && found("other").is_empty());
    }
}
