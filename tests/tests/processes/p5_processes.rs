//! P5 over two processes of the operating system and two sources of one account: one new address, 200 first messages at
//! once, one contact and one conversation.

use futures::future::join_all;
use inlet_tests::{
    Process, client, fixtures,
    process::{Beside, DataDir},
    sign,
};
use serde_json::{Value, json};

const SOURCES: &str = "query { sources(first: 10) { nodes { provider providerAccount { id } } } }";

const SHARE: &str = "mutation ($account: ID!) { createSource(input: {name: \"channel\", provider: MOBTEXTING,
    providerAccountId: $account, secret: \"another secret\", idempotencyKey: \"share\"}) { source { url } } }";

const STATE: &str = "query { contacts(first: 10) { nodes { id phone } }
    conversations(first: 10) { nodes { id unread messages(first: 100) { nodes { externalId } pageInfo { hasNextPage } } } } }";

fn body(sample: &Value, address: &str, id: &str) -> String {
    let mut body = sample.clone();
    body["payload"]["id"] = json!(id);
    body["payload"]["recipient"]["from"] = json!(address);
    body["payload"]["recipient"]["user"]["phone"] = json!(address);
    body.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_concurrent_first_messages_over_two_sources_make_one_conversation() {
    let folder = DataDir::new();
    let process = Process::start(&folder.path()).await;
    let other = Beside::start(&folder.path(), &process.dev).await;
    assert_ne!(process.pid(), other.pid());
    let sources = process.graphql(SOURCES, json!({})).await["sources"]["nodes"].clone();
    let account = sources.as_array().unwrap().iter().find(|source| source["provider"] == "MOBTEXTING").unwrap();
    let made = process.graphql(SHARE, json!({"account": account["providerAccount"]["id"]})).await;
    let shared = made["createSource"]["source"]["url"].as_str().unwrap().to_owned();
    let own = &process.dev.sources["mobtexting"];
    let sample =
        fixtures::of("mobtexting").into_iter().find(|it| it.file.contains("whatsapp-message-in-text")).unwrap();
    let sample: Value = serde_json::from_str(&sample.body).unwrap();

    // One process first, then both.
    for (round, doors) in
        [vec![process.dev.url.clone()], vec![process.dev.url.clone(), other.url.clone()]].iter().enumerate()
    {
        let address = format!("91980000000{round}");
        let client = client();
        let posts = (0..200).map(|number| {
            let (url, secret) =
                if number % 2 == 0 { (&own.url, own.secret.as_str()) } else { (&shared, "another secret") };
            let url = url.replace(&process.dev.url, &doors[number / 2 % doors.len()]);
            let body = body(&sample, &address, &format!("p5-{round}-{number}"));
            let (header, signature) = sign::header("mobtexting", secret, body.as_bytes());
            let request = client.post(url).header("content-type", "application/json").header(header, signature);
            async move {
                // Like a provider: a connection that breaks off under so many is made anew, and 503 comes again.
                loop {
                    let request = request.try_clone().unwrap().body(body.clone());
                    if let Ok(answer) = request.send().await
                        && answer.status() != 503
                    {
                        return (answer.status().as_u16(), answer.json::<Value>().await.unwrap());
                    }
                }
            }
        });
        for (status, answer) in join_all(posts).await {
            assert_eq!(status, 200, "{answer}");
            assert!(["accepted", "duplicate"].contains(&answer["outcome"].as_str().unwrap()), "{answer}");
        }
        let state = process.graphql(STATE, json!({})).await;
        let contacts = state["contacts"]["nodes"].as_array().unwrap().clone();
        let of_address = contacts.iter().filter(|contact| contact["phone"] == format!("+{address}")).count();
        assert_eq!((contacts.len(), of_address), (round + 1, 1), "{contacts:?}");
        let conversations = state["conversations"]["nodes"].as_array().unwrap().clone();
        assert_eq!(conversations.len(), round + 1);
        assert!(conversations.iter().all(|conversation| conversation["unread"] == 200), "{conversations:?}");
    }
    drop(other);
    assert!(process.stop().await.success());
}
