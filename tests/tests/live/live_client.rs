//! The example of docs/live.md under chaos: connections break and one of two processes is killed while it keeps its lists
//! (P8).

use futures::{StreamExt, stream};
use inlet_tests::{
    Process, client, fixtures,
    node::{self, Control},
    process::{Beside, DataDir},
    sign,
};
use serde_json::{Value, json};

/// How often a process is killed.
const KILLS: usize = 10;

/// How many messages come in between two kills.
const MESSAGES: usize = 40;

/// People who write in; some do so again and again.
const PEOPLE: usize = 60;

const LIST: &str = "query { conversations(first: 100) { nodes { id } } }";

/// The way to the two processes that are killed in turn.
struct Pair<'a> {
    keeper: &'a Process,
    urls: [String; 2],
}

impl Pair<'_> {
    /// Posts it to one or the other until it is taken.
    async fn post(&self, body: &str, number: usize) {
        let source = &self.keeper.dev.sources["mobtexting"];
        let (header, signature) = sign::header("mobtexting", &source.secret, body.as_bytes());
        for url in self.urls.iter().cycle().skip(number) {
            let url = source.url.replace(&self.keeper.dev.url, url);
            let request = client().post(url).header("content-type", "application/json").header(header, &signature);
            if request.body(body.to_owned()).send().await.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
        }
    }
}

fn message(sample: &Value, number: usize) -> String {
    let mut body = sample.clone();
    let phone = format!("9198000{:05}", number * 7 % PEOPLE);
    body["payload"]["id"] = json!(format!("live-{number}"));
    body["payload"]["recipient"]["from"] = json!(phone);
    body["payload"]["recipient"]["user"] = json!({"id": format!("user-{phone}"), "phone": phone});
    body.to_string()
}

/// What people do to the conversations meanwhile.
async fn act(keeper: &Process, round: usize, member: &Value, label: &Value) {
    let listed = keeper.graphql(LIST, json!({})).await["conversations"]["nodes"].clone();
    for (number, node) in listed.as_array().unwrap().iter().enumerate().filter(|(number, _)| number % 4 == round % 4) {
        let id = &node["id"];
        let (name, input) = match (number + round) % 5 {
            0 => ("assignConversation", json!({"id": id, "memberId": member})),
            1 => ("assignConversation", json!({"id": id, "memberId": null})),
            2 => ("addLabels", json!({"id": id, "labelIds": [label]})),
            3 => ("removeLabels", json!({"id": id, "labelIds": [label]})),
            _ => {
                let status = ["OPEN", "PENDING", "CLOSED", "IN_QUEUE"][(number / 5 + round) % 4];
                ("setConversationStatus", json!({"id": id, "status": status}))
            }
        };
        let kind = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
        let mutation = format!("mutation ($input: {kind}!) {{ {name}(input: $input) {{ conversation {{ id }} }} }}");
        // What cannot be, such as to open one of two with the same address, is refused: that is as good.
        let request = client().post(&keeper.dev.graphql_url).bearer_auth(&keeper.dev.api_key);
        request.json(&json!({"query": mutation, "variables": {"input": input}})).send().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_the_documented_client_keeps_its_lists_through_breaks_and_kills() {
    let folder = DataDir::new();
    let keeper = Process::start(&folder.path()).await;
    let mut processes = Vec::new();
    for _ in 0..2 {
        processes.push(Beside::start(&folder.path(), &keeper.dev).await);
    }
    let member = keeper.graphql("{ members(first: 1) { nodes { id } } }", json!({})).await;
    let member = member["members"]["nodes"][0]["id"].clone();
    let make = "mutation { createLabel(input: {name: \"urgent\", idempotencyKey: \"l\"}) { label { id } } }";
    let label = keeper.graphql(make, json!({})).await["createLabel"]["label"]["id"].clone();
    let sample = fixtures::of("mobtexting").into_iter().find(|it| it.file.contains("whatsapp-message-in-text"));
    let sample: Value = serde_json::from_str(&sample.unwrap().body).unwrap();
    let pair = Pair { keeper: &keeper, urls: [processes[0].url.clone(), processes[1].url.clone()] };
    for number in 0..PEOPLE / 2 {
        pair.post(&message(&sample, number), number).await;
    }

    let control = Control::open().await;
    let graphql_urls: Vec<_> = pair.urls.iter().map(|url| format!("{url}/graphql")).collect();
    let told = json!({
        "graphqlUrl": keeper.dev.graphql_url,
        "apiKey": keeper.dev.api_key,
        "urls": graphql_urls,
        "member": member,
        "label": label,
        "control": control.url(),
    });
    let node = node::start("live.test.js", &told);
    let chaos = async {
        for round in 0..KILLS {
            let first = PEOPLE + round * MESSAGES;
            let bodies = (first..first + MESSAGES).map(|number| (number, message(&sample, number)));
            let pair = &pair;
            let post = |(number, body): (usize, String)| async move { pair.post(&body, number).await };
            let posts = stream::iter(bodies).for_each_concurrent(8, post);
            let killed = processes.remove(0);
            let replaced = async { killed.replace(&folder.path(), &keeper.dev).await };
            let ((), replaced, ()) = tokio::join!(posts, replaced, act(&keeper, round, &member, &label));
            processes.push(replaced);
        }
    };
    control.once_asked(chaos).await;
    node::finish(node).await;
    drop(processes);
    assert!(keeper.stop().await.success());
}

#[test]
fn the_page_shows_the_client_that_is_tested() {
    let read = |path: &str| std::fs::read_to_string(inlet_tests::workspace::root().join(path)).unwrap();
    let (page, client) = (read("docs/live.md"), read("tests/clients/live/inbox.ts"));
    assert!(page.contains(&format!("```ts\n{client}```")), "put tests/clients/live/inbox.ts into docs/live.md");
}
