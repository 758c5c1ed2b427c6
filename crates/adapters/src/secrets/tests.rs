use proptest::prelude::*;

use super::*;

fn shown_as(content_type: &str, body: &[u8]) -> String {
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    let raw = RawRequest { method: "POST".to_owned(), query: None, headers, body: body.to_vec() };
    String::from_utf8_lossy(&shown(raw).body).into_owned()
}

fn json(body: &str) -> String {
    shown_as("application/json", body.as_bytes())
}

#[test]
fn e4_what_is_named_like_a_secret_is_known_in_any_writing() {
    for name in [
        "password",
        "Passwd",
        "PWD",
        "user_password",
        "passwordHash",
        "token",
        "access_token",
        "accessToken",
        "ACCESS-TOKEN",
        "refreshtoken",
        "verify_token",
        "secret",
        "client_secret",
        "clientSecret",
        "secret_value",
        "apiKey",
        "api_key",
        "API-KEY",
        "x-api-key",
        "apikey",
        "private_key",
        "Authorization",
        "proxy-authorization",
        "credentials",
        "Credential",
        "channelCredentials",
        "otp",
        "OTP",
        "otp_code",
        "signing.key",
        "webhook secret",
        "pass",
        "db_pass",
        "passphrase",
        "basic_auth",
        "basicAuth",
        "oauth",
        "token_value",
        "signature",
        "session",
        "pin",
        "cardPin",
        "cvv",
        "security_code",
        "private",
        "service_account",
        "account_sid",
        "hmac",
        "license_key",
        "key",
        "\u{ff30}\u{ff21}\u{ff33}\u{ff33}\u{ff37}\u{ff2f}\u{ff32}\u{ff24}",
    ] {
        assert!(is_secret(name), "{name}");
    }
    for name in [
        "",
        "text",
        "author",
        "secretary",
        "tokenise",
        "token_type",
        "passenger",
        "compass",
        "keyboard",
        "otpVerified",
        "apiKeyboard",
        "authored_by",
        "authUser",
        "pinned",
        "sessionless",
        "privately",
        "bypass_count",
    ] {
        assert!(!is_secret(name), "{name}");
    }
    for name in ["x-oblic-signature", "signature", "x-hub-signature-256", "cookie", "set-cookie", "x-auth-token"] {
        assert!(is_secret_header(name), "{name}");
    }
    assert!(!is_secret_header("content-type") && !is_secret_header("user-agent"));
}

#[test]
fn e4_secrets_are_masked_and_every_other_byte_stays() {
    assert_eq!(
        json(r#"{ "id": 2.0,  "Channel": {"credentials": {"user": "a", "list": ["}", 1]}, "name": "x"}, "b":1 }"#),
        r#"{ "id": 2.0,  "Channel": {"credentials": "***", "name": "x"}, "b":1 }"#
    );
    assert_eq!(
        json(r#"{"token":12345,"pwd":null,"apiKey":["a"],"n":1}"#),
        r#"{"token":"***","pwd":null,"apiKey":"***","n":1}"#
    );
    assert_eq!(json(r#"{"\u0070assword":"hunter2","a":1}"#), r#"{"\u0070assword":"***","a":1}"#);
    assert_eq!(json("{api_key: 'x', /* c */ b: 1, // d\n}"), "{api_key: \"***\", /* c */ b: 1, // d\n}");
    assert_eq!(json(r#"{"password" /* c */ : "hunter2"}"#), r#"{"password" /* c */ : "***"}"#);
    assert_eq!(json(r#"[{"a":{"b":[{"secret":"s"}]}}]"#), r#"[{"a":{"b":[{"secret":"***"}]}}]"#);
    assert_eq!(json(r#"{"token":"a\"b","c":1}"#), r#"{"token":"***","c":1}"#);
    // Incomplete JSON, and JSON within a text.
    assert_eq!(json(r#"{"token":"hunt"#), r#"{"token":"***""#);
    assert_eq!(json(r#"{"credentials":{"a":"hunt"#), r#"{"credentials":"***""#);
    assert_eq!(json(r#"{"raw":"{\"token\":\"hunter2\"}"}"#), r#"{"raw":"{\"token\":\"***\"}"}"#);
    for plain in [r#"{"text":"my token: hunter2","n":2.0}"#, r#"{"text":"\"password\": \"x\""}"#, "", "7", "null"] {
        assert_eq!(json(plain), plain, "what people write is shown");
    }
}

#[test]
fn e4_forms_queries_headers_and_markup_are_masked_too() {
    let form = "application/x-www-form-urlencoded";
    assert_eq!(shown_as(form, b"a=1&Access%5FToken=x%20y&b=2"), "a=1&Access%5FToken=***&b=2");
    assert_eq!(shown_as(form, b"payload=%7B%22token%22%3A%22hunter2%22%7D"), "payload=%7B%22token%22%3A%22***%22%7D");
    let parts = "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nhunter2\r\n--b\r\n\
        Content-Disposition: form-data; name=\"text\"\r\n\r\nhi\r\n--b--";
    assert_eq!(shown_as("multipart/form-data; boundary=b", parts.as_bytes()), parts.replace("hunter2", "***"));
    assert_eq!(
        shown_as("application/xml", b"<a token=\"t\" b=\"c\"><password>p</password><x>y</x></a>"),
        "<a token=\"***\" b=\"c\"><password>***</password><x>y</x></a>"
    );
    let utf16: Vec<u8> = r#"{"token":"hunter2","a":1}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(shown_as("application/json; charset=utf-16le", &utf16), r#"{"token":"***","a":1}"#);
    let raw = RawRequest {
        method: "GET".to_owned(),
        query: Some("event=x&token=hunter2&api_key=".to_owned()),
        headers: vec![("x-api-key".to_owned(), "k".to_owned()), ("x-signature".to_owned(), "s".to_owned())],
        body: Vec::new(),
    };
    let shown = shown(raw);
    assert_eq!(shown.query.as_deref(), Some("event=x&token=***&api_key="));
    assert!(shown.headers.iter().all(|(_, value)| value == MASK));
}

proptest! {
    #[test]
    fn p11_no_body_makes_it_panic(
        text in "(\"token\"|token|:|=|\\{|\\}|\\[|\\]|\"|'|\\\\|/\\*|//|&|<|>|--b|\r\n|[a,é \u{1}]){0,40}",
        content_type in "(application/json|multipart/form-data; boundary=b|text/xml)",
    ) {
        let once = shown_as(&content_type, text.as_bytes());
        prop_assert_eq!(shown_as(&content_type, once.as_bytes()).is_empty(), once.is_empty());
    }
}
