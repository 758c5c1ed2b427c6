//! Finds the shown text of a message. All adapters use these rules.

mod files;

use serde_json::Value;

use self::files::has_file;
pub(crate) use self::files::{
    FILE_NAMES, at_url, filename, files, is_media, kind_of, kind_of_file, looks_like_url, name_in_url, size,
};
use crate::fields::{self, Members, Object};

/// Members with a text that a person wrote or chose, the most specific first.
const TEXTS: [&str; 28] = [
    "text",
    "body",
    "caption",
    "content",
    "message",
    "msg",
    "title",
    "display_text",
    "displayText",
    "label",
    "postback",
    "button_reply",
    "list_reply",
    "nfm_reply",
    "quick_reply",
    "interactive",
    "button",
    "buttons",
    "reply",
    "list",
    "selected",
    "selection",
    "value",
    "name",
    "description",
    "data",
    "payload",
    "header",
];
/// Members with the URL of a file.
const URLS: [&str; 11] = [
    "url",
    "link",
    "media_url",
    "mediaUrl",
    "MediaUrl",
    "file_url",
    "fileUrl",
    "download_url",
    "downloadUrl",
    "href",
    "src",
];
/// Members with files.
const HOLDERS: [&str; 17] = [
    "payload",
    "media",
    "medias",
    "file",
    "files",
    "attachment",
    "attachments",
    "image",
    "images",
    "video",
    "videos",
    "audio",
    "document",
    "documents",
    "sticker",
    "voice",
    "urls",
];
/// The deepest nesting of a message that is searched.
const DEEPEST: usize = 8;
/// The most items of a list that are searched.
const MOST: usize = 100;
/// The longest line that describes a message, in characters. Texts that a person wrote are not cut.
const LONGEST_LINE: usize = 2_000;

/// The shown text of a message of this kind: the words of its author, else a line that describes the message. `None` if
/// the message is empty or only a file.
pub(crate) fn shown(kind: Option<&str>, value: &Value) -> Option<String> {
    shown_within(kind, value, DEEPEST)
}

fn shown_within(kind: Option<&str>, value: &Value, deeper: usize) -> Option<String> {
    let deeper = deeper.checked_sub(1)?;
    match value {
        Value::String(text) if !text.trim().is_empty() => {
            (!is_media(kind) || !looks_like_url(text)).then(|| text.clone())
        }
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Array(items) => {
            if kind.is_some_and(|kind| is_kind(kind, &["contact", "contacts", "vcard"])) {
                return lines(items.iter().filter_map(|item| contact(item.as_object()?)));
            }
            lines(items.iter().filter_map(|item| shown_within(kind, item, deeper)))
        }
        Value::Object(object) => special(kind, object).or_else(|| {
            TEXTS
                .into_iter()
                .find_map(|name| {
                    let value = object.get(name).filter(|value| !is_nothing(value))?;
                    // A file's name is shown with the file.
                    if name == "name" && has_file(object) {
                        return None;
                    }
                    let is_data = matches!(name, "value" | "name" | "data" | "payload" | "header" | "description");
                    (!is_data || !value.is_boolean()).then(|| shown_within(kind, value, deeper)).flatten()
                })
                .or_else(|| HOLDERS.into_iter().find_map(|name| caption(object.get(name)?, deeper)))
        }),
        Value::String(_) | Value::Null => None,
    }
}

/// The caption of a file in a member of its own.
fn caption(files: &Value, deeper: usize) -> Option<String> {
    let deeper = deeper.checked_sub(1)?;
    match files {
        Value::Array(files) => lines(files.iter().take(MOST).filter_map(|file| caption(file, deeper))),
        Value::Object(file) => file.written_of(&["caption", "text"]).filter(|text| !text.trim().is_empty()),
        _ => None,
    }
}

