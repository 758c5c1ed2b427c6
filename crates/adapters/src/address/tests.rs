use rlibphonenumber::enums::Region;

use super::*;

const INDIA: Numbering = Numbering::CountryCodeFirst(Some(Region::IN));
const ANYWHERE: Numbering = Numbering::CountryCodeFirst(None);

fn of(written: &str, numbering: Numbering) -> (IdentityKind, String) {
    let identity = anywhere(written, numbering).unwrap_or_else(|| panic!("{written} is hidden")).identity;
    (identity.kind, identity.value)
}

#[test]
fn mt_6_a_number_with_or_without_plus_is_one_number() {
    for written in ["919019120123", "+919019120123", "+91 90191-20123", "9019120123"] {
        assert_eq!(phone(written, INDIA).unwrap().identity.value, "+919019120123", "{written}");
    }
    let identity = phone("919019120123", INDIA).unwrap().identity;
    assert_eq!(identity.original.as_deref(), Some("919019120123"));
}

#[test]
fn b3_one_number_in_many_clothes() {
    // The metadata knows the first number and not the second.
    for digits in ["442079460000", "447700900123"] {
        let (code, rest) = digits.split_at(2);
        let (area, line) = rest.split_at(4);
        let arabic: String =
            digits.bytes().map(|digit| char::from_u32(0x0660 + u32::from(digit - b'0')).unwrap()).collect();
        let fullwidth: String =
            digits.bytes().map(|digit| char::from_u32(0xff10 + u32::from(digit - b'0')).unwrap()).collect();
        for written in [
            format!("+{digits}"),
            digits.to_owned(),
            format!("00{digits}"),
            format!("+00{digits}"),
            format!("00 {code} {rest}"),
            format!("+{code} {area} {line}"),
            format!("+{code} (0){area} {line}"),
            format!("+{code} ( 0 ) {area}-{line}"),
            format!("{code} (0) {rest}"),
            format!("00{code}(0){rest}"),
            format!("+{code}.{area}.{line}"),
            format!("+{code}/{area}/{line}"),
            format!("(+{code}) {area} {line}"),
            format!("+{code}\u{a0}{area}\u{2011}{line}"),
            format!("+{code}\u{202f}{area}\u{2013}{line}"),
            format!("\u{200e}+{digits}\u{200f}"),
            format!("\u{202a}+{code}\u{a0}{area}\u{a0}{line}\u{202c}"),
            format!("\u{2066}+{digits}\u{2069}"),
            format!("\u{feff}+{code}\u{200b}{rest}\u{ad}"),
            format!("+{arabic}"),
            arabic.clone(),
            format!("\u{ff0b}{fullwidth}"),
            format!("tel:+{digits}"),
            format!("TEL:{digits}"),
            format!("tel://+{code}-{area}-{line}"),
            format!("tel:+{digits};ext=5"),
            format!("tel:{rest};phone-context=+{code}"),
            format!("sms:+{digits}?body=hi"),
            format!("smsto:{digits}"),
            format!("sip:+{digits}@pbx.example.com"),
            format!("sip:+{digits};user=phone@pbx.example.com"),
            format!("sips:{digits}@10.0.0.1:5061;transport=tls"),
            format!("\"Ada\" <sip:+{digits}@pbx.example.com>;tag=7"),
            format!("sip:%2B{digits}@pbx.example.com"),
            format!("whatsapp:+{digits}"),
            format!("WhatsApp: {digits}"),
            format!("whatsapp://send?phone={digits}"),
            format!("https://wa.me/{digits}"),
            format!("viber:{digits}"),
            format!("{digits}@s.whatsapp.net"),
            format!("+{digits}@S.WhatsApp.NET"),
            format!("{digits}:12@s.whatsapp.net"),
            format!("{digits}.0:12@s.whatsapp.net"),
            format!("{digits}@c.us"),
            format!("whatsapp:{digits}@c.us"),
            format!("{digits}.0"),
            format!("+{digits};phone"),
            format!("rcs:+{digits}"),
            format!("callto:{digits}"),
            format!("phone:+{digits}"),
            format!("mobile:{digits}"),
            format!("im:+{digits}"),
            format!("++{digits}"),
            format!("%2B{digits}"),
            format!("+{code}_{area}_{line}"),
            format!("{digits}@whatsapp.net"),
        ] {
            for numbering in [ANYWHERE, INDIA, Numbering::RegionFirst(Region::IN), Numbering::RegionFirst(Region::GB)] {
                let address = anywhere(&written, numbering).unwrap();
                assert_eq!(
                    (address.identity.kind, address.identity.value.as_str()),
                    (IdentityKind::Phone, format!("+{digits}").as_str()),
                    "{written} {numbering:?}"
                );
                assert_eq!(address.phone, Some(format!("+{digits}")), "{written} {numbering:?}");
            }
        }
    }
}

