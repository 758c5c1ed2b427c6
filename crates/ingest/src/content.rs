//! What there is to show of a message, whatever form its provider gives it: one rule for all adapters.

use inlet_domain::{command::AttachmentPart, model::message::AttachmentKind};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::{
    fields::{self, Members, Object},
    lenient::clean,
};

/// Members that hold what a person wrote or chose, the most telling first.
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
/// Members that hold where a file can be had.
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
/// Members that hold files.
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
/// Members that hold a file's name.
pub(crate) const FILE_NAMES: [&str; 4] = ["file_name", "fileName", "filename", "name"];
/// Members that hold a file's media type.
const MIME_TYPES: [&str; 5] = ["mime_type", "mimeType", "mimetype", "content_type", "contentType"];
/// Members that hold a file's size in bytes.
const SIZES: [&str; 4] = ["size_bytes", "file_size", "fileSize", "size"];
/// No message that is shown is nested deeper.
const DEEPEST: usize = 8;
/// No list of what is shown or of files is read further.
const MOST: usize = 100;
/// The longest name of a file, in characters.
const LONGEST_NAME: usize = 255;
/// The longest line that is made of what a message holds, in characters. What a person wrote is not cut.
const LONGEST_LINE: usize = 2_000;

/// What there is to show of a message of this kind: what a person wrote, else a line that says what it is. `None` where
/// there is nothing, or a file alone.
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
                    // The name of a file is shown with the file.
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

/// What was written beside a file that stands in a member of its own.
fn caption(files: &Value, deeper: usize) -> Option<String> {
    let deeper = deeper.checked_sub(1)?;
    match files {
        Value::Array(files) => lines(files.iter().take(MOST).filter_map(|file| caption(file, deeper))),
        Value::Object(file) => file.written_of(&["caption", "text"]).filter(|text| !text.trim().is_empty()),
        _ => None,
    }
}

/// The line of a message that is more than text, such as `Location: Office, 12 Main Street (12.97, 77.59)`, below what was
/// written beside it.
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

/// A person whose card was sent, by name and numbers.
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
            // `item1.TEL` is of a group.
            let property = property.rsplit('.').next().unwrap_or_default();
            let value = value.trim().trim_start_matches("tel:").replace("\\,", ",");
            if property.eq_ignore_ascii_case(wanted) && !value.is_empty() && parts.len() < MOST {
                parts.push(value);
            }
        }
    }
    labelled("Contact", Some(parts.join(", ")).filter(|told| !told.is_empty()))
}

/// How much of what was ordered, and what it costs as far as the prices tell.
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
        // Cents are enough, and sums of doubles hold more digits than that.
        let total = (total * 100.0).round() / 100.0;
        told.push(currency.map_or_else(|| total.to_string(), |currency| format!("{total} {currency}")));
    }
    labelled("Order", Some(told.join(", ")).filter(|told| !told.is_empty()))
}

/// A line, below what a person wrote beside it.
fn beside(object: &Object, line: String) -> String {
    match object.written_of(&["text", "body", "caption", "message", "note"]) {
        Some(text) if !text.trim().is_empty() => format!("{text}\n{line}"),
        _ => line,
    }
}

/// A line that names what a message of an unknown kind is, for one that shows nothing else: `Poll creation`.
pub(crate) fn named(kind: &str) -> Option<String> {
    let words: String = kind.chars().take(100).map(|c| if matches!(c, '_' | '-') { ' ' } else { c }).collect();
    let mut chars = words.trim().chars();
    let first = chars.next()?;
    Some(first.to_uppercase().chain(chars).collect())
}

/// What is not understood, as it came: for a message that shows nothing else and has no kind to name.
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

/// Whether messages of this kind are files.
pub(crate) fn is_media(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| is_kind(kind, &["media", "attachment"]) || kind_of(kind) != AttachmentKind::Other)
}

