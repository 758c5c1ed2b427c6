//! What can happen next in the crowd: each scene makes an event, and may leave reports for later.

use serde_json::Value;

use super::{Crowd, Event, FIRST};
use crate::{
    claim::{Claim, MessageKey, Rung},
    provider::{Provider, mobtexting, oblic, oneroute},
    random::Random,
};

const MEDIA: [&str; 4] = ["whatsapp", "rcs", "viber", "vmn"];

impl Crowd {
    pub(super) fn message_in(&mut self) -> Event {
        let token = self.token();
        let person = self.person();
        let medium = self.random.pick(&MEDIA).to_owned();
        let ours = format!("91901912000{}", self.random.below(2));
        let id = self.random.uuid();
        let text = format!("Where is my order {}? नमस्ते 👋", token.as_str());
        let image = self.random.percent(15);
        let claims = vec![
            Claim::Message {
                key: MessageKey::External(id.clone(), None),
                inbound: true,
                text: (0, text.clone()),
                thread: format!("{medium}:{ours}:{}", person.phone),
            },
            Claim::Contact(person.phone.clone()),
        ];
        let body = mobtexting::message_in(&medium, &id, &ours, &person, &text, image);
        event(Provider::MobTexting, &format!("{medium}:message:in"), false, body, claims)
    }

    pub(super) fn new_message(&mut self) -> Event {
        let token = self.token();
        let thread = self.thread();
        let by_agent = self.random.percent(12);
        let text = format!("Hello \"World\" {} / ñ", token.as_str());
        let external = (by_agent || self.random.percent(70)).then(|| format!("wamid.{}", token.as_str()));
        let key = external.as_ref().map_or(MessageKey::Text(text.clone()), |id| MessageKey::External(id.clone(), None));
        let mut claims = vec![Claim::Message {
            key,
            inbound: !by_agent,
            text: (0, text.clone()),
            thread: format!("oneroute:{}", thread.id),
        }];
        if let Some(email) = &thread.email {
            claims.push(Claim::Contact(email.clone()));
        }
        let body = oneroute::new_message(&thread, external.as_deref(), &text, by_agent, self.at());
        if by_agent && let Some(external) = external {
            let id = self.random.uuid();
            let to = self.phone();
            let reports = self.oneroute_reports(false, &id, &external, &to);
            self.report_later(reports);
        }
        event(Provider::OneRoute, "newMessage", false, body, claims)
    }

    pub(super) fn oneroute_reports(&mut self, sms: bool, id: &str, external: &str, to: &str) -> Vec<Event> {
        let name = if sms { "smsDeliveryReport" } else { "whatsappDeliveryReport" };
        let key = MessageKey::External(external.to_owned(), Some(id.to_owned()));
        let at = self.at();
        course(&mut self.random, !sms)
            .into_iter()
            .map(|(word, rung)| {
                let body = oneroute::delivery_report(sms, id, external, word, to, at);
                let claims = vec![Claim::Status { key: key.clone(), part: 0, rung }];
                event(Provider::OneRoute, name, false, body, claims)
            })
            .collect()
    }

    pub(super) fn sent_over_oneroute(&mut self) {
        let token = self.token();
        let (id, to, sms) = (self.random.uuid(), self.phone(), self.random.percent(50));
        let reports = self.oneroute_reports(sms, &id, &format!("x-{}", token.as_str()), &to);
        self.report_later(reports);
    }

    pub(super) fn sent_over_mobtexting(&mut self) {
        let (id, to, at) = (self.random.uuid(), self.person().phone, self.at());
        let medium = self.random.pick(&["whatsapp", "rcs", "viber"]).to_owned();
        let key = MessageKey::External(id.clone(), None);
        let reports = course(&mut self.random, true).into_iter().map(|(word, rung)| {
            let body = mobtexting::message_status(&medium, &id, "919019120000", &to, word, at);
            let claims = vec![Claim::Status { key: key.clone(), part: 0, rung }];
            event(Provider::MobTexting, &format!("{medium}:message:status"), false, body, claims)
        });
        let reports = reports.collect();
        self.report_later(reports);
    }

    pub(super) fn sent_as_sms(&mut self) {
        let (id, to, at) = (self.random.uuid(), self.phone(), self.at());
        let parts = 1 + self.random.below(3);
        let mut reports = Vec::new();
        for part in 1..=parts {
            let (word, rung) = match self.random.below(10) {
                0 => ("UNDELIV", Rung::Failed),
                1 => ("expired", Rung::Failed),
                _ => ("DELIVRD", Rung::Delivered),
            };
            let claims = vec![Claim::Status { key: MessageKey::External(id.clone(), None), part, rung }];
            let body = mobtexting::sms_status(&id, part, &to, word, at);
            let named_by_url = self.random.percent(50);
            reports.push(event(Provider::MobTexting, "sms:message:status", named_by_url, body, claims));
        }
        self.report_later(reports);
    }

