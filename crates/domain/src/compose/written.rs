//! Texts that stop at a bound while they are written, and the encodings of values.

use std::fmt::{self, Write};

use url::form_urlencoded;

use crate::json;

/// A text of a bounded number of bytes. Writing beyond the bound is an error.
pub(super) struct Written {
    text: String,
    most: usize,
}

impl Written {
    pub(super) fn new(most: usize) -> Self {
        Self { text: String::new(), most }
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

impl Write for Written {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() > self.most - self.text.len() {
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}

/// The encoding of a text for its place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Encoding {
    /// Unchanged.
    Plain,
    /// Inside a JSON string.
    Json,
    /// In a form, urlencoded.
    Form,
    /// In a URL: everything but the unreserved characters of RFC 3986, section 2.3, is percent-encoded.
    Url,
    /// In a header: characters other than visible ASCII are percent-encoded, and the percent sign too, so that the
    /// encoding is unambiguous.
    Header,
}

impl Encoding {
    pub(super) fn write(self, text: &str, out: &mut Written) -> fmt::Result {
        match self {
            Self::Plain => out.write_str(text),
            Self::Json => json::escaped_to(text, out),
            Self::Form => form_urlencoded::byte_serialize(text.as_bytes()).try_for_each(|part| out.write_str(part)),
            Self::Url => {
                percent(text, out, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
            }
            Self::Header => percent(text, out, |byte| byte == b' ' || (byte.is_ascii_graphic() && byte != b'%')),
        }
    }
}

fn percent(text: &str, out: &mut Written, stays: impl Fn(u8) -> bool) -> fmt::Result {
    text.bytes().try_for_each(
        |byte| {
            if stays(byte) { out.write_char(char::from(byte)) } else { write!(out, "%{byte:02X}") }
        },
    )
}

/// Encodes while it writes, so that no value is held twice.
pub(super) struct Encoded<'a> {
    out: &'a mut Written,
    encoding: Encoding,
}

impl<'a> Encoded<'a> {
    pub(super) fn new(out: &'a mut Written, encoding: Encoding) -> Self {
        Self { out, encoding }
    }
}

impl Write for Encoded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.encoding.write(text, self.out)
    }
}
