//! `attachment.*` (OB-7), and the files within a message.

use inlet_domain::{
    command::{AttachmentPart, AttachmentReport},
    model::message::AttachmentKind,
};
use serde_json::Value;

use super::{Report, text};
use crate::fields::{self, Members, Object};

pub(super) fn read(report: &Report<'_>) -> AttachmentReport {
    let file = report.payload;
    AttachmentReport {
        id: report.id.clone(),
        message_id: file.id("message_id"),
        version: report.version(),
        kind: file.patch("file_type", |value| fields::text(value).map(|word| kind(&word))),
        url: text(file, "file_url"),
        filename: text(file, "filename"),
        mime_type: text(file, "file_type"),
        size_bytes: file.patch("file_size", size),
    }
}

pub(super) fn parts(files: &[Value]) -> Vec<AttachmentPart> {
    files.iter().filter_map(Value::as_object).map(part).collect()
}

fn part(file: &Object) -> AttachmentPart {
    let file_type = file.text("file_type");
    AttachmentPart {
        external_id: file.id("id"),
        kind: file_type.as_deref().map_or(AttachmentKind::Other, kind),
        url: file.text("file_url"),
        filename: file.text("filename"),
        mime_type: file_type,
        size_bytes: file.get("file_size").and_then(size),
    }
}

/// Of a media type such as `image/jpeg`, or a word such as `image`.
fn kind(file_type: &str) -> AttachmentKind {
    let family = file_type.split('/').next().unwrap_or_default().trim().to_ascii_lowercase();
    match family.as_str() {
        "image" => AttachmentKind::Image,
        "video" => AttachmentKind::Video,
        "audio" => AttachmentKind::Audio,
        "application" | "text" | "document" => AttachmentKind::Document,
        _ => AttachmentKind::Other,
    }
}

/// Bytes, as a number or as text; nothing below zero is a size.
fn size(value: &Value) -> Option<i64> {
    fields::text(value)?.parse().ok().filter(|bytes| *bytes >= 0)
}
