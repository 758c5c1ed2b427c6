//! The bodies of MobTexting (`cpaas-events.md`, `cpaas-whatsapp-webhooks.md`).

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

/// A person who writes to the workspace.
#[derive(Debug, Clone)]
pub struct Person {
    /// Digits with country code.
    pub phone: String,
    /// First name.
    pub first: String,
    /// Last name.
    pub last: String,
}

/// A time in the format of the messaging services.
#[must_use]
pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A time in the format of SMS and voice: without an offset, in India's zone (MT-14).
#[must_use]
pub fn naive(at: DateTime<Utc>) -> String {
    (at + TimeDelta::minutes(330)).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// `<medium>:message:in` (MT-6 to MT-8), with a text or, with a caption, an image.
#[must_use]
pub fn message_in(medium: &str, id: &str, ours: &str, person: &Person, text: &str, image: bool) -> Value {
    let Person { phone, first, last } = person;
    let message = if image {
        json!({ "type": "image", "payload": {
            "url": format!("https://media.invalid/{id}.png"), "caption": text, "filename": "" } })
    } else {
        json!({ "type": "text", "payload": { "text": text } })
    };
    json!({
        "event": format!("{medium}:message:in"),
        "payload": {
            "id": id,
            "channels": [{ "name": medium, "to": ours }],
            "recipient": {
                "from": phone,
                "user": {
                    "id": format!("user-{phone}"),
                    "username": format!("{first}.{last}").to_lowercase(),
                    "first_name": first,
                    "middle_name": "null",
                    "last_name": last,
                    "email": null,
                    "phone": phone,
                    "attributes": [],
                    "user_info": { "picture": "null", "gender": null, "title": "null" },
                },
            },
            "message": message,
        },
    })
}

/// `<medium>:message:status` (MT-5).
#[must_use]
pub fn message_status(medium: &str, id: &str, ours: &str, to: &str, status: &str, at: DateTime<Utc>) -> Value {
    let stamped = |words: &[&str]| words.contains(&status).then(|| time(at));
    json!({
        "event": format!("{medium}:message:status"),
        "payload": {
            "id": id,
            "channel": medium,
            "from": ours,
            "to": to,
            "status": status,
            "delivered_at": stamped(&["delivered", "read"]),
            "read_at": stamped(&["read"]),
            "processed_at": time(at),
            "timestamp": time(at),
            "foreign_id": "simulated",
        },
    })
}

/// `sms:message:status` (MT-3) of one part of a message.
#[must_use]
pub fn sms_status(id: &str, part: usize, to: &str, status: &str, at: DateTime<Utc>) -> Value {
    json!({
        "id": format!("{id}:{part}"),
        "mobile": to,
        "status": status,
        "credits": "2.0000",
        "units": 2,
        "deliv_time": naive(at),
        "sent_time": naive(at - TimeDelta::seconds(16)),
        "submit_time": naive(at - TimeDelta::seconds(12)),
        "cid": "12344440000",
        "custom": "98820000",
    })
}

/// `*:unsubscription` (MT-4). Only the URL has the medium.
#[must_use]
pub fn unsubscription(id: &str, receiver: &str, sender: &str, at: DateTime<Utc>) -> Value {
    json!({
        "id": id,
        "receiver": receiver,
        "type": "sender",
        "value": sender,
        "created_at": time(at),
        "status": "Unsubscriber created successfully",
    })
}

/// `voice:message:out` (MT-9).
#[must_use]
pub fn call(mid: &str, customer: &str, seconds: usize, at: DateTime<Utc>) -> Value {
    json!({
        "bridge": 918_068_280_000_u64,
        "from": 918_919_520_000_u64,
        "to": customer,
        "source": "OBD",
        "mid": mid,
        "flow_id": 123,
        "start_at": naive(at),
        "end_at": naive(at + TimeDelta::seconds(i64::try_from(seconds).unwrap_or(0))),
        "duration": seconds.to_string(),
        "status": "ANSWER",
        "recording_url": format!("https://media.invalid/{mid}.mp3"),
    })
}

/// `contacts:subscriber:subscription` (MT-10).
#[must_use]
pub fn subscriber(id: u64, email: &str, first: &str, at: DateTime<Utc>) -> Value {
    json!({
        "id": id,
        "identity": email,
        "first_name": first,
        "middle_name": null,
        "last_name": "Test",
        "gender": "male",
        "birth_date": "1996-07-16",
        "company": null,
        "attributes": { "membership": "platinum", "status": "vip", "customerNumber": "23" },
        "created_at": time(at),
        "updated_at": time(at),
        "status": "Subscriber created successfully",
    })
}