    pub(super) fn oblic_message(&mut self) -> Event {
        let token = self.token();
        let friend = self.friend();
        let id = format!("m-{}", token.as_str());
        let at = self.at().timestamp();
        let mut versions = Vec::new();
        for version in 0..=i64::from(self.random.percent(40)) {
            let text = format!("I hate meetings. {} v{version}", token.as_str());
            let body = oblic::message(&format!("e{version}-{}", token.as_str()), &id, &friend, &text, at, at + version);
            let name = if version == 0 { "message.created" } else { "message.updated" };
            let claims = vec![
                Claim::Message {
                    key: MessageKey::External(id.clone(), None),
                    inbound: true,
                    text: (version, text),
                    thread: format!("oblic:{}", friend.conversation),
                },
                Claim::Contact(friend.id.clone()),
            ];
            versions.push(event(Provider::Oblic, name, false, body, claims));
        }
        if self.random.percent(10) {
            let file = self.token();
            let body = oblic::attachment_created(&format!("e-{}", file.as_str()), &format!("f-{}", file.as_str()), &id);
            versions.push(event(Provider::Oblic, "attachment.created", false, body, vec![]));
        }
        let first = versions.remove(0);
        self.report_later(versions);
        first
    }

    pub(super) fn rare(&mut self) -> Event {
        let token = self.token();
        let at = self.at();
        let word = token.as_str().to_owned();
        let logged = |kind| vec![Claim::Logged { kind, token: token.clone() }];
        match self.random.below(9) {
            0 => {
                let otp = format!("{:05}", self.random.below(100_000));
                let id = format!("9{:011}", self.random.below(100_000_000_000));
                let body = oneroute::otp_verified(&id, &otp, &word, at);
                event(Provider::OneRoute, "otpVerified", false, body, logged("verification.verified"))
            }
            1 => {
                let body = oneroute::low_balance(&format!("Firm {word}"), self.random.below(50));
                event(Provider::OneRoute, "lowUnitBalance", false, body, logged("balance.low"))
            }
            2 => {
                let body = oneroute::campaign_completed(&word);
                event(Provider::OneRoute, "compaignDeliveryReport", false, body, logged("campaign.completed"))
            }
            3 | 4 => {
                let medium = self.random.pick(&["sms", "whatsapp", "rcs", "voice", "viber"]).to_owned();
                let (id, person) = (self.random.uuid(), self.person());
                let body = mobtexting::unsubscription(&id, &person.phone, &word, at);
                let mut claims = logged("opt_out.created");
                claims.push(Claim::Contact(person.phone));
                event(Provider::MobTexting, &format!("{medium}:unsubscription"), true, body, claims)
            }
            5 => {
                let (person, seconds) = (self.person(), self.random.below(300));
                let body = mobtexting::call(&word, &person.phone, seconds, at);
                let mut claims = logged("call.completed");
                claims.push(Claim::Contact(person.phone));
                let named_by_url = self.random.percent(50);
                event(Provider::MobTexting, "voice:message:out", named_by_url, body, claims)
            }
            6 => {
                let email = format!("{word}@example.org");
                let id = 1_000_000_000 + (self.random.bits() >> 20);
                let body = mobtexting::subscriber(id, &email, self.random.pick(&FIRST), at);
                let name = "contacts:subscriber:subscription";
                event(Provider::MobTexting, name, false, body, vec![Claim::Contact(email)])
            }
            7 => {
                let friend = self.friend();
                let body = oblic::contact_created(&format!("e-{word}"), &friend, at.timestamp());
                event(Provider::Oblic, "contact.created", false, body, vec![Claim::Contact(friend.id)])
            }
            _ => {
                let friend = self.friend();
                let body = oblic::group_created(&format!("e-{word}"), &format!("g-{word}"), &friend, at.timestamp());
                event(Provider::Oblic, "group.created", false, body, logged("group.created"))
            }
        }
    }
}

fn event(provider: Provider, name: &str, named_by_url: bool, body: Value, claims: Vec<Claim>) -> Event {
    Event { provider, name: name.to_owned(), named_by_url, body, claims }
}

/// What a provider reports on one message, in the order in which it happened.
fn course(random: &mut Random, reads: bool) -> Vec<(&'static str, Rung)> {
    let mut course = vec![("sent", Rung::Sent)];
    if random.percent(12) {
        course.push(("failed", Rung::Failed));
        return course;
    }
    course.push(("delivered", Rung::Delivered));
    if reads && random.percent(60) {
        course.push(("read", Rung::Read));
    }
    course
}
