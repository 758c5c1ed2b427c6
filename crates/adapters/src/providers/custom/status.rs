//! Reads status reports by a mapping.

use chrono::{DateTime, Utc};
use inlet_domain::{
    command::{Effect, StatusReport, StatusTimes},
    model::{
        mapping::{Field, Mapping},
        status::DeliveryStatus,
    },
};
use serde_json::json;

use super::{Places, Reading};
use crate::{
    address::{self, Address},
    digest, failure,
    fields::Rules,
    text::bounded_id,
    times::{self, Told},
    vocabulary::Meaning,
};

/// The key of a report: the message, the word and the times. So a repeat has the same key, and a new step another.
pub(super) fn key(places: &Places<'_>, rules: Rules) -> Reading<String> {
    let (id, status, part) = match rules {
        Rules::Current => (places.id(Field::Id)?, places.text(Field::Status)?, places.text(Field::Part)?),
        Rules::Former => (
            places.former_text(Field::Id)?.map(bounded_id),
            places.former_text(Field::Status)?,
            places.former_text(Field::Part)?,
        ),
    };
    Ok(digest::of_value(&json!([
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
    let occurred = places.told(Field::OccurredAt)?;
    let mut times = StatusTimes {
        sent_at: places.time(Field::SentAt)?,
        delivered_at: places.time(Field::DeliveredAt)?,
        read_at: places.time(Field::ReadAt)?,
        failed_at: places.time(Field::FailedAt)?,
    };
    let part = places.text(Field::Part)?.unwrap_or_default();
    // An unknown word changes nothing, so its times are ignored (MT-11).
    let reported_at = match meaning {
        Meaning::Unknown => {
            times = StatusTimes::default();
            None
        }
        Meaning::Step(step) => own_time(places, step, &mut times, occurred)?,
    };
    // An object or list in `code` or `reason` may hold both.
    let of_code = places.field_value(Field::Code)?.map(|value| failure::of_code(&value)).unwrap_or_default();
    let of_reason = places.field_value(Field::Reason)?.map(|value| failure::of_value(&value)).unwrap_or_default();
    let failure = of_code.or(of_reason);
    let mut details = places.details()?;
    for field in [Field::Code, Field::Reason] {
        if let Some(value) = places.field_value(field)?.filter(|value| value.is_object() || value.is_array()) {
            details.entry(field.to_string()).or_insert_with(|| value.into_owned());
        }
    }
    let medium = places.medium_of_addresses()?;
    let written = places.text(Field::Address)?;
    let address = written.and_then(|written| address::on(medium, &written, places.numbering()));
    let report = StatusReport {
        ids: vec![id.clone()],
        external_id: Some(id),
        part,
        status: meaning.step(),
        raw_status,
        code: failure.code,
        reason: failure.reason,
        reported_at,
        times,
        channel: places.channel(medium)?,
        person: address.map(Address::person),
        campaign_id: places.id(Field::CampaignId)?,
        details,
    };
    Ok(Effect::Status(Box::new(report)))
}

fn meaning(mapping: &Mapping, word: &str) -> Meaning {
    match &mapping.statuses {
        None => Meaning::of(word),
        Some(words) => match words.get(&word.trim().to_lowercase()) {
            Some(step) => Meaning::Step(*step),
            None => Meaning::Unknown,
        },
    }
}

/// The time of the report's own step: the step's own field, else the general time of the report. A time since 1970 wins
/// over a text without an offset.
fn own_time(
    places: &Places<'_>,
    step: DeliveryStatus,
    times: &mut StatusTimes,
    at: Option<Told>,
) -> Reading<Option<DateTime<Utc>>> {
    let (own, field) = match step {
        DeliveryStatus::Queued => return Ok(at.map(|told| told.time)),
        DeliveryStatus::Sent => (&mut times.sent_at, Field::SentAt),
        DeliveryStatus::Failed => (&mut times.failed_at, Field::FailedAt),
        DeliveryStatus::Delivered => (&mut times.delivered_at, Field::DeliveredAt),
        DeliveryStatus::Read => (&mut times.read_at, Field::ReadAt),
    };
    *own = times::surest_of(places.told(field)?.into_iter().chain(at));
    Ok(*own)
}
