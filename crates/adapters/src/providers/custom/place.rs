//! Looks up the places of a mapping.

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

use super::{Reading, Room, cut, misfit};
use crate::{
    address::{self, Numbering},
    channel, content,
    fields::{self, Object, Rules},
    provider::{Query, Request},
    text::bounded_id,
    times::{self, Told},
};

/// The value in which places are looked up.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// The request.
    pub(super) request: &'a Request<'a>,
    /// The start of pointers: an element of a list, or the body.
    here: &'a Value,
    /// The index in each list on the way to the element.
    indices: &'a [usize],
}

impl<'a> View<'a> {
    /// The whole request.
    pub(super) fn whole(request: &'a Request<'a>) -> Self {
        Self { request, here: request.body, indices: &[] }
    }

    /// An element of a list in its body.
    pub(super) fn of(request: &'a Request<'a>, here: &'a Value, indices: &'a [usize]) -> Self {
        Self { request, here, indices }
    }

    /// Whether it is an element with an index on the way.
    pub(super) fn is_element(self) -> bool {
        !self.indices.is_empty()
    }

    /// The start of pointers.
    pub(super) fn here(self) -> &'a Value {
        self.here
    }

    /// A part of it as the new start of pointers.
    pub(super) fn within(self, here: &'a Value) -> Self {
        Self { here, ..self }
    }

    /// The value at a pointer of the whole body. Each `*` is the element's own index at that position.
    fn at_root(self, pointer: &str) -> Option<&'a Value> {
        if self.indices.is_empty() || !pointer.contains('*') {
            return self.request.body.pointer(pointer);
        }
        let mut indices = self.indices.iter();
        let bound: String = pointer
            .split('/')
            .skip(1)
            .map(|step| match step {
                "*" => indices.next().map_or_else(|| "/*".to_owned(), |index| format!("/{index}")),
                name => format!("/{name}"),
            })
            .collect();
        self.request.body.pointer(&bound)
    }
}

/// The places of a rule in a request.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) view: View<'a>,
    pub(super) rule: &'a Rule,
}

/// A place in the form that reasons use.
pub(super) fn shown(place: &Place) -> String {
    match place {
        Place::Pointer(pointer) => format!("`{pointer}`"),
        Place::Root(pointer) => format!("`#{pointer}`"),
        Place::Form(name) => format!("the form's `{name}`"),
        Place::Query(name) => format!("the query's `{name}`"),
        Place::Fixed(value) => format!("the fixed {value}"),
        Place::FirstOf(places) => places.iter().map(shown).collect::<Vec<_>>().join(" or "),
    }
}

/// The value at a place, signed or not, for conditions.
pub(super) fn peek<'a>(place: &'a Place, view: View<'a>) -> Option<Cow<'a, Value>> {
    let found = match place {
        Place::Pointer(pointer) => view.here.pointer(pointer).map(Cow::Borrowed),
        Place::Root(pointer) => view.at_root(pointer).map(Cow::Borrowed),
        Place::Form(name) => view.request.body.get(name).map(Cow::Borrowed),
        Place::Query(name) => {
            let (Query::Counts(query) | Query::Unsigned(query)) = view.request.query;
            query.get(name).map(Cow::Borrowed)
        }
        Place::Fixed(value) => Some(Cow::Borrowed(value)),
        Place::FirstOf(places) => places.iter().find_map(|place| peek(place, view)),
    };
    found.filter(|value| !is_nothing(value))
}

/// A text, a number or a boolean as text.
pub(super) fn plain(value: &Value, rules: Rules) -> Option<String> {
    match value {
        Value::Bool(flag) => Some(flag.to_string()),
        other => rules.text(other),
    }
}