#[test]
fn b3_an_italian_zero_stays() {
    assert_eq!(of("+39 (0)6 1234 5678", ANYWHERE).1, "+390612345678");
    assert_eq!(of("+39 06 1234 5678", ANYWHERE).1, "+390612345678");
}

#[test]
fn b3_a_jid_of_a_group_is_a_group_and_one_of_a_device_is_its_person() {
    for (written, value) in [
        ("120363025246125486@g.us", "120363025246125486@g.us"),
        ("447700900123-1620000000@G.US", "447700900123-1620000000@g.us"),
        ("status@broadcast", "status@broadcast"),
        ("120363144038483540@newsletter", "120363144038483540@newsletter"),
    ] {
        assert_eq!(of(written, INDIA), (IdentityKind::Group, value.to_owned()), "{written}");
        assert_eq!(email(written), None, "{written}");
        let elsewhere = on(Medium::Other, written, INDIA).unwrap().identity;
        assert_eq!(elsewhere.kind, IdentityKind::Group, "{written}");
    }
    for written in ["182736455463728@lid", "182736455463728:4@lid", "182736455463728.1:4@LID"] {
        let lid = (IdentityKind::ProviderUser, "182736455463728@lid".to_owned());
        assert_eq!(of(written, INDIA), lid, "{written}");
    }
    assert_eq!(of("91XXXXXX@c.us", INDIA).0, IdentityKind::ProviderUser);
    assert_eq!(email("447700900123@s.whatsapp.net"), None);
}

#[test]
fn b3_an_email_address_in_its_clothes_is_that_address() {
    for written in [
        "ada@example.com",
        " Ada@Example.COM ",
        "Ada <ada@example.com>",
        "\"Lovelace, Ada\" <ADA@example.com>",
        "<ada@example.com>",
        "mailto:ada@example.com",
        "MAILTO:ada@example.com?subject=hi",
        "Ada <mailto:ada@example.com>",
        "[mailto:ada@example.com]",
        "ada@example.com>",
        "smtp:ada@example.com",
        "SMTP:Ada@example.com",
        "\u{200b}ada@example.com\u{feff}",
        "\u{ff41}da@example.com",
    ] {
        for medium in [Medium::Email, Medium::Whatsapp] {
            let address = on(medium, written, ANYWHERE).unwrap();
            assert_eq!(address.email.as_deref(), Some("ada@example.com"), "{written}");
            assert_eq!(address.identity.kind, IdentityKind::Email, "{written}");
        }
    }
    for written in ["ada@", "@example.com", "ada@example", "a da@example.com", "ada@.com", "sip:ada@example.com"] {
        assert_eq!(of(written, ANYWHERE).0, IdentityKind::ProviderUser, "{written}");
    }
}

