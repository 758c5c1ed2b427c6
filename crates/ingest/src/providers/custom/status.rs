//! Status reports by a mapping.

use chrono::{DateTime, Utc};
use inlet_domain::{
    command::{Effect, StatusReport, StatusTimes},
    model::{
        mapping::{Field, MappedStatus, Mapping},
        status::DeliveryStatus,
    },
};
use serde_json::json;

use super::{Places, Reading};
use crate::{
    address::{self, Address},
    fields::{Rules, bounded_id},
    key,
    vocabulary::Meaning,
};

/// The key of a report: the message, the word and the times, so that a repeat is one and a news is another.
pub(super) fn key(places: &Places<'_>, rules: Rules) -> Reading<String> {
    let (id, status, part) = match rules {
        Rules::Current => (places.id(Field::Id)?, places.text(Field::Status)?, places.text(Field::Part)?),
        Rules::Former => (
            places.former_text(Field::Id)?.map(bounded_id),
            places.former_text(Field::Status)?,
            places.former_text(Field::Part)?,
        ),
    };
    Ok(key::digest(&json!([
        id.unwrap_or_default(),
        part.unwrap_or_default(),
        status.unwrap_or_default(),
        places.time(Field::OccurredAt)?,
        places.time(Field::SentAt)?,
        places.time(Field::DeliveredAt)?,
        places.time(Field::ReadAt)?,
        places.time(Field::FailedAt)?,
    ])))
}

/// The report.
pub(super) fn read(places: &Places<'_>, mapping: &Mapping) -> Reading<Effect> {
    let id = places.id(Field::Id)?.unwrap_or_default();
    let raw_status = places.text(Field::Status)?.unwrap_or_default();
    let meaning = meaning(mapping, &raw_status);
    let at = places.time(Field::OccurredAt)?;
    let mut times = StatusTimes {
        sent_at: places.time(Field::SentAt)?,
        delivered_at: places.time(Field::DeliveredAt)?,
        read_at: places.time(Field::ReadAt)?,
        failed_at: places.time(Field::FailedAt)?,
    };
    let part = places.text(Field::Part)?.unwrap_or_default();
    // A word that is not known changes nothing, so its times count for nothing (MT-11).
    let reported_at = match meaning {
        Meaning::Unknown => {
            times = StatusTimes::default();
            None
        }
        Meaning::Step(step) => own_time(step, &mut times, at),
    };
    let medium = places.medium_of_addresses()?;
    let written = places.text(Field::Address)?;
    let address = written.and_then(|written| address::on(medium, &written, places.numbering()));
    let report = StatusReport {
        ids: vec![id.clone()],
        external_id: Some(id),
        part,
        status: meaning.step(),
        raw_status,
        code: places.text(Field::Code)?,
        reason: places.text(Field::Reason)?,
        reported_at,
        times,
        channel: places.channel(medium)?,
        person: address.map(Address::person),
        campaign_id: places.id(Field::CampaignId)?,
        details: places.details()?,
    };
    Ok(Effect::Status(Box::new(report)))
}

fn meaning(mapping: &Mapping, word: &str) -> Meaning {
    match &mapping.statuses {
        None => Meaning::of(word),
        Some(words) => match words.get(&word.trim().to_lowercase()) {
            Some(MappedStatus::Step(step)) => Meaning::Step(*step),
            Some(MappedStatus::Deleted) => Meaning::Step(DeliveryStatus::Failed),
            None => Meaning::Unknown,
        },
    }
}

/// The time of the report's own step: that of its own field, else the one time that the report gives.
fn own_time(step: DeliveryStatus, times: &mut StatusTimes, at: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    let own = match step {
        DeliveryStatus::Queued => return at,
        DeliveryStatus::Sent => &mut times.sent_at,
        DeliveryStatus::Failed => &mut times.failed_at,
        DeliveryStatus::Delivered => &mut times.delivered_at,
        DeliveryStatus::Read => &mut times.read_at,
    };
    *own = own.or(at);
    *own
}