/// A line that describes a special message, such as `Location: Office, 12 Main Street (12.97, 77.59)`, below the text
/// that was written with it.
fn special(kind: Option<&str>, object: &Object) -> Option<String> {
    let is = |kinds: &[&str]| kind.is_some_and(|kind| is_kind(kind, kinds));
    let inner = |names: &[&str]| names.iter().find_map(|name| object.object(name));
    if let Some(place) = inner(&["location"]).filter(|place| is_place(place) || is(&["location"])) {
        return Some(beside(object, location(place)));
    }
    if is_place(object) || is(&["location"]) {
        return Some(location(object));
    }
    let people = ["contacts", "contact", "vcards", "vcard"].iter().find_map(|name| object.get(*name));
    if is(&["contact", "contacts", "vcard"])
        || (kind.is_none_or(|kind| !is_media(Some(kind))) && people.is_some_and(is_person))
    {
        let told = match people {
            Some(Value::Array(people)) => lines(people.iter().filter_map(contact_of)),
            Some(person) => contact_of(person),
            None => contact(object),
        };
        let told = told.or_else(|| is(&["contact", "contacts", "vcard"]).then(|| "Contact".to_owned()));
        return told.map(|line| beside(object, line));
    }
    let order = inner(&["order"]).unwrap_or(object);
    if order.contains_key("product_items") || is(&["order"]) {
        return Some(beside(order, order_line(order)));
    }
    let product = object.known_of(&["product_retailer_id", "retailer_id", "product_id"]);
    if is(&["product", "referred_product", "product_inquiry", "catalog"]) || product.is_some() {
        let name = object.known_of(&["title", "name", "product_name"]).or(product);
        return Some(beside(object, labelled("Product", name)));
    }
    if is(&["sticker"]) {
        return Some(labelled("Sticker", object.known_of(&["emoji", "emojis", "caption", "text"])));
    }
    None
}

fn is_place(object: &Object) -> bool {
    let has =
        |names: &[&str]| names.iter().any(|name| object.get(*name).is_some_and(|value| fields::text(value).is_some()));
    has(&["latitude", "lat"]) && has(&["longitude", "lng", "lon", "long"])
}

fn location(place: &Object) -> String {
    let mut parts: Vec<String> = Vec::new();
    for name in ["name", "title", "label", "address", "caption", "text"] {
        match place.known(name) {
            Some(part) if !parts.contains(&part) => parts.push(part),
            _ => {}
        }
    }
    let latitude = place.known_of(&["latitude", "lat"]);
    let longitude = place.known_of(&["longitude", "lng", "lon", "long"]);
    let point = latitude.zip(longitude).map(|(latitude, longitude)| format!("{latitude}, {longitude}"));
    let told = match (parts.is_empty(), point) {
        (true, point) => point,
        (false, Some(point)) => Some(format!("{} ({point})", parts.join(", "))),
        (false, None) => Some(parts.join(", ")),
    };
    labelled("Location", told)
}

fn is_person(value: &Value) -> bool {
    match value {
        Value::Array(people) => people.first().is_some_and(is_person),
        Value::Object(person) => contact(person).is_some(),
        Value::String(text) => is_vcard(text),
        _ => false,
    }
}

fn contact_of(value: &Value) -> Option<String> {
    match value {
        Value::Object(person) => contact(person),
        Value::String(text) if is_vcard(text) => Some(vcard(text)),
        Value::String(text) => Some(labelled("Contact", Some(text.trim().to_owned()).filter(|text| !text.is_empty()))),
        _ => None,
    }
}

