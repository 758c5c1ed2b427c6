//! `attachment.*` (OB-7), and the files within a message.

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

/// The files of a message: a list, one object, or the URL of one. `None` where nothing tells of files.
pub(super) fn parts(files: &Value) -> Option<Vec<AttachmentPart>> {
    match files {
        Value::Array(files) => Some(files.iter().take(MOST).filter_map(part).collect()),
        Value::Object(_) | Value::String(_) => part(files).map(|part| vec![part]),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// No message holds more files.
const MOST: usize = 100;

fn part(file: &Value) -> Option<AttachmentPart> {
    let file = match file {
        Value::Object(file) if !file.is_empty() => file,
        Value::String(url) if !url.trim().is_empty() => return Some(content::at_url(None, url.trim())),
        _ => return None,
    };
    let file_type = file.text("file_type");
    let Some(url) = file.text("file_url") else {
        // Written otherwise than the documents do.
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

/// A file's name, as far as the event speaks of it. That of its URL is taken only where the file came to be: an update that
/// tells no name changes none.
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
