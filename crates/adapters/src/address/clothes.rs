//! The decoration of an address: schemes, display names, parameters, hosts, devices, invisible marks.

use unicode_normalization::UnicodeNormalization;

use crate::text::{digit, is_invisible, trim};

/// A longer address is kept unchanged, as the provider's id.
const LONGEST: usize = 512;

/// An address without its decoration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bare {
    /// The form that the decoration implies.
    pub form: Form,
    /// The address itself.
    pub text: String,
}

/// The form of an address, by its decoration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// No decoration tells the form.
    Plain,
    /// A scheme for numbers: `tel:`, `sms:`, `whatsapp:`, `viber:` and the like.
    Number,
    /// `sip:` or `sips:`, without the host.
    Sip,
    /// `mailto:`.
    Mail,
    /// A WhatsApp number with its country code.
    PhoneJid,
    /// A WhatsApp group, broadcast or newsletter.
    Group,
    /// WhatsApp's id of a person whose number is hidden.
    Lid,
}

const SCHEMES: [(&str, Form); 14] = [
    ("callto", Form::Number),
    ("im", Form::Number),
    ("mobile", Form::Number),
    ("phone", Form::Number),
    ("rcs", Form::Number),
    ("smtp", Form::Mail),
    ("tel", Form::Number),
    ("sms", Form::Number),
    ("smsto", Form::Number),
    ("whatsapp", Form::Number),
    ("viber", Form::Number),
    ("sip", Form::Sip),
    ("sips", Form::Sip),
    ("mailto", Form::Mail),
];

/// Links to a WhatsApp chat, without their scheme.
const LINKS: [&str; 2] = ["//wa.me/", "//api.whatsapp.com/"];

/// Words for a hidden sender, without their spaces.
const HIDDEN: [&str; 34] = [
    "anonymous",
    "anonymouscaller",
    "anonymousinvalid",
    "assertedidentity",
    "blocked",
    "blockednumber",
    "calleridblocked",
    "callerunknown",
    "hidden",
    "hiddennumber",
    "idwithheld",
    "nocallerid",
    "nonumber",
    "noreply",
    "notavailable",
    "notdisclosed",
    "numberunavailable",
    "numberwithheld",
    "outofarea",
    "privado",
    "private",
    "privatecaller",
    "privatenumber",
    "restricted",
    "secret",
    "suppressed",
    "unavailable",
    "unbekannt",
    "undisclosed",
    "unidentified",
    "unknown",
    "unknowncaller",
    "unknownnumber",
    "withheld",
];

/// Numbers that spell such a word on a keypad: ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE; and the codes of
/// telephones for a hidden sender. Twilio documents the former, Android's call log the latter.
const HIDDEN_NUMBERS: [&str; 7] = ["266696687", "7378742833", "2562533", "8656696", "86282452253", "-2", "-3"];

/// Removes the decoration.
pub(super) fn undress(written: &str) -> Bare {
    let written = trim(written);
    if written.len() > LONGEST {
        return Bare { form: Form::Plain, text: written.to_owned() };
    }
    let visible: String = written.chars().filter(|c| !is_invisible(*c)).nfkc().collect();
    let bare = trim(named(&visible)).trim_matches(['"', '\'']);
    let bare = bare.strip_prefix('[').and_then(|bare| bare.strip_suffix(']')).unwrap_or(bare);
    // An unpaired bracket of the decoration.
    let bare = if bare.contains('<') { bare } else { bare.strip_suffix('>').unwrap_or(bare) };
    let mut text = trim(bare).to_owned();
    let mut form = Form::Plain;
    // `whatsapp:tel:+44...` has two schemes; no address has more than a few.
    for _ in 0..3 {
        let Some((scheme, rest)) = text.split_once(':') else { break };
        let scheme = scheme.trim().to_ascii_lowercase();
        let rest = rest.trim_start();
        if let Some((_, known)) = SCHEMES.iter().find(|(name, _)| *name == scheme) {
            form = *known;
            text = rest.strip_prefix("//").unwrap_or(rest).to_owned();
        } else if let Some(link) = LINKS
            .iter()
            .filter(|_| matches!(scheme.as_str(), "http" | "https"))
            .find_map(|link| rest.strip_prefix(link))
        {
            form = Form::Number;
            text = link.to_owned();
        } else {
            break;
        }
    }
    if form != Form::Plain || ["%2B", "%2b"].iter().any(|plus| text.starts_with(plus)) {
        text = text.replace("%2B", "+").replace("%2b", "+").replace("%20", " ").replace("%40", "@");
    }
    let text = without_parameters(&text, form);
    of_host(&text, form)
}

