//! B3: thousands of anonymous upgrades, and sockets from one address.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt, stream};
use serde_json::json;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    attack::{Attack, Counts, DoorIs, Outcome, add},
    ground::Ground,
    socket::Socket,
};
use crate::{SimulatorError, watch::connection::Connection};

/// How many are opened at once.
const AT_ONCE: usize = 128;
/// How many sockets the attackers keep: more than the server lets wait.
const KEPT: usize = 3_000;
/// The pause between two clients with a key.
const REAL: Duration = Duration::from_millis(250);

pub const UPGRADES: Attack = Attack {
    name: "B3 upgrades",
    what: |size| format!("{} anonymous sockets, half of them from one address", size.of(10_000, 1_500)),
    bound: "1,000 wait, 500 from one address, 10 s each; no place of --max-live",
    door: DoorIs::Open,
    run: |ground| upgrades(ground).boxed(),
};

async fn upgrades(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let count = ground.size.of(10_000, 1_500);
    let over = CancellationToken::new();
    let ending = over.clone().drop_guard();
    let crowd = async {
        let _ending = ending;
        let (mut got, mut kept) = (Counts::new(), VecDeque::new());
        let mut opening = stream::iter(0..count)
            .map(|number| {
                let caller = ground.attacker(if number % 2 == 0 { 0 } else { 1 + number % 16 });
                async move { Socket::open(&caller, false).await }
            })
            .buffer_unordered(AT_ONCE);
        while let Some(opened) = opening.next().await {
            let word = match opened {
                Ok(socket) => {
                    kept.push_back(socket);
                    if kept.len() > KEPT {
                        kept.pop_front();
                    }
                    "upgraded".to_owned()
                }
                Err(word) => word,
            };
            *got.entry(word).or_default() += 1;
        }
        got
    };
    let real = async {
        let (mut got, mut tick) = (Counts::new(), interval(REAL));
        while !over.is_cancelled() {
            tick.tick().await;
            let operation = [json!({ "query": "subscription { events { __typename } }" })];
            let opened = Connection::socket(&ground.address, &ground.target.api_key, &operation, false).await;
            let word = match opened {
                Ok(connection) => {
                    // The server need not read the goodbye.
                    let _ = timeout(Duration::from_millis(100), connection.close()).await;
                    "real socket: in".to_owned()
                }
                Err(word) => format!("real socket: {word}"),
            };
            *got.entry(word).or_default() += 1;
        }
        got
    };
    let (got, real) = tokio::join!(crowd, real);
    let mut outcome = Outcome::of(got);
    add(&mut outcome.got, real);
    let (all, through) = (outcome.times("real socket: "), outcome.times("real socket: in"));
    // A socket that opens after its client's timeout is late, and is not judged.
    let late = outcome.times("real socket: no answer");
    outcome.must(all == through + late, format!("{} of {all} real sockets were turned away", all - through - late));
    outcome.must(ground.size.is_short() || late == 0, format!("{late} real sockets were late"));
    Ok(outcome)
}
