use inlet_domain::model::message::AttachmentKind;
use serde_json::json;

use super::{files::LONGEST_NAME, *};

fn line(kind: &str, value: Value) -> Option<String> {
    shown(Some(kind), &value)
}

#[test]
fn c6_what_a_person_wrote_or_chose_is_shown() {
    for value in [
        json!("Hi"),
        json!({"text": "Hi"}),
        json!({"body": "Hi"}),
        json!({"text": {"body": "Hi"}}),
        json!({"message": {"content": ["Hi"]}}),
        json!([{"text": "Hi"}]),
        json!({"type": "button_reply", "button_reply": {"id": "yes_1", "title": "Hi"}}),
        json!({"interactive": {"type": "list_reply", "list_reply": {"id": "1", "title": "Hi", "description": "x"}}}),
        json!({"postback": {"payload": "HI_1", "title": "Hi"}}),
        json!({"button": {"payload": "HI_1", "text": "Hi"}}),
        json!({"text": null, "body": "", "payload": {"title": "Hi"}}),
    ] {
        assert_eq!(line("text", value.clone()).as_deref(), Some("Hi"), "{value}");
    }
    assert_eq!(line("text", json!(["a", {"text": "b"}, null])).as_deref(), Some("a\nb"));
    assert_eq!(line("text", json!(42)).as_deref(), Some("42"));
    assert_eq!(line("text", json!(" Hi ")).as_deref(), Some(" Hi "));
    for nothing in [json!(null), json!(""), json!("  "), json!({}), json!([]), json!({"text": {}}), json!({"a": 1})] {
        assert_eq!(line("text", nothing.clone()), None, "{nothing}");
    }
}

#[test]
fn c6_what_is_no_text_is_a_line_that_says_what_it_is() {
    for (kind, value, expected) in [
        ("location", json!({"latitude": 12.97, "longitude": "77.59"}), "Location: 12.97, 77.59"),
        (
            "location",
            json!({"latitude": 12.97, "longitude": 77.59, "name": "Office", "address": "Main Street"}),
            "Location: Office, Main Street (12.97, 77.59)",
        ),
        ("location", json!({"location": {"lat": 1, "lng": 2}}), "Location: 1, 2"),
        ("location", json!({}), "Location"),
        ("unheard_of", json!({"text": "Meet me", "location": {"lat": 1, "lng": 2}}), "Meet me\nLocation: 1, 2"),
        (
            "contacts",
            json!([{"name": {"formatted_name": "Asha Rao"}, "phones": [{"phone": "+91 90191", "wa_id": "1"}]}]),
            "Contact: Asha Rao, +91 90191",
        ),
        ("contacts", json!({"contacts": [{"name": "Asha"}, {"name": "Ravi"}]}), "Contact: Asha\nContact: Ravi"),
        (
            "contact",
            json!({"vcard": "BEGIN:VCARD\nVERSION:3.0\nN:Rao;Asha\nFN:Asha Rao\nitem1.TEL;TYPE=CELL:+9190191\nEND:VCARD"}),
            "Contact: Asha Rao, +9190191",
        ),
        ("sticker", json!({"emoji": "😀", "url": "https://x.example/a.webp"}), "Sticker: 😀"),
        ("sticker", json!({"url": "https://x.example/a.webp"}), "Sticker"),
        (
            "order",
            json!({"catalog_id": "1", "text": "Soon please", "product_items": [
                {"product_retailer_id": "p", "quantity": 2, "item_price": 10.1, "currency": "INR"},
                {"product_retailer_id": "q", "quantity": "1", "item_price": "0.1", "currency": "INR"}]}),
            "Soon please\nOrder: 3 items, 20.3 INR",
        ),
        ("order", json!({"order": {"product_items": [{"quantity": 1}]}}), "Order: 1 item"),
        ("product", json!({"product_retailer_id": "p-7", "text": "Is it blue?"}), "Is it blue?\nProduct: p-7"),
    ] {
        assert_eq!(line(kind, value.clone()).as_deref(), Some(expected), "{kind}: {value}");
    }
    assert_eq!(named("poll_creation").as_deref(), Some("Poll creation"));
    assert_eq!(named("--"), None);
}

