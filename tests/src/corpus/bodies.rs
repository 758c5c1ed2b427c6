//! Whole requests, each with what must come of it.

use serde_json::Value;

use super::{nested, noise};
use crate::fixtures;

/// A gigabyte of zeros, packed twice.
const BOMB: &[u8] = include_bytes!("../../data/bomb.gz");

/// A request's body and headers, and the answer that it must get.
pub struct Body {
    /// What is hostile about it.
    pub name: String,
    /// Whose source it goes to.
    pub provider: &'static str,
    /// The content type; none where there is no such header.
    pub content_type: Option<Vec<u8>>,
    /// The content encoding, if any.
    pub content_encoding: Option<&'static str>,
    /// What is posted.
    pub bytes: Vec<u8>,
    /// The status of the answer.
    pub status: u16,
    /// What the raw log says; none where it is not kept.
    pub outcome: Option<&'static str>,
    /// Whether it is an array of one: its element is what is kept.
    pub is_array: bool,
}

impl Body {
    /// The bytes that the raw log must hold.
    #[must_use]
    pub fn kept(&self) -> &[u8] {
        if self.is_array { &self.bytes[1..self.bytes.len() - 1] } else { &self.bytes }
    }
}

/// A documented message of the provider with this id and this text, both as JSON, and members more in front.
#[must_use]
pub fn event(provider: &str, id: &str, text: &str, more: &str) -> String {
    let (file, id_at, text_at) = match provider {
        "oneroute" => ("oneroute/01-newMessage.json", "/message/externalId", "/message/content"),
        "mobtexting" => ("mobtexting/04-whatsapp-message-in-text.json", "/payload/id", "/payload/message/payload/text"),
        "oblic" => ("oblic/07-message.created.json", "/payload/id", "/payload/message"),
        other => panic!("no provider is called {other}"),
    };
    let fixture = fixtures::all().into_iter().find(|fixture| fixture.file == file).expect("the fixture stands");
    let mut body: Value = serde_json::from_str(&fixture.body).unwrap();
    for (pointer, mark) in [(id_at, "@@id@@"), (text_at, "@@text@@")] {
        *body.pointer_mut(pointer).expect("the document has it") = Value::from(mark);
    }
    if provider == "oblic" {
        body["id"] = Value::from(format!("envelope of {}", id.trim_matches('"')));
    }
    let body = body.to_string().replace("\"@@id@@\"", id).replace("\"@@text@@\"", text);
    body.replacen('{', &format!("{{{more}"), 1)
}

/// Every one of them, for every provider.
#[must_use]
pub fn bodies() -> Vec<Body> {
    ["oneroute", "mobtexting", "oblic"].into_iter().flat_map(of_provider).collect()
}

fn of_provider(provider: &'static str) -> Vec<Body> {
    let mut maker = Maker { provider, bodies: Vec::new() };
    accepted(&mut maker);
    unrecognised(&mut maker);
    unreadable(&mut maker);
    unsupported(&mut maker);
    maker.add("an array alone", format!("[{}1]", "1,".repeat(100_000)).into_bytes(), 413, None);
    maker.add("empty objects", format!("[{}1]", "{},".repeat(300_000)).into_bytes(), 413, None);
    maker.add("10 MB", vec![b' '; 10 << 20], 413, None);
    maker.add("a byte too many", vec![b'7'; (1 << 20) + 1], 413, None);
    maker.bodies
}

struct Maker {
    provider: &'static str,
    bodies: Vec<Body>,
}

impl Maker {
    fn add(&mut self, name: &str, bytes: Vec<u8>, status: u16, outcome: Option<&'static str>) -> &mut Body {
        let index = self.bodies.len();
        self.bodies.push(Body {
            name: format!("{}: {name}", self.provider),
            provider: self.provider,
            content_type: Some(b"application/json".to_vec()),
            content_encoding: None,
            bytes,
            status,
            outcome,
            is_array: false,
        });
        &mut self.bodies[index]
    }

    /// An event that is understood all the same. Its id is its name.
    fn message(&mut self, name: &str, text: &str, more: &str) -> &mut Body {
        let bytes = event(self.provider, &format!("\"{name}\""), text, more).into_bytes();
        self.add(name, bytes, 200, Some("accepted"))
    }
}

