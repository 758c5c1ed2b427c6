//! Channels that a report names.

use inlet_domain::command::ChannelReport;
use uuid::Uuid;

use super::super::Context;

use crate::rows::ChannelRow;

pub(super) fn new_channel(context: Context<'_>, id: Uuid, report: &ChannelReport) -> ChannelRow {
    ChannelRow {
        workspace_id: context.workspace(),
        id,
        provider_account_id: context.speaker.account,
        medium: report.medium,
        identifier: report.identifier.clone(),
        phone: report.phone.clone(),
        name: report.name.clone(),
        description: report.description.clone(),
        country: report.country.clone(),
        env: report.env.clone(),
        status: report.status.clone(),
        provider_webhook_url: report.webhook_url.clone(),
        external_id: report.ids.first().cloned(),
        reopen_window_seconds: 7 * 24 * 3600,
        revision: 1,
        created_at: context.at(),
    }
}

/// Whether the row has everything that the report tells.
pub(super) fn describes(row: &ChannelRow, report: &ChannelReport) -> bool {
    let same = |have: &Option<String>, told: &Option<String>| told.is_none() || have == told;
    // A report that has only an address tells nothing new of the channel with that address.
    (report.phone.is_none() || same(&row.identifier, &report.identifier))
        && same(&row.phone, &report.phone)
        && same(&row.name, &report.name)
        && same(&row.description, &report.description)
        && same(&row.country, &report.country)
        && same(&row.env, &report.env)
        && same(&row.status, &report.status)
        && same(&row.provider_webhook_url, &report.webhook_url)
}
