//! Delivery reports of MobTexting and OneRoute (MT-3, MT-5, OR-9, OR-10).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    super::{Crowd, Event},
    mobtexting::thread,
};
use crate::{
    claim::{Claim, Kind, Must, Report, Rung, STOOD_IN, told_beside},
    provider::{Provider, mobtexting, oneroute},
};

/// A documented list of words, and a word that no document has: both change nothing.
const UNKNOWN: [&str; 2] = ["sent|delivered|read|failed|deleted", "seen-by-bot"];

impl Crowd {
    /// The words of one message's reports, in the order of the steps. The reports may arrive in another order.
    fn course(&mut self, reads: bool) -> Vec<(&'static str, Option<Rung>)> {
        let mut course = vec![("sent", Some(Rung::Sent))];
        if self.random.percent(20) {
            course.insert(0, ("queued", Some(Rung::Queued)));
        }
        if self.random.percent(15) {
            course.push((
                self.random.pick(&["failed", "rejected", "expired", "offline", "blacklist", "UNDELIVERED", "Rejectd"]),
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
        if self.random.percent(9) {
            // In a report this word is a failure, and the message stays.
            course.push(("deleted", Some(Rung::Failed)));
        }
        // The same step again, with another time.
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
            payload["to"] = self.written(&to).0;
            let mut times = [Some(at), None, None, None];
            let mut early = [false; 4];
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
                // The report's time is then that of its step.
                times[1] = Some(at);
            }
            if times[1].is_some_and(|time| time != at) && self.random.percent(6) {
                payload["delivered_at"] = json!(mobtexting::time(self.to_come()));
                (times[1], early[1]) = (None, true);
            }
            let mut failure = ((word != "failed").then(|| word.to_owned()), None);
            if rung == Some(Rung::Failed) {
                times[3] = Some(at);
                if self.random.percent(60) {
                    failure = self.reason(payload);
                }
            }
            if rung.is_none() {
                // Times beside an unknown word change nothing either.
                payload["read_at"] = json!(mobtexting::time(at));
            }
            let report = Report {
                word: word.to_owned(),
                rung,
                times,
                early,
                failure,
                digest: payload.to_string(),
                details: told_beside(payload),
                ..Report::default()
            };
            let claims = vec![
                Claim::Reported { names: vec![format!("{upper}/{id}")], report: Box::new(report) },
                stood_in(&format!("{upper}/{id}"), &thread(&upper, ours, &to)),
                Claim::told(Kind::Channel, format!("{upper}/{ours}"), vec![]),
            ];
            events.push(Event::new(Provider::MobTexting, &format!("{medium}:message:status"), body, claims));
        }
        self.one_of(events)
    }

    /// The reason of a failure in one of the providers' forms, with the expected code and text.
    fn reason(&mut self, report: &mut Value) -> (Option<String>, Option<String>) {
        let code = 131_000 + self.random.below(60);
        let sentence = format!("Undeliverable {}", self.random.below(1_000));
        match self.random.below(5) {
            0 => report["error"] = json!({ "code": code, "description": sentence }),
            1 => report["errors"] = json!([{ "code": code.to_string(), "title": sentence }]),
            2 => report["reason"] = json!({ "code": code, "message": sentence }),
            3 => (report["error_code"], report["error_message"]) = (json!(code), json!(sentence)),
            _ => (report["errorCode"], report["reason"]) = (json!(code.to_string()), json!([sentence])),
        }
        (Some(code.to_string()), Some(sentence))
    }

    /// The parts of one SMS, each with its own course (MT-3).
    pub(in super::super) fn sms_status(&mut self) -> Event {
        let (id, to) = (self.random.uuid(), self.person().phone);
        let mut events = Vec::new();
        for part in 1..=1 + self.random.below(3) {
            let mut course = vec![match self.random.below(14) {
                0 => ("UNDELIV", Some(Rung::Failed)),
                1 => ("expired", Some(Rung::Failed)),
                2 => ("DLT-TEMPLATE", Some(Rung::Failed)),
                3 => ("un delivered", Some(Rung::Failed)),
                4 => ("DELETED", Some(Rung::Failed)),
                _ => ("DELIVRD", Some(Rung::Delivered)),
            }];
            if self.random.percent(30) {
                course.push((self.random.pick(&["AWAITING-DLR", "ENROUTE", "acceptd"]), Some(Rung::Sent)));
            }
            if self.random.percent(10) {
                course.push(("REJECTED", Some(Rung::Failed)));
            }
            if self.random.percent(5) {
                course.push((self.random.pick(&["NOT-DELIVRD", "UNKNOWN"]), None));
            }
            for (word, rung) in course {
                let at = self.second();
                let mut body = mobtexting::sms_status(&id, part, &to, word, at);
                body["mobile"] = self.written(&to).0;
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
                    details: told_beside(&body),
                    ..Report::default()
                };
                let name = format!("SMS/{id}");
                let claims = vec![
                    Claim::Reported { names: vec![name.clone()], report: Box::new(report) },
                    stood_in(&name, &thread("SMS", "own", &to)),
                ];
                let event = Event::new(Provider::MobTexting, "sms:message:status", body, claims);
                events.push(if self.random.percent(50) { event.named_by_url() } else { event });
            }
        }
        self.one_of(events)
    }

