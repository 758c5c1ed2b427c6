//! The settings of sources, as an operator changes them and a provider meets them.

use inlet_domain::ambient::{Ambient, SteppedClock, SystemEntropy};
use inlet_tests::{Options, TestServer, fixtures, sign, spawn, spawn_with};
use serde_json::{Value, json};

const CREATE: &str = "mutation($input: CreateSourceInput!) { createSource(input: $input) { source { id url \
    verification signature { algorithm encoding header prefix } allowedNetworks timeZone phoneRegion medium \
    channel { id } providerAccount { id provider } reportHosts ownUserIds callCustomerLeg mapping rotationEndsAt } } }";
const UPDATE: &str = "mutation($input: UpdateSourceInput!) { updateSource(input: $input) { source { id name \
    verification signature { header } allowedNetworks timeZone mapping rotationEndsAt } } }";
const ROTATE: &str = "mutation($input: RotateSourceSecretInput!) { rotateSourceSecret(input: $input) { secret source \
    { rotationEndsAt } } }";
async fn create(server: &TestServer, input: Value) -> Value {
    server.graphql(CREATE, json!({"input": input})).await["createSource"]["source"].clone()
}

/// An Oblic message with ids of its own.
fn oblic(id: &str) -> String {
    json!({"id": format!("env-{id}"), "type": "message.created", "payload": {"id": id, "conversation_id": "c1",
        "contact": {"id": "u1", "username": "Kevin"}, "message": "Hi", "created_at": 705_103_200}})
    .to_string()
}