/// The address in `Ada <ada@example.com>`, also with parameters after it.
fn named(text: &str) -> &str {
    let inner = text.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
    match inner {
        Some((address, rest)) if !trim(address).is_empty() && (trim(rest).is_empty() || rest.starts_with(';')) => {
            address
        }
        _ => text,
    }
}

fn without_parameters(text: &str, form: Form) -> String {
    let Some(at) = text.find([';', '?']) else { return text.trim().to_owned() };
    let (address, parameters) = text.split_at(at);
    if form == Form::Sip && !address.contains('@') && parameters.contains('@') {
        // The parameters belong to the user: `sip:+44...;user=phone@host`.
        return address.trim().to_owned();
    }
    let parameter = |name: &str| {
        let mut all = parameters.split([';', '?', '&']).filter_map(|each| each.split_once('='));
        all.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    match form {
        Form::Plain if digits_of(address).len() < 5 || address.chars().any(char::is_alphabetic) => text.to_owned(),
        Form::Number => {
            let in_context = parameter("phone-context").filter(|context| context.starts_with('+'));
            let address = address.trim();
            match (in_context, parameter("phone")) {
                (Some(context), _) if !address.starts_with('+') => format!("{context}{address}"),
                (_, Some(phone)) if digits_of(address).is_empty() => phone.to_owned(),
                _ => address.to_owned(),
            }
        }
        Form::Plain | Form::Sip | Form::Mail | Form::PhoneJid | Form::Group | Form::Lid => address.trim().to_owned(),
    }
}

/// The form that the host after the `@` implies.
fn of_host(text: &str, form: Form) -> Bare {
    let Some((user, host)) = text.rsplit_once('@') else {
        return Bare { form, text: text.to_owned() };
    };
    let host = host.trim().to_ascii_lowercase();
    let user = user.trim();
    // The person is followed by a device: `44...:12@` or `44....0:12@`.
    let person = user.split([':', '.', '_']).next().unwrap_or_default().trim();
    match host.as_str() {
        "s.whatsapp.net" | "whatsapp.net" | "c.us" | "hosted" => Bare { form: Form::PhoneJid, text: person.to_owned() },
        "lid" | "hosted.lid" => Bare { form: Form::Lid, text: format!("{person}@lid") },
        "g.us" | "broadcast" | "newsletter" => Bare { form: Form::Group, text: format!("{user}@{host}") },
        _ if form == Form::Sip => {
            let user = user.split([':', ';']).next().unwrap_or_default();
            // Each exchange has extensions of its own.
            let is_number = digits_of(user).len() > 6 && !user.chars().any(char::is_alphabetic);
            Bare { form, text: if is_number { user.to_owned() } else { format!("{user}@{host}") } }
        }
        _ => Bare { form, text: text.to_owned() },
    }
}

impl Bare {
    /// Whether the sender is hidden. `with_numbers` also tests the numbers for hidden senders.
    pub(super) fn is_hidden(&self, with_numbers: bool) -> bool {
        let (user, host) = match self.text.rsplit_once('@') {
            Some((user, host)) => (user, Some(host.to_ascii_lowercase())),
            None => (self.text.as_str(), None),
        };
        let is_word = |text: &str| {
            let word: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
            HIDDEN.contains(&word.as_str())
        };
        let is_zero = |text: &str| {
            let mut signs = text.chars().filter(|c| c.is_alphanumeric()).peekable();
            signs.peek().is_some() && signs.all(|c| digit(c) == Some('0'))
        };
        if host.as_deref().is_some_and(|host| host == "invalid" || host.ends_with(".invalid")) {
            return true;
        }
        // A person with an email address may have such a name.
        let is_person = host.is_none() || matches!(self.form, Form::Sip | Form::Lid);
        if is_person && (is_word(user) || is_zero(user) || self.text == "-1") {
            return true;
        }
        with_numbers
            && host.is_none()
            && HIDDEN_NUMBERS
                .contains(&if self.text.starts_with('-') { self.text.clone() } else { digits_of(&self.text) }.as_str())
            && !self.text.chars().any(char::is_alphabetic)
    }
}

/// The digits, without the characters between them.
pub(super) fn digits_of(text: &str) -> String {
    text.chars().filter_map(digit).collect()
}