#[test]
fn b2_ids_of_chats_are_not_phones() {
    let looks = ["6597325156", "+6597325156", "tel:+6597325156", "ada@example.com", "6597325156@c.us"];
    for medium in [Medium::Telegram, Medium::Messenger, Medium::Webchat, Medium::Other, Medium::Email] {
        for written in looks.into_iter().filter(|written| medium != Medium::Email || !written.starts_with("ada")) {
            let address = on(medium, written, Numbering::RegionFirst(Region::SG)).unwrap();
            assert_eq!(
                (address.identity.kind, address.identity.scope, address.identity.value.as_str()),
                (IdentityKind::ProviderUser, IdentityScope::Account, written),
                "{medium}"
            );
            assert_eq!((address.phone, address.email), (None, None), "{medium} {written}");
        }
    }
    for medium in [Medium::Whatsapp, Medium::Sms, Medium::Rcs, Medium::Viber, Medium::Voice, Medium::Vmn] {
        let address = on(medium, "6597325156", ANYWHERE).unwrap();
        assert_eq!(address.phone.as_deref(), Some("+6597325156"), "{medium}");
    }
}

#[test]
fn a_who_hides_is_nobody() {
    for written in [
        "anonymous",
        "Anonymous",
        " UNKNOWN ",
        "private",
        "Private Number",
        "restricted",
        "withheld",
        "unavailable",
        "blocked",
        "No Caller ID",
        "<unknown>",
        "0",
        "+0",
        "000-000",
        "00000000-0000-0000-0000-000000000000",
        "anonymous@anonymous.invalid",
        "ada@example.invalid",
        "sip:anonymous@anonymous.invalid",
        "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1",
        "sip:Unavailable@host.example.com",
        "tel:anonymous",
        "0@s.whatsapp.net",
        "+266696687",
        "266696687",
        "+7378742833",
        "+2562533",
        "+8656696",
        "+86 282452253",
        "-1",
        "Caller ID blocked",
        "id withheld",
        "Privado",
        "unbekannt",
        "not disclosed",
        "secret",
        "noreply",
        "anonymous.invalid",
        "asserted-identity",
    ] {
        assert_eq!(anywhere(written, INDIA), None, "{written}");
        assert_eq!(on(Medium::Voice, written, INDIA), None, "{written}");
        assert_eq!(phone(written, INDIA), None, "{written}");
    }
    for written in ["anonymous", "Unknown", "0", "000", "anonymous@anonymous.invalid"] {
        for medium in Medium::ALL {
            assert_eq!(on(*medium, written, INDIA), None, "{medium} {written}");
        }
    }
    // A chat may have this id.
    assert!(on(Medium::Telegram, "266696687", INDIA).is_some());
    assert!(anywhere("unknown.soldier@example.com", INDIA).is_some());
    let keys = ["a", "b"].map(|id| IdempotencyKey::new("call", id));
    assert_ne!(hidden(&keys[0]).value, hidden(&keys[1]).value);
    assert_eq!(hidden(&keys[0]), hidden(&keys[0].clone()));
}

#[test]
fn b4_national_variants_are_one_person_and_the_written_form_is_answered() {
    for (forms, value) in [
        (["551187654321", "+55 11 98765-4321", "00551187654321"], "+5511987654321"),
        (["5215512345678", "+52 55 1234 5678", "+52 1 55 1234 5678"], "+525512345678"),
        (["5491123456789", "+54 11 2345 6789", "+54 9 11 2345-6789"], "+541123456789"),
    ] {
        for written in forms {
            let address = anywhere(written, ANYWHERE).unwrap();
            assert_eq!((address.identity.kind, address.identity.value.as_str()), (IdentityKind::Phone, value));
            assert_eq!(address.identity.original.as_deref(), Some(written));
        }
    }
    let shown = |written: &str| anywhere(written, ANYWHERE).unwrap().phone.unwrap();
    assert_eq!(shown("551187654321"), "+551187654321");
    assert_eq!(shown("5215512345678"), "+5215512345678");
    assert_eq!(shown("5491123456789"), "+5491123456789");
    assert_eq!(shown("5511987654321@s.whatsapp.net"), "+5511987654321");
    // Numbers of the same countries that have only one form.
    for line in ["+551132345678", "+525512345678", "+541143211234", "+14155552671", "+5521", "+55119876543210"] {
        assert_eq!(canonical(line), line);
    }
    let brazil = Numbering::RegionFirst(Region::BR);
    for written in ["11 8765-4321", "11 98765-4321", "(11) 98765-4321", "+55 11 8765 4321", "551187654321"] {
        assert_eq!(phone(written, brazil).unwrap().identity.value, "+5511987654321", "{written}");
    }
}