fn stepped() -> (std::sync::Arc<SteppedClock>, Options) {
    let clock = SteppedClock::at(Ambient::system().now());
    let ambient = Ambient::new(clock.clone(), SystemEntropy);
    (clock, Options { ambient: Some(ambient), ..Options::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_rotate_with_an_overlap_that_ends() {
    let (clock, options) = stepped();
    let server = spawn_with(options).await;
    let made =
        create(&server, json!({"name": "o", "provider": "OBLIC", "secret": "first", "idempotencyKey": "k"})).await;
    let (id, url) = (&made["id"], &made["url"]);
    let status = async |secret: &str, message: &str| {
        let body = oblic(message);
        server.post_to(url, ("x-oblic-signature", &sign::sha256(secret, body.as_bytes())), &body).await.0.as_u16()
    };
    assert_eq!(status("first", "1").await, 200);

    let rotate = json!({"id": id, "secret": "second", "overlapSeconds": 3600, "idempotencyKey": "r1"});
    let rotated = server.graphql(ROTATE, json!({"input": rotate})).await["rotateSourceSecret"].clone();
    assert!(rotated["secret"].is_null(), "what was given is not shown");
    assert!(rotated["source"]["rotationEndsAt"].is_string());
    assert_eq!((status("first", "2").await, status("second", "3").await), (200, 200), "at once, and both");
    server.graphql(ROTATE, json!({"input": rotate})).await;
    assert_eq!(status("first", "4").await, 200, "a repeat of the mutation is one rotation");
    clock.step(chrono::Duration::seconds(3599));
    assert_eq!(status("first", "5").await, 200);
    clock.step(chrono::Duration::seconds(1));
    assert_eq!((status("first", "6").await, status("second", "7").await), (401, 200));

    let random = server.graphql(ROTATE, json!({"input": {"id": id}})).await["rotateSourceSecret"].clone();
    let third = random["secret"].as_str().unwrap();
    assert_eq!((status("second", "8").await, status(third, "9").await), (200, 200));
    let finished = server.graphql(UPDATE, json!({"input": {"id": id, "finishSecretRotation": true}})).await;
    assert!(finished["updateSource"]["source"]["rotationEndsAt"].is_null());
    assert_eq!((status("second", "10").await, status(third, "11").await), (401, 200));

    server.graphql(ROTATE, json!({"input": {"id": id, "secret": "leaked no more", "overlapSeconds": 0}})).await;
    assert_eq!((status(third, "12").await, status("leaked no more", "13").await), (401, 200));
    for (input, path) in [
        (json!({"id": id, "secret": ""}), "input.secret"),
        (json!({"id": id, "secret": "leaked no more"}), "input.secret"),
        (json!({"id": id, "overlapSeconds": 2_592_001}), "input.overlapSeconds"),
        (json!({"id": id, "overlapSeconds": -1}), "input.overlapSeconds"),
    ] {
        assert_eq!(server.refused(ROTATE, input.clone()).await.0, path, "{input}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_source_answers_no_more_and_keeps_its_history() {
    let server = spawn().await;
    let made =
        create(&server, json!({"name": "o", "provider": "OBLIC", "verification": "NONE", "idempotencyKey": "k"})).await;
    assert_eq!(server.post_to(&made["url"], ("x", "y"), &oblic("1")).await.0, 200);
    let delete = "mutation($input: DeleteSourceInput!) { deleteSource(input: $input) { deletedSourceId } }";
    let input = json!({"input": {"id": made["id"], "idempotencyKey": "d"}});
    let deleted = server.graphql(delete, input.clone()).await;
    assert_eq!(deleted["deleteSource"]["deletedSourceId"], made["id"]);
    assert_eq!(server.post_to(&made["url"], ("x", "y"), &oblic("2")).await.0, 404);
    assert_eq!(server.graphql(delete, input).await, deleted, "a repeat gets the same answer");
    let again = server.graphql_raw(delete, json!({"input": {"id": made["id"]}})).await;
    assert_eq!(again["errors"][0]["extensions"]["code"], "NOT_FOUND");
    let update = server.graphql_raw(UPDATE, json!({"input": {"id": made["id"], "name": "x"}})).await;
    assert_eq!(update["errors"][0]["extensions"]["code"], "NOT_FOUND");
    let left = server.graphql("{ sources { nodes { id } } inboundEvents { nodes { id } } }", json!({})).await;
    assert_eq!(left["sources"]["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(left["inboundEvents"]["nodes"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_signs_is_settable() {
    let server = spawn().await;
    let signature = json!({"algorithm": "SHA1", "encoding": "BASE64", "header": "X-Hub-Signature", "prefix": "sha1="});
    let made = create(
        &server,
        json!({"name": "o", "provider": "OBLIC", "secret": "Jefe", "signature": signature, "idempotencyKey": "k"}),
    )
    .await;
    let expected = json!({"algorithm": "SHA1", "encoding": "BASE64", "header": "x-hub-signature", "prefix": "sha1="});
    assert_eq!(made["signature"], expected);
    // RFC 2202, test case 2: authentic, and no JSON.
    let body = "what do ya want for nothing?";
    let right = "sha1=7/zfauXrL6LSdBbV8YTfnCWafHk=";
    assert_eq!(server.post_to(&made["url"], ("x-hub-signature", right), body).await.0, 400);
    assert_eq!(server.post_to(&made["url"], ("x-hub-signature", &right[5..]), body).await.0, 401);
    assert_eq!(server.post_to(&made["url"], ("x-oblic-signature", right), body).await.0, 401);

    let input = json!({"id": made["id"], "signature": null});
    let updated = server.graphql(UPDATE, json!({"input": input})).await["updateSource"]["source"].clone();
    assert!(updated["signature"]["header"].is_null());
    assert_eq!(server.post_to(&made["url"], ("x-hub-signature", right), body).await.0, 401, "the default at once");
    let body = oblic("1");
    let signed = sign::sha256("Jefe", body.as_bytes());
    assert_eq!(server.post_to(&made["url"], ("x-oblic-signature", &signed), &body).await.0, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_would_not_do_is_refused_with_its_path() {
    let server = spawn().await;
    let base = json!({"name": "s", "provider": "ONEROUTE", "secret": "s", "idempotencyKey": "k"});
    let with = |name: &str, value: Value| {
        let mut input = base.clone();
        input[name] = value;
        input
    };
    let foreign = server.graphql("{ providerAccounts { nodes { id provider } } }", json!({})).await;
    let accounts = foreign["providerAccounts"]["nodes"].as_array().unwrap();
    let of_oblic = accounts.iter().find(|account| account["provider"] == "OBLIC").unwrap();
    for (input, path, told) in [
        (with("name", json!(" ")), "input.name", "1 to 200"),
        (with("secret", json!("")), "input.secret", "NONE"),
        (with("allowedNetworks", json!(["10.0.0.0/40"])), "input.allowedNetworks", "CIDR"),
        (with("timeZone", json!("Mars/Base")), "input.timeZone", "IANA"),
        (with("phoneRegion", json!("XX")), "input.phoneRegion", "3166"),
        (with("reportHosts", json!(["https://x.example"])), "input.reportHosts", "no scheme"),
        (with("signature", json!({"header": "Host"})), "input.signature.header", "HTTP"),
        (with("providerAccountId", of_oblic["id"].clone()), "input.providerAccountId", "must be the same"),
        (with("mapping", json!({"rules": []})), "input.mapping", "CUSTOM"),
    ] {
        let (at, message) = server.refused(CREATE, input.clone()).await;
        assert_eq!(at, path, "{input}: {message}");
        assert!(message.contains(told), "{input}: {message}");
    }
    let mut custom = with("provider", json!("CUSTOM"));
    custom["mapping"] = json!({"rules": [{"kind": "status", "fields": {"id": "id", "status": "/s"}}]});
    let (path, message) = server.refused(CREATE, custom).await;
    assert_eq!(path, "input.mapping");
    assert!(message.starts_with("`rules[0].fields.id`: `id` is not a JSON pointer"), "{message}");
    let missing = with("channelId", json!("chan_01h455vb4pex5vsknk084sn02q"));
    let answer = server.graphql_raw(CREATE, json!({"input": missing})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{answer}");

    // Without a secret it can be open, and is closed only once it has one.
    let open =
        create(&server, json!({"name": "open", "provider": "OBLIC", "verification": "NONE", "idempotencyKey": "k2"}))
            .await;
    let close = json!({"id": open["id"], "verification": "HMAC"});
    assert_eq!(server.refused(UPDATE, close.clone()).await.0, "input.verification");
    server.graphql(ROTATE, json!({"input": {"id": open["id"], "secret": "s"}})).await;
    server.graphql(UPDATE, json!({"input": close})).await;
    assert_eq!(server.post_to(&open["url"], ("x", "y"), &oblic("1")).await.0, 401);

    let reader = server
        .graphql(
            "mutation { createApiKey(input: {name: \"r\", scopes: [READ, WRITE], idempotencyKey: \"r\"}) { token } }",
            json!({}),
        )
        .await;
    let request =
        server.client.post(&server.graphql_url).bearer_auth(reader["createApiKey"]["token"].as_str().unwrap());
    let body = json!({"query": UPDATE, "variables": {"input": {"id": open["id"], "name": "x"}}});
    let answer: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_15_networks_count_at_the_door_and_oneroute_is_open_unless_they_are_set() {
    let server = spawn().await;
    let body = fixtures::of("oneroute").remove(0).body;
    assert_eq!(server.post("oneroute", None, &body).await.0, 200, "none are set");
    let sources = server.graphql("{ sources { nodes { id provider } } }", json!({})).await;
    let nodes = sources["sources"]["nodes"].as_array().unwrap();
    let id = &nodes.iter().find(|source| source["provider"] == "ONEROUTE").unwrap()["id"];
    let set = async |networks: Value| {
        let input = json!({"id": id, "allowedNetworks": networks, "idempotencyKey": networks.to_string()});
        server.graphql(UPDATE, json!({"input": input})).await["updateSource"]["source"]["allowedNetworks"].clone()
    };
    assert_eq!(set(json!(["174.138.104.128"])).await, json!(["174.138.104.128/32"]));
    assert_eq!(server.post("oneroute", None, &body).await.0, 403);
    set(json!(["174.138.104.128", "127.0.0.0/8"])).await;
    assert_eq!(server.post("oneroute", None, &body).await.0, 200);
    assert_eq!(set(Value::Null).await, json!([]));
    assert_eq!(server.post("oneroute", None, &body).await.0, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_16_sources_of_one_account_count_an_event_once() {
    let server = spawn().await;
    let made = server
        .graphql(
            "mutation { createProviderAccount(input: {provider: OBLIC, name: \"Shared\", idempotencyKey: \"a\"}) \
             { providerAccount { id name provider } providerAccountEdge { cursor } } }",
            json!({}),
        )
        .await["createProviderAccount"]
        .clone();
    assert_eq!(made["providerAccount"]["name"], "Shared");
    let source = async |name: &str, account: &Value| {
        let input = json!({"name": name, "provider": "OBLIC", "verification": "NONE", "providerAccountId": account,
            "idempotencyKey": name});
        create(&server, input).await
    };
    let (one, two) =
        (source("1", &made["providerAccount"]["id"]).await, source("2", &made["providerAccount"]["id"]).await);
    let other = source("3", &Value::Null).await;
    for (source, outcome) in [(&one, "accepted"), (&two, "duplicate"), (&other, "accepted")] {
        assert_eq!(server.post_to(&source["url"], ("x", "y"), &oblic("same")).await.1["outcome"], outcome);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ob_4_what_our_own_users_write_is_outbound_in_the_same_conversation() {
    let server = spawn().await;
    let made = create(
        &server,
        json!({"name": "o", "provider": "OBLIC", "verification": "NONE", "ownUserIds": ["ours"], "idempotencyKey": "k"}),
    )
    .await;
    assert_eq!(server.post_to(&made["url"], ("x", "y"), &oblic("in")).await.0, 200);
    let answer = oblic("out").replace("u1", "ours").replace("Kevin", "Agent Ada");
    assert_eq!(server.post_to(&made["url"], ("x", "y"), &answer).await.1["outcome"], "accepted");
    let seen = server
        .graphql(
            "{ contacts { nodes { name } } conversations { nodes { messages(last: 5) { nodes { direction } } } } }",
            json!({}),
        )
        .await;
    assert_eq!(seen["contacts"]["nodes"], json!([{"name": "Kevin"}]), "ours is no contact");
    let conversations = seen["conversations"]["nodes"].as_array().unwrap();
    assert_eq!(conversations.len(), 1);
    let directions = json!([{"direction": "INBOUND"}, {"direction": "OUTBOUND"}]);
    assert_eq!(conversations[0]["messages"]["nodes"], directions);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mt_11_a_source_with_a_channel_puts_there_what_names_none() {
    let server = spawn().await;
    let text = fixtures::of("mobtexting").into_iter().find(|it| it.file.contains("04-whatsapp")).unwrap();
    assert_eq!(server.post("mobtexting", None, &text.body).await.0, 200);
    let seen = server.graphql("{ channels { nodes { id providerAccount { id } } } }", json!({})).await;
    let channel = seen["channels"]["nodes"][0].clone();
    let made = create(
        &server,
        json!({"name": "m", "provider": "MOBTEXTING", "verification": "NONE", "channelId": channel["id"],
            "providerAccountId": channel["providerAccount"]["id"], "idempotencyKey": "k"}),
    )
    .await;
    assert_eq!((&made["channel"]["id"], &made["medium"]), (&channel["id"], &json!("WHATSAPP")));
    let sms = fixtures::of("mobtexting").remove(0).body;
    assert_eq!(server.post_to(&made["url"], ("x", "y"), &sms).await.1["outcome"], "accepted");
    let after = server.graphql("{ channels { nodes { id } } }", json!({})).await;
    assert_eq!(after["channels"]["nodes"].as_array().unwrap().len(), 1, "no other was made");
    let elsewhere = json!({"name": "x", "provider": "MOBTEXTING", "secret": "s", "channelId": channel["id"],
        "idempotencyKey": "k2"});
    assert_eq!(server.refused(CREATE, elsewhere).await.0, "input.channelId");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_one_bad_element_of_an_array_never_stops_the_rest() {
    let server = spawn().await;
    let (first, second) = (oblic("a"), oblic("b"));
    let body = format!("[{first}, {{\"type\": \"agent.typing\"}}, {{broken json]}}, {first},\n {second},]");
    let whole = format!("[{first}, {{\"type\": \"agent.typing\"}}, {{\"broken\": json}}, {first},\n {second},]");
    let (status, one) = server.post("oblic", None, &body).await;
    assert_eq!((status, &one["error"]["code"]), (400, &json!("UNREADABLE")), "its brackets do not fit: one body");
    let (status, answer) = server.post("oblic", None, &whole).await;
    assert_eq!(status, 200, "{answer}");
    let events = answer["events"].as_array().unwrap();
    let outcomes: Vec<_> = events.iter().map(|event| event["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes[1..3], ["unrecognised", "quarantined"]);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "duplicate").count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "accepted").count(), 2);
    assert_eq!((&answer["id"], &answer["outcome"]), (&events[0]["id"], &json!("quarantined")));
    let seen =
        server.graphql("{ conversations { nodes { messages(last: 9) { nodes { externalId } } } } }", json!({})).await;
    assert_eq!(seen["conversations"]["nodes"][0]["messages"]["nodes"].as_array().unwrap().len(), 2);

    let (status, again) = server.post("oblic", None, &format!("[{first},{second}]")).await;
    assert_eq!((status, &again["outcome"]), (200, &json!("duplicate")), "{again}");
    let forged = server.client.post(&server.sources["oblic"].url).header("x-oblic-signature", "00");
    assert_eq!(forged.body(whole).send().await.unwrap().status(), 401, "the signature is over the whole");
    let many = format!("[{}]", vec!["{}"; 1001].join(","));
    let (status, refused) = server.post("oblic", None, &many).await;
    assert_eq!((status, &refused["error"]["code"]), (413, &json!("BATCH_TOO_LARGE")));
    let most = format!("[{}]", (0..1000).map(|i| oblic(&format!("n{i}"))).collect::<Vec<_>>().join(","));
    let (status, taken) = server.post("oblic", None, &most).await;
    assert_eq!((status, &taken["outcome"]), (200, &json!("accepted")));
    assert_eq!(taken["events"].as_array().unwrap().len(), 1000);
    server.stop().await;
}
