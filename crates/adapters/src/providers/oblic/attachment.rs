//! `attachment.*` (OB-7), and the files of a message.

use inlet_domain::{
    command::{AttachmentPart, AttachmentReport, Change, Patch},
    model::message::AttachmentKind,
};
use serde_json::Value;

use super::{Report, text};
use crate::{
    content::{self, FILE_NAMES},
    fields::{self, Members, Object},
};

pub(super) fn read(report: &Report<'_>) -> AttachmentReport {
    let file = report.payload;
    AttachmentReport {
        id: report.id.clone(),
        message_id: file.id("message_id"),
        version: report.version(),
        kind: file.patch("file_type", |value| fields::text(value).map(|word| content::kind_of(&word))),
        url: text(file, "file_url"),
        filename: filename(report),
        mime_type: text(file, "file_type"),
        size_bytes: file.patch("file_size", content::size),
    }
}

/// The files of a message: a list, also of lists, one object, objects or URLs by their id, or one URL. `None` without
/// files.
pub(super) fn parts(files: &Value) -> Option<Vec<AttachmentPart>> {
    let mut found = Vec::new();
    collect(files, None, DEEPEST, &mut found);
    (files.is_array() || !found.is_empty()).then_some(found)
}

fn collect(files: &Value, id: Option<&str>, deeper: usize, found: &mut Vec<AttachmentPart>) {
    let Some(deeper) = deeper.checked_sub(1) else { return };
    match files {
        Value::Array(files) => files.iter().take(MOST).for_each(|file| collect(file, None, deeper, found)),
        Value::Object(files) if is_by_id(files) => {
            files.iter().take(MOST).for_each(|(id, file)| collect(file, Some(id), deeper, found));
        }
        file => found.extend(part(file).map(|file| AttachmentPart {
            // Numbers are positions of files and not ids.
            external_id: file.external_id.or_else(|| id.filter(|id| !is_number(id)).map(str::to_owned)),
            ..file
        })),
    }
    found.truncate(MOST);
}

/// Whether each member is a file.
fn is_by_id(files: &Object) -> bool {
    let is_file = |(name, value): (&String, &Value)| match value {
        Value::Object(file) => ["file_url", "url", "id"].iter().any(|member| file.contains_key(*member)),
        Value::Array(_) => is_number(name),
        Value::String(text) => !FILE_MEMBERS.contains(&name.as_str()) && content::looks_like_url(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    };
    !files.is_empty() && files.iter().all(is_file)
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Members of one file with a URL.
const FILE_MEMBERS: [&str; 8] =
    ["file_url", "url", "link", "href", "src", "media_url", "download_url", "thumbnail_url"];

/// The deepest nesting of lists of files.
const DEEPEST: usize = 4;

/// The most files of a message.
const MOST: usize = 100;

fn part(file: &Value) -> Option<AttachmentPart> {
    let file = match file {
        Value::Object(file) if !file.is_empty() => file,
        Value::String(url) if !url.trim().is_empty() => return Some(content::at_url(None, url.trim())),
        _ => return None,
    };
    let file_type = file.text("file_type");
    let Some(url) = file.text("file_url") else {
        // Forms that the documents do not describe.
        let mut found = content::files(file_type.as_deref(), &Value::Object(file.clone())).into_iter().next();
        if let Some(found) = &mut found {
            found.external_id = file.id("id");
        }
        let nameless = || bare(file, file_type, None);
        return Some(found.unwrap_or_else(nameless));
    };
    Some(bare(file, file_type, Some(url)))
}

fn bare(file: &Object, file_type: Option<String>, url: Option<String>) -> AttachmentPart {
    AttachmentPart {
        external_id: file.id("id"),
        kind: file_type.as_deref().map_or(AttachmentKind::Other, content::kind_of),
        filename: content::filename(file, url.as_deref()),
        url,
        mime_type: file_type,
        size_bytes: file.get("file_size").and_then(content::size),
    }
}

/// A file's name, if the event mentions it. Only a new file takes the name of its URL: an update without a name changes
/// none.
fn filename(report: &Report<'_>) -> Patch<String> {
    let file = report.payload;
    if let Some(name) = FILE_NAMES.iter().find_map(|name| file.known(name)) {
        return Patch::Value(name);
    }
    let url = file.text("file_url").filter(|_| report.change == Change::Created);
    match url.and_then(|url| content::name_in_url(&url)) {
        Some(name) => Patch::Value(name),
        None => text(file, "filename"),
    }
}
