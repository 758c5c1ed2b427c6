//! The state machine of `graphql-transport-ws` (the protocol of the npm package graphql-ws), without any socket.

use std::collections::HashSet;

use serde_json::{Value, json};

/// A close of a WebSocket. The code tells the client whether to reconnect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// The code of the close frame.
    pub code: u16,
    pub reason: String,
}

impl Close {
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// The message does not fit the protocol.
    pub fn bad_request(reason: impl Into<String>) -> Self {
        Self::new(4400, reason)
    }

    /// The socket is not acknowledged, or its credential has ended.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(4401, "Unauthorized")
    }

    /// The credential was refused.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(4403, "Forbidden")
    }

    /// The client does not offer the subprotocol.
    #[must_use]
    pub fn subprotocol() -> Self {
        Self::new(4406, "Subprotocol not acceptable: offer graphql-transport-ws")
    }

    /// The credential has its maximum number of connections.
    #[must_use]
    pub fn too_many() -> Self {
        Self::new(1013, "Too many sockets of this credential: come again later")
    }

    /// Too many WebSockets are open, or wait for `connection_init`.
    #[must_use]
    pub fn crowded() -> Self {
        Self::new(1013, "Too many sockets: come again later")
    }

    /// The client did not send `connection_init` in time.
    #[must_use]
    pub fn init_timeout() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }

    /// The client does not read its frames.
    #[must_use]
    pub fn slow_consumer() -> Self {
        Self::new(1013, "Slow consumer: come again with the last cursor")
    }

    /// The server is shutting down.
    #[must_use]
    pub fn draining() -> Self {
        Self::new(1012, "Service restart")
    }
}

/// The consequence of a client's message.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Nothing,
    /// Check the credential in this payload, then acknowledge.
    Authenticate(Value),
    Send(String),
    Start(String, Value),
    Stop(String),
    Close(Close),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Fresh,
    Introduced,
    Acknowledged,
}

/// The state of a WebSocket.
#[derive(Debug)]
pub struct Protocol {
    phase: Phase,
    running: HashSet<String>,
    most: usize,
}

