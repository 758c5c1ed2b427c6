//! Decodes bodies that are not in UTF-8 by the charset that the request declares. The signature covers the bytes as
//! they were sent.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// A parameter of a header's value, without its quotes.
pub(crate) fn parameter(header: &str, wanted: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim();
        let plain = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        name.trim().eq_ignore_ascii_case(wanted).then(|| plain.to_owned())
    })
}

/// The charset that a content type declares, if it is known and not UTF-8.
pub(crate) fn declared(content_type: &str) -> Option<&'static Encoding> {
    let label = parameter(content_type, "charset")?;
    Encoding::for_label_no_replacement(label.as_bytes()).filter(|charset| *charset != UTF_8)
}

/// The body in UTF-8, decoded from the charset of its byte order mark, else the declared one. `None` if the body is in
/// UTF-8 already.
pub(crate) fn decoded(content_type: &str, body: &[u8]) -> Option<String> {
    let marked = Encoding::for_bom(body).map(|(charset, _)| charset).filter(|charset| *charset != UTF_8);
    let charset = marked.or_else(|| {
        let declared = declared(content_type)?;
        // `utf-16` alone does not tell the byte order. JSON begins with an ASCII character, so its zero byte tells the
        // order.
        let is_unordered = parameter(content_type, "charset").is_some_and(|label| label.eq_ignore_ascii_case("utf-16"));
        Some(if is_unordered && declared == UTF_16LE && body.first() == Some(&0) { UTF_16BE } else { declared })
    })?;
    match text(charset, body) {
        Cow::Borrowed(_) => None,
        Cow::Owned(text) => Some(text),
    }
}

/// Decodes bytes. Valid UTF-8 is taken as UTF-8 even if a single-byte charset is declared: some senders declare a
/// charset that they do not use, and text in such a charset is hardly ever valid UTF-8 by chance.
pub(crate) fn text<'a>(charset: &'static Encoding, bytes: &'a [u8]) -> Cow<'a, str> {
    if charset.is_single_byte()
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    charset.decode(bytes).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d3_a_declared_charset_is_read_and_utf_8_stays() {
        for (label, bytes) in [
            ("iso-8859-1", b"caf\xe9".as_slice()),
            ("\"Windows-1252\"", b"caf\xe9"),
            ("latin1", "café".as_bytes()),
            ("utf-16le", b"c\0a\0f\0\xe9\0"),
            ("utf-16be", b"\0c\0a\0f\0\xe9"),
            ("utf-16", b"\0c\0a\0f\0\xe9"),
            ("utf-16", b"\xff\xfec\0a\0f\0\xe9\0"),
            ("utf-8", b"\xfe\xff\0c\0a\0f\0\xe9"),
            ("utf-8", "café".as_bytes()),
            ("no-such-charset", "café".as_bytes()),
        ] {
            let content_type = format!("application/json; charset={label}");
            let text = decoded(&content_type, bytes).unwrap_or_else(|| String::from_utf8(bytes.to_vec()).unwrap());
            assert_eq!(text, "café", "{label}");
        }
        assert_eq!(decoded("text/plain; charset=shift_jis", b"\x82\xa0").as_deref(), Some("あ"));
        assert_eq!(decoded("text/plain; charset=shift_jis", b"plain"), None);
        assert_eq!(decoded("application/json", b"caf\xe9"), None);
    }
}