#[test]
fn c6_one_message_may_hold_several_files() {
    let found = |kind: &str, value: Value| -> Vec<(AttachmentKind, Option<String>, Option<String>)> {
        files(Some(kind), &value).into_iter().map(|file| (file.kind, file.url, file.filename)).collect()
    };
    let file = |kind, name: &str| (kind, Some(format!("https://x.example/{name}")), Some(name.to_owned()));
    let two = vec![file(AttachmentKind::Image, "a.png"), file(AttachmentKind::Image, "b.png")];
    let (a, b) = ("https://x.example/a.png", "https://x.example/b.png");
    for value in [
        json!([a, b]),
        json!([{"url": a}, {"link": b}]),
        json!({"url": [a, b]}),
        json!({"urls": [a, b]}),
        json!({"media": [{"url": a}, {"url": b}]}),
        json!({"images": [{"href": a}, b]}),
        json!([[a], [{"file": {"url": b}}]]),
    ] {
        assert_eq!(found("image", value.clone()), two, "{value}");
    }
    assert_eq!(found("image", json!(a)), two[..1]);
    assert_eq!(found("text", json!({"video": {"url": a}})), [file(AttachmentKind::Video, "a.png")]);
    let typed = json!([{"url": a, "mime_type": "application/pdf"}, {"url": b, "type": "audio"}]);
    let kinds: Vec<_> = files(None, &typed).into_iter().map(|file| file.kind).collect();
    assert_eq!(kinds, [AttachmentKind::Document, AttachmentKind::Audio]);
    let kept = files(Some("image"), &json!({"id": "media-7", "mime_type": "image/jpeg", "file_size": "12"})).remove(0);
    assert_eq!((kept.external_id.as_deref(), kept.url, kept.size_bytes), (Some("media-7"), None, Some(12)));
    assert!(found("image", json!({"caption": "no file"})).is_empty());
    assert_eq!(shown(Some("image"), &json!(a)), None, "a file's URL is no text");
}

#[test]
fn a_file_is_what_its_type_says_else_what_its_ending_does() {
    use AttachmentKind::{Audio, Document, Image, Other, Video};
    let url = Some("https://x.example/a/bill.PDF?sig=1");
    for (mime_type, word, filename, url, expected) in [
        (Some("image/png"), Some("audio"), Some("a.pdf"), url, Image),
        (None, Some("audio"), Some("a.pdf"), url, Audio),
        (None, Some("text"), Some("a.mp4"), url, Video),
        (None, None, None, url, Document),
        (None, None, Some("bill"), url, Document),
        (None, None, Some("a.unheard_of"), None, Other),
        (None, None, None, Some("https://x.example.jpg"), Other),
        (None, None, None, None, Other),
    ] {
        assert_eq!(kind_of_file(mime_type, word, filename, url), expected, "{mime_type:?} {word:?} {filename:?}");
    }
    assert_eq!(files(None, &json!("https://x.example/a.png"))[0].kind, Image);
}

#[test]
fn e7_a_file_has_its_own_name_or_its_urls() {
    let named =
        |file: Value| filename(file.as_object().unwrap(), Some("https://x.example/in/url%20name.pdf?sig=a/b.c#d"));
    for member in FILE_NAMES {
        assert_eq!(named(json!({member: "bill.pdf"})).as_deref(), Some("bill.pdf"), "{member}");
        for nothing in [json!(""), json!(null), json!("null")] {
            assert_eq!(named(json!({member: nothing})).as_deref(), Some("url name.pdf"), "{member}");
        }
    }
    for (url, expected) in [
        ("https://x.example/a/%E2%82%AC.txt", Some("€.txt")),
        ("https://x.example/..%2F..%2Fetc%2Fpasswd", Some("passwd")),
        ("https://x.example/a%00b%0A.txt", Some("a\u{fffd}b.txt")),
        ("uploads/a.png?x=1", Some("a.png")),
        ("https://x.example/", None),
        ("https://x.example", None),
        ("https://x.example/a/..", None),
        ("https://x.example?file=/a.png", None),
        ("data:image/png;base64,aa/bb", None),
        ("", None),
    ] {
        assert_eq!(name_in_url(url).as_deref(), expected, "{url}");
    }
    let long = format!("https://x.example/{}.jpeg", "é".repeat(600));
    let name = name_in_url(&long).unwrap();
    assert!(name.chars().count() == LONGEST_NAME && name.ends_with("é.jpeg"), "{name}");
}

#[test]
fn p11_what_is_shown_is_bounded() {
    let mut deep = json!("end");
    for _ in 0..90 {
        deep = json!({"text": [deep.clone()], "media": [deep]});
        if deep.to_string().len() > 10_000 {
            break;
        }
    }
    assert_eq!(shown(None, &deep), None);
    assert!(files(None, &deep).is_empty());
    assert_eq!(files(None, &json!(vec!["https://x.example/a"; 500])).len(), MOST);
}