/// What a file is, by the provider's word or its media type, such as `image` or `image/jpeg`.
pub(crate) fn kind_of(word: &str) -> AttachmentKind {
    let family = word.split('/').next().unwrap_or_default().trim().to_ascii_lowercase();
    match family.as_str() {
        "image" | "sticker" | "photo" | "picture" | "gif" => AttachmentKind::Image,
        "video" | "video_note" | "ptv" => AttachmentKind::Video,
        "audio" | "voice" | "ptt" | "voice_note" => AttachmentKind::Audio,
        "application" | "document" | "file" | "pdf" => AttachmentKind::Document,
        // `text` alone is the kind of a message, `text/csv` that of a file.
        "text" if word.contains('/') => AttachmentKind::Document,
        _ => AttachmentKind::Other,
    }
}

/// What a file is: by its media type, else by the provider's word, else by the ending of its name or of its URL.
pub(crate) fn kind_of_file(
    mime_type: Option<&str>,
    word: Option<&str>,
    filename: Option<&str>,
    url: Option<&str>,
) -> AttachmentKind {
    let known = |kind: &AttachmentKind| *kind != AttachmentKind::Other;
    let by_word = [mime_type, word].into_iter().flatten().map(kind_of).find(known);
    let by_ending = || {
        let in_url = url.and_then(name_in_url);
        [filename, in_url.as_deref()].into_iter().flatten().filter_map(kind_of_ending).next()
    };
    by_word.or_else(by_ending).unwrap_or(AttachmentKind::Other)
}

/// What a file is by the ending of its name.
fn kind_of_ending(name: &str) -> Option<AttachmentKind> {
    let (_, ending) = name.trim().rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" | "png" | "gif" | "webp" | "heic" | "heif" | "bmp" | "tif" | "tiff" | "svg" => {
            AttachmentKind::Image
        }
        "mp4" | "mov" | "m4v" | "3gp" | "webm" | "avi" | "mkv" | "mpg" | "mpeg" => AttachmentKind::Video,
        "mp3" | "m4a" | "aac" | "amr" | "ogg" | "oga" | "opus" | "wav" | "flac" => AttachmentKind::Audio,
        "pdf" | "doc" | "docx" | "xls" | "xlsx" | "ppt" | "pptx" | "odt" | "ods" | "odp" | "rtf" | "txt" | "csv" => {
            AttachmentKind::Document
        }
        _ => return None,
    })
}

/// The files that stand in a value: a URL, an object that has one, or a list of these. What is no URL, and tells no file
/// otherwise, is none.
pub(crate) fn files(kind: Option<&str>, value: &Value) -> Vec<AttachmentPart> {
    let mut found = Vec::new();
    collect(kind, value, DEEPEST, &mut found);
    found
}

fn collect(kind: Option<&str>, value: &Value, deeper: usize, found: &mut Vec<AttachmentPart>) {
    let Some(deeper) = deeper.checked_sub(1) else { return };
    if found.len() >= MOST {
        return;
    }
    match value {
        Value::String(text) if looks_like_url(text) => found.push(at_url(kind, text.trim())),
        Value::Array(items) => items.iter().for_each(|item| collect(kind, item, deeper, found)),
        Value::Object(object) => {
            if let Some(several) = URLS.iter().find_map(|name| object.array(name)) {
                several.iter().for_each(|item| collect(kind, item, deeper, found));
                return;
            }
            let url = object.known_of(&URLS);
            // What a provider keeps under an id, and shows nowhere, is a file nevertheless.
            let id = object.known_of(&["media_id", "mediaId", "id"]).filter(|_| {
                object.known_of(&MIME_TYPES).is_some()
                    || kind.is_some_and(|kind| kind_of(kind) != AttachmentKind::Other)
            });
            let before = found.len();
            if url.is_none() {
                for (name, value) in HOLDERS.iter().filter_map(|name| Some((*name, object.get(*name)?))) {
                    // `file` tells less than the type of the message does.
                    let named = Some(name).filter(|name| *name != "file" && kind_of(name) != AttachmentKind::Other);
                    let kind = named.or(kind).or(Some(name));
                    collect(kind, value, deeper, found);
                }
            }
            if url.is_some() || (id.is_some() && found.len() == before) {
                found.push(part(kind, object, url, id));
            }
        }
        _ => {}
    }
}

