//! All providers at once: an endless stream of documented events that a seed fixes, each with what must stand once it
//! is acknowledged.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{Provider, mobtexting, oblic, oneroute};
use crate::{
    claim::{Claim, MessageKey, Rung, Token},
    random::Random,
};

/// An event of a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Who posts it.
    pub provider: Provider,
    /// Its name in the provider's documents.
    pub name: String,
    /// Whether only the URL tells its name.
    pub named_by_url: bool,
    /// What is posted.
    pub body: Value,
    /// What must stand afterwards.
    pub claims: Vec<Claim>,
}

impl Event {
    /// A second copy as the provider would send it: `newMessage` may differ in what says nothing new (OR-1).
    #[must_use]
    pub fn repeat(&self, random: &mut Random) -> Self {
        let mut copy = self.clone();
        if self.name == "newMessage" && random.percent(50) {
            copy.body["conversation"]["read"] = true.into();
            copy.body["conversation"]["updatedAt"] = "2026-01-01T00:00:00.000Z".into();
        }
        copy
    }
}

const MEDIA: [&str; 4] = ["whatsapp", "rcs", "viber", "vmn"];
const FIRST: [&str; 6] = ["Asha", "Bola", "Chidi", "Divya", "Emeka", "Farah"];
const LAST: [&str; 5] = ["Okafor", "Sharma", "Bello", "Rao", "O'Neill"];
/// How many events lie between two reports on one message, at most.
const SPREAD: usize = 40;

/// The stream.
#[derive(Debug)]
pub struct Crowd {
    random: Random,
    run: String,
    start: DateTime<Utc>,
    number: usize,
    people: Vec<mobtexting::Person>,
    threads: Vec<oneroute::Thread>,
    friends: Vec<oblic::Person>,
    /// Reports to come, each with how many events are to come before it.
    later: VecDeque<(usize, Event)>,
}

impl Crowd {
    /// The stream of a seed. `run`, a few letters and digits, goes into every id; `start` is when the first happens.
    #[must_use]
    pub fn new(seed: u64, run: &str, start: DateTime<Utc>) -> Self {
        let salt = run.bytes().fold(seed, |salt, byte| salt.wrapping_mul(31).wrapping_add(u64::from(byte)));
        Self {
            random: Random::seeded(salt),
            run: run.to_owned(),
            start,
            number: 0,
            people: Vec::new(),
            threads: Vec::new(),
            friends: Vec::new(),
            later: VecDeque::new(),
        }
    }

    fn token(&mut self) -> Token {
        self.number += 1;
        Token::new(&self.run, self.number)
    }

    fn at(&self) -> DateTime<Utc> {
        self.start + TimeDelta::milliseconds(20 * i64::try_from(self.number).unwrap_or(0))
    }

    fn phone(&mut self) -> String {
        format!("9198{:08}", self.random.below(100_000_000))
    }

    /// Someone new in a third of all cases, else someone who was there before.
    fn old<T: Clone>(random: &mut Random, known: &[T]) -> Option<T> {
        if random.percent(33) { None } else { known.get(random.below(known.len())).cloned() }
    }

    fn person(&mut self) -> mobtexting::Person {
        if let Some(person) = Self::old(&mut self.random, &self.people) {
            return person;
        }
        let phone = self.phone();
        let (first, last) = (self.random.pick(&FIRST).to_owned(), self.random.pick(&LAST).to_owned());
        let person = mobtexting::Person { phone, first, last };
        self.people.push(person.clone());
        person
    }

    fn thread(&mut self) -> oneroute::Thread {
        if let Some(thread) = Self::old(&mut self.random, &self.threads) {
            return thread;
        }
        let id = self.random.uuid();
        let email = self.random.percent(80).then(|| format!("{id}@example.com"));
        let name = format!("{} {}", self.random.pick(&FIRST), self.random.pick(&LAST));
        let thread = oneroute::Thread { id, name, email, channel: self.random.below(3) };
        self.threads.push(thread.clone());
        thread
    }

    fn friend(&mut self) -> oblic::Person {
        if let Some(friend) = Self::old(&mut self.random, &self.friends) {
            return friend;
        }
        let token = self.token();
        let token = token.as_str();
        let friend = oblic::Person {
            id: format!("c-{token}"),
            username: format!("u-{token}"),
            conversation: format!("v-{token}"),
        };
        self.friends.push(friend.clone());
        friend
    }

    fn report_later(&mut self, events: Vec<Event>) {
        let mut wait = 0;
        for event in events {
            wait += self.random.below(SPREAD);
            let place = self.later.partition_point(|(others, _)| *others <= wait);
            self.later.insert(place, (wait, event));
        }
    }

    fn message_in(&mut self) -> Event {
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

    fn new_message(&mut self) -> Event {
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

    fn oneroute_reports(&mut self, sms: bool, id: &str, external: &str, to: &str) -> Vec<Event> {
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

    fn sent_over_oneroute(&mut self) {
        let token = self.token();
        let (id, to, sms) = (self.random.uuid(), self.phone(), self.random.percent(50));
        let reports = self.oneroute_reports(sms, &id, &format!("x-{}", token.as_str()), &to);
        self.report_later(reports);
    }

    fn sent_over_mobtexting(&mut self) {
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

    fn sent_as_sms(&mut self) {
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

    fn oblic_message(&mut self) -> Event {
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

    fn rare(&mut self) -> Event {
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

impl Iterator for Crowd {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        for (wait, _) in &mut self.later {
            *wait = wait.saturating_sub(1);
        }
        if self.later.front().is_some_and(|(wait, _)| *wait == 0) {
            return self.later.pop_front().map(|(_, event)| event);
        }
        Some(match self.random.below(100) {
            0..38 => self.message_in(),
            38..68 => self.new_message(),
            68..78 => {
                self.sent_over_mobtexting();
                self.message_in()
            }
            78..82 => {
                self.sent_as_sms();
                self.new_message()
            }
            82..86 => {
                self.sent_over_oneroute();
                self.new_message()
            }
            86..93 => self.oblic_message(),
            _ => self.rare(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn crowd(seed: u64, run: &str) -> Vec<Event> {
        Crowd::new(seed, run, DateTime::UNIX_EPOCH).take(5_000).collect()
    }

    #[test]
    fn a_seed_and_a_run_fix_the_stream() {
        assert_eq!(crowd(1, "a"), crowd(1, "a"));
        assert_ne!(crowd(1, "a"), crowd(2, "a"));
        assert_ne!(crowd(1, "a"), crowd(1, "b"));
    }

    #[test]
    fn every_provider_and_most_documented_events_occur() {
        let names: BTreeSet<_> = crowd(1, "a").into_iter().map(|event| event.name).collect();
        for name in [
            "newMessage",
            "otpVerified",
            "lowUnitBalance",
            "compaignDeliveryReport",
            "smsDeliveryReport",
            "whatsappDeliveryReport",
            "sms:message:status",
            "whatsapp:message:in",
            "whatsapp:message:status",
            "viber:message:in",
            "rcs:message:in",
            "vmn:message:in",
            "voice:message:out",
            "sms:unsubscription",
            "contacts:subscriber:subscription",
            "message.created",
            "message.updated",
            "contact.created",
            "group.created",
            "attachment.created",
        ] {
            assert!(names.contains(name), "{name} is missing in {names:?}");
        }
    }

    #[test]
    fn a_repeat_claims_the_same() {
        let mut random = Random::seeded(1);
        for event in crowd(1, "a") {
            let copy = event.repeat(&mut random);
            assert_eq!((copy.name, copy.claims), (event.name, event.claims));
        }
    }
}
