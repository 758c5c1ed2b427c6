//! Our channels, as events tell of them.

use serde::Serialize;

use super::ExternalIds;
use crate::{ids::ChannelId, model::channel::Medium};

/// One of our channels, as far as an event tells. Found by any of `ids`, else created.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelRef {
    /// The source's own channel.
    Known(ChannelId),
    /// By what the provider calls it.
    Reported(Box<ChannelReport>),
}

/// A channel as a provider describes it (OR-5). Members that are `None` change nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelReport {
    /// The provider's channel id if it has one, and `<medium>:<identifier or phone>` for each address that it shows:
    /// a delivery report's `from` finds the channel by these. Use [`ChannelReport::address_id`].
    pub ids: ExternalIds,
    /// The medium.
    pub medium: Medium,
    /// Our address on it, as the provider writes it.
    pub identifier: Option<String>,
    /// Our phone number on it.
    pub phone: Option<String>,
    /// A name for people.
    pub name: Option<String>,
    /// More about it.
    pub description: Option<String>,
    /// ISO 3166 alpha-2.
    pub country: Option<String>,
    /// `LIVE`, `TEST`: the provider's word.
    pub env: Option<String>,
    /// The provider's word.
    pub status: Option<String>,
    /// Data, never a target of ours.
    pub webhook_url: Option<String>,
}

impl ChannelReport {
    /// A channel of which nothing is known but its medium and address.
    #[must_use]
    pub fn at_address(medium: Medium, address: &str) -> Self {
        Self {
            ids: vec![Self::address_id(medium, address)],
            medium,
            identifier: Some(address.to_owned()),
            phone: None,
            name: None,
            description: None,
            country: None,
            env: None,
            status: None,
            webhook_url: None,
        }
    }

    /// The id by which an address finds its channel: a phone number without its leading `+`, all else as it is.
    #[must_use]
    pub fn address_id(medium: Medium, address: &str) -> String {
        format!("{}:{}", medium.as_str(), address.strip_prefix('+').unwrap_or(address))
    }
}
