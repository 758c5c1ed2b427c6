//! Events without a message: `lowUnitBalance`, `otpVerified` and `compaignDeliveryReport`.

use chrono::TimeDelta;
use inlet_domain::command::{
    BalanceReport, CampaignReport, Command, Effect, IdempotencyKey, Secret, VerificationReport,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use super::{Misfit, Reading, time};
use crate::{
    digest,
    fields::{self, Members, Object},
    mask::MASK,
};

/// OR-7: the event has neither id nor time, so a repeat within an hour is the same alert.
pub(super) fn balance(body: &Object) -> Reading {
    let (firm, units) = (body.text("firm"), body.decimal("units"));
    if firm.is_none() && units.is_none() {
        return Err(Misfit("the body has neither `firm` nor `units`"));
    }
    let key = IdempotencyKey {
        kind: "lowUnitBalance".to_owned(),
        id: digest::of_value(&json!([firm, units])),
        former: None,
        window: Some(TimeDelta::hours(1)),
    };
    Ok(Command { key, effect: Effect::Balance(BalanceReport { firm, units }) })
}

/// OR-8: the code is a text, because leading zeros matter. A code that the raw log has masked is no code. A failed
/// check and a successful one with the same id are two events.
pub(super) fn verification(body: &Object) -> Reading {
    let identifier =
        body.text("identifier").filter(|identifier| fields::id(&Value::from(identifier.as_str())).is_some());
    let id = match body.id("id") {
        Some(id) => id,
        None if identifier.is_some() => digest::of_value(&json!([identifier, body.get("createdAt")])),
        None => return Err(Misfit("neither `id` nor `identifier` identifies the verification")),
    };
    let verified = body.flag("verified").ok_or(Misfit("it does not say whether it was verified"))?;
    let code = body.text("otp").filter(|code| code != MASK);
    let report = VerificationReport {
        id: id.clone(),
        identifier,
        verified,
        code: code.map(|code| Secret(SecretString::from(code))),
        expires_at: time(body, "expiration_time"),
        created_at: time(body, "createdAt"),
    };
    let key_of = |id: String| if verified { id } else { digest::of_value(&json!([id, verified])) };
    let key = fields::versioned("otpVerified", key_of(id), |rules| {
        body.get("id").filter(|id| !fields::is_no_id(id)).and_then(|id| rules.id(id)).map(key_of)
    });
    Ok(Command { key, effect: Effect::Verification(Box::new(report)) })
}

/// OR-11: the campaign's id is in the report's URL, else it is the conversation's. Another URL for a campaign is a new
/// event, because its report must be fetched too.
pub(super) fn campaign(body: &Object) -> Reading {
    let report_url = body.text("campaignReportUrl");
    let in_url = report_url.as_deref().and_then(campaign_of_url);
    let id = in_url
        .or_else(|| body.object("conversation").and_then(|conversation| conversation.id("id")))
        .ok_or(Misfit("neither `campaignReportUrl` nor `conversation.id` names a campaign"))?;
    let key_of = |id: &str| digest::of_value(&json!([id, report_url]));
    let key = fields::versioned("campaignDeliveryReport", key_of(&id), |rules| {
        // A placeholder in the URL was the id of all campaigns.
        let of_body = || body.object("conversation").and_then(|conversation| rules.id_of(conversation, "id"));
        let in_url = report_url.as_deref().and_then(written_in_url);
        if in_url.is_some() { None } else { of_body().as_deref().map(key_of) }
    });
    let report = CampaignReport { id, report_url };
    Ok(Command { key, effect: Effect::Campaign(report) })
}

fn campaign_of_url(url: &str) -> Option<String> {
    written_in_url(url).and_then(|id| fields::id(&Value::from(id)))
}

fn written_in_url(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let id = url.query_pairs().find(|(name, _)| name == "campaign_id").map(|(_, id)| id.trim().to_owned());
    id.filter(|id| !id.is_empty())
}