/// The file that an object tells of.
fn part(kind: Option<&str>, object: &Object, url: Option<String>, id: Option<String>) -> AttachmentPart {
    let mime_type = object.known_of(&MIME_TYPES);
    let own = object.known("type").filter(|word| kind_of(word) != AttachmentKind::Other);
    let filename = filename(object, url.as_deref());
    AttachmentPart {
        external_id: id.filter(|_| url.is_none()).map(fields::bounded_id),
        kind: kind_of_file(mime_type.as_deref(), own.as_deref().or(kind), filename.as_deref(), url.as_deref()),
        filename,
        url,
        mime_type,
        size_bytes: SIZES.iter().find_map(|name| size(object.get(*name)?)),
    }
}

/// A file of which nothing is known but its URL.
pub(crate) fn at_url(kind: Option<&str>, url: &str) -> AttachmentPart {
    AttachmentPart {
        external_id: None,
        kind: kind_of_file(None, kind, None, Some(url)),
        filename: name_in_url(url),
        url: Some(url.to_owned()),
        mime_type: None,
        size_bytes: None,
    }
}

/// Bytes, as a number or as text; nothing below zero is a size.
pub(crate) fn size(value: &Value) -> Option<i64> {
    let text = fields::text(value)?;
    let whole =
        text.split_once('.').filter(|(_, rest)| rest.bytes().all(|b| b == b'0')).map_or(text.as_str(), |it| it.0);
    whole.parse().ok().filter(|bytes| *bytes >= 0)
}

/// A file's name: by its own member, else the end of its URL.
pub(crate) fn filename(file: &Object, url: Option<&str>) -> Option<String> {
    file.known_of(&FILE_NAMES).map(bounded).or_else(|| name_in_url(url?))
}

/// The last segment of a URL's path, percent-decoded; `None` where it has none. Neither query nor fragment is a part of it.
pub(crate) fn name_in_url(url: &str) -> Option<String> {
    let url = url.trim();
    if url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return None;
    }
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => path,
    };
    let segment = path.rsplit('/').next().unwrap_or_default();
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    // What was encoded may hold a path again.
    let name = decoded.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = clean(name).chars().filter(|c| !c.is_control()).collect();
    let name = name.trim();
    let is_name = !name.is_empty() && name != "." && name != "..";
    is_name.then(|| bounded(name.to_owned()))
}

/// A name that is too long keeps its ending.
fn bounded(name: String) -> String {
    let length = name.chars().count();
    if length <= LONGEST_NAME {
        return name;
    }
    let ending: &str = match name.rfind('.') {
        Some(at) if name.len() - at <= 20 => &name[at..],
        _ => "",
    };
    let room = LONGEST_NAME.saturating_sub(ending.chars().count());
    name.chars().take(room).chain(ending.chars()).collect()
}

pub(crate) fn looks_like_url(text: &str) -> bool {
    let text = text.trim();
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let has_scheme = scheme.is_some_and(|scheme| {
        !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    });
    (has_scheme || text.starts_with("//")) && !text.contains(char::is_whitespace)
}