impl Protocol {
    /// A new WebSocket that may run `most` operations at once.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { phase: Phase::Fresh, running: HashSet::new(), most }
    }

    /// Whether the client has sent `connection_init`.
    #[must_use]
    pub fn is_introduced(&self) -> bool {
        self.phase != Phase::Fresh
    }

    /// Accepts the credential; returns the frame to send.
    pub fn acknowledge(&mut self) -> String {
        self.phase = Phase::Acknowledged;
        json!({"type": "connection_ack"}).to_string()
    }

    /// Ends an operation. False if the client had ended it already.
    pub fn ended(&mut self, id: &str) -> bool {
        self.running.remove(id)
    }

    /// Handles a text message of the client.
    pub fn on_text(&mut self, text: &str) -> Step {
        let Ok(Value::Object(mut message)) = serde_json::from_str(text) else {
            return Step::Close(Close::bad_request("Invalid message: expected a JSON object"));
        };
        let payload = message.remove("payload");
        let id = match message.remove("id") {
            None => None,
            Some(Value::String(id)) if !id.is_empty() && id.len() <= 256 => Some(id),
            Some(_) => return Step::Close(Close::bad_request("Invalid message: `id` must be text")),
        };
        let kind = message.get("type").and_then(Value::as_str).unwrap_or_default();
        match (kind, id) {
            ("connection_init", _) => self.on_init(payload),
            ("ping", _) => Step::Send(match payload {
                Some(payload) => json!({"type": "pong", "payload": payload}).to_string(),
                None => json!({"type": "pong"}).to_string(),
            }),
            ("pong", _) => Step::Nothing,
            ("subscribe", Some(id)) => self.on_subscribe(id, payload),
            ("complete", Some(id)) => {
                if self.running.remove(&id) {
                    Step::Stop(id)
                } else {
                    Step::Nothing
                }
            }
            _ => Step::Close(Close::bad_request("Invalid message: unknown `type`, or no `id`")),
        }
    }

    fn on_init(&mut self, payload: Option<Value>) -> Step {
        if self.phase != Phase::Fresh {
            return Step::Close(Close::new(4429, "Too many initialisation requests"));
        }
        self.phase = Phase::Introduced;
        match payload.unwrap_or(Value::Null) {
            payload @ (Value::Null | Value::Object(_)) => Step::Authenticate(payload),
            _ => Step::Close(Close::bad_request("Invalid message: `payload` must be an object")),
        }
    }

    fn on_subscribe(&mut self, id: String, payload: Option<Value>) -> Step {
        if self.phase != Phase::Acknowledged {
            return Step::Close(Close::unauthorized());
        }
        let Some(payload @ Value::Object(_)) = payload else {
            return Step::Close(Close::bad_request("Invalid message: `payload` must be an object"));
        };
        if self.running.contains(&id) {
            let shown: String = id.chars().take(40).collect();
            return Step::Close(Close::new(4409, format!("Subscriber for {shown} already exists")));
        }
        if self.running.len() >= self.most {
            let message = format!("a WebSocket runs at most {} operations at once: complete one first", self.most);
            let errors = json!([{"message": message, "extensions": {"code": "LIMIT_EXCEEDED"}}]);
            return Step::Send(json!({"id": id, "type": "error", "payload": errors}).to_string());
        }
        self.running.insert(id.clone());
        Step::Start(id, payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(step: &Step) -> u16 {
        match step {
            Step::Close(close) => close.code,
            _ => 0,
        }
    }

    fn ready() -> Protocol {
        let mut protocol = Protocol::new(2);
        assert_eq!(protocol.on_text(r#"{"type":"connection_init"}"#), Step::Authenticate(Value::Null));
        assert_eq!(protocol.acknowledge(), r#"{"type":"connection_ack"}"#);
        protocol
    }

    #[test]
    fn an_operation_before_the_acknowledgement_is_unauthorized() {
        let subscribe = r#"{"id":"1","type":"subscribe","payload":{"query":"{a}"}}"#;
        assert_eq!(code(&Protocol::new(2).on_text(subscribe)), 4401);
        let mut introduced = Protocol::new(2);
        introduced.on_text(r#"{"type":"connection_init","payload":{}}"#);
        assert_eq!(code(&introduced.on_text(subscribe)), 4401);
    }

    #[test]
    fn a_second_introduction_is_one_too_many() {
        assert_eq!(code(&ready().on_text(r#"{"type":"connection_init"}"#)), 4429);
    }

    #[test]
    fn a_message_of_no_protocol_is_a_bad_request() {
        for text in [
            "",
            "x",
            "[]",
            r#"{"type":"nope"}"#,
            r#"{"type":"subscribe","payload":{}}"#,
            r#"{"id":1,"type":"complete"}"#,
            r#"{"id":"1","type":"subscribe"}"#,
            r#"{"id":"1","type":"subscribe","payload":"x"}"#,
            r#"{"id":"","type":"complete"}"#,
        ] {
            assert_eq!(code(&ready().on_text(text)), 4400, "{text}");
        }
        assert_eq!(code(&Protocol::new(1).on_text(r#"{"type":"connection_init","payload":1}"#)), 4400);
    }

    #[test]
    fn an_id_is_taken_until_its_operation_ends() {
        let mut protocol = ready();
        let subscribe = r#"{"id":"1","type":"subscribe","payload":{"query":"{a}"}}"#;
        assert!(matches!(protocol.on_text(subscribe), Step::Start(id, _) if id == "1"));
        assert_eq!(code(&protocol.on_text(subscribe)), 4409);
        assert!(protocol.ended("1"));
        assert!(matches!(protocol.on_text(subscribe), Step::Start(..)));
        assert_eq!(protocol.on_text(r#"{"id":"1","type":"complete"}"#), Step::Stop("1".to_owned()));
        assert_eq!(protocol.on_text(r#"{"id":"1","type":"complete"}"#), Step::Nothing);
        assert!(!protocol.ended("1"));
    }

    #[test]
    fn the_operations_of_a_socket_are_bounded() {
        let mut protocol = ready();
        let subscribe = |id: u8| format!(r#"{{"id":"{id}","type":"subscribe","payload":{{"query":"{{a}}"}}}}"#);
        protocol.on_text(&subscribe(1));
        protocol.on_text(&subscribe(2));
        assert!(matches!(protocol.on_text(&subscribe(3)), Step::Send(frame) if frame.contains("LIMIT_EXCEEDED")));
    }

    #[test]
    fn a_ping_is_answered_with_its_payload_in_any_state() {
        let pong = Protocol::new(1).on_text(r#"{"type":"ping","payload":{"a":1}}"#);
        assert_eq!(pong, Step::Send(r#"{"type":"pong","payload":{"a":1}}"#.to_owned()));
        assert_eq!(Protocol::new(1).on_text(r#"{"type":"pong"}"#), Step::Nothing);
    }
}
