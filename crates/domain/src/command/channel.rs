//! The workspace's channels, as events describe them.

use serde::Serialize;

use super::ExternalIds;
use crate::{ids::ChannelId, model::channel::Medium};

/// One of the workspace's channels. Apply finds it by any of the ids, or creates it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelRef {
    /// The source's own channel.
    Known(ChannelId),
    /// A channel that the provider describes.
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
    /// Our address on the channel, as the provider writes it.
    pub identifier: Option<String>,
    /// Our phone number on the channel.
    pub phone: Option<String>,
    /// The display name.
    pub name: Option<String>,
    /// The provider's description.
    pub description: Option<String>,
    /// The country, in ISO 3166 alpha-2.
    pub country: Option<String>,
    /// The provider's environment, such as `LIVE` or `TEST`.
    pub env: Option<String>,
    /// The provider's status of the channel.
    pub status: Option<String>,
    /// The provider's URL of the channel. Inlet stores it and never calls it.
    pub webhook_url: Option<String>,
}

impl ChannelReport {
    /// A channel that is known only by its medium and address.
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

    /// The id by which an address finds its channel: a phone number without its leading `+`, any other address
    /// unchanged.
    #[must_use]
    pub fn address_id(medium: Medium, address: &str) -> String {
        format!("{}:{}", medium.as_str(), address.strip_prefix('+').unwrap_or(address))
    }
}