fn has_file(object: &Object) -> bool {
    URLS.iter().any(|name| object.contains_key(*name))
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

/// Members by several names.
trait AnyOf {
    /// The first of the names that tells something, see [`Members::known`].
    fn known_of(&self, names: &[&str]) -> Option<String>;
    /// The first of the names that holds a text, see [`Members::written`].
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
mod tests {
    use serde_json::json;

    use super::*;

    fn line(kind: &str, value: Value) -> Option<String> {
        shown(Some(kind), &value)
    }

    #[test]
    fn c6_what_a_person_wrote_or_chose_is_shown() {
        for value in [
            json!("Hi"),
            json!({"text": "Hi"}),
            json!({"body": "Hi"}),
            json!({"text": {"body": "Hi"}}),
            json!({"message": {"content": ["Hi"]}}),
            json!([{"text": "Hi"}]),
            json!({"type": "button_reply", "button_reply": {"id": "yes_1", "title": "Hi"}}),
            json!({"interactive": {"type": "list_reply", "list_reply": {"id": "1", "title": "Hi", "description": "x"}}}),
            json!({"postback": {"payload": "HI_1", "title": "Hi"}}),
            json!({"button": {"payload": "HI_1", "text": "Hi"}}),
            json!({"text": null, "body": "", "payload": {"title": "Hi"}}),
        ] {
            assert_eq!(line("text", value.clone()).as_deref(), Some("Hi"), "{value}");
        }
        assert_eq!(line("text", json!(["a", {"text": "b"}, null])).as_deref(), Some("a\nb"));
        assert_eq!(line("text", json!(42)).as_deref(), Some("42"));
        assert_eq!(line("text", json!(" Hi ")).as_deref(), Some(" Hi "));
        for nothing in [json!(null), json!(""), json!("  "), json!({}), json!([]), json!({"text": {}}), json!({"a": 1})]
        {
            assert_eq!(line("text", nothing.clone()), None, "{nothing}");
        }
    }

    #[test]
    fn c6_what_is_no_text_is_a_line_that_says_what_it_is() {
        for (kind, value, expected) in [
            ("location", json!({"latitude": 12.97, "longitude": "77.59"}), "Location: 12.97, 77.59"),
            (
                "location",
                json!({"latitude": 12.97, "longitude": 77.59, "name": "Office", "address": "Main Street"}),
                "Location: Office, Main Street (12.97, 77.59)",
            ),
            ("location", json!({"location": {"lat": 1, "lng": 2}}), "Location: 1, 2"),
            ("location", json!({}), "Location"),
            ("unheard_of", json!({"text": "Meet me", "location": {"lat": 1, "lng": 2}}), "Meet me\nLocation: 1, 2"),
            (
                "contacts",
                json!([{"name": {"formatted_name": "Asha Rao"}, "phones": [{"phone": "+91 90191", "wa_id": "1"}]}]),
                "Contact: Asha Rao, +91 90191",
            ),
            ("contacts", json!({"contacts": [{"name": "Asha"}, {"name": "Ravi"}]}), "Contact: Asha\nContact: Ravi"),
            (
                "contact",
                json!({"vcard": "BEGIN:VCARD\nVERSION:3.0\nN:Rao;Asha\nFN:Asha Rao\nitem1.TEL;TYPE=CELL:+9190191\nEND:VCARD"}),
                "Contact: Asha Rao, +9190191",
            ),
            ("sticker", json!({"emoji": "😀", "url": "https://x.example/a.webp"}), "Sticker: 😀"),
            ("sticker", json!({"url": "https://x.example/a.webp"}), "Sticker"),
            (
                "order",
                json!({"catalog_id": "1", "text": "Soon please", "product_items": [
                    {"product_retailer_id": "p", "quantity": 2, "item_price": 10.1, "currency": "INR"},
                    {"product_retailer_id": "q", "quantity": "1", "item_price": "0.1", "currency": "INR"}]}),
                "Soon please\nOrder: 3 items, 20.3 INR",
            ),
            ("order", json!({"order": {"product_items": [{"quantity": 1}]}}), "Order: 1 item"),
            ("product", json!({"product_retailer_id": "p-7", "text": "Is it blue?"}), "Is it blue?\nProduct: p-7"),
        ] {
            assert_eq!(line(kind, value.clone()).as_deref(), Some(expected), "{kind}: {value}");
        }
        assert_eq!(named("poll_creation").as_deref(), Some("Poll creation"));
        assert_eq!(named("--"), None);
    }

    #[test]
    fn c6_one_message_may_hold_several_files() {
        let found = |kind: &str, value: Value| -> Vec<(AttachmentKind, Option<String>, Option<String>)> {
            files(Some(kind), &value).into_iter().map(|file| (file.kind, file.url, file.filename)).collect()
        };
        let file = |kind, name: &str| (kind, Some(format!("https://x.example/{name}")), Some(name.to_owned()));
        let two = vec![file(AttachmentKind::Image, "a.png"), file(AttachmentKind::Image, "b.png")];
        let (a, b) = ("https://x.example/a.png", "https://x.example/b.png");
        for value in [
            json!([a, b]),
            json!([{"url": a}, {"link": b}]),
            json!({"url": [a, b]}),
            json!({"urls": [a, b]}),
            json!({"media": [{"url": a}, {"url": b}]}),
            json!({"images": [{"href": a}, b]}),
            json!([[a], [{"file": {"url": b}}]]),
        ] {
            assert_eq!(found("image", value.clone()), two, "{value}");
        }
        assert_eq!(found("image", json!(a)), two[..1]);
        assert_eq!(found("text", json!({"video": {"url": a}})), [file(AttachmentKind::Video, "a.png")]);
        let typed = json!([{"url": a, "mime_type": "application/pdf"}, {"url": b, "type": "audio"}]);
        let kinds: Vec<_> = files(None, &typed).into_iter().map(|file| file.kind).collect();
        assert_eq!(kinds, [AttachmentKind::Document, AttachmentKind::Audio]);
        let kept =
            files(Some("image"), &json!({"id": "media-7", "mime_type": "image/jpeg", "file_size": "12"})).remove(0);
        assert_eq!((kept.external_id.as_deref(), kept.url, kept.size_bytes), (Some("media-7"), None, Some(12)));
        assert!(found("image", json!({"caption": "no file"})).is_empty());
        assert_eq!(shown(Some("image"), &json!(a)), None, "a file's URL is no text");
    }

    #[test]
    fn a_file_is_what_its_type_says_else_what_its_ending_does() {
        use AttachmentKind::{Audio, Document, Image, Other, Video};
        let url = Some("https://x.example/a/bill.PDF?sig=1");
        for (mime_type, word, filename, url, expected) in [
            (Some("image/png"), Some("audio"), Some("a.pdf"), url, Image),
            (None, Some("audio"), Some("a.pdf"), url, Audio),
            (None, Some("text"), Some("a.mp4"), url, Video),
            (None, None, None, url, Document),
            (None, None, Some("bill"), url, Document),
            (None, None, Some("a.unheard_of"), None, Other),
            (None, None, None, Some("https://x.example.jpg"), Other),
            (None, None, None, None, Other),
        ] {
            assert_eq!(kind_of_file(mime_type, word, filename, url), expected, "{mime_type:?} {word:?} {filename:?}");
        }
        assert_eq!(files(None, &json!("https://x.example/a.png"))[0].kind, Image);
    }

    #[test]
    fn e7_a_file_has_its_own_name_or_its_urls() {
        let named =
            |file: Value| filename(file.as_object().unwrap(), Some("https://x.example/in/url%20name.pdf?sig=a/b.c#d"));
        for member in FILE_NAMES {
            assert_eq!(named(json!({member: "bill.pdf"})).as_deref(), Some("bill.pdf"), "{member}");
            for nothing in [json!(""), json!(null), json!("null")] {
                assert_eq!(named(json!({member: nothing})).as_deref(), Some("url name.pdf"), "{member}");
            }
        }
        for (url, expected) in [
            ("https://x.example/a/%E2%82%AC.txt", Some("€.txt")),
            ("https://x.example/..%2F..%2Fetc%2Fpasswd", Some("passwd")),
            ("https://x.example/a%00b%0A.txt", Some("a\u{fffd}b.txt")),
            ("uploads/a.png?x=1", Some("a.png")),
            ("https://x.example/", None),
            ("https://x.example", None),
            ("https://x.example/a/..", None),
            ("https://x.example?file=/a.png", None),
            ("data:image/png;base64,aa/bb", None),
            ("", None),
        ] {
            assert_eq!(name_in_url(url).as_deref(), expected, "{url}");
        }
        let long = format!("https://x.example/{}.jpeg", "é".repeat(600));
        let name = name_in_url(&long).unwrap();
        assert!(name.chars().count() == LONGEST_NAME && name.ends_with("é.jpeg"), "{name}");
    }

    #[test]
    fn p11_what_is_shown_is_bounded() {
        let mut deep = json!("end");
        for _ in 0..90 {
            deep = json!({"text": [deep.clone()], "media": [deep]});
            if deep.to_string().len() > 10_000 {
                break;
            }
        }
        assert_eq!(shown(None, &deep), None);
        assert!(files(None, &deep).is_empty());
        assert_eq!(files(None, &json!(vec!["https://x.example/a"; 500])).len(), MOST);
    }
}
