//! Authentic events that identify nothing: a placeholder as the only id, an opt-out without a person. Each is kept
//! unchanged and changes nothing, above all no other person's message.

use serde_json::json;

use super::super::{Crowd, Event};
use crate::{
    claim::Claim,
    provider::{
        Provider, mobtexting, oblic,
        oneroute::{self, Thread},
    },
};

impl Crowd {
    pub(in super::super) fn nothing(&mut self) -> Event {
        let (token, at, nothing) = (self.token(), self.second(), self.no_id());
        let text = token.as_str();
        let (provider, name, body) = match self.random.below(6) {
            0 => {
                let mut body = mobtexting::message_status("whatsapp", "", "919019120000", "919800000000", "failed", at);
                (body["payload"]["id"], body["payload"]["foreign_id"]) = (nothing, json!(text));
                (Provider::MobTexting, "whatsapp:message:status", body)
            }
            1 => {
                let mut body = oneroute::delivery_report(true, "", "", "failed", "919800000000", at);
                let sent = &mut body["conversation"];
                (sent["id"], sent["externalId"]) = (nothing, self.no_id());
                sent["reason"] = json!(text);
                (Provider::OneRoute, "smsDeliveryReport", body)
            }
            2 => {
                let thread = Thread { id: String::new(), name: "Ada".to_owned(), email: None, channel: 0 };
                let mut body = oneroute::new_message(&thread, None, text, false, at);
                body["conversation"]["id"] = nothing;
                (body["message"]["conversation_id"], body["message"]["externalId"]) = (self.no_id(), self.no_id());
                (Provider::OneRoute, "newMessage", body)
            }
            3 => {
                let person = oblic::Person {
                    id: format!("c-{text}"),
                    username: format!("u-{text}"),
                    conversation: format!("v-{text}"),
                    phone: None,
                };
                let mut body = oblic::message(text, "", &person, text, at.timestamp(), at.timestamp());
                body["payload"]["id"] = nothing;
                (Provider::Oblic, "message.created", body)
            }
            4 => {
                let body =
                    json!({ "id": format!("e-{text}"), "type": "contact.deleted", "payload": { "id": nothing } });
                (Provider::Oblic, "contact.deleted", body)
            }
            _ => {
                let mut body = mobtexting::unsubscription(&self.random.uuid(), "", text, at);
                body["receiver"] = self.nobody();
                let event = Event::new(Provider::MobTexting, "sms:unsubscription", body, vec![]).named_by_url();
                return Event { claims: vec![Claim::Unrecognised { token }], ..event };
            }
        };
        Event::new(provider, name, body, vec![Claim::Unrecognised { token }])
    }
}
