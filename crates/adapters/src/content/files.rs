//! The files of a message.

use inlet_domain::{command::AttachmentPart, model::message::AttachmentKind};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{AnyOf, DEEPEST, HOLDERS, MOST, URLS, is_kind};

use crate::{
    body::lenient::clean,
    fields::Members,
    fields::{self, Object},
    text::bounded_id,
};

/// Members with a file's name.
pub(crate) const FILE_NAMES: [&str; 4] = ["file_name", "fileName", "filename", "name"];

/// Members with a file's media type.
const MIME_TYPES: [&str; 5] = ["mime_type", "mimeType", "mimetype", "content_type", "contentType"];

/// Members with a file's size in bytes.
const SIZES: [&str; 4] = ["size_bytes", "file_size", "fileSize", "size"];

/// The longest name of a file, in characters.
pub(super) const LONGEST_NAME: usize = 255;

/// Whether messages of this kind are files.
pub(crate) fn is_media(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| is_kind(kind, &["media", "attachment"]) || kind_of(kind) != AttachmentKind::Other)
}

/// The kind of a file, from the provider's word or a media type, such as `image` or `image/jpeg`.
pub(crate) fn kind_of(word: &str) -> AttachmentKind {
    let family = word.split('/').next().unwrap_or_default().trim().to_ascii_lowercase();
    match family.as_str() {
        "image" | "sticker" | "photo" | "picture" | "gif" => AttachmentKind::Image,
        "video" | "video_note" | "ptv" => AttachmentKind::Video,
        "audio" | "voice" | "ptt" | "voice_note" => AttachmentKind::Audio,
        "application" | "document" | "file" | "pdf" => AttachmentKind::Document,
        // `text` alone is a kind of message; `text/csv` is a kind of file.
        "text" if word.contains('/') => AttachmentKind::Document,
        _ => AttachmentKind::Other,
    }
}

/// The kind of a file: by the media type, else the provider's word, else the extension of the name or the URL.
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

/// The kind of a file, from the extension of its name.
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

/// The files in a value: a URL, an object with a URL, or a list of these. Any other text is no file.
pub(crate) fn files(kind: Option<&str>, value: &Value) -> Vec<AttachmentPart> {
    let mut found = Vec::new();
    collect(kind, value, DEEPEST, &mut found);
    found
}

pub(super) fn collect(kind: Option<&str>, value: &Value, deeper: usize, found: &mut Vec<AttachmentPart>) {
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
            // A file that the provider keeps under an id, without a URL, is a file too.
            let id = object.known_of(&["media_id", "mediaId", "id"]).filter(|_| {
                object.known_of(&MIME_TYPES).is_some()
                    || kind.is_some_and(|kind| kind_of(kind) != AttachmentKind::Other)
            });
            let before = found.len();
            if url.is_none() {
                for (name, value) in HOLDERS.iter().filter_map(|name| Some((*name, object.get(*name)?))) {
                    // The type of the message is more specific than `file`.
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

/// The file of an object.
pub(super) fn part(kind: Option<&str>, object: &Object, url: Option<String>, id: Option<String>) -> AttachmentPart {
    let mime_type = object.known_of(&MIME_TYPES);
    let own = object.known("type").filter(|word| kind_of(word) != AttachmentKind::Other);
    let filename = filename(object, url.as_deref());
    AttachmentPart {
        external_id: id.filter(|_| url.is_none()).map(bounded_id),
        kind: kind_of_file(mime_type.as_deref(), own.as_deref().or(kind), filename.as_deref(), url.as_deref()),
        filename,
        url,
        mime_type,
        size_bytes: SIZES.iter().find_map(|name| size(object.get(*name)?)),
    }
}

/// A file that is known only by its URL.
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

/// A size in bytes, from a number or a text; `None` for a negative number.
pub(crate) fn size(value: &Value) -> Option<i64> {
    let text = fields::text(value)?;
    let whole =
        text.split_once('.').filter(|(_, rest)| rest.bytes().all(|b| b == b'0')).map_or(text.as_str(), |it| it.0);
    whole.parse().ok().filter(|bytes| *bytes >= 0)
}

/// The name of a file: its own member, else the end of its URL.
pub(crate) fn filename(file: &Object, url: Option<&str>) -> Option<String> {
    file.known_of(&FILE_NAMES).map(bounded).or_else(|| name_in_url(url?))
}

/// The last segment of a URL's path, percent-decoded, without query and fragment; `None` without one.
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
    // The decoded name may contain a path.
    let name = decoded.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = clean(name).chars().filter(|c| !c.is_control()).collect();
    let name = name.trim();
    let is_name = !name.is_empty() && name != "." && name != "..";
    is_name.then(|| bounded(name.to_owned()))
}

/// Shortens a long name and keeps its extension.
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

pub(super) fn has_file(object: &Object) -> bool {
    URLS.iter().any(|name| object.contains_key(*name))
}
