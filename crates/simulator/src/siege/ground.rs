//! The setting of the attacks: two processes over one database, one of them behind a relay; the workspace of the
//! well-behaved client; the workspace of the attackers, with keys, a source and data.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::sync::OnceCell;

use super::{attack::Size, caller::Caller, relay::Relay, well::Well};
use crate::{
    SimulatorError, clock,
    doors::Doors,
    graphql::{Client, items, text},
    load,
    programs::output_of,
    provider::{Provider, mobtexting},
    server::Server,
    simulate::Receiver,
    target::Target,
    wire::{Endpoint, Wire},
};

/// How many clients attack at once, with a key each.
pub const KEYS: usize = 16;
/// The number of the attackers' own channel.
const OURS: &str = "919019129999";
/// The length of a large message in the short form: a debug build takes a second for a message of a megabyte.
pub const LARGE_IN_SHORT: usize = 150_000;
/// Posts of the attackers' own data in flight at once.
const FILLERS: usize = 8;

/// Everything that attacks need.
pub struct Ground {
    /// The size of the attacks.
    pub size: Size,
    /// The seed of all choices.
    pub seed: u64,
    /// The address of the attacked process.
    pub address: String,
    /// The address of the process behind the relay, and its pid.
    pub second: (String, i32),
    /// The file of that process's log.
    pub second_log: PathBuf,
    /// That process's connection to the database.
    pub relay: Relay,
    /// The server, with the well-behaved client's workspace.
    pub target: Target,
    /// A key of that workspace with all rights.
    pub client: Client,
    /// The doors of that workspace.
    pub doors: Doors,
    /// The log's head, and the time, before the first post.
    pub before: (String, DateTime<Utc>),
    /// The receiver of that workspace's webhook.
    pub receiver: Receiver,
    /// The well-behaved client.
    pub well: Well,
    /// The logins of two members of that workspace, as emails and passwords. The first is attacked, the second is not.
    pub people: [(String, String); 2],
    /// The attackers.
    pub enemy: Enemy,
    /// A text in everything that the attackers write. It must reach no log.
    pub canary: String,
}

/// The attackers' workspace.
pub struct Enemy {
    /// A key with all rights.
    pub client: Client,
    /// Keys of further clients, with all rights too.
    pub keys: Vec<String>,
    /// A source of MobTexting, with its secret.
    pub door: (Endpoint, String),
    large: OnceCell<Large>,
}

/// A conversation of large messages.
#[derive(Debug, Clone)]
pub struct Large {
    /// The conversation.
    pub conversation: String,
    /// The log's head before its messages.
    pub before: String,
}

impl Ground {
    /// An attacker with an address of its own.
    #[must_use]
    pub fn attacker(&self, number: usize) -> Caller {
        let [.., high, low] = number.to_be_bytes();
        Caller::new(&self.address, [127, 1, high, low])
    }

    /// An attacker at the process behind the relay.
    #[must_use]
    pub fn at_second(&self) -> Caller {
        Caller::new(&self.second.0, [127, 2, 0, 1])
    }

    /// The key of the client of this number.
    #[must_use]
    pub fn key(&self, number: usize) -> String {
        self.enemy.keys.get(number % self.enemy.keys.len().max(1)).cloned().unwrap_or_default()
    }

    /// The signed request of an attacker's message, from the person of this number, with this id.
    #[must_use]
    pub fn message(&self, person: usize, id: &str, content: &str) -> Vec<u8> {
        let phone = format!("9197{person:08}");
        let person = mobtexting::Person { phone, first: self.canary.clone(), last: "Siege".into() };
        let body = mobtexting::message_in("whatsapp", id, OURS, &person, content, false).to_string();
        let (endpoint, secret) = &self.enemy.door;
        let provider = Provider::MobTexting;
        endpoint.post((provider.signature_header(), &provider.sign(secret, body.as_bytes())), body.as_bytes())
    }

