//! What was given for one receiver goes to no other.

use inlet_tests::spawn;
use serde_json::{Value, json};

use super::data;

const UPDATE: &str = "mutation($input: UpdateWebhookInput!) { updateWebhook(input: $input) {
    webhook { url headers { name value isSecret } } } }";

#[tokio::test]
async fn a3_a_secret_header_is_asked_for_anew_by_another_origin() {
    let server = spawn().await;
    let register = "mutation($input: RegisterWebhookInput!) { registerWebhook(input: $input) { webhook { id } } }";
    let input = json!({"name": "crm", "url": "http://127.0.0.1:9/a", "idempotencyKey": "1", "headers": [
        {"name": "Authorization", "value": "Bearer t0p", "secret": true}, {"name": "x-tenant", "value": "7"}]});
    let made = data(&server, &server.api_key, register, json!({ "input": input })).await;
    let id = &made["registerWebhook"]["webhook"]["id"];
    let update = async |mut input: Value| {
        input["id"] = id.clone();
        server.graphql_raw(UPDATE, json!({ "input": input })).await
    };
    let url = "https://elsewhere.example/@{{id}}";
    let standing = json!([{"name": "authorization", "secret": true}]);
    for input in [
        json!({"url": "http://127.0.0.1:10/a"}),
        json!({"url": "https://127.0.0.1:9/a"}),
        json!({"url": "http://localhost:9/a"}),
        json!({"url": url, "composition": {}}),
        json!({"url": "http://127.0.0.1:10/a", "headers": standing}),
        // A secret value does not become one that is shown.
        json!({"headers": [{"name": "authorization", "secret": false}]}),
    ] {
        let refused = update(input.clone()).await;
        let error = &refused["errors"][0]["extensions"];
        assert_eq!(
            (&error["code"], &error["inputPath"]),
            (&json!("BAD_USER_INPUT"), &json!(["input", "headers", "value"]))
        );
        assert!(refused.to_string().contains("`authorization`") && !refused.to_string().contains("t0p"), "{refused}");
    }
    let webhook = |answer: &Value| answer["data"]["updateWebhook"]["webhook"].clone();
    // Within the origin it goes on; to another one it goes where it is given anew, or without it.
    let moved = webhook(&update(json!({"url": "http://127.0.0.1:9/b"})).await);
    assert_eq!(moved["headers"][0], json!({"name": "authorization", "value": null, "isSecret": true}));
    let anew = json!([{"name": "authorization", "value": "Bearer other", "secret": true}]);
    let moved = webhook(&update(json!({"url": "http://127.0.0.1:10/a", "headers": anew})).await);
    assert_eq!((&moved["url"], &moved["headers"][0]["value"]), (&json!("http://127.0.0.1:10/a"), &json!(null)));
    let moved = webhook(&update(json!({"url": url, "composition": {}, "headers": null})).await);
    assert_eq!((&moved["url"], &moved["headers"]), (&json!(url), &json!([])));
    server.stop().await;
}
