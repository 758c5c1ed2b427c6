//! What becomes of sent messages: the reports of MobTexting and OneRoute (MT-3, MT-5, OR-9, OR-10).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    super::{Crowd, Event},
    mobtexting::{number, phone_name, thread},
};
use crate::{
    claim::{Claim, Kind, Must, Report, Rung},
    provider::{Provider, mobtexting, oneroute},
};

/// A documented word that lists the words, and one that no document knows: both change nothing.
const UNKNOWN: [&str; 2] = ["sent|delivered|read|failed|deleted", "seen-by-bot"];

impl Crowd {
    /// The words of one message's reports, in the order of what happened; nothing says that they come so.
    fn course(&mut self, reads: bool) -> Vec<(&'static str, Option<Rung>)> {
        let mut course = vec![("sent", Some(Rung::Sent))];
        if self.random.percent(20) {
            course.insert(0, ("queued", Some(Rung::Queued)));
        }
        if self.random.percent(15) {
            course.push((
                self.random.pick(&["failed", "rejected", "expired", "offline", "blacklist"]),
                Some(Rung::Failed),
            ));
        }
        if course.len() == 1 || self.random.percent(30) {
            course.push(("delivered", Some(Rung::Delivered)));
            if reads && self.random.percent(60) {
                course.push(("read", Some(Rung::Read)));
            }
            if self.random.percent(6) {
                course.push(("failed", Some(Rung::Failed)));
            }
        }
        if self.random.percent(8) {
            course.push((self.random.pick(&UNKNOWN), None));
        }
        if self.random.percent(3) {
            course.push(("deleted", None));
        }
        // The same step once more, with another time.
        if self.random.percent(15) {
            let again = course[self.random.below(course.len())];
            course.push(again);
        }
        course
    }

    pub(in super::super) fn mobtexting_status(&mut self) -> Event {
        let (id, to) = (self.random.uuid(), self.person().phone);
        let medium = self.random.pick(&["whatsapp", "rcs", "viber"]).to_owned();
        let (upper, ours) = (medium.to_uppercase(), "919019120000");
        let mut events = Vec::new();
        for (word, rung) in self.course(true) {
            let at = self.second();
            let mut body = mobtexting::message_status(&medium, &id, ours, &to, word, at);
            let payload = &mut body["payload"];
            let mut times = [Some(at), None, None, None];
            let told = |written: &mut Value, time: DateTime<Utc>| {
                *written = json!(mobtexting::time(time));
                Some(time)
            };
            if matches!(rung, Some(Rung::Delivered | Rung::Read)) && self.random.percent(70) {
                times[1] = told(&mut payload["delivered_at"], at - TimeDelta::milliseconds(1_500));
            } else {
                payload["delivered_at"] = Value::Null;
            }
            if rung == Some(Rung::Read) {
                times[2] = told(&mut payload["read_at"], at - TimeDelta::milliseconds(250));
            }
            if rung == Some(Rung::Delivered) && times[1].is_none() {
                // The time of the report is then that of its step.
                times[1] = Some(at);
            }
            if rung == Some(Rung::Failed) {
                times[3] = Some(at);
            }
            if rung.is_none() && word != "deleted" {
                // Times beside an unknown word change nothing either.
                payload["read_at"] = json!(mobtexting::time(at));
            }
            let code = (word != "failed").then(|| word.to_owned());
            let report = Report {
                word: word.to_owned(),
                rung,
                deleted: word == "deleted",
                times,
                failure: (code, None),
                digest: payload.to_string(),
                ..Report::default()
            };
            let claims = vec![
                Claim::Reported { names: vec![format!("{upper}/{id}")], report: Box::new(report) },
                stood_in(&format!("{upper}/{id}"), &thread(&upper, ours, &to)),
                number(&to),
                Claim::told(Kind::Channel, format!("{upper}/{ours}"), vec![]),
            ];
            events.push(Event::new(Provider::MobTexting, &format!("{medium}:message:status"), body, claims));
        }
        self.one_of(events)
    }

    /// The parts of one SMS, each with its own course (MT-3).
    pub(in super::super) fn sms_status(&mut self) -> Event {
        let (id, to) = (self.random.uuid(), self.person().phone);
        let mut events = Vec::new();
        for part in 1..=1 + self.random.below(3) {
            let mut course = vec![match self.random.below(12) {
                0 => ("UNDELIV", Some(Rung::Failed)),
                1 => ("expired", Some(Rung::Failed)),
                2 => ("DLT-TEMPLATE", Some(Rung::Failed)),
                _ => ("DELIVRD", Some(Rung::Delivered)),
            }];
            if self.random.percent(30) {
                course.push(("AWAITING-DLR", Some(Rung::Sent)));
            }
            if self.random.percent(10) {
                course.push(("REJECTED", Some(Rung::Failed)));
            }
            if self.random.percent(5) {
                course.push(("NOT-DELIVRD", None));
            }
            for (word, rung) in course {
                let at = self.second();
                let mut body = mobtexting::sms_status(&id, part, &to, word, at);
                let (mut delivered, mut failed) = (None, None);
                match rung {
                    Some(Rung::Delivered) => delivered = Some(at),
                    Some(Rung::Failed) => failed = Some(at),
                    _ => body["deliv_time"] = Value::Null,
                }
                let report = Report {
                    part: part.to_string(),
                    word: word.to_owned(),
                    rung,
                    times: [Some(at - TimeDelta::seconds(12)), delivered, None, failed],
                    failure: (Some(word.to_owned()), None),
                    digest: body.to_string(),
                    ..Report::default()
                };
                let name = format!("SMS/{id}");
                let claims = vec![
                    Claim::Reported { names: vec![name.clone()], report: Box::new(report) },
                    stood_in(&name, &thread("SMS", "own", &to)),
                    number(&to),
                ];
                let event = Event::new(Provider::MobTexting, "sms:message:status", body, claims);
                events.push(if self.random.percent(50) { event.named_by_url() } else { event });
            }
        }
        self.one_of(events)
    }

