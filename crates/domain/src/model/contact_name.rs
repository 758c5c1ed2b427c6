//! Names of contacts, and placeholders for unknown names.

/// Words of providers' placeholder names, as in `Guest 4711`, `web visitor`, `Unknown customer`.
const STAND_INS: [&str; 38] = [
    "anonymous",
    "caller",
    "chat",
    "client",
    "contact",
    "customer",
    "gast",
    "guest",
    "hidden",
    "instagram",
    "lead",
    "messenger",
    "n",
    "a",
    "na",
    "name",
    "new",
    "nil",
    "no",
    "none",
    "null",
    "private",
    "sender",
    "sms",
    "subscriber",
    "telegram",
    "unbekannt",
    "undefined",
    "unknown",
    "unnamed",
    "user",
    "viber",
    "visitor",
    "web",
    "webchat",
    "website",
    "whatsapp",
    "invitado",
];

/// Words that mark a placeholder only beside another word: a contact may be called `Chat`.
const ALONE_A_NAME: [&str; 9] = ["a", "chat", "lead", "n", "name", "new", "no", "web", "website"];

/// Whether a name is only a placeholder: a number, the contact's username or email address, or a provider's name for a
/// guest. A real name replaces it, and it never replaces a real name.
#[must_use]
pub fn stands_in(name: &str, username: Option<&str>, email: Option<&str>) -> bool {
    let name = name.trim().trim_start_matches('@').to_lowercase();
    let is_the =
        |other: Option<&str>| other.is_some_and(|other| name == other.trim().trim_start_matches('@').to_lowercase());
    name.chars().all(says_nothing) || is_the(username) || is_the(email) || is_a_number(&name) || is_a_guest(&name)
}

/// Punctuation that no name consists of, such as a dot, a tilde or a dash.
fn says_nothing(c: char) -> bool {
    c.is_whitespace()
        || c.is_ascii_punctuation()
        || matches!(c, '\u{a1}'..='\u{bf}' | '\u{2010}'..='\u{205e}')
        || !is_visible(c)
}

fn is_a_number(name: &str) -> bool {
    // An address of WhatsApp is a number too.
    let name = ["@c.us", "@s.whatsapp.net"].iter().find_map(|host| name.strip_suffix(host)).unwrap_or(name);
    let is_mark = |c: char| matches!(c, '+' | '-' | '(' | ')' | '.' | '/' | '~') || c.is_whitespace() || !is_visible(c);
    name.chars().filter(char::is_ascii_digit).count() >= 5 && name.chars().all(|c| c.is_ascii_digit() || is_mark(c))
}

/// False for direction marks and the like, which phones put around numbers.
fn is_visible(c: char) -> bool {
    !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn is_a_guest(name: &str) -> bool {
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_number = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
    let stem = |word: &str| word.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    let stands_in = |word: &&&str| STAND_INS.contains(&stem(word).as_str());
    let telling = words.iter().filter(stands_in).filter(|word| !ALONE_A_NAME.contains(&stem(word).as_str())).count();
    let others = words.iter().filter(|word| !STAND_INS.contains(&stem(word).as_str()) && !is_number(word)).count();
    let all_known = others == 0 && words.len() > 1 && words.iter().any(|word| stands_in(&word));
    others == 0 && telling > 0 || all_known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b6_a_number_a_username_and_a_guest_stand_in_for_a_name() {
        for name in [
            "+44 7400 123456",
            "447400123456",
            "\u{202a}+91 98765-43210\u{202c}",
            "ada_l",
            "@Ada_L",
            "ADA@example.com",
            "Guest",
            "guest-4711",
            "Visitor #12",
            "Guest4711",
            "Web visitor",
            "Unknown",
            "Unknown customer",
            "anonymous user",
            "New user",
            "no name",
            "N/A",
            " ",
            "~447400123456",
            "447400123456@c.us",
            "WhatsApp User",
            "Gast",
            ".",
            "~",
            "...",
        ] {
            assert!(stands_in(name, Some("ada_l"), Some("ada@example.com")), "{name}");
        }
    }

    #[test]
    fn b6_a_real_name_is_one() {
        for name in [
            "Ada",
            "John Guest",
            "Ada Lovelace 2",
            "4711",
            "Chat",
            "No",
            "Web",
            "Ada Customer",
            "李雷",
            "🌸",
            "Null Island",
        ] {
            assert!(!stands_in(name, Some("ada_l"), None), "{name}");
        }
    }
}
