//! The body of a webhook (contract, section 4), in the bytes that `JSON.stringify` writes.

use bytes::Bytes;
use inlet_domain::{
    event::API_VERSION,
    ids::{ApiKeyId, MemberId, WorkspaceId},
    json::write_string,
};
use inlet_store::records::deliveries::LogLine;

/// The body for a log entry. The log holds payload and previous in their final form, so they are copied.
pub fn body(workspace: WorkspaceId, line: &LogLine) -> Bytes {
    let previous = line.previous.as_deref();
    let mut out = String::with_capacity(320 + line.payload.len() + previous.map_or(0, str::len));
    out.push_str(r#"{"id":""#);
    out.push_str(&line.id.to_string());
    out.push_str(r#"","type":"#);
    write_string(&line.kind, &mut out);
    out.push_str(r#","timestamp":""#);
    out.push_str(&line.occurred_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
    out.push_str(r#"","workspace_id":""#);
    out.push_str(&workspace.to_string());
    out.push_str(r#"","api_version":""#);
    out.push_str(API_VERSION);
    out.push_str(if line.test { r#"","test":true,"# } else { r#"","test":false,"# });
    out.push_str(r#""actor":{"type":"#);
    write_string(&line.actor_kind, &mut out);
    out.push_str(r#","id":"#);
    match actor_id(line) {
        Some(id) => write_string(&id, &mut out),
        None => out.push_str("null"),
    }
    out.push_str(r#"},"payload":"#);
    out.push_str(&line.payload);
    if let Some(previous) = previous {
        out.push_str(r#","previous":"#);
        out.push_str(previous);
    }
    out.push('}');
    Bytes::from(out)
}

fn actor_id(line: &LogLine) -> Option<String> {
    let id = line.actor_id?;
    match line.actor_kind.as_str() {
        "member" => Some(MemberId(id).to_string()),
        "api_key" => Some(ApiKeyId(id).to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use inlet_domain::{ids::EventId, json::javascript};
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};
    use uuid::Uuid;

    use super::*;

    fn line(payload: String, previous: Option<String>) -> LogLine {
        LogLine {
            id: EventId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001)),
            seq: 7,
            kind: "conversation.updated".to_owned(),
            occurred_at: "2026-11-20T10:00:00.1239Z".parse().unwrap(),
            actor_kind: "member".to_owned(),
            actor_id: Some(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002)),
            channel_id: None,
            medium: None,
            direction: None,
            internal: false,
            test: false,
            payload,
            previous,
        }
    }

    #[test]
    fn has_the_members_of_the_contract_in_their_order() {
        let workspace = WorkspaceId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0003));
        let body = body(workspace, &line(r#"{"revision":2}"#.to_owned(), Some(r#"{"status":"open"}"#.to_owned())));
        assert_eq!(
            std::str::from_utf8(&body).unwrap(),
            "{\"id\":\"evt_01j0000000e008000000000001\",\"type\":\"conversation.updated\",\
             \"timestamp\":\"2026-11-20T10:00:00.123Z\",\"workspace_id\":\"ws_01j0000000e008000000000003\",\
             \"api_version\":\"2026-11\",\"test\":false,\
             \"actor\":{\"type\":\"member\",\"id\":\"mem_01j0000000e008000000000002\"},\
             \"payload\":{\"revision\":2},\"previous\":{\"status\":\"open\"}}"
        );
    }

    #[test]
    fn an_event_that_was_made_to_try_a_webhook_says_so() {
        let line = LogLine { test: true, ..line("{}".to_owned(), None) };
        let parsed: Value = serde_json::from_slice(&body(WorkspaceId(Uuid::nil()), &line)).unwrap();
        assert_eq!(parsed["test"], true);
    }

    #[test]
    fn an_actor_without_an_id_has_null_and_no_previous_is_no_member() {
        let line = LogLine { actor_kind: "provider".to_owned(), ..line("{}".to_owned(), None) };
        let parsed: Value = serde_json::from_slice(&body(WorkspaceId(Uuid::nil()), &line)).unwrap();
        assert_eq!(parsed["actor"], json!({"type": "provider", "id": null}));
        assert!(parsed.get("previous").is_none());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            // The numbers that serde_json and JavaScript read alike.
            (-(1_i64 << 52)..1 << 52, 0..20).prop_map(|(n, digits)| Value::from(n as f64 / 10_f64.powi(digits))),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 32, 6, |inner| {
            let key = prop_oneof![any::<String>(), any::<u32>().prop_map(|n| n.to_string())];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((key, inner), 0..6).prop_map(|members| Value::Object(Map::from_iter(members))),
            ]
        })
    }

    proptest! {
        #[test]
        fn stringify_of_parse_gives_the_same_bytes(
            payload in any_json(), previous in prop::option::of(any_json()), actor in any::<String>()
        ) {
            let mut line = line(javascript(&payload), previous.as_ref().map(javascript));
            line.actor_kind = actor;
            let body = body(WorkspaceId(Uuid::nil()), &line);
            let parsed: Value = serde_json::from_slice(&body).unwrap();
            let again = javascript(&parsed);
            prop_assert_eq!(again.as_bytes(), body.as_ref());
        }
    }
}
