//! `inlet demo`: posts every documented event of every provider once, and shows each result.

mod fixtures;
mod outcome;

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

use self::fixtures::Fixture;
use crate::{
    SimulatorError,
    doors::Doors,
    graphql::Client,
    output::{say, table},
    target::Target,
    wire::Wire,
};

/// Post every documented event of every provider to a running `inlet dev`, and show each result.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// The data folder of the running server, with its dev.json.
    #[arg(long, env = "INLET_DATA_DIR", default_value = "./.inlet")]
    pub data_dir: PathBuf,
}

#[derive(Deserialize)]
struct Answer {
    outcome: String,
}

/// Posts every documented event and prints a table.
///
/// # Errors
/// No server is found, or an event is not answered 200.
pub async fn demo(args: DemoArgs) -> Result<(), SimulatorError> {
    let target = Target::find(&args.data_dir).await?;
    let (client, doors) = (Client::new(&target)?, Doors::of(&target)?);
    let mut rows = Vec::new();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut refused = 0;
    let mut caused = 0;
    for fixture in fixtures::all()? {
        let head = client.head().await?;
        let (status, outcome) = post(&doors, &fixture).await?;
        let (events, _) = client.events_after(&head, std::convert::identity).await?;
        caused += events.len();
        refused += usize::from(status != 200);
        *outcomes.entry(outcome.clone()).or_default() += 1;
        let came = if outcome == "duplicate" && events.is_empty() { String::new() } else { outcome::describe(&events) };
        rows.push([fixture.sample, fixture.event, status.to_string(), outcome, came]);
    }
    say(table(["sample", "event", "HTTP", "outcome", "what came of it"], &rows));
    let outcomes: Vec<_> = outcomes.into_iter().map(|(outcome, times)| format!("{times} {outcome}")).collect();
    say(format!("{} events posted to {}: {}; the log grew by {caused}", rows.len(), target.url, outcomes.join(", ")));
    match refused {
        0 => Ok(()),
        _ => Err(SimulatorError::Refused { what: "the demo".into(), answer: format!("{refused} events not with 200") }),
    }
}

async fn post(doors: &Doors, fixture: &Fixture) -> Result<(u16, String), SimulatorError> {
    let request = doors.request_of(fixture.provider, fixture.suffix.as_deref(), &fixture.body);
    let (address, request) = request.ok_or_else(|| SimulatorError::Refused {
        what: "dev.json".into(),
        answer: format!("it has no source of {}", fixture.provider.word()),
    })?;
    let mut wire = Wire::open(address).await.map_err(SimulatorError::io(format!("connecting to {address}")))?;
    let answer = wire.exchange(&request).await.map_err(SimulatorError::io(format!("posting {}", fixture.sample)))?;
    let outcome = serde_json::from_slice::<Answer>(&answer.body).map(|answer| answer.outcome);
    Ok((answer.status(), outcome.unwrap_or_else(|_| String::from_utf8_lossy(&answer.body).into_owned())))
}
