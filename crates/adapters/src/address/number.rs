//! Phone numbers: normalised by the numbering plans, with a fallback for numbers outside of them.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType, enums::Region};

use crate::text::digit;

/// The interpretation of numbers without `+`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// As a national number of the region; if that is invalid, as a number with country code.
    RegionFirst(Region),
    /// As a number with country code; if that is invalid, as a national number of the region.
    CountryCodeFirst(Option<Region>),
    /// Always as a number with country code.
    CountryCodeAlways,
    /// Only a number with `+` is a phone number.
    PlusOnly,
}

/// The longest number of E.164, in digits.
const LONGEST: usize = 15;
/// A number with at most this many digits is a short number, which has no country code.
const LONGEST_SHORT: usize = 6;
/// A number with fewer digits is an extension of a private exchange.
const SHORTEST: usize = 5;

/// A number in its written form, as digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    /// With `+` if the country is known.
    pub shown: String,
}

impl Number {
    /// Whether it is a public number.
    pub(super) fn is_phone(&self) -> bool {
        self.shown.bytes().filter(u8::is_ascii_digit).count() >= SHORTEST
    }
}

/// The characters of a number: `+`, digits, and a zero in brackets apart from the others.
struct Signs {
    plus: bool,
    digits: String,
    /// The digits without the zero in brackets, if there is one after the country code.
    without_trunk: Option<String>,
}

/// Reads a text as a number. `None` if it holds other characters, or lacks a country that it needs.
pub(super) fn read(text: &str, numbering: Numbering) -> Option<Number> {
    let signs = signs(text)?;
    // `00` before a country code means `+`.
    let abroad = signs.digits.strip_prefix("00").filter(|rest| rest.len() >= SHORTEST && !rest.starts_with('0'));
    let shown = if signs.plus || abroad.is_some() {
        let candidates = [Some(signs.digits.as_str()), signs.without_trunk.as_deref()];
        let candidates =
            candidates.map(|digits| digits.map(|digits| abroad.map_or(digits, |_| digits.trim_start_matches('0'))));
        international(candidates, numbering)
    } else {
        national(&signs, numbering)
    };
    shown.map(|shown| Number { shown })
}

fn signs(text: &str) -> Option<Signs> {
    let mut dense = String::with_capacity(text.len());
    for c in whole(text).chars() {
        match c {
            '+' if !dense.contains(|c: char| c.is_ascii_digit()) => {
                if !dense.contains('+') {
                    dense.push('+');
                }
            }
            // Only between the digits of a number with country code, never in an id.
            '_' if dense.starts_with('+') => {}
            '(' | '[' | '{' => dense.push('('),
            ')' | ']' | '}' => dense.push(')'),
            c if is_between(c) => {}
            c => dense.push(digit(c)?),
        }
    }
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let trunk = dense.find("(0)").filter(|at| dense[..*at].contains(|c: char| c.is_ascii_digit()));
    let without_trunk = trunk.map(|at| digits(&format!("{}{}", &dense[..at], &dense[at + 3..])));
    let all = digits(&dense);
    (!all.is_empty() && all.len() <= 2 * LONGEST).then(|| Signs {
        plus: dense.contains('+'),
        digits: all,
        without_trunk,
    })
}

/// The text without the fraction that a spreadsheet added: `447700900123.0`.
fn whole(text: &str) -> &str {
    let fraction = text.split_once('.').filter(|(whole, rest)| {
        let digits = whole.strip_prefix('+').unwrap_or(whole);
        digits.len() >= 10 && digits.bytes().all(|b| b.is_ascii_digit()) && matches!(*rest, "0" | "00")
    });
    fraction.map_or(text, |(whole, _)| whole)
}

/// Characters that people write between digits: spaces, dashes, dots and slashes of all kinds.
fn is_between(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '.' | '/' | '~' | '\\' | '\u{b7}' | '\u{58a}' | '\u{5be}' | '\u{1806}' | '\u{2010}'
                ..='\u{2015}'
                    | '\u{2022}'
                    | '\u{2027}'
                    | '\u{2043}'
                    | '\u{2044}'
                    | '\u{2053}'
                    | '\u{2212}'
                    | '\u{2215}'
                    | '\u{2e3a}'
                    | '\u{2e3b}'
                    | '\u{301c}'
                    | '\u{3030}'
                    | '\u{30fb}'
                    | '\u{30fc}'
                    | '\u{3164}'
        )
}

/// A number with country code: the first candidate that a plan knows, else the last candidate unchanged.
fn international(candidates: [Option<&str>; 2], numbering: Numbering) -> Option<String> {
    let known = candidates.iter().flatten().find_map(|digits| known_abroad(digits));
    if known.is_some() {
        return known;
    }
    let digits = candidates.into_iter().flatten().last()?;
    if digits.len() <= LONGEST_SHORT {
        return Some(format!("+{digits}"));
    }
    // A `+` before a national number.
    let at_home = match numbering {
        Numbering::RegionFirst(region) | Numbering::CountryCodeFirst(Some(region)) if digits.starts_with('0') => {
            at_home(digits, region)
        }
        _ => None,
    };
    at_home.or_else(|| unknown(digits))
}

