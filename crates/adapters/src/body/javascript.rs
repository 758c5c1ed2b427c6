//! `JSON.stringify(JSON.parse(body))`, byte for byte, for a signature that is documented over it (OR-14).
//!
//! It works on the text of the body, because a parsed value has lost details. A lone surrogate becomes its escape, and
//! a number the double nearest to it. Integer-like keys come first and ascending. The last of duplicate members takes
//! the place of the first.

use indexmap::IndexMap;
use inlet_domain::json;

use crate::body::lenient::MAX_DEPTH;

/// The body as JavaScript writes it; `None` if `JSON.parse` refuses it, or it is nested too deeply.
#[must_use]
pub fn restringify(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Reader { text, at: 0 }.document()
}

/// An open collection. Its items so far are already written.
enum Open {
    Array { items: String },
    Object { members: IndexMap<String, String>, key: String },
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    /// One value, with an explicit stack instead of recursion.
    fn document(&mut self) -> Option<String> {
        let mut stack: Vec<Open> = Vec::new();
        loop {
            let mut value = match self.next()? {
                b'{' => {
                    if stack.len() == MAX_DEPTH {
                        return None;
                    }
                    if self.peek()? == b'}' {
                        self.at += 1;
                        "{}".to_owned()
                    } else {
                        let key = self.key()?;
                        stack.push(Open::Object { members: IndexMap::new(), key });
                        continue;
                    }
                }
                b'[' => {
                    if stack.len() == MAX_DEPTH {
                        return None;
                    }
                    if self.peek()? == b']' {
                        self.at += 1;
                        "[]".to_owned()
                    } else {
                        stack.push(Open::Array { items: String::new() });
                        continue;
                    }
                }
                b'"' => format!("\"{}\"", self.string()?),
                b't' => self.word("true")?,
                b'f' => self.word("false")?,
                b'n' => self.word("null")?,
                b'-' | b'0'..=b'9' => self.number()?,
                _ => return None,
            };
            loop {
                match stack.last_mut() {
                    None => {
                        self.space();
                        return (self.at == self.text.len()).then_some(value);
                    }
                    Some(Open::Array { items }) => {
                        if !items.is_empty() {
                            items.push(',');
                        }
                        items.push_str(&value);
                        match self.next()? {
                            b',' => break,
                            b']' => value = format!("[{items}]"),
                            _ => return None,
                        }
                    }
                    Some(Open::Object { members, key }) => {
                        members.insert(std::mem::take(key), value);
                        match self.next()? {
                            b',' => {
                                *key = self.key()?;
                                break;
                            }
                            b'}' => value = object(members),
                            _ => return None,
                        }
                    }
                }
                stack.pop();
            }
        }
    }

    fn space(&mut self) {
        while matches!(self.text.as_bytes().get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.space();
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// The rest of a literal whose first letter is read.
    fn word(&mut self, word: &str) -> Option<String> {
        let rest = word.get(1..)?;
        self.text.get(self.at..)?.starts_with(rest).then(|| {
            self.at += rest.len();
            word.to_owned()
        })
    }

    fn key(&mut self) -> Option<String> {
        if self.next()? != b'"' {
            return None;
        }
        let key = self.string()?;
        (self.next()? == b':').then_some(key)
    }

    /// The rest of a number whose first character is read.
    fn number(&mut self) -> Option<String> {
        let start = self.at - 1;
        self.at = start;
        let bytes = self.text.as_bytes();
        let digits = |at: &mut usize| {
            let from = *at;
            while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            (*at > from).then_some(*at - from)
        };
        let mut at = start;
        if bytes.get(at) == Some(&b'-') {
            at += 1;
        }
        let leading_zero = bytes.get(at) == Some(&b'0');
        if digits(&mut at)? > 1 && leading_zero {
            return None;
        }
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            digits(&mut at)?;
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            at += 1;
            if matches!(bytes.get(at), Some(b'+' | b'-')) {
                at += 1;
            }
            digits(&mut at)?;
        }
        self.at = at;
        let mut out = String::new();
        json::write_number(self.text.get(start..at)?.parse().ok()?, &mut out);
        Some(out)
    }

    /// The rest of a string whose quote is read, as `JSON.stringify` writes it, without quotes.
    fn string(&mut self) -> Option<String> {
        let mut out = String::new();
        // The first half of a surrogate pair, while its second half may follow.
        let mut high: Option<u16> = None;
        loop {
            let c = self.text.get(self.at..)?.chars().next()?;
            self.at += c.len_utf8();
            let unit = match c {
                '\\' => self.escape()?,
                '"' => {
                    flush(&mut high, &mut out);
                    return Some(out);
                }
                c if c < ' ' => return None,
                c => {
                    flush(&mut high, &mut out);
                    json::write_char(c, &mut out);
                    continue;
                }
            };
            let pair = high.map(|high| [high, unit]);
            if let Some(Ok(c)) = pair.and_then(|pair| char::decode_utf16(pair).next()) {
                json::write_char(c, &mut out);
                high = None;
                continue;
            }
            flush(&mut high, &mut out);
            match unit {
                0xd800..=0xdbff => high = Some(unit),
                0xdc00..=0xdfff => write_lone(unit, &mut out),
                _ => json::write_char(char::from_u32(u32::from(unit))?, &mut out),
            }
        }
    }

    fn escape(&mut self) -> Option<u16> {
        let byte = *self.text.as_bytes().get(self.at)?;
        self.at += 1;
        let unit = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return None;
                }
                self.at += 4;
                return u16::from_str_radix(digits, 16).ok();
            }
            _ => return None,
        };
        Some(u16::from(unit))
    }
}

fn flush(high: &mut Option<u16>, out: &mut String) {
    if let Some(unit) = high.take() {
        write_lone(unit, out);
    }
}

fn write_lone(unit: u16, out: &mut String) {
    out.push_str(&format!("\\u{unit:04x}"));
}

fn object(members: &IndexMap<String, String>) -> String {
    let mut indices: Vec<_> = members.iter().filter_map(|(k, v)| Some((json::integer_key(k)?, k, v))).collect();
    indices.sort_unstable_by_key(|(index, ..)| *index);
    let named = members.iter().filter(|(key, _)| json::integer_key(key).is_none());
    let mut out = String::from("{");
    for (i, (key, value)) in indices.into_iter().map(|(_, k, v)| (k, v)).chain(named).enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push('"');
        out.push_str(key);
        out.push_str("\":");
        out.push_str(value);
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests;