#[test]
fn e8_what_no_plan_knows_keeps_its_plus_and_a_word_is_no_number() {
    for written in ["12345678", "+12345678", "1234 5678", "+1 234-56-78", "0012345678", "whatsapp:12345678"] {
        let address = anywhere(written, ANYWHERE).unwrap();
        assert_eq!((address.identity.kind, address.identity.value.as_str()), (IdentityKind::Phone, "+12345678"));
        assert_eq!(address.phone.as_deref(), Some("+12345678"), "{written}");
    }
    for (written, shown) in [("+12345", "+12345"), ("0012345", "+12345"), ("tel:+12345", "+12345"), ("12345", "12345")]
    {
        let address = anywhere(written, ANYWHERE).unwrap();
        assert_eq!(
            (address.identity.kind, address.identity.value.as_str()),
            (IdentityKind::Phone, "12345"),
            "{written}"
        );
        assert_eq!(address.phone.as_deref(), Some(shown), "{written}");
    }
    // No country has this code.
    for written in ["9991234567", "+999 123 4567", "00 999 1234567"] {
        assert_eq!(of(written, ANYWHERE), (IdentityKind::Phone, "+9991234567".to_owned()), "{written}");
    }
    for written in ["7700900123", "07700 900123", "+44 7700 900123", "447700900123", "0044 (0)7700 900123"] {
        let address = anywhere(written, Numbering::RegionFirst(Region::GB)).unwrap();
        assert_eq!(address.identity.value, "+447700900123", "{written}");
    }
    for written in ["56161", "+56161", "5 61 61", "tel:56161"] {
        assert_eq!(of(written, ANYWHERE), (IdentityKind::Phone, "56161".to_owned()), "{written}");
    }
    for written in ["121", "+121"] {
        assert_eq!(of(written, ANYWHERE), (IdentityKind::ProviderUser, "121".to_owned()), "{written}");
    }
    for word in ["91XXXXXX", "700969ca-0cb2-11ec-a2c0", "US.13491208655302741918", "1234567890123456", "+", "()"] {
        assert_eq!(of(word, INDIA), (IdentityKind::ProviderUser, word.to_owned()), "{word}");
    }
    assert_eq!(of("Demo@Gmail.com", INDIA).1, "demo@gmail.com");
    assert_eq!(shown("+1 800 759 3000 ext. 5", Numbering::PlusOnly), None);
}

#[test]
fn ob_2_a_national_number_needs_a_region() {
    let written = "1-800-759-3000";
    assert_eq!(shown(written, Numbering::PlusOnly), None);
    assert_eq!(shown(written, Numbering::RegionFirst(Region::US)).as_deref(), Some("+18007593000"));
    assert_eq!(shown("(415) 555-2671", Numbering::RegionFirst(Region::US)).as_deref(), Some("+14155552671"));
    assert_eq!(shown("+44 7700 900123", Numbering::PlusOnly).as_deref(), Some("+447700900123"));
}

proptest::proptest! {
    #[test]
    fn p11_no_text_makes_it_panic_or_grow(written in "\\PC{0,80}", jid in "[+0-9(). :;?@a-z<>-]{0,40}") {
        for text in [written, jid] {
            for medium in Medium::ALL {
                for numbering in [INDIA, Numbering::PlusOnly, Numbering::RegionFirst(Region::BR)] {
                    if let Some(address) = on(*medium, &text, numbering) {
                        proptest::prop_assert!(address.identity.value.len() <= 255);
                    }
                }
            }
        }
    }
}
