//! Its list: filters and pages.

use super::*;

#[tokio::test]
async fn each_filter_finds_what_it_names() {
    let server = spawn().await;
    let accepted = post(&server, "mobtexting", &text_message("m-1", "919876543210", "first")).await;
    let repeat = post(&server, "mobtexting", &text_message("m-1", "919876543210", "first")).await;
    let lenient = post(&server, "oneroute", "{event: 'lowUnitBalance', firm: 'x', unit: 5,}").await;
    let unknown = post(&server, "oblic", r#"{"id": "e-1", "type": "weather.changed", "payload": {}}"#).await;
    let source = |provider: &'static str| {
        let query = "{ sources(first: 10) { nodes { id provider } } }";
        let server = &server;
        async move {
            let nodes = server.graphql(query, json!({})).await["sources"]["nodes"].clone();
            let is = |node: &&Value| node["provider"].as_str().unwrap().eq_ignore_ascii_case(provider);
            nodes.as_array().unwrap().iter().find(is).unwrap()["id"].as_str().unwrap().to_owned()
        }
    };
    let all = [&unknown, &lenient, &repeat, &accepted].map(Clone::clone);
    assert_eq!(found(&server, "{}").await, all);
    assert_eq!(found(&server, "{outcome: [DUPLICATE, UNRECOGNISED]}").await, [unknown.clone(), repeat.clone()]);
    assert_eq!(found(&server, "{outcome: [ACCEPTED]}").await, [lenient.clone(), accepted.clone()]);
    assert_eq!(found(&server, "{outcome: [ACCEPTED, UNRECOGNISED]}").await.len(), 3);
    assert_eq!(found(&server, "{lenient: true}").await, std::slice::from_ref(&lenient));
    assert_eq!(found(&server, "{lenient: false}").await.len(), 3);
    assert_eq!(found(&server, r#"{event: ["whatsapp:message:in"]}"#).await, [repeat.clone(), accepted.clone()]);
    assert_eq!(found(&server, r#"{event: ["lowUnitBalance", "weather.changed"]}"#).await.len(), 2);
    assert_eq!(
        found(&server, r#"{event: ["whatsapp:message:in"], outcome: [ACCEPTED]}"#).await,
        std::slice::from_ref(&accepted)
    );
    let (oblic, oneroute) = (source("oblic").await, source("oneroute").await);
    assert_eq!(found(&server, &format!("{{sourceId: [\"{oblic}\"]}}")).await, std::slice::from_ref(&unknown));
    assert_eq!(found(&server, &format!("{{sourceId: [\"{oblic}\", \"{oneroute}\"]}}")).await.len(), 2);
    let why = format!("{{ node(id: \"{unknown}\") {{ ... on InboundEvent {{ error }} }} }}");
    let why = server.graphql(&why, json!({})).await["node"]["error"].as_str().unwrap().to_owned();
    let part: String = why.chars().skip(1).take(12).collect::<String>().to_uppercase();
    assert_eq!(found(&server, &format!("{{error: \"{part}\"}}")).await, std::slice::from_ref(&unknown), "in any case");
    assert_eq!(found(&server, r#"{error: "%"}"#).await, [] as [&str; 0], "it is no pattern");
    assert_eq!(found(&server, &format!("{{error: \"{part}\", outcome: [FAILED]}}")).await, [] as [&str; 0]);
    assert_eq!(found(&server, &format!("{{ids: [\"{repeat}\"]}}")).await, std::slice::from_ref(&repeat));

    let node = format!(
        "{{ node(id: \"{lenient}\") {{ ... on InboundEvent {{ id receivedAt lenient source {{ id provider }} \
         eventIds events {{ id type }} }} }} }}"
    );
    let node = server.graphql(&node, json!({})).await["node"].clone();
    assert_eq!(node["source"], json!({"id": oneroute, "provider": "ONEROUTE"}));
    assert_eq!(node["events"][0]["type"], "balance.low", "{node}");
    assert_eq!(node["events"][0]["id"], node["eventIds"][0]);
    let at = node["receivedAt"].as_str().unwrap();
    let (from, to) = (format!("{{receivedFrom: \"{at}\"}}"), format!("{{receivedTo: \"{at}\"}}"));
    assert_eq!(found(&server, &from).await, [unknown.clone(), lenient.clone()], "from a moment on");
    assert_eq!(found(&server, &to).await, [repeat, accepted], "and before it");
    server.stop().await;
}

#[tokio::test]
async fn pages_go_both_ways_through_merged_arms() {
    let server = spawn().await;
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(
            post(&server, "oblic", &format!(r#"{{"id": "e-{n}", "type": "weather.changed", "payload": {{}}}}"#)).await,
        );
        let (status, _) = server.post("oblic", None, &format!("{{\"broken {n}")).await;
        assert_eq!(status, 400, "kept in quarantine");
    }
    let all = found(&server, "{outcome: [QUARANTINED, UNRECOGNISED, FAILED]}").await;
    assert_eq!(all.len(), 10);
    let page = |arguments: String| {
        let query = format!(
            "{{ inboundEvents({arguments}, filter: {{outcome: [QUARANTINED, UNRECOGNISED, FAILED]}}) {{ nodes {{ id }} \
             pageInfo {{ startCursor endCursor hasNextPage hasPreviousPage }} }} }}"
        );
        let server = &server;
        async move { server.graphql(&query, json!({})).await["inboundEvents"].clone() }
    };
    let (mut forward, mut arguments) = (Vec::new(), "first: 3".to_owned());
    loop {
        let page = page(arguments).await;
        forward.extend(ids(&page["nodes"]));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        arguments = format!("first: 3, after: {}", page["pageInfo"]["endCursor"]);
    }
    assert_eq!(forward, all);
    let (mut backward, mut arguments) = (Vec::new(), "last: 4".to_owned());
    loop {
        let page = page(arguments).await;
        backward.splice(0..0, ids(&page["nodes"]));
        if page["pageInfo"]["hasPreviousPage"] == false {
            break;
        }
        arguments = format!("last: 4, before: {}", page["pageInfo"]["startCursor"]);
    }
    assert_eq!(backward, all);
    server.stop().await;
}
