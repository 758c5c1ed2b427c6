//! Events outside conversations: one-time passwords, credit, campaigns (OR-7, OR-8, OR-11).

use serde_json::json;

use super::super::{Crowd, Event};
use crate::{
    claim::{Claim, Kind, Must},
    provider::{Provider, oneroute},
};

impl Crowd {
    pub(in super::super) fn notice(&mut self) -> Event {
        match self.random.below(3) {
            0 => self.otp(),
            1 => self.balance(),
            _ => {
                let token = self.token();
                self.campaign(token.as_str())
            }
        }
    }

    /// Sometimes a failed check comes before or after the successful one.
    fn otp(&mut self) -> Event {
        let (token, at) = (self.token(), self.second());
        let otp = format!("{:05}", self.random.below(100_000));
        let id = format!("9{:011}", self.random.below(100_000_000_000));
        let body = oneroute::otp_verified(&id, &otp, token.as_str(), at);
        let members = vec![
            ("identifier", Must::text(token.as_str())),
            ("verified", Must::Be(json!(true))),
            ("expiresAt", Must::at(at)),
            ("createdAt", Must::at(at)),
        ];
        let claims =
            vec![Claim::told(Kind::Verification, &id, members), Claim::Logged { kind: "verification.verified", token }];
        if self.random.percent(20) {
            let mut failed = body.clone();
            failed["verified"] = json!(false);
            let claims = vec![Claim::told(Kind::Verification, &id, vec![])];
            self.later(vec![Event::new(Provider::OneRoute, "otpVerified", failed, claims)]);
        }
        Event::new(Provider::OneRoute, "otpVerified", body, claims)
    }

    /// A repeat of a warning within an hour is the same warning; one with another number is new.
    fn balance(&mut self) -> Event {
        let token = self.token();
        let firm = format!("Firm {}", token.as_str());
        let warn = |units: usize| {
            let claims = vec![Claim::told(Kind::Balance, format!("{firm}/{units}"), vec![])];
            Event::new(Provider::OneRoute, "lowUnitBalance", oneroute::low_balance(&firm, units), claims)
        };
        let units = self.random.below(50);
        if self.random.percent(40) {
            self.later(vec![warn(units), warn(units + 50)]);
        }
        warn(units)
    }

    fn campaign(&mut self, id: &str) -> Event {
        let mut body = oneroute::campaign_completed(id);
        // The report job reads the report, so the simulator gives none.
        body["campaignReportUrl"] = json!(null);
        let claims = vec![Claim::told(Kind::Campaign, id, vec![("status", Must::text("COMPLETED"))])];
        if !self.campaigns.iter().any(|known| known == id) {
            self.campaigns.push(id.to_owned());
        }
        let name = if self.random.percent(30) { "campaignDeliveryReport" } else { "compaignDeliveryReport" };
        body["event"] = json!(name);
        Event::new(Provider::OneRoute, name, body, claims)
    }

    /// The id of a campaign that is or will be completed.
    pub(super) fn campaign_id(&mut self) -> String {
        if let Some(known) = Self::old(&mut self.random, &self.campaigns) {
            return known;
        }
        let token = self.token();
        let completed = self.campaign(token.as_str());
        self.later(vec![completed]);
        token.as_str().to_owned()
    }
}
