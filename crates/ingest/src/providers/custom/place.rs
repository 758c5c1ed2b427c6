//! What stands at the places of a mapping.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use inlet_domain::{
    command::ChannelRef,
    model::{
        channel::Medium,
        mapping::{Field, Place, Rule, placeholder},
        message::Direction,
    },
};
use serde_json::Value;

use super::{Reading, cut, misfit};
use crate::{
    address::{self, Numbering},
    channel,
    fields::{self, Object, Rules, bounded_id},
    provider::{Query, Request},
    times,
};

/// The places of a rule in a request.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) rule: &'a Rule,
}

/// A place as a reason names it.
pub(super) fn shown(place: &Place) -> String {
    match place {
        Place::Pointer(pointer) => format!("`{pointer}`"),
        Place::Form(name) => format!("the form's `{name}`"),
        Place::Query(name) => format!("the query's `{name}`"),
        Place::Fixed(value) => format!("the fixed {value}"),
        Place::FirstOf(places) => places.iter().map(shown).collect::<Vec<_>>().join(" or "),
    }
}

/// What stands there, whether it is signed or not: for conditions, which take nothing from it.
pub(super) fn peek<'a>(place: &'a Place, request: &Request<'a>) -> Option<Cow<'a, Value>> {
    let found = match place {
        Place::Pointer(pointer) => request.body.pointer(pointer).map(Cow::Borrowed),
        Place::Form(name) => request.body.get(name).map(Cow::Borrowed),
        Place::Query(name) => {
            let (Query::Counts(query) | Query::Unsigned(query)) = request.query;
            query.get(name).map(Cow::Borrowed)
        }
        Place::Fixed(value) => Some(Cow::Borrowed(value)),
        Place::FirstOf(places) => places.iter().find_map(|place| peek(place, request)),
    };
    found.filter(|value| !is_nothing(value))
}

/// A text, a number or a flag as text.
pub(super) fn plain(value: &Value, rules: Rules) -> Option<String> {
    match value {
        Value::Bool(flag) => Some(flag.to_string()),
        other => rules.text(other),
    }
}

