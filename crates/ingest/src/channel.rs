//! Our channel, as an event tells of it.

use inlet_domain::{
    command::{ChannelRef, ChannelReport},
    model::channel::Medium,
    store::sources::Source,
};

use crate::{
    address::{Numbering, e164},
    fields::bounded_id,
};

/// The source's own channel, for events that name none: the one set on it, else one that is made for it.
pub(crate) fn own(source: &Source, medium: Medium) -> ChannelRef {
    match source.channel_id {
        Some(channel) => ChannelRef::Known(channel),
        None => ChannelRef::Reported(Box::new(ChannelReport {
            ids: vec![format!("{}:source:{}", medium.as_str(), source.id)],
            medium,
            identifier: None,
            phone: None,
            name: Some(source.name.clone()),
            description: None,
            country: None,
            env: None,
            status: None,
            webhook_url: None,
        })),
    }
}

/// The channel at one of our addresses.
pub(crate) fn at(medium: Medium, address: &str, numbering: Numbering) -> ChannelRef {
    ChannelRef::Reported(Box::new(ChannelReport {
        ids: address_ids(medium, address, numbering),
        ..ChannelReport::at_address(medium, address)
    }))
}

/// The ids by which an address finds its channel: as written, and in E.164 where that is another.
pub(crate) fn address_ids(medium: Medium, address: &str, numbering: Numbering) -> Vec<String> {
    let mut ids = vec![bounded_id(ChannelReport::address_id(medium, address))];
    if let Some(number) = e164(address, numbering) {
        let id = ChannelReport::address_id(medium, &number);
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}
