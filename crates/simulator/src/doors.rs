//! The addresses of a server's processes, and each provider's sources with their secrets.

use std::collections::HashMap;

use serde_json::json;

use crate::{
    SimulatorError,
    graphql::{Client, text},
    provider::{Provider, crowd::Event},
    target::Target,
    wire::Endpoint,
};

/// The processes and sources of a server.
#[derive(Debug, Clone)]
pub struct Doors {
    /// The address of each process.
    processes: Vec<String>,
    sources: HashMap<Provider, Vec<(Endpoint, String)>>,
}

/// A request, and the addresses that it can be sent to.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Every process. All have the same role.
    pub addresses: &'a [String],
    /// The bytes of the request.
    pub bytes: Vec<u8>,
}

impl Doors {
    /// The doors of `dev.json`: one process, and a source for each provider.
    ///
    /// # Errors
    /// A provider has no source, or one that is not plain HTTP.
    pub fn of(target: &Target) -> Result<Self, SimulatorError> {
        let door = |provider| {
            let source = target.source(provider)?;
            Ok((provider, vec![(endpoint(&source.url)?, source.secret.clone())]))
        };
        let sources: HashMap<_, Vec<(Endpoint, String)>> =
            Provider::ALL.into_iter().map(door).collect::<Result<_, SimulatorError>>()?;
        let first = sources.values().flatten().next();
        let processes = first.map(|(endpoint, _)| endpoint.address.clone()).into_iter().collect();
        Ok(Self { processes, sources })
    }

    /// Adds a process of the server, by host and port.
    pub fn add_process(&mut self, address: &str) {
        if !self.processes.iter().any(|known| known == address) {
            self.processes.push(address.to_owned());
        }
    }

    /// Uses only these processes.
    pub fn lead_to(&mut self, addresses: &[String]) {
        self.processes = addresses.to_vec();
    }

    /// Adds a second source of OneRoute to the account of the first: one event may arrive at both (OR-16).
    ///
    /// # Errors
    /// The server does not create it.
    pub async fn add_channel_source(&mut self, client: &Client, run: &str) -> Result<(), SimulatorError> {
        const SOURCES: &str = "query($first: Int!, $after: Cursor) { sources(first: $first, after: $after) {
            nodes { url providerAccount { id } } pageInfo { hasNextPage endCursor } } }";
        let first = self.sources.get(&Provider::OneRoute).and_then(|doors| doors.first());
        let path = first.map(|(endpoint, _)| endpoint.path.clone()).unwrap_or_default();
        let nodes = client.all("sources", SOURCES, 100).await?;
        let account = nodes.iter().find(|node| text(&node["url"]).ends_with(&path));
        let secret = format!("{:0>64}", hex::encode(run));
        let input = json!({
            "name": format!("simulate-{run}"), "provider": "ONEROUTE", "verification": "HMAC", "secret": secret,
            "providerAccountId": account.map(|node| &node["providerAccount"]["id"]), "idempotencyKey": format!("simulate-{run}") });
        let mutation = "mutation($input: CreateSourceInput!) { createSource(input: $input) { source { url } } }";
        let data = client.ask("createSource", mutation, json!({ "input": input })).await?;
        let door = (endpoint(&text(&data["createSource"]["source"]["url"]))?, secret);
        self.sources.entry(Provider::OneRoute).or_default().push(door);
        Ok(())
    }

    /// The signed request of an event, for one of its provider's sources.
    #[must_use]
    pub fn request(&self, event: &Event, source: usize) -> Option<Request<'_>> {
        let body = event.body.to_string();
        let name = event.named_by_url.then_some(event.name.as_str());
        self.signed(event.provider, source, name, body.as_bytes())
    }

    /// The address and the signed request of this body.
    #[must_use]
    pub fn request_of(&self, provider: Provider, name: Option<&str>, body: &[u8]) -> Option<(&str, Vec<u8>)> {
        let request = self.signed(provider, 0, name, body)?;
        Some((request.addresses.first()?, request.bytes))
    }

    fn signed(&self, provider: Provider, source: usize, name: Option<&str>, body: &[u8]) -> Option<Request<'_>> {
        let sources = self.sources.get(&provider)?;
        let (endpoint, secret) = sources.get(source % sources.len().max(1))?;
        let path = name.map_or_else(|| endpoint.path.clone(), |name| format!("{}/{name}", endpoint.path));
        let named = Endpoint { address: endpoint.address.clone(), path };
        let signature = provider.sign(secret, body);
        let bytes = named.post((provider.signature_header(), &signature), body);
        Some(Request { addresses: &self.processes, bytes })
    }
}

fn endpoint(url: &str) -> Result<Endpoint, SimulatorError> {
    Endpoint::parse(url).ok_or_else(|| SimulatorError::Refused {
        what: "the URL of a source".into(),
        answer: format!("{url} is no plain http URL"),
    })
}