fn accepted(maker: &mut Maker) {
    for (name, text) in [
        ("lone surrogates", r#""\ud800 \udc00\ud800 \ud83d\ude00""#),
        ("escaped NUL", r#""a\u0000b""#),
        ("raw NUL", "\"a\0b\""),
        ("control characters", "\"\\u0001\\u001b[2J\\u202e\""),
        (
            "JSON5 escapes",
            r#""\x41\v\
line""#,
        ),
    ] {
        maker.message(name, text, "");
    }
    maker.message("a long text", &format!("\"{}\"", noise(900_000)), "");
    for (name, more) in [
        ("duplicate keys", r#""event":"x","type":"x","payload":7,"message":[],"#.to_owned()),
        ("1e400 and minus zero", r#""x":[1e400,-1e400,-0,-0.0,1e-400,1E+308],"#.to_owned()),
        ("a long number", format!("\"x\":{},", "7".repeat(500_000))),
        ("a long fraction", format!("\"x\":0.{},", "7".repeat(500_000))),
        ("a long key", format!("\"{}\":1,", noise(500_000))),
        ("a long array", format!("\"x\":[{}1],", "1,".repeat(100_000))),
        ("an array of objects", format!("\"x\":[{}1],", r#"{"a":1},"#.repeat(100_000))),
        ("many members", (0..50_000).map(|n| format!("\"{n}\":0,")).collect()),
        ("nesting within bounds", format!("\"x\":{},", nested("[", "]", 95))),
        ("a long comment", format!("/*{}*/", "*".repeat(500_000))),
        ("many comments", "/**/".repeat(100_000)),
        ("JSON5", "unquoted: .5, plus: +1, hex: 0xDEADBEEF, nan: NaN, inf: -Infinity, 'q': 'x',".to_owned()),
    ] {
        maker.message(name, "\"hello\"", &more);
    }
    maker.message("invalid UTF-8", "\"@@\"", "").bytes.iter_mut().for_each(|byte| {
        if *byte == b'@' {
            *byte = 0xff;
        }
    });
    maker.message("a byte order mark", "\"hello\"", "").bytes.splice(0..0, *b"\xef\xbb\xbf");
    for (name, content_type) in [
        ("JSON called XML", Some("application/xml")),
        ("JSON called multipart", Some("multipart/form-data; boundary=x")),
        ("JSON called a form", Some("application/x-www-form-urlencoded")),
        ("JSON called nothing", None),
        ("JSON called ;;;", Some(";;;=,")),
    ] {
        maker.message(name, "\"hello\"", "").content_type = content_type.map(|it| it.as_bytes().to_vec());
    }
    maker.message("JSON called bytes", "\"hello\"", "").content_type = Some(b"\xff\xfe".to_vec());
    maker.message("JSON called at length", "\"hello\"", "").content_type = Some(noise(30_000).into_bytes());
}

fn unrecognised(maker: &mut Maker) {
    for (name, body) in [
        ("an empty object", "{}".to_owned()),
        ("an empty array", "[]".to_owned()),
        ("null", "null".to_owned()),
        ("1e400 alone", "1e400".to_owned()),
        ("a text alone", "\"\\ud800\"".to_owned()),
        ("a number alone", "9".repeat(1 << 20)),
        ("nested event", r#"{"event":{"event":[]},"type":[[]]}"#.to_owned()),
        ("a long name", format!("{{\"event\":\"{0}\",\"type\":\"{0}\"}}", noise(100_000))),
        ("a name of NUL", r#"{"event":"\u0000","type":"\u0000"}"#.to_owned()),
        ("a name of two halves", r#"{"event":"\udc00\ud800","type":"\ud800"}"#.to_owned()),
    ] {
        maker.add(name, body.into_bytes(), 200, Some("unrecognised"));
    }
}

fn unreadable(maker: &mut Maker) {
    let deep = 100_000;
    for (name, body) in [
        ("nested objects", nested("{\"a\":", "}", deep).replace(":}", ":1}")),
        ("open arrays", "[".repeat(1 << 20)),
        ("open objects", "{\"a\":".repeat(deep)),
        ("deep JSON5", nested("{a:", ",}", deep).replace(":,", ":1,")),
        ("deep JSON5 with comments", nested("{/*{*/a:", "}", deep).replace(":}", ":1}")),
        ("nothing", String::new()),
        ("white space", " \r\n\t".repeat(100_000)),
        ("NUL alone", "\0".repeat(1000)),
        ("an open text", format!("{{\"a\":\"{}", noise(500_000))),
        ("an open comment", format!("{{/*{}", "/*".repeat(400_000))),
        ("half an escape", "{\"a\":\"\\u12".to_owned()),
        ("escapes without end", "\"\\ud800".repeat(100_000)),
        ("a sign", "-".to_owned()),
        ("two values", "{} {}".to_owned()),
        ("a masked number", "{\"to\": 91806828XXXX}".to_owned()),
    ] {
        maker.add(name, body.into_bytes(), 400, Some("quarantined"));
    }
    // Each element of an array is an event of its own, and whether it can be read its own affair.
    for (name, body) in [
        ("nested arrays", nested("[", "]", deep)),
        ("nested arrays and objects", nested("[{\"a\":", "}]", deep).replace(":}", ":1}")),
    ] {
        maker.add(name, body.into_bytes(), 200, Some("quarantined")).is_array = true;
    }
    maker.add("bytes that are no text", vec![0xff; 1000], 400, Some("quarantined"));
    let wide = event(maker.provider, "1", "1", "").encode_utf16().flat_map(u16::to_le_bytes).collect();
    maker.add("UTF-16", wide, 400, Some("quarantined"));
    let buried = event(maker.provider, "\"deep\"", "\"hello\"", &format!("\"x\":{},", nested("[", "]", deep)));
    maker.add("an event with something deep in it", buried.into_bytes(), 400, Some("quarantined"));
}

fn unsupported(maker: &mut Maker) {
    let refused = Some("quarantined");
    maker.add("XML", b"<a><b/></a>".to_vec(), 415, refused).content_type = Some(b"text/xml".to_vec());
    for (name, boundary) in [("another boundary", "y"), ("a quoted end", "\"x"), ("none", "")] {
        let parts = b"--x\r\ncontent-disposition: form-data; name=a\r\n\r\nhello\r\n--x--".to_vec();
        maker.add(&format!("parts with {name}"), parts, 400, refused).content_type =
            Some(format!("multipart/form-data; boundary={boundary}").into_bytes());
    }
    maker.add("many parts", "--x\r\n\r\n".repeat(100_000).into_bytes(), 400, refused).content_type =
        Some(b"multipart/form-data; boundary=x".to_vec());
    maker.add("a long type", b"<a/>".to_vec(), 415, refused).content_type =
        Some(format!("text/{}", noise(30_000)).into_bytes());
    for encoding in ["gzip", "deflate", "br", "zstd", "x-gzip", "gzip, gzip", "identity, gzip", "\"gzip\""] {
        maker.add(&format!("a bomb in {encoding}"), BOMB.to_vec(), 415, refused).content_encoding = Some(encoding);
    }
    maker.add("a bomb that is called JSON", BOMB.to_vec(), 400, refused);
}
