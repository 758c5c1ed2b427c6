//! One watcher: it follows with one or several operations, loses its connection in every possible way, and resumes.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    Call, World,
    connection::{Connection, Heard},
    filter::Filter,
    record::{Record, Update},
};
use crate::random::Random;

/// How long a dropped connection stays open without notice to the server.
const HALF_OPEN: Duration = Duration::from_secs(40);

/// How long a slow reader reads nothing: the buffers fill up, then the server waits ten seconds.
const SLOW: Duration = Duration::from_secs(20);

/// One subscription.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The filter.
    pub filter: Option<Filter>,
    /// Whether it selects checkpoints.
    pub checkpoints: bool,
    /// Whether it selects the whole payload several times, so that frames are large.
    pub bulky: bool,
    /// The updates so far.
    pub record: Record,
}

impl Operation {
    fn body(&self, checkpoints: bool) -> Value {
        let payload = if self.bulky { " payload a: payload b: payload c: payload" } else { "" };
        let query = format!(
            "subscription($after: Cursor, $filter: EventFilter, $checkpoints: Boolean!) {{ \
             events(after: $after, filter: $filter, checkpoints: $checkpoints) {{ __typename \
             ... on Event {{ id cursor type membership{payload} }} ... on Checkpoint {{ cursor caughtUp }} \
             ... on Reset {{ cursor reason }} }} }}"
        );
        let variables = json!({ "after": self.record.cursor, "filter": self.filter, "checkpoints": checkpoints });
        json!({ "query": query, "variables": variables })
    }
}

/// The end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// With a close frame.
    Clean,
    /// Without a close frame.
    Dropped,
    /// Without any notice to the server.
    HalfOpen,
    /// Reads nothing for a while, then the rest.
    Slow,
}

impl Fate {
    fn word(self) -> &'static str {
        match self {
            Self::Clean => "clean close",
            Self::Dropped => "dropped",
            Self::HalfOpen => "half open",
            Self::Slow => "slow",
        }
    }
}

/// One watcher.
#[derive(Debug)]
pub struct Watcher {
    /// The number of the watcher.
    pub number: usize,
    /// Whether it uses an event stream.
    pub over_stream: bool,
    /// The operations.
    pub operations: Vec<Operation>,
    /// Its choices.
    pub random: Random,
    /// The delay of its first connection.
    pub comes_after: Duration,
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    errors: Option<Value>,
}

#[derive(Deserialize)]
struct Data {
    events: Option<Update>,
}

impl Watcher {
    /// Follows until the run is over and it has reached the end that it is given then, or a timeout.
    pub async fn run(mut self, world: Arc<World>, mut call: watch::Receiver<Option<Call>>) -> Self {
        let _ = timeout(self.comes_after, call.wait_for(Option::is_some)).await;
        loop {
            let called = *call.borrow_and_update();
            if called.is_some_and(|called| self.is_through(&called)) {
                return self;
            }
            let calm = called.is_some();
            match self.connect(&world, calm).await {
                Ok(connection) => {
                    world.tally.opened();
                    self.follow(connection, &world, &mut call).await;
                }
                Err(why) => world.tally.ended(&format!("not opened: {why}")),
            }
            sleep(Duration::from_millis(50 + self.random.below(450) as u64)).await;
        }
    }

    fn is_through(&self, call: &Call) -> bool {
        Instant::now() > call.deadline || self.operations.iter().all(|one| one.record.reached() >= call.goal)
    }

    async fn connect(&mut self, world: &World, calm: bool) -> Result<Connection, String> {
        let address = world.addresses.get(self.random.below(world.addresses.len())).ok_or("no server")?;
        // Without checkpoints, a watcher with few events could never know that it has seen the last one.
        let bodies: Vec<Value> = self.operations.iter().map(|one| one.body(calm || one.checkpoints)).collect();
        match bodies.first() {
            Some(body) if self.over_stream => Connection::stream(&world.http, address, &world.key, body).await,
            _ => Connection::socket(address, &world.key, &bodies, self.operations.iter().any(|one| one.bulky)).await,
        }
    }

    async fn follow(&mut self, mut connection: Connection, world: &World, call: &mut watch::Receiver<Option<Call>>) {
        let mut fate = self.fate();
        let life = Duration::from_millis(1_000 + self.random.below(19_000) as u64);
        let mut until = Instant::now() + life;
        loop {
            let called = *call.borrow();
            if called.is_some_and(|called| self.is_through(&called)) {
                return;
            }
            let end = called.map_or(until, |called| called.deadline);
            tokio::select! {
                heard = connection.next() => match heard {
                    Heard::Next(number, payload) => self.hear(number, &payload, world),
                    Heard::Over(number, why) => {
                        self.over(number, &why, world);
                        return;
                    }
                    Heard::Ended(how) => return world.tally.ended(&how),
                },
                changed = call.changed() => {
                    if changed.is_err() || !self.operations.iter().all(|one| one.checkpoints) {
                        return;
                    }
                }
                () = sleep_until(end) => {
                    if called.is_some() {
                        return;
                    }
                    world.tally.ended(fate.word());
                    match fate {
                        Fate::Clean => return connection.close().await,
                        Fate::Dropped => return,
                        Fate::HalfOpen => {
                            tokio::spawn(async move {
                                sleep(HALF_OPEN).await;
                                drop(connection);
                            });
                            return;
                        }
                        Fate::Slow => {
                            sleep(SLOW).await;
                            fate = Fate::Dropped;
                            until = Instant::now() + Duration::from_secs(5);
                        }
                    }
                }
            }
        }
    }

    fn fate(&mut self) -> Fate {
        let bulky = self.operations.iter().any(|one| one.bulky);
        match self.random.below(100) {
            0..40 if bulky => Fate::Slow,
            0..35 => Fate::Clean,
            35..75 => Fate::Dropped,
            75..90 => Fate::HalfOpen,
            _ => Fate::Slow,
        }
    }

    fn hear(&mut self, number: usize, payload: &str, world: &World) {
        let Some(operation) = self.operations.get_mut(number) else { return };
        match serde_json::from_str::<Answer>(payload) {
            Ok(Answer { data: Some(Data { events: Some(update) }), errors: None }) => {
                world.tally.frame();
                operation.record.take(update);
            }
            Ok(Answer { errors: Some(errors), .. }) => self.over(number, &errors.to_string(), world),
            _ => operation.record.refused(payload.chars().take(300).collect()),
        }
    }

    /// The server ended an operation. A busy or stopping server is no difference.
    fn over(&mut self, number: usize, why: &str, world: &World) {
        let busy = ["UNAVAILABLE", "OVERLOADED", "TIMEOUT"].iter().find(|code| why.contains(**code));
        match busy {
            Some(code) => world.tally.ended(code),
            None => {
                world.tally.ended("refused");
                if let Some(operation) = self.operations.get_mut(number) {
                    operation.record.refused(why.chars().take(300).collect());
                }
            }
        }
    }
}