/// The reader of a field, which refuses unsuitable values.
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
    /// The value at a place. Refused if it is an unreplaced placeholder, or if it is not signed.
    pub(super) fn value(self, place: &'a Place) -> Reading<Option<Cow<'a, Value>>> {
        if let Place::FirstOf(places) = place {
            for place in places {
                if let Some(value) = self.value(place)? {
                    return Ok(Some(value));
                }
            }
            return Ok(None);
        }
        let Some(value) = peek(place, self.view) else { return Ok(None) };
        if matches!((place, self.view.request.query), (Place::Query(_), Query::Unsigned(_))) {
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

    pub(super) fn field_value(self, field: Field) -> Reading<Option<Cow<'a, Value>>> {
        self.rule.fields.get(&field).map_or(Ok(None), |place| self.value(place))
    }

    /// The text of a place, read by `read`.
    fn read_at(self, place: &'a Place, read: impl FnOnce(&Value) -> Option<String>) -> Reading<Option<String>> {
        let Some(value) = self.value(place)? else { return Ok(None) };
        match &*value {
            Value::Array(_) | Value::Object(_) => misfit(format!("{} holds no text or number", shown(place))),
            value => Ok(read(value)),
        }
    }

    /// The id at a place, by these rules.
    pub(super) fn id_at(self, place: &'a Place, rules: Rules) -> Reading<Option<String>> {
        match rules {
            Rules::Current => self.read_at(place, fields::id),
            // Booleans and placeholders were ids, except the text `null`.
            Rules::Former => {
                let read = |value: &Value| plain(value, rules).filter(|text| !text.eq_ignore_ascii_case("null"));
                Ok(self.read_at(place, read)?.map(bounded_id))
            }
        }
    }

    /// The text of a place. The text `null` means null, because composed texts write null so.
    pub(super) fn text_at(self, place: &'a Place) -> Reading<Option<String>> {
        self.read_at(place, |value| plain(value, Rules::Former).filter(|text| !text.eq_ignore_ascii_case("null")))
    }

    /// The text of a field; `None` for a placeholder.
    pub(super) fn text(self, field: Field) -> Reading<Option<String>> {
        self.rule.fields.get(&field).map_or(Ok(None), |place| self.read_at(place, reader(field)))
    }

    /// The text of a field by the former rules, for the former key.
    pub(super) fn former_text(self, field: Field) -> Reading<Option<String>> {
        self.rule.fields.get(&field).map_or(Ok(None), |place| self.text_at(place))
    }

    /// Whether a placeholder stands in the place of the field's id.
    pub(super) fn is_no_id(self, field: Field) -> Reading<bool> {
        Ok(self.former_text(field)?.is_some() && self.id(field)?.is_none())
    }

    /// A text that a person wrote, with its surrounding spaces. Of an object or list, the readable part; the second
    /// value is then the original.
    pub(super) fn written(self, field: Field, kind: &str) -> Reading<(Option<String>, Option<Value>)> {
        let Some(value) = self.field_value(field)? else { return Ok((None, None)) };
        match (&*value, plain(&value, Rules::Former)) {
            (Value::String(text), _) => Ok((Some(text.clone()), None)),
            (_, Some(text)) => Ok((Some(text), None)),
            (_, None) => match content::shown(Some(kind), &value) {
                Some(text) => Ok((Some(text), Some(value.into_owned()))),
                None => misfit(format!("`{field}` holds no text or number, and nothing that Inlet can show")),
            },
        }
    }

    /// An id that fits an index entry.
    pub(super) fn id(self, field: Field) -> Reading<Option<String>> {
        self.rule.fields.get(&field).map_or(Ok(None), |place| self.id_at(place, Rules::Current))
    }

    /// A time. Refused if the value is no time. Zeros and an implausible year count as no time.
    pub(super) fn time(self, field: Field) -> Reading<Option<DateTime<Utc>>> {
        Ok(self.told(field)?.map(|told| told.time))
    }

    /// A time, and whether its offset is known.
    pub(super) fn told(self, field: Field) -> Reading<Option<Told>> {
        let Some(value) = self.field_value(field)? else { return Ok(None) };
        let format = self.rule.times;
        match times::read_as(&value, format, self.view.request.zone(Tz::UTC)) {
            times::Reading::Time(told) => Ok(Some(told)),
            times::Reading::None => Ok(None),
            times::Reading::Misfit => misfit(format!(
                "`{field}` is {}, which is not a time in the format `{format}`",
                cut(&value.to_string())
            )),
        }
    }

    /// The values of the rule's `details`, by name.
    pub(super) fn details(self) -> Reading<Object> {
        let mut details = Object::new();
        let mut room = Room::of(self.view.request);
        for (name, place) in &self.rule.details {
            if let Some(value) = self.value(place)? {
                room.take(&*value)?;
                details.insert(name.clone(), value.into_owned());
            }
        }
        Ok(details)
    }

    /// The medium of the field, else of the source.
    pub(super) fn medium(self) -> Reading<Option<Medium>> {
        Ok(self.text(Field::Medium)?.map(|word| Medium::of_word(&word)).or(self.view.request.source.medium))
    }

    /// The medium of addresses. Without any setting it is one without phone numbers.
    pub(super) fn medium_of_addresses(self) -> Reading<Medium> {
        Ok(self.medium()?.unwrap_or(Medium::Other))
    }

    /// The channel of the field's address, else the source's own.
    pub(super) fn channel(self, medium: Medium) -> Reading<ChannelRef> {
        Ok(match self.text(Field::Channel)?.filter(|channel| !address::hides(channel)) {
            Some(address) => channel::at(medium, &address, self.numbering()),
            None => channel::own(self.view.request.source, medium),
        })
    }

    /// The direction; inbound by default.
    pub(super) fn direction(self) -> Reading<Direction> {
        match self.text(Field::Direction)?.map(|word| word.to_ascii_lowercase()).as_deref() {
            None | Some("inbound" | "in" | "incoming") => Ok(Direction::Inbound),
            Some("outbound" | "out" | "outgoing") => Ok(Direction::Outbound),
            Some(word) => misfit(format!("`direction` is `{}`: expected inbound or outbound", cut(word))),
        }
    }

    /// Numbers of the source's region if it has one; without one, numbers have their country code.
    pub(super) fn numbering(self) -> Numbering {
        self.view.request.region().map_or(Numbering::CountryCodeFirst(None), Numbering::RegionFirst)
    }
}
