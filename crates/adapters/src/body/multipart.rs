//! Bodies in `multipart/form-data` (RFC 7578), a form of composed webhooks: a flat object of their texts.

use encoding_rs::Encoding;
use serde_json::{Map, Value};

use crate::body::{charset, lenient::clean};

/// The most parts of a body.
const MOST_PARTS: usize = 1_000;

/// The texts of the form by name. Of a repeated name the last wins; files are left out. `None` if the body is no
/// multipart form.
#[must_use]
pub(crate) fn parse(content_type: &str, body: &[u8]) -> Option<Value> {
    let charset = charset::declared(content_type);
    let boundary =
        charset::parameter(content_type, "boundary").filter(|boundary| (1..=70).contains(&boundary.len()))?;
    let delimiter = format!("--{boundary}");
    let mut rest = after(body, delimiter.as_bytes())?;
    let mut members = Map::new();
    for _ in 0..MOST_PARTS {
        if rest.starts_with(b"--") {
            return Some(Value::Object(members));
        }
        // A delimiter stands at the beginning of a line.
        let end = find(rest, format!("\r\n{delimiter}").as_bytes())?;
        let part = rest.get(..end)?.strip_prefix(b"\r\n")?;
        if let Some((name, text)) = text_of(part, charset) {
            members.insert(clean(&name), Value::String(clean(&text)));
        }
        rest = after(rest.get(end..)?, delimiter.as_bytes())?;
    }
    None
}

fn text_of(part: &[u8], charset: Option<&'static Encoding>) -> Option<(String, String)> {
    let head_end = find(part, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(part.get(..head_end)?);
    let header = |wanted: &str| {
        head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case(wanted).then_some(value)
        })
    };
    let disposition = header("content-disposition")?;
    if charset::parameter(disposition, "filename").is_some() {
        return None;
    }
    // A part may declare its own charset (RFC 7578, 4.5).
    let charset = header("content-type").and_then(charset::declared).or(charset);
    let bytes = part.get(head_end + 4..)?;
    let text =
        charset.map_or_else(|| String::from_utf8_lossy(bytes), |charset| charset::text(charset, bytes)).into_owned();
    Some((charset::parameter(disposition, "name")?, text))
}

fn after<'a>(bytes: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    bytes.get(find(bytes, needle)? + needle.len()..)
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"xYz\"";

    #[test]
    fn a_form_is_its_texts_by_name() {
        let body = "preamble\r\n--xYz\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\nm1\r\n--xYz\r\n\
            content-type: text/plain\r\ncontent-disposition: form-data; name=text\r\n\r\nline one\r\n--not it\r\n\r\n\
            --xYz\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\n\r\n\u{1}\r\n--xYz--\r\n";
        assert_eq!(parse(TYPE, body.as_bytes()), Some(json!({"id": "m1", "text": "line one\r\n--not it\r\n"})));
        assert_eq!(parse(TYPE, b"--xYz--"), Some(json!({})));
        for broken in ["", "--xYz", "--xYz\r\n", "--xYz\r\nContent-Disposition: form-data; name=id\r\n\r\nm1", "{}"] {
            assert_eq!(parse(TYPE, broken.as_bytes()), None, "{broken}");
        }
        assert_eq!(parse("multipart/form-data", body.as_bytes()), None);
    }

    proptest! {
        #[test]
        fn p11_no_form_makes_it_panic(text in "(--xYz|--|\r\n|name=|;|:|Content-Disposition: form-data|[a\" ]){0,40}") {
            let _ = parse(TYPE, text.as_bytes());
        }
    }
}