    /// A message that OneRoute sent and never shows: only reports name it. In a third of all cases it has no id of
    /// Inlet's.
    pub(in super::super) fn oneroute_sent(&mut self) -> Event {
        let token = self.token();
        let (id, to, sms) = (self.random.uuid(), self.person().phone, self.random.percent(50));
        let external = self.random.percent(66).then(|| format!("x-{}", token.as_str()));
        let events = self.oneroute_reports(sms, 0, (&id, external.as_deref()), &to, false);
        self.one_of(events)
    }

    /// The reports on a message over a channel of OneRoute, and whether the message itself arrives too.
    pub(super) fn oneroute_reports(
        &mut self,
        sms: bool,
        channel: usize,
        (id, external): (&str, Option<&str>),
        to: &str,
        comes: bool,
    ) -> Vec<Event> {
        let (name, medium) = if sms { ("smsDeliveryReport", "SMS") } else { ("whatsappDeliveryReport", "WHATSAPP") };
        let from = if sms { "Simulated".to_owned() } else { oneroute::channel_phone(channel) };
        let created = self.second();
        let mut events = Vec::new();
        let campaign = (!sms && external.is_some() && self.random.percent(20)).then(|| self.campaign_id());
        for (word, rung) in self.course(!sms) {
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
            let mut failure = ((word != "failed").then(|| word.to_owned()), None);
            sent["reason"] = Value::Null;
            if rung == Some(Rung::Failed) {
                // The sentence follows from the word alone: a report without news is a repeat, whatever its other
                // values.
                let sentence = format!("Absent subscriber ({word})");
                let code = word.len().to_string();
                sent["reason"] = match word.len() % 3 {
                    0 => json!(sentence),
                    1 => json!({ "code": word.len(), "description": sentence }),
                    _ => json!([{ "code": code, "title": sentence }]),
                };
                let told = if word.len() % 3 == 0 { failure.0 } else { Some(code) };
                failure = (told, Some(sentence));
            }
            // A report may have only one of the message's ids. Another report with both shows that they are one
            // message. A placeholder may stand instead of the other id.
            let is_bare = !events.is_empty() && self.random.percent(20);
            let (named, named_by_us) = match external {
                Some(external) if is_bare && self.random.percent(50) => (None, Some(external)),
                Some(external) if !is_bare => (Some(id), Some(external)),
                _ => (Some(id), None),
            };
            if named.is_none() {
                sent["id"] = self.no_id();
            }
            if named_by_us.is_none() {
                sent["externalId"] = if self.random.percent(50) { self.no_id() } else { Value::Null };
            }
            let names = named_by_us.into_iter().chain(named);
            let names: Vec<_> = names.map(|name| format!("{medium}/{name}")).collect();
            let hides = comes && self.random.percent(10);
            sent["to"] = if hides { self.nobody() } else { self.written(to).0 };
            let report = Report {
                word: word.to_owned(),
                rung,
                times: [None, delivered, None, None],
                failure,
                // A report with other ids is another report.
                digest: json!([sent["delivered_time"], named, named_by_us]).to_string(),
                details: told_beside(sent),
                ..Report::default()
            };
            let mut claims = Vec::new();
            if !hides {
                claims.push(stood_in(&names[0], &thread(medium, &format!("or-{from}"), to)));
            }
            claims.push(Claim::Reported { names, report: Box::new(report) });
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

/// Until the message itself arrives, a placeholder without content is shown (OR-9).
fn stood_in(name: &str, thread: &str) -> Claim {
    stood_in_with(name, vec![("direction", Must::text("OUTBOUND")), ("thread", Must::text(thread))])
}

fn stood_in_with(name: &str, members: Vec<(&'static str, Must)>) -> Claim {
    Claim::Told { kind: Kind::Message, names: vec![name.to_owned()], stamp: STOOD_IN, members }
}
