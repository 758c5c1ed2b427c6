//! Bodies that are an array: each element is an event of its own, so that a bad element never stops the others (P6).

use std::ops::Range;

use inlet_domain::model::outcome::Outcome;

/// The most events of one body.
pub const MOST: usize = 1_000;

/// The bytes of each element, if the body is a non-empty array; `None` for anything else, or if its brackets do not
/// match. Only brackets, strings and comments of the elements are examined: the reader of an element reports its
/// errors.
#[must_use]
pub fn elements(body: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut at = if body.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    at += body.get(at..)?.iter().position(|b| !b.is_ascii_whitespace())?;
    if body.get(at) != Some(&b'[') {
        return None;
    }
    at += 1;
    let mut start = at;
    // The closing brackets of the open ones within the array.
    let mut open: Vec<u8> = Vec::new();
    let mut found = Vec::new();
    loop {
        match *body.get(at)? {
            quote @ (b'"' | b'\'') => at = end_of_text(body, at + 1, quote)?,
            b'/' if matches!(body.get(at + 1), Some(b'/' | b'*')) => at = end_of_comment(body, at)?,
            b'{' => {
                open.push(b'}');
                at += 1;
            }
            b'[' => {
                open.push(b']');
                at += 1;
            }
            b']' if open.is_empty() => break,
            close @ (b'}' | b']') => {
                if open.pop() != Some(close) {
                    return None;
                }
                at += 1;
            }
            b',' if open.is_empty() => {
                found.push(trimmed(body, start..at));
                at += 1;
                start = at;
            }
            _ => at += 1,
        }
    }
    let last = trimmed(body, start..at);
    // Empty at the end for an empty array, or after a comma too many.
    if !last.is_empty() {
        found.push(last);
    }
    let rest = body.get(at + 1..)?;
    (rest.iter().all(u8::is_ascii_whitespace) && !found.is_empty()).then_some(found)
}

/// The end of a string that begins at `at`, after its quote; `None` without an end.
pub(crate) fn end_of_text(body: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        match *body.get(at)? {
            b'\\' => at += 2,
            b if b == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// The end of a comment that begins at `at`; `None` without an end.
pub(crate) fn end_of_comment(body: &[u8], at: usize) -> Option<usize> {
    let (from, end): (usize, &[u8]) = if body.get(at + 1) == Some(&b'/') { (at + 2, b"\n") } else { (at + 2, b"*/") };
    let length = body.get(from..)?.windows(end.len()).position(|window| window == end)?;
    Some(from + length + end.len())
}

fn trimmed(body: &[u8], range: Range<usize>) -> Range<usize> {
    let bytes = body.get(range.clone()).unwrap_or_default();
    let start = range.start + (bytes.len() - bytes.trim_ascii_start().len());
    start..start + bytes.trim_ascii().len()
}

/// The outcome of the whole body: the worst outcome of the elements.
#[must_use]
pub fn worst(outcomes: impl IntoIterator<Item = Outcome>) -> Option<Outcome> {
    outcomes.into_iter().max_by_key(|outcome| match outcome {
        Outcome::Duplicate => 0,
        Outcome::Accepted => 1,
        Outcome::Unrecognised => 2,
        Outcome::Quarantined => 3,
        Outcome::Failed => 4,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn texts(body: &str) -> Option<Vec<&str>> {
        elements(body.as_bytes()).map(|ranges| ranges.into_iter().map(|range| &body[range]).collect())
    }

    #[test]
    fn p6_each_element_keeps_its_own_bytes() {
        let body = " [ {\"a\": \"],[\\\"\", \"b\":[1,{}]} ,\n 2.0,\"x,y\", {bad json: },  [] ] \n";
        assert_eq!(
            texts(body).unwrap(),
            ["{\"a\": \"],[\\\"\", \"b\":[1,{}]}", "2.0", "\"x,y\"", "{bad json: }", "[]"]
        );
        assert_eq!(texts("\u{feff}[{},{}]").unwrap(), ["{}", "{}"]);
        let json5 = "[{a: '],\\'', // ] one\n b: 1}, /* , ] */ {},]";
        assert_eq!(texts(json5).unwrap().len(), 2);
        assert_eq!(texts("[{},,{}]").unwrap(), ["{}", "", "{}"]);
    }

    #[test]
    fn what_is_no_array_of_anything_is_one_body() {
        for body in ["", "  ", "{}", "[]", "[ \n]", "[,]x", "[{}", "[{]}", "[}", "[\"x]", "[1]2", "[/* ]", "x[1]"] {
            assert_eq!(texts(body), None, "{body}");
        }
    }

    #[test]
    fn the_worst_speaks_for_all() {
        use Outcome::{Accepted, Duplicate, Failed, Quarantined, Unrecognised};
        assert_eq!(worst([Duplicate, Duplicate]), Some(Duplicate));
        assert_eq!(worst([Duplicate, Accepted]), Some(Accepted));
        assert_eq!(worst([Accepted, Unrecognised, Accepted]), Some(Unrecognised));
        assert_eq!(worst([Failed, Quarantined]), Some(Failed));
        assert_eq!(worst([]), None);
    }

    proptest! {
        #[test]
        fn p11_strict_arrays_are_split_as_json_says_and_nothing_panics(
            text in "\\[[\\[\\]{}\",:\\\\/*' a1\n]{0,30}\\]",
            bytes in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let _ = elements(&bytes);
            let split = texts(&text);
            if let Ok(Value::Array(items)) = serde_json::from_str(&text) {
                let read: Vec<Value> =
                    split.unwrap_or_default().into_iter().map(|item| serde_json::from_str(item).unwrap()).collect();
                prop_assert_eq!(read, items);
            }
        }
    }
}