    /// Posts messages of the attackers, each until the server takes it.
    ///
    /// # Errors
    /// The server refuses one for good.
    pub async fn fill(&self, requests: Vec<Vec<u8>>) -> Result<(), SimulatorError> {
        let requests = Arc::new(parking_lot::Mutex::new(requests.into_iter()));
        let mut fillers = tokio::task::JoinSet::new();
        for _ in 0..FILLERS {
            fillers.spawn(filler(self.attacker(0), Arc::clone(&requests)));
        }
        while let Some(filled) = fillers.join_next().await {
            filled.map_err(std::io::Error::other).map_err(SimulatorError::io("the attackers' data"))??;
        }
        Ok(())
    }

    /// Makes conversations of small messages with the attackers' canary.
    ///
    /// # Errors
    /// As [`Ground::fill`].
    pub async fn settle(&self) -> Result<(), SimulatorError> {
        let (people, each) = self.size.of((100, 10), (30, 4));
        let message = |number: usize| {
            let content = format!("{} {}", self.canary, "Where is my order? ".repeat(8));
            self.message(number % people, &format!("small-{number}"), &content)
        };
        self.fill((0..people * each).map(message).collect()).await
    }

    /// The conversation of large messages, which is made once.
    ///
    /// # Errors
    /// As [`Ground::fill`], or the server does not show the conversation.
    pub async fn large(&self) -> Result<&Large, SimulatorError> {
        self.enemy.large.get_or_try_init(|| self.make_large()).await
    }

    async fn make_large(&self) -> Result<Large, SimulatorError> {
        let before = self.enemy.client.head().await?;
        let content =
            format!("{} {}", self.canary, "Where is my order? ".repeat(self.size.of(900_000, LARGE_IN_SHORT) / 19));
        let count = self.size.of(100, 10);
        let mut all = (0..count).map(|number| self.message(99_999, &format!("large-{number}"), &content));
        // A few requests at a time, because they are long.
        loop {
            let some: Vec<_> = all.by_ref().take(FILLERS).collect();
            if some.is_empty() {
                break;
            }
            self.fill(some).await?;
        }
        let found = "{ conversations(first: 1) { nodes { id messages(last: 1) { nodes { externalId } } } } }";
        let data = self.enemy.client.ask("the large conversation", found, json!({})).await?;
        let conversation = items(&data["conversations"]["nodes"]).first().map(|node| text(&node["id"]));
        let conversation = conversation.ok_or_else(|| SimulatorError::Refused {
            what: "the large conversation".into(),
            answer: "it is not there".into(),
        })?;
        Ok(Large { conversation, before })
    }
}

async fn filler(
    caller: Caller,
    requests: Arc<parking_lot::Mutex<std::vec::IntoIter<Vec<u8>>>>,
) -> Result<(), SimulatorError> {
    let mut wire: Option<Wire> = None;
    loop {
        let next = requests.lock().next();
        let Some(request) = next else { return Ok(()) };
        loop {
            let (word, _) = caller.send(&mut wire, &request).await;
            match word.split(' ').next() {
                Some("200") => break,
                Some("400" | "401" | "403" | "404" | "413" | "422") => {
                    return Err(SimulatorError::Refused { what: "the attackers' data".into(), answer: word });
                }
                _ => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }
}

/// The command line of an operator, over the database of a running server.
pub struct Operator<'a> {
    /// The binary.
    pub binary: &'a Path,
    /// The data folder with the key for secrets.
    pub data_dir: &'a Path,
    /// The database.
    pub database_url: &'a str,
}

impl Operator<'_> {
    /// Runs `inlet admin`. Returns the output after each of the words in `wanted`.
    ///
    /// # Errors
    /// The command fails, or does not print one of the words.
    pub async fn run<const N: usize>(&self, task: &[&str], wanted: [&str; N]) -> Result<[String; N], SimulatorError> {
        let key_file = self.data_dir.join("secrets.key").display().to_string();
        let mut arguments = vec!["admin", "--database-url", self.database_url, "--secrets-key-file", &key_file];
        arguments.extend(task);
        let said = output_of(self.binary, &arguments).await?;
        let mut found = wanted.map(str::to_owned);
        for word in &mut found {
            let line = said.lines().find_map(|line| line.strip_prefix(word.as_str())?.strip_prefix(' '));
            *word = line.map(str::to_owned).ok_or_else(|| SimulatorError::Refused {
                what: format!("inlet admin {}", task.first().unwrap_or(&"")),
                answer: format!("it printed no {word}"),
            })?;
        }
        Ok(found)
    }
}