/// A contact card: the name and the numbers.
fn contact(person: &Object) -> Option<String> {
    if let Some(card) =
        ["vcard", "vCard", "card"].iter().filter_map(|name| person.known(name)).find(|text| is_vcard(text))
    {
        return Some(vcard(&card));
    }
    let name = match person.get("name") {
        Some(Value::Object(name)) => name.known_of(&["formatted_name", "formattedName", "full_name"]).or_else(|| {
            let parts: Vec<_> = ["first_name", "last_name"].into_iter().filter_map(|part| name.known(part)).collect();
            (!parts.is_empty()).then(|| parts.join(" "))
        }),
        _ => person.known_of(&["name", "formatted_name", "display_name", "displayName", "full_name", "first_name"]),
    };
    let mut numbers: Vec<String> = Vec::new();
    for holder in ["phones", "phone", "phone_numbers", "phone_number", "phoneNumber", "emails", "email"] {
        let several = match person.get(holder) {
            Some(Value::Array(several)) => several.iter().take(MOST).collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        for one in several {
            let told = match one {
                Value::Object(one) => one.known_of(&["phone", "number", "email", "value", "wa_id"]),
                other => fields::text(other).filter(|text| !text.eq_ignore_ascii_case("null")),
            };
            numbers.extend(told);
        }
    }
    let parts: Vec<String> = name.into_iter().chain(numbers).take(MOST).collect();
    (!parts.is_empty()).then(|| labelled("Contact", Some(parts.join(", "))))
}

fn is_vcard(text: &str) -> bool {
    text.trim_start().get(..11).is_some_and(|start| start.eq_ignore_ascii_case("BEGIN:VCARD"))
}

/// The formatted name, telephone numbers and addresses of a vCard (RFC 6350).
fn vcard(card: &str) -> String {
    let mut parts = Vec::new();
    for wanted in ["FN", "TEL", "EMAIL"] {
        for line in card.lines() {
            let Some((property, value)) = line.split_once(':') else { continue };
            let property = property.split(';').next().unwrap_or_default();
            // `item1.TEL` belongs to a group.
            let property = property.rsplit('.').next().unwrap_or_default();
            let value = value.trim().trim_start_matches("tel:").replace("\\,", ",");
            if property.eq_ignore_ascii_case(wanted) && !value.is_empty() && parts.len() < MOST {
                parts.push(value);
            }
        }
    }
    labelled("Contact", Some(parts.join(", ")).filter(|told| !told.is_empty()))
}

/// The number of ordered items, and their total as far as the prices are known.
fn order_line(order: &Object) -> String {
    let items = ["product_items", "items", "products"].iter().find_map(|name| order.array(name)).unwrap_or_default();
    let items: Vec<&Object> = items.iter().filter_map(Value::as_object).collect();
    let quantity = |item: &&Object| item.known("quantity").and_then(|text| text.parse::<f64>().ok()).unwrap_or(1.0);
    let price = |item: &&Object| item.known_of(&["item_price", "price"]).and_then(|text| text.parse::<f64>().ok());
    let number: f64 = items.iter().map(quantity).sum();
    let total: Option<f64> = items.iter().map(|item| Some(price(item)? * quantity(item))).sum();
    let currency = items.iter().find_map(|item| item.known("currency"));
    let mut told = Vec::new();
    if !items.is_empty() && number.is_finite() {
        told.push(if number == 1.0 { "1 item".to_owned() } else { format!("{number} items") });
    }
    if let Some(total) = total.filter(|total| !items.is_empty() && total.is_finite()) {
        // Sums of doubles have digits beyond cents.
        let total = (total * 100.0).round() / 100.0;
        told.push(currency.map_or_else(|| total.to_string(), |currency| format!("{total} {currency}")));
    }
    labelled("Order", Some(told.join(", ")).filter(|told| !told.is_empty()))
}

/// A line below the text that a person wrote with it.
fn beside(object: &Object, line: String) -> String {
    match object.written_of(&["text", "body", "caption", "message", "note"]) {
        Some(text) if !text.trim().is_empty() => format!("{text}\n{line}"),
        _ => line,
    }
}

/// A line that names an unknown kind of message, for a message without text: `Poll creation`.
pub(crate) fn named(kind: &str) -> Option<String> {
    let words: String = kind.chars().take(100).map(|c| if matches!(c, '_' | '-') { ' ' } else { c }).collect();
    let mut chars = words.trim().chars();
    let first = chars.next()?;
    Some(first.to_uppercase().chain(chars).collect())
}

/// The value as the provider sent it: the last resort for a message without text and without a known kind.
pub(crate) fn whole(value: &Value) -> Option<String> {
    let holds_any = value.as_object().is_some_and(|members| !members.is_empty())
        || value.as_array().is_some_and(|items| !items.is_empty());
    holds_any.then(|| value.to_string().chars().take(LONGEST_LINE).collect())
}

fn labelled(label: &str, told: Option<String>) -> String {
    match told {
        Some(told) => format!("{label}: {}", told.chars().take(LONGEST_LINE).collect::<String>()),
        None => label.to_owned(),
    }
}

fn lines(shown: impl Iterator<Item = String>) -> Option<String> {
    let lines: Vec<String> = shown.take(MOST).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn is_kind(kind: &str, kinds: &[&str]) -> bool {
    kinds.iter().any(|known| kind.eq_ignore_ascii_case(known))
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Looks members up by several names.
trait AnyOf {
    /// The first of the names with a known value, see [`Members::known`].
    fn known_of(&self, names: &[&str]) -> Option<String>;
    /// The first of the names with a written text, see [`Members::written`].
    fn written_of(&self, names: &[&str]) -> Option<String>;
}

impl AnyOf for Object {
    fn known_of(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.known(name))
    }

    fn written_of(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.written(name))
    }
}

#[cfg(test)]
mod tests;
