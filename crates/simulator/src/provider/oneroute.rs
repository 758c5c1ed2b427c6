//! The bodies of OneRoute (`oneroute-webhooks.md`).

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// A customer's conversation at OneRoute.
#[derive(Debug, Clone)]
pub struct Thread {
    /// OneRoute's id of the conversation.
    pub id: String,
    /// The customer's name.
    pub name: String,
    /// The customer's email address, if OneRoute knows it.
    pub email: Option<String>,
    /// The number of the firm's channel.
    pub channel: usize,
}

/// The phone number of one of the firm's channels, without a `+` (OR-10).
#[must_use]
pub fn channel_phone(channel: usize) -> String {
    format!("23480123456{channel:02}")
}

/// A time in OneRoute's format.
#[must_use]
pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `newMessage` (OR-1 to OR-6).
#[must_use]
pub fn new_message(thread: &Thread, external_id: Option<&str>, text: &str, by_agent: bool, at: DateTime<Utc>) -> Value {
    let Thread { id, name, email, channel } = thread;
    json!({
        "event": "newMessage",
        "message": {
            "sender": {
                "name": if by_agent { "An agent" } else { name.as_str() },
                "authUser": by_agent,
                "lastActivity": time(at),
            },
            "externalId": external_id,
            "content": text,
            "contentType": "TEXT",
            "imageUrl": null,
            "videoUrl": null,
            "documentUrl": null,
            "audioUrl": null,
            "quoted_message_id": null,
            "conversation_id": id,
        },
        "conversation": {
            "id": id,
            "subject": null,
            "agent": null,
            "customer": { "name": name, "email": email },
            "lastMessageAt": time(at),
            "status": "in-queue",
            "country": "NG",
            "read": false,
            "createdAt": time(at),
            "updatedAt": time(at),
            "agent_id": null,
            "Channel": {
                "id": format!("8bad2edc-2973-4cec-8f33-a17c54dc{channel:04}"),
                "phone": channel_phone(*channel),
                "identifier": format!("simulated-{channel}"),
                "medium": "WHATSAPP",
                "credentials": null,
                "description": "Whatsapp Channel",
                "name": format!("Channel {channel}"),
                "type": "CUSTOM",
                "provider": null,
                "country": "NG",
                "env": "LIVE",
                "status": "ACTIVE",
                "webhookUrl": "https://webhook.url",
            },
        },
    })
}

/// `whatsappDeliveryReport` (OR-10) or `smsDeliveryReport` (OR-9).
#[must_use]
pub fn delivery_report(sms: bool, id: &str, external_id: &str, status: &str, to: &str, at: DateTime<Utc>) -> Value {
    let mut report = json!({
        "event": if sms { "smsDeliveryReport" } else { "whatsappDeliveryReport" },
        "message": null,
        "conversation": {
            "id": id,
            "externalId": external_id,
            "status": status,
            "reason": if status == "failed" { Some("Absent subscriber") } else { None },
            "from": if sms { "Simulated" } else { "2348012345678" },
            "to": format!("+{to}"),
            "units": 0,
            "delivered_time": time(at),
            "createdAt": time(at),
        },
    });
    if !sms {
        report["conversation"]["template_category"] = "MARKETING".into();
        report["conversation"]["campaign_id"] = Value::Null;
        report["conversation"]["identifier"] = Value::Null;
    }
    report
}

/// `otpVerified` (OR-8).
#[must_use]
pub fn otp_verified(id: &str, otp: &str, identifier: &str, at: DateTime<Utc>) -> Value {
    json!({
        "event": "otpVerified",
        "id": id,
        "otp": otp,
        "identifier": identifier,
        "expiration_time": time(at),
        "createdAt": time(at),
        "verified": true,
    })
}

/// `lowUnitBalance` (OR-7).
#[must_use]
pub fn low_balance(firm: &str, units: usize) -> Value {
    json!({ "event": "lowUnitBalance", "firm": firm, "units": units })
}

/// `compaignDeliveryReport`, in OneRoute's spelling (OR-11). No server answers at the report's URL.
#[must_use]
pub fn campaign_completed(campaign: &str) -> Value {
    json!({
        "event": "compaignDeliveryReport",
        "message": "campaign completed.",
        "campaignReportUrl":
            format!("https://reports.invalid/logs?page[size]=10&page[number]=1&campaign_id={campaign}"),
        "conversation": { "id": campaign, "firm_id": "simulated" },
    })
}