/// How a field is read: not every text is a value of it.
fn reader(field: Field) -> fn(&Value) -> Option<String> {
    match field {
        Field::Id | Field::PersonId | Field::ConversationId | Field::QuotedId | Field::CampaignId => fields::id,
        Field::Address | Field::Channel => fields::address,
        Field::Name
        | Field::Phone
        | Field::Email
        | Field::Username
        | Field::AvatarUrl
        | Field::AuthorName
        | Field::Subject
        | Field::AttachmentUrl
        | Field::Filename
        | Field::MimeType
        | Field::RecordingUrl => fields::name,
        _ => |value| plain(value, Rules::Current).filter(|text| !text.eq_ignore_ascii_case("null")),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

impl<'a> Places<'a> {
    /// What stands there; refused where the provider left a placeholder in it, or where it is not signed.
    fn value(self, place: &'a Place) -> Reading<Option<Cow<'a, Value>>> {
        if let Place::FirstOf(places) = place {
            for place in places {
                if let Some(value) = self.value(place)? {
                    return Ok(Some(value));
                }
            }
            return Ok(None);
        }
        let Some(value) = peek(place, self.request) else { return Ok(None) };
        if matches!((place, self.request.query), (Place::Query(_), Query::Unsigned(_))) {
            return misfit(format!(
                "{} is not signed: with HMAC a query counts only in a request without a body, where it is what is \
                 signed; map a member of the body instead",
                shown(place)
            ));
        }
        let left = match &*value {
            Value::String(text) => placeholder(text).map(|left| cut(left).into_owned()),
            Value::Array(_) | Value::Object(_) => placeholder(&value.to_string()).map(|left| cut(left).into_owned()),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        };
        match left {
            Some(left) => {
                misfit(format!("{} holds the placeholder `{left}`, which the provider did not replace", shown(place)))
            }
            None => Ok(Some(value)),
        }
    }

    fn field_value(self, field: Field) -> Reading<Option<Cow<'a, Value>>> {
        self.rule.fields.get(&field).map_or(Ok(None), |place| self.value(place))
    }

    /// The text of a place as `read` reads it.
    fn read_at(self, place: &'a Place, read: impl FnOnce(&Value) -> Option<String>) -> Reading<Option<String>> {
        let Some(value) = self.value(place)? else { return Ok(None) };
        match &*value {
            Value::Array(_) | Value::Object(_) => misfit(format!("{} holds no text or number", shown(place))),
            value => Ok(read(value)),
        }
    }

    /// The id at a place, as the rules read it.
    pub(super) fn id_at(self, place: &'a Place, rules: Rules) -> Reading<Option<String>> {
        match rules {
            Rules::Current => self.read_at(place, fields::id),
            // Flags and placeholders were ids, but for the text `null`.
            Rules::Former => {
                let read = |value: &Value| plain(value, rules).filter(|text| !text.eq_ignore_ascii_case("null"));
                Ok(self.read_at(place, read)?.map(bounded_id))
            }
        }
    }

    /// The text of a field; a placeholder of it is none.
    pub(super) fn text(self, field: Field) -> Reading<Option<String>> {
        self.rule.fields.get(&field).map_or(Ok(None), |place| self.read_at(place, reader(field)))
    }

    /// The text of a field by the former rules, for the key that they made.
    pub(super) fn former_text(self, field: Field) -> Reading<Option<String>> {
        self.rule.fields.get(&field).map_or(Ok(None), |place| {
            self.read_at(place, |value| plain(value, Rules::Former).filter(|text| !text.eq_ignore_ascii_case("null")))
        })
    }

    /// Whether a placeholder stands where the field's id should.
    pub(super) fn is_no_id(self, field: Field) -> Reading<bool> {
        Ok(self.former_text(field)?.is_some() && self.id(field)?.is_none())
    }

    /// What a person wrote, with the space around it, whatever it says.
    pub(super) fn written(self, field: Field) -> Reading<Option<String>> {
        let Some(value) = self.field_value(field)? else { return Ok(None) };
        match (&*value, plain(&value, Rules::Former)) {
            (Value::String(text), _) => Ok(Some(text.clone())),
            (_, Some(text)) => Ok(Some(text)),
            (_, None) => misfit(format!("`{field}` holds no text or number")),
        }
    }

    /// An id that fits an index.
    pub(super) fn id(self, field: Field) -> Reading<Option<String>> {
        self.rule.fields.get(&field).map_or(Ok(None), |place| self.id_at(place, Rules::Current))
    }

    /// A time; refused where there is something that tells none.
    pub(super) fn time(self, field: Field) -> Reading<Option<DateTime<Utc>>> {
        let Some(value) = self.field_value(field)? else { return Ok(None) };
        if value.as_str().is_some_and(|text| text.trim().eq_ignore_ascii_case("null")) {
            return Ok(None);
        }
        let format = self.rule.times;
        match times::read_as(&value, format, self.request.zone(Tz::UTC)) {
            Some(time) => Ok(Some(time)),
            None => misfit(format!("`{field}` is {}, no time of the format `{format}`", cut(&value.to_string()))),
        }
    }

    /// What has no field, by name.
    pub(super) fn details(self) -> Reading<Object> {
        let mut details = Object::new();
        for (name, place) in &self.rule.details {
            if let Some(value) = self.value(place)? {
                details.insert(name.clone(), value.into_owned());
            }
        }
        Ok(details)
    }

    /// That of the field, else that of the source.
    pub(super) fn medium(self) -> Reading<Option<Medium>> {
        Ok(self.text(Field::Medium)?.map(|word| Medium::of_word(&word)).or(self.request.source.medium))
    }

    /// The medium of addresses: a source that nothing tells it of has none with phones.
    pub(super) fn medium_of_addresses(self) -> Reading<Medium> {
        Ok(self.medium()?.unwrap_or(Medium::Other))
    }

    /// At our address where there is one, else the source's own.
    pub(super) fn channel(self, medium: Medium) -> Reading<ChannelRef> {
        Ok(match self.text(Field::Channel)?.filter(|channel| !address::hides(channel)) {
            Some(address) => channel::at(medium, &address, self.numbering()),
            None => channel::own(self.request.source, medium),
        })
    }

    /// Inbound where nothing tells otherwise.
    pub(super) fn direction(self) -> Reading<Direction> {
        match self.text(Field::Direction)?.map(|word| word.to_ascii_lowercase()).as_deref() {
            None | Some("inbound" | "in" | "incoming") => Ok(Direction::Inbound),
            Some("outbound" | "out" | "outgoing") => Ok(Direction::Outbound),
            Some(word) => misfit(format!("`direction` is `{}`, neither inbound nor outbound", cut(word))),
        }
    }

    /// National numbers are of the source's region; without one, numbers come with their country code.
    pub(super) fn numbering(self) -> Numbering {
        self.request.region().map_or(Numbering::CountryCodeFirst(None), Numbering::RegionFirst)
    }
}