fn national(signs: &Signs, numbering: Numbering) -> Option<String> {
    let candidates = [Some(signs.digits.as_str()), signs.without_trunk.as_deref()];
    let abroad = || candidates.iter().flatten().find_map(|digits| known_abroad(digits));
    let digits = signs.digits.as_str();
    let (known, region) = match numbering {
        Numbering::PlusOnly => return None,
        Numbering::CountryCodeAlways => return international(candidates, numbering),
        Numbering::RegionFirst(region) => (known_at_home(digits, region).or_else(abroad), Some(region)),
        Numbering::CountryCodeFirst(region) => (abroad().or_else(|| known_at_home(digits, region?)), region),
    };
    if known.is_some() {
        return known;
    }
    if digits.len() <= LONGEST_SHORT {
        return Some(digits.to_owned());
    }
    let first = matches!(numbering, Numbering::RegionFirst(_));
    let with_trunk = digits.starts_with('0');
    if let Some(region) = region.filter(|_| first || with_trunk)
        && let Some(number) = at_home(digits, region)
    {
        return Some(number);
    }
    // No country code begins with zero.
    if with_trunk {
        return (digits.len() <= LONGEST).then(|| digits.to_owned());
    }
    unknown(signs.without_trunk.as_deref().unwrap_or(digits))
}

/// The number of a plan, in its written form.
fn known_abroad(digits: &str) -> Option<String> {
    let written = format!("+{digits}");
    let canonical = canonical(&written);
    if canonical != written {
        return parsed(&canonical, None).filter(PhoneNumber::is_valid).map(|_| written);
    }
    parsed(&written, None).filter(PhoneNumber::is_valid).map(|number| e164(&number))
}

fn known_at_home(digits: &str, region: Region) -> Option<String> {
    let written = e164(&parsed(digits, Some(region))?);
    // The plan may know only another form of the number.
    parsed(&canonical(&written), None).filter(PhoneNumber::is_valid).map(|_| written)
}

/// A number of the length of a line in the region.
fn at_home(digits: &str, region: Region) -> Option<String> {
    let number = parsed(digits, Some(region))?;
    let is_line = [PhoneNumberType::Mobile, PhoneNumberType::FixedLine]
        .into_iter()
        .any(|kind| PHONE_NUMBER_UTIL.is_possible_number_for_type(&number, kind));
    is_line.then(|| e164(&number))
}

/// A number outside of all plans, with its `+`.
fn unknown(digits: &str) -> Option<String> {
    if !(LONGEST_SHORT + 1..=LONGEST).contains(&digits.len()) {
        return None;
    }
    let mut shown = format!("+{digits}");
    // A zero after the country code is not part of the number, also in an unknown one. Each round removes one zero.
    while let Some(shorter) = parsed(&shown, None).map(|number| e164(&number)) {
        if shorter.len() >= shown.len() || shorter.len() <= LONGEST_SHORT + 1 {
            break;
        }
        shown = shorter;
    }
    Some(shown)
}

/// The key of a number: its one form. The key of a key is the key.
pub(super) fn key(shown: &str) -> String {
    // A short number is the same with and without `+`.
    if let Some(short) = shown.strip_prefix('+').filter(|digits| digits.len() <= LONGEST_SHORT) {
        return short.to_owned();
    }
    let mut key = canonical(shown);
    for _ in 0..LONGEST {
        match read(&key, Numbering::PlusOnly).map(|number| canonical(&number.shown)) {
            Some(next) if next != key => key = next,
            Some(_) | None => break,
        }
    }
    key
}

fn parsed(written: &str, region: Option<Region>) -> Option<PhoneNumber> {
    PhoneNumber::parse(written, region).ok()
}

fn e164(number: &PhoneNumber) -> String {
    number.format_as(PhoneNumberFormat::E164).into_owned()
}

/// The one form of a number that some networks write in two forms: in Brazil with the ninth digit of a mobile number,
/// in Mexico without the 1 and in Argentina without the 9 after the country code. Other numbers stay unchanged.
#[must_use]
pub fn canonical(e164: &str) -> String {
    let national = |code: &str, length: usize| {
        let rest = e164.strip_prefix(code)?;
        (rest.len() == length && rest.bytes().all(|b| b.is_ascii_digit())).then_some(rest)
    };
    if let Some((area, line)) = national("+55", 10).and_then(|rest| rest.split_at_checked(2))
        && line.starts_with(['6', '7', '8', '9'])
        && !area.contains('0')
    {
        return format!("+55{area}9{line}");
    }
    if let Some(rest) = national("+521", 10) {
        return format!("+52{rest}");
    }
    if let Some(rest) = national("+549", 10) {
        return format!("+54{rest}");
    }
    e164.to_owned()
}
