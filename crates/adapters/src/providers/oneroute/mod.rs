//! OneRoute: messages, delivery reports, campaigns, OTP checks and balance warnings.

mod campaign_report;
mod message;
mod notice;
mod report;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use inlet_domain::{
    command::Command,
    model::{channel::Medium, source::HmacAlgorithm},
};
use serde_json::Value;

use crate::{
    address::Numbering,
    fields::{Members, Object},
    provider::{Adapter, CampaignReports, Demo, Request, Understanding},
    signature::Scheme,
    times,
};

/// The adapter.
#[derive(Debug, Clone, Copy)]
pub struct Oneroute;

/// The documented events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    NewMessage,
    LowUnitBalance,
    OtpVerified,
    SmsDeliveryReport,
    WhatsappDeliveryReport,
    CampaignDeliveryReport,
    /// A page of a campaign report. It is fetched, not posted.
    CampaignReport,
}

impl Event {
    const ALL: [Self; 7] = [
        Self::NewMessage,
        Self::LowUnitBalance,
        Self::OtpVerified,
        Self::SmsDeliveryReport,
        Self::WhatsappDeliveryReport,
        Self::CampaignDeliveryReport,
        Self::CampaignReport,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::NewMessage => "newMessage",
            Self::LowUnitBalance => "lowUnitBalance",
            Self::OtpVerified => "otpVerified",
            Self::SmsDeliveryReport => "smsDeliveryReport",
            Self::WhatsappDeliveryReport => "whatsappDeliveryReport",
            Self::CampaignDeliveryReport => "campaignDeliveryReport",
            Self::CampaignReport => campaign_report::EVENT,
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        // The documents spell the name this way (OR-11).
        if name.eq_ignore_ascii_case("compaignDeliveryReport") {
            return Some(Self::CampaignDeliveryReport);
        }
        Self::ALL.into_iter().find(|event| name.eq_ignore_ascii_case(event.name()))
    }

    fn of_shape(body: &Object) -> Option<Self> {
        let has = |name: &str| body.contains_key(name);
        let conversation = body.object("conversation");
        if has("otp") && has("verified") {
            Some(Self::OtpVerified)
        } else if has("firm") && has("units") {
            Some(Self::LowUnitBalance)
        } else if has("campaignReportUrl") {
            Some(Self::CampaignDeliveryReport)
        } else if has("data") && has("totalPage") {
            Some(Self::CampaignReport)
        } else if body.object("message").is_some() && conversation.is_some() {
            Some(Self::NewMessage)
        } else if conversation.is_some_and(|sent| sent.contains_key("status") && sent.contains_key("to")) {
            let whatsapp = conversation.is_some_and(|sent| sent.contains_key("template_category"));
            Some(if whatsapp { Self::WhatsappDeliveryReport } else { Self::SmsDeliveryReport })
        } else {
            None
        }
    }
}

impl Adapter for Oneroute {
    fn scheme(&self) -> Scheme {
        Scheme { restringified: true, ..Scheme::hex("x-oneroute-signature", HmacAlgorithm::Sha512) }
    }

    fn demo(&self) -> Option<Demo> {
        Some(Demo { name: "OneRoute", phone_region: None })
    }

    fn understand(&self, request: &Request<'_>) -> Understanding {
        let Some(body) = request.body.as_object() else {
            return request.unknown("the body is not an object");
        };
        let Some(event) = request.named(Event::of_name).or_else(|| Event::of_shape(body)) else {
            return request.unknown("this is not a known OneRoute event");
        };
        let read = match event {
            Event::NewMessage => message::read(request, body),
            Event::LowUnitBalance => notice::balance(body),
            Event::OtpVerified => notice::verification(body),
            Event::CampaignDeliveryReport => notice::campaign(body),
            Event::SmsDeliveryReport => report::read(request, body, event.name(), Medium::Sms),
            Event::WhatsappDeliveryReport => report::read(request, body, event.name(), Medium::Whatsapp),
            Event::CampaignReport => return campaign_report::understand(request, body),
        };
        let event = event.name().to_owned();
        match read {
            Ok(command) => Understanding::Known { event, commands: vec![command] },
            Err(Misfit(reason)) => Understanding::Unknown { reason: format!("{event}: {reason}"), event: Some(event) },
        }
    }

    fn campaign_reports(&self) -> Option<&'static dyn CampaignReports> {
        Some(&campaign_report::Pages)
    }

    fn secret_members(&self, event: Option<&str>) -> &'static [&'static str] {
        match event.and_then(Event::of_name) {
            Some(Event::OtpVerified) => &["otp", "code"],
            Some(_) => &[],
            None => &["otp"],
        }
    }
}

/// The reason why a body is not the event of its name.
struct Misfit(&'static str);

type Reading = Result<Command, Misfit>;

fn time(object: &Object, name: &str) -> Option<DateTime<Utc>> {
    times::read(object.get(name)?, Tz::UTC)
}

/// Numbers have their country code, with or without `+` (OR-10).
fn numbering(request: &Request<'_>) -> Numbering {
    Numbering::CountryCodeFirst(request.region())
}

/// Adds a member to the details, unless it is empty.
fn put(details: &mut Object, name: &str, value: Option<&Value>) {
    if let Some(value) = value.filter(|value| !value.is_null()) {
        details.insert(name.to_owned(), value.clone());
    }
}