impl Enemy {
    /// Creates the workspace.
    ///
    /// # Errors
    /// The server refuses a request.
    pub async fn settle(operator: &Operator<'_>, target: &Target) -> Result<Self, SimulatorError> {
        let [_] = operator.run(&["create-workspace", "--name", "Siege", "--slug", "siege"], ["workspace"]).await?;
        let key = ["create-key", "--workspace", "siege", "--name", "siege", "--scopes", "read,notes,write,admin"];
        let [key] = operator.run(&key, ["token"]).await?;
        let source = ["create-source", "--workspace", "siege", "--provider", "mobtexting", "--name", "siege"];
        let [path, secret] = operator.run(&source, ["path", "secret"]).await?;
        let client = Client::at(&target.graphql_url, &key)?;
        let mutation = "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { token } }";
        let mut keys = Vec::new();
        for number in 0..KEYS {
            let name = format!("client-{number}");
            let input = json!({ "name": name, "scopes": ["READ", "NOTES", "WRITE", "ADMIN"], "idempotencyKey": name });
            let data = client.ask("createApiKey", mutation, json!({ "input": input })).await?;
            keys.push(text(&data["createApiKey"]["token"]));
        }
        let door = Endpoint::parse(&format!("{}{path}", target.url)).ok_or_else(|| SimulatorError::Refused {
            what: "inlet admin create-source".into(),
            answer: format!("`{path}` is no path"),
        })?;
        Ok(Self { client, keys, door: (door, secret), large: OnceCell::new() })
    }
}

/// Creates two members of the well-behaved client's workspace, and returns their logins.
///
/// # Errors
/// The server refuses a request.
pub async fn people(operator: &Operator<'_>) -> Result<[(String, String); 2], SimulatorError> {
    let mut made = [("victim@siege.example", "Victim"), ("well@siege.example", "Well")]
        .map(|(email, name)| (email.to_owned(), name.to_owned()));
    for (email, other) in &mut made {
        let task = ["create-member", "--workspace", "demo", "--email", email.as_str(), "--name", other.as_str()];
        let [password] = operator.run(&task, ["password"]).await?;
        *other = password;
    }
    Ok(made)
}

/// The servers of a siege. The server behind the relay stops first.
pub struct Servers {
    /// The server that owns the database.
    pub first: Server,
    /// The server behind the relay.
    pub second: Server,
}

impl Servers {
    /// Starts both on a data folder.
    ///
    /// # Errors
    /// A server cannot be started.
    pub async fn start(binary: &Path, data_dir: &Path) -> Result<(Self, Target, Relay), SimulatorError> {
        let first = Server::start(binary, data_dir).await?;
        let target = Target::find(data_dir).await?;
        let relay = Relay::to(&target.database_url).await.map_err(SimulatorError::io("the relay"))?;
        let mut behind = target.clone();
        behind.database_url.clone_from(&relay.url);
        let second = Server::start_beside(binary, data_dir, &behind, "second").await?;
        Ok((Self { first, second }, target, relay))
    }

    /// Stops both.
    ///
    /// # Errors
    /// A server does not stop.
    pub async fn stop(self) -> Result<(), SimulatorError> {
        self.second.stop().await?;
        self.first.stop().await
    }
}

/// Starts the well-behaved client.
///
/// # Errors
/// Its thread cannot be started.
pub fn well(doors: &Doors, client: &Client, seed: u64, rate: f64) -> Result<Well, SimulatorError> {
    let start = clock::now() - chrono::TimeDelta::days(2);
    let crowd = crate::provider::crowd::Crowd::new(seed, RUN, start);
    Well::start(doors.clone(), client.clone(), crowd, rate)
}

/// The word in every id of the well-behaved client's events.
pub const RUN: &str = "siege";

/// How long a provider waits for an answer.
pub const PROVIDERS_PATIENCE: Duration = load::PATIENCE;
