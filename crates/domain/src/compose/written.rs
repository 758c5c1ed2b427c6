//! Texts that end at their bound while they are written, and how a value is encoded for where it stands.

use std::fmt::{self, Write};

use url::form_urlencoded;

use crate::json;

/// A text that takes no more than so many bytes. An error is that it would have more.
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

/// How a text is encoded for where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Encoding {
    /// As it is.
    Plain,
    /// Within a text of JSON.
    Json,
    /// In a form.
    Form,
    /// In a URL: all but what RFC 3986, section 2.3, reserves for nothing is percent-encoded.
    Url,
    /// In a header: what is not visible ASCII is percent-encoded, and so is the percent sign, which would look like that.
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

/// Encodes all that is written into it, so that a value is never held twice.
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
