//! The channel of an event.

use inlet_domain::{
    command::{ChannelRef, ChannelReport},
    model::{channel::Medium, source::Source},
};

use crate::{
    address::{self, Numbering},
    text::bounded_id,
};

/// The source's own channel, for events that name none: the channel of its settings, else one that is made for the
/// source.
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

/// The channel with one of our addresses.
pub(crate) fn at(medium: Medium, address: &str, numbering: Numbering) -> ChannelRef {
    ChannelRef::Reported(Box::new(ChannelReport {
        ids: address_ids(medium, address, numbering),
        ..ChannelReport::at_address(medium, address)
    }))
}

/// The ids by which an address finds its channel: as written, and each normalised form that differs. So one number
/// finds one channel in every spelling.
pub(crate) fn address_ids(medium: Medium, address: &str, numbering: Numbering) -> Vec<String> {
    let mut ids = Vec::new();
    for form in address::forms(medium, address, numbering) {
        let id = bounded_id(ChannelReport::address_id(medium, &form));
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b3_one_number_of_ours_finds_one_channel_in_all_clothes() {
        for written in ["+447700900123", "44 7700 900123", "whatsapp:+447700900123", "447700900123:1@s.whatsapp.net"] {
            let ids = address_ids(Medium::Whatsapp, written, Numbering::CountryCodeFirst(None));
            assert!(ids.contains(&"whatsapp:447700900123".to_owned()), "{written}: {ids:?}");
        }
        let of_brazil = |written| address_ids(Medium::Whatsapp, written, Numbering::CountryCodeFirst(None));
        let shared = of_brazil("551187654321").into_iter().filter(|id| of_brazil("+5511987654321").contains(id));
        assert_eq!(shared.collect::<Vec<_>>(), ["whatsapp:5511987654321"]);
        let of_chat = address_ids(Medium::Telegram, "+6597325156", Numbering::CountryCodeFirst(None));
        assert_eq!(of_chat, ["telegram:6597325156"]);
        assert_eq!(address_ids(Medium::Sms, "Demo12", Numbering::CountryCodeFirst(None)), ["sms:Demo12"]);
    }
}
