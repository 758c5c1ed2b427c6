//! Reads the files of a message by a mapping: one place, numbered places, or a list.

use std::collections::BTreeSet;

use inlet_domain::{
    command::AttachmentPart,
    model::mapping::{Field, Files, Place},
};
use serde_json::Value;

use super::{Places, Reading, Room, place::View};
use crate::{content, provider::Query};

/// The most files of a message.
const MOST: usize = 100;

/// The files so far, and the room for more.
struct Found {
    room: Room,
    files: Vec<AttachmentPart>,
}

impl Found {
    fn extend(&mut self, files: Vec<AttachmentPart>) -> Reading<()> {
        self.room.take(&files)?;
        self.files.extend(files);
        Ok(())
    }
}

/// The file of the rule's own fields, then the files of its `attachments`, without duplicates.
pub(super) fn read(places: &Places<'_>, kind: Option<&str>) -> Reading<Vec<AttachmentPart>> {
    let mut found = Found { room: Room::of(places.view.request), files: Vec::new() };
    found.extend(own(places, kind)?)?;
    for files in &places.rule.attachments {
        match &files.items {
            Some(items) => listed(*places, files, items, kind, &mut found)?,
            None => counted(*places, files, kind, &mut found)?,
        }
    }
    let Found { files: mut found, .. } = found;
    let mut seen = BTreeSet::new();
    found.retain(|file| file.url.is_none() || seen.insert(file.url.clone()));
    found.truncate(MOST);
    Ok(found)
}

fn own(places: &Places<'_>, kind: Option<&str>) -> Reading<Vec<AttachmentPart>> {
    let own =
        [Field::AttachmentUrl, Field::Filename, Field::MimeType].map(|field| places.rule.fields.get(&field).cloned());
    let [Some(url), filename, mime_type] = own else { return Ok(Vec::new()) };
    let files = Files { items: None, url: Some(url), filename, mime_type, size: None };
    at(*places, &files, kind)
}

/// A list of files. Each is read by places that begin at it, or by its usual members.
fn listed(places: Places<'_>, files: &Files, items: &Place, kind: Option<&str>, found: &mut Found) -> Reading<()> {
    let Some(list) = places.value(items)? else { return Ok(()) };
    let several = match &*list {
        Value::Array(several) => several.as_slice(),
        one => std::slice::from_ref(one),
    };
    for file in several.iter().take(MOST) {
        match &files.url {
            Some(_) if !file.is_string() => {
                found.extend(at(Places { view: places.view.within(file), ..places }, files, kind)?)?;
            }
            _ => found.extend(content::files(kind, file))?,
        }
    }
    Ok(())
}

/// The file at a place, or one for each number in the place of its `*`.
fn counted(places: Places<'_>, files: &Files, kind: Option<&str>, found: &mut Found) -> Reading<()> {
    let numbers = files.url.as_ref().and_then(|place| numbers(place, places.view));
    let Some(numbers) = numbers else {
        found.extend(at(places, files, kind)?)?;
        return Ok(());
    };
    for number in numbers.into_iter().take(MOST) {
        let numbered = |place: &Option<Place>| place.as_ref().map(|place| with_number(place, &number));
        let files = Files {
            items: None,
            url: numbered(&files.url),
            filename: numbered(&files.filename),
            mime_type: numbered(&files.mime_type),
            size: numbered(&files.size),
        };
        found.extend(at(places, &files, kind)?)?;
    }
    Ok(())
}

/// The files at the places: one for a text, else those in the object or list.
fn at(places: Places<'_>, files: &Files, kind: Option<&str>) -> Reading<Vec<AttachmentPart>> {
    let Some(place) = &files.url else { return Ok(Vec::new()) };
    let Some(value) = places.value(place)? else { return Ok(Vec::new()) };
    if value.is_array() || value.is_object() {
        return Ok(content::files(kind, &value));
    }
    let Some(url) = places.text_at(place)? else { return Ok(Vec::new()) };
    let text = |place: &Option<Place>| match place {
        Some(place) => places.text_at(place),
        None => Ok(None),
    };
    let mime_type = text(&files.mime_type)?;
    let filename = text(&files.filename)?.or_else(|| content::name_in_url(&url));
    Ok(vec![AttachmentPart {
        external_id: None,
        kind: content::kind_of_file(mime_type.as_deref(), kind, filename.as_deref(), Some(&url)),
        filename,
        url: Some(url),
        mime_type,
        size_bytes: text(&files.size)?.and_then(|text| content::size(&Value::from(text))),
    }])
}

/// The numbers in the place of the `*`, ascending; `None` without a `*`.
fn numbers(place: &Place, view: View<'_>) -> Option<Vec<String>> {
    let (holder, pattern) = match place {
        Place::Form(name) => (Some(view.request.body), name.as_str()),
        Place::Query(name) => {
            let (Query::Counts(query) | Query::Unsigned(query)) = view.request.query;
            (Some(query), name.as_str())
        }
        // In an element, the `*` is the element's own index.
        Place::Root(_) if view.is_element() => return None,
        Place::Pointer(pointer) | Place::Root(pointer) => {
            let star = pointer.find('*')?;
            let start = pointer.get(..star)?.rfind('/')?;
            let pattern = pointer.get(start + 1..)?.split('/').next()?;
            let root = if matches!(place, Place::Root(_)) { view.request.body } else { view.here() };
            (root.pointer(pointer.get(..start)?), pattern)
        }
        Place::FirstOf(places) => return places.iter().find_map(|place| numbers(place, view)),
        Place::Fixed(_) => return None,
    };
    let (prefix, suffix) = pattern.split_once('*')?;
    let is_number = |text: &str| (1..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let mut numbers: Vec<String> = match holder {
        Some(Value::Object(members)) => members
            .keys()
            .filter_map(|name| name.strip_prefix(prefix)?.strip_suffix(suffix))
            .filter(|number| is_number(number))
            .map(str::to_owned)
            .collect(),
        Some(Value::Array(items)) if pattern == "*" => (0..items.len().min(MOST)).map(|at| at.to_string()).collect(),
        _ => Vec::new(),
    };
    numbers.sort_by_key(|number| (number.parse::<u32>().unwrap_or_default(), number.len()));
    Some(numbers)
}

fn with_number(place: &Place, number: &str) -> Place {
    let numbered = |text: &String| text.replace('*', number);
    match place {
        Place::Pointer(pointer) => Place::Pointer(numbered(pointer)),
        Place::Root(pointer) => Place::Root(numbered(pointer)),
        Place::Form(name) => Place::Form(numbered(name)),
        Place::Query(name) => Place::Query(numbered(name)),
        Place::Fixed(value) => Place::Fixed(value.clone()),
        Place::FirstOf(places) => Place::FirstOf(places.iter().map(|place| with_number(place, number)).collect()),
    }
}
