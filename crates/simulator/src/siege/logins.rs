//! A1 and B3: guesses of passwords, and load on the password hasher.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    attack::{Attack, Counts, DoorIs, Outcome, add},
    caller::{Caller, crowd, hammer, operation},
    ground::Ground,
};
use crate::SimulatorError;

/// The failed tries of one address, and of one login, before they are blocked (ADR 0008).
const MOST_OF_ADDRESS: usize = 20;
const MOST_OF_LOGIN: usize = 5;

pub const GUESSES: Attack = Attack {
    name: "A1 guesses",
    what: |size| {
        let (one, many) = (size.of(400, 60), size.of(60, 12));
        format!("{one} guesses from one address, {many} at one login from as many addresses")
    },
    bound: "5 tries of a login, 20 of an address, then RATE_LIMITED without a hash",
    door: DoorIs::Open,
    run: |ground| guesses(ground).boxed(),
};

pub const BLOCKED: Attack = Attack {
    name: "B3 logins",
    what: |size| format!("16 connections of a blocked address log in for {} s", size.of(10, 3)),
    bound: "a blocked address asks for no turn of the hasher",
    door: DoorIs::Open,
    run: |ground| blocked(ground).boxed(),
};

fn login(caller: &Caller, email: &str, password: &str) -> Vec<u8> {
    let query = "mutation($e: String!, $p: String!) { login(input: {email: $e, password: $p}) { token } }";
    let body = operation(query, json!({ "e": email, "p": password }));
    let mut request = caller.head(None, body.len()).into_bytes();
    request.extend_from_slice(&body);
    request
}

/// A member who logs in again and again with the right password, from an address of their own.
fn well(ground: &Ground, times: usize) -> BoxFuture<'static, Counts> {
    let caller = Caller::new(&ground.address, [127, 0, 0, 3]);
    let [_, (email, password)] = ground.people.clone();
    async move {
        let (mut got, mut wire) = (Counts::new(), None);
        for _ in 0..times {
            let (_, data) = caller.send(&mut wire, &login(&caller, &email, &password)).await;
            let word = if data["login"]["token"].is_string() { "own login: in" } else { "own login: refused" };
            *got.entry(word.to_owned()).or_default() += 1;
            sleep(Duration::from_millis(100)).await;
        }
        got
    }
    .boxed()
}

/// Guesses from one address, over 16 connections.
async fn guessing(ground: &Ground, guesses: usize) -> Counts {
    let (victim, canary) = (ground.people[0].0.clone(), ground.canary.clone());
    let caller = Caller::new(&ground.address, [127, 0, 0, 66]);
    crowd(16, |client| {
        let (caller, victim, canary) = (caller.clone(), victim.clone(), canary.clone());
        async move {
            let (mut got, mut wire) = (Counts::new(), None);
            for number in (client..guesses).step_by(16) {
                let email = if number % 2 == 0 { victim.clone() } else { format!("nobody-{number}@siege.example") };
                let guess = login(&caller, &email, &format!("{canary}-{number}"));
                *got.entry(caller.send(&mut wire, &guess).await.0).or_default() += 1;
            }
            got
        }
    })
    .await
}

async fn guesses(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let real = ground.size.of(20, 6);
    let (one, well) = tokio::join!(guessing(&ground, ground.size.of(400, 60)), well(&ground, real));
    let mut outcome = Outcome::of(one);
    let heard = outcome.times("200 LOGIN_REFUSED");
    outcome.must(heard <= MOST_OF_ADDRESS, format!("one address had {heard} guesses looked at"));
    let (victim, canary) = (ground.people[0].0.clone(), ground.canary.clone());
    let many = crowd(ground.size.of(60, 12), |number| {
        let (caller, victim) = (ground.attacker(1_000 + number), victim.clone());
        let guess = login(&caller, &victim, &format!("{canary}-far-{number}"));
        async move { Counts::from([(caller.send(&mut None, &guess).await.0, 1)]) }
    })
    .await;
    let heard = many.get("200 LOGIN_REFUSED").copied().unwrap_or(0);
    outcome.must(heard <= MOST_OF_LOGIN, format!("one login had {heard} guesses looked at"));
    add(&mut outcome.got, many);
    outcome.must(outcome.times("200") == outcome.times("200 "), "a guess was let in");
    add(&mut outcome.got, well);
    all_in(&mut outcome, real);
    Ok(outcome)
}

async fn blocked(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    guessing(&ground, 2 * MOST_OF_ADDRESS).await;
    let until = Instant::now() + ground.size.seconds(10, 3);
    let (victim, canary) = (ground.people[0].0.clone(), ground.canary.clone());
    let caller = Caller::new(&ground.address, [127, 0, 0, 66]);
    let real = ground.size.of(60, 8);
    let hammering = crowd(16, |client| {
        let (own, victim, canary) = (caller.clone(), victim.clone(), canary.clone());
        hammer(caller.clone(), until, move |number| login(&own, &victim, &format!("{canary}-{client}-{number}")))
    });
    let (got, well) = tokio::join!(hammering, well(&ground, real));
    let mut outcome = Outcome::of(got);
    outcome.must(outcome.times("200 LOGIN_REFUSED") == 0, "a blocked address had a guess looked at");
    add(&mut outcome.got, well);
    all_in(&mut outcome, real);
    Ok(outcome)
}

fn all_in(outcome: &mut Outcome, real: usize) {
    let through = outcome.times("own login: in");
    outcome.must(through == real, format!("{through} of {real} correct logins of others went through"));
}