    /// A message that OneRoute sent for us and never shows: only reports tell of it. In a third of all cases it has no
    /// id of ours.
    pub(in super::super) fn oneroute_sent(&mut self) -> Event {
        let token = self.token();
        let (id, to, sms) = (self.random.uuid(), self.person().phone, self.random.percent(50));
        let external = self.random.percent(66).then(|| format!("x-{}", token.as_str()));
        let events = self.oneroute_reports(sms, 0, &id, external.as_deref(), &to);
        self.one_of(events)
    }

    /// The reports on a message that went out over a channel of OneRoute.
    pub(super) fn oneroute_reports(
        &mut self,
        sms: bool,
        channel: usize,
        id: &str,
        external: Option<&str>,
        to: &str,
    ) -> Vec<Event> {
        let (name, medium) = if sms { ("smsDeliveryReport", "SMS") } else { ("whatsappDeliveryReport", "WHATSAPP") };
        let from = if sms { "Simulated".to_owned() } else { oneroute::channel_phone(channel) };
        let created = self.second();
        let mut failed = false;
        let mut events = Vec::new();
        let campaign = (!sms && external.is_some() && self.random.percent(20)).then(|| self.campaign_id());
        for (word, rung) in self.course(!sms) {
            if word == "deleted" || (rung == Some(Rung::Failed) && failed) {
                continue;
            }
            failed |= rung == Some(Rung::Failed);
            let at = self.second();
            let mut body = oneroute::delivery_report(sms, id, "", word, to, created);
            let sent = &mut body["conversation"];
            sent["externalId"] = json!(external);
            sent["from"] = json!(from);
            sent["delivered_time"] = Value::Null;
            let mut delivered = None;
            if matches!(rung, Some(Rung::Delivered | Rung::Read)) {
                delivered = Some(at);
                sent["delivered_time"] = json!(oneroute::time(at));
            }
            let reason = (rung == Some(Rung::Failed)).then(|| format!("Absent subscriber ({word})"));
            sent["reason"] = json!(reason);
            // A report may name the message by one of its ids only; another that names both shows that they are one.
            let told = external.filter(|_| events.is_empty() || !self.random.percent(10));
            if told.is_none() {
                sent["externalId"] = Value::Null;
            }
            let names = told.iter().map(|external| format!("{medium}/{external}"));
            let names: Vec<_> = names.chain([format!("{medium}/{id}")]).collect();
            let report = Report {
                word: word.to_owned(),
                rung,
                times: [None, delivered, None, None],
                failure: ((word != "failed").then(|| word.to_owned()), reason),
                // One that names it otherwise is another report.
                digest: json!([sent["delivered_time"], told]).to_string(),
                ..Report::default()
            };
            let mut claims = vec![
                stood_in(&names[0], &thread(medium, &format!("or-{from}"), to)),
                Claim::Reported { names, report: Box::new(report) },
                // Where the message itself was there first, nothing need be known of the number.
                mentioned(to),
            ];
            if let (Some(campaign), Some(external)) = (&campaign, external) {
                sent["campaign_id"] = json!(campaign);
                let members = vec![("campaign", Must::text(campaign))];
                claims.push(stood_in_with(&format!("{medium}/{external}"), members));
            }
            events.push(Event::new(Provider::OneRoute, name, body, claims));
        }
        events
    }

    fn one_of(&mut self, mut events: Vec<Event>) -> Event {
        let first = events.remove(self.random.below(events.len()));
        self.later(events);
        first
    }
}

/// There is one contact with the number at most.
fn mentioned(phone: &str) -> Claim {
    Claim::Told { kind: Kind::Contact, names: vec![phone_name(phone)], stamp: (-1, 0), members: vec![] }
}

/// Until the message itself comes, one without content stands in for it (OR-9).
fn stood_in(name: &str, thread: &str) -> Claim {
    stood_in_with(name, vec![("direction", Must::text("OUTBOUND")), ("thread", Must::text(thread))])
}

fn stood_in_with(name: &str, members: Vec<(&'static str, Must)>) -> Claim {
    Claim::Told { kind: Kind::Message, names: vec![name.to_owned()], stamp: (-1, 0), members }
}
