use super::*;
use inlet_domain::model::webhook::SignatureAlgorithm;

const LOOPBACK: TargetPolicy = TargetPolicy { allow_loopback: true, allow_http: false };

fn path<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> &'static str {
    match outcome {
        Err(StoreError::Invalid { path, .. }) => path,
        other => panic!("{other:?}"),
    }
}

fn refused(change: impl FnOnce(&mut Settings)) -> &'static str {
    let mut given = Settings::of("crm", "http://127.0.0.1:9009/");
    change(&mut given);
    path(settings(given, LOOPBACK))
}

#[test]
fn input_is_tidied() {
    let mut given = Settings::of(" crm ", "http://127.0.0.1:9009/");
    given.event_types = vec!["message.created".to_owned(), "call.*".to_owned(), "message.created".to_owned()];
    let tidy = settings(given, LOOPBACK).unwrap();
    assert_eq!((tidy.name.as_str(), &tidy.event_types[..]), ("crm", &["call.*".into(), "message.created".into()][..]));
}

#[test]
fn each_wrong_input_is_named() {
    assert_eq!(refused(|w| w.name = " ".to_owned()), "input.name");
    assert_eq!(refused(|w| w.url = "http://10.0.0.1/".to_owned()), "input.url");
    assert_eq!(path(settings(Settings::of("crm", "http://127.0.0.1/"), TargetPolicy::default())), "input.url");
    assert_eq!(refused(|w| w.event_types.push("message.reed".to_owned())), "input.eventTypes");
    assert_eq!(refused(|w| w.timeout_seconds = Some(31)), "input.timeoutSeconds");
    assert_eq!(refused(|w| w.max_attempts = Some(0)), "input.maxAttempts");
    assert_eq!(refused(|w| w.max_concurrency = 0), "input.maxConcurrency");
    assert_eq!(refused(|w| w.rate_limit = Some(0)), "input.rateLimit");
    for delays in [vec![], vec![0], vec![100_001], vec![1; 20]] {
        assert_eq!(refused(|w| w.retry_delays = Some(delays)), "input.retryDelays");
    }
    assert_eq!(
        refused(|w| w.filter.channels = (0..101).map(|n| ChannelId(Uuid::from_u128(n))).collect()),
        "input.filter"
    );
}

#[test]
fn the_delays_tell_how_many_attempts_there_are_unless_that_is_said() {
    let mut given = Settings::of("crm", "http://127.0.0.1/");
    assert_eq!(given.attempts(), 6);
    given.retry_delays = Some(vec![1, 2]);
    assert_eq!(given.attempts(), 3);
    given.max_attempts = Some(9);
    assert_eq!(given.attempts(), 9);
}

#[test]
fn a_legacy_signature_takes_no_header_that_is_in_use_and_no_empty_secret() {
    let given = |header: &str, secret: &str| {
        let (header, secret) = (header.to_owned(), secret.to_owned().into());
        legacy(LegacySignature { header, algorithm: SignatureAlgorithm::Sha256, secret })
    };
    for header in ["", "Content-Length", "webhook-id", "X-Inlet-Signature", "x signature", "x:y", "x\r\ny"] {
        assert_eq!(path(given(header, "s")), "input.legacySignature.header", "{header}");
    }
    assert_eq!(path(given("x-sig", "")), "input.legacySignature.secret");
    assert_eq!(given("X-Sig", "s").unwrap().header, "x-sig");
}

#[test]
fn a3_a_secret_header_goes_on_to_its_own_origin_alone_and_stays_secret() {
    let kept = |secret| [HeaderChange { name: "authorization".to_owned(), value: None, secret }];
    let former = "https://a.example/hook";
    for same in [former, "https://a.example:443/@{{id}}?x=1", "https://A.example/"] {
        kept_secrets(&kept(true), (former, same)).unwrap();
    }
    for other in
        ["http://a.example/", "https://a.example:8443/", "https://b.example/hook", "https://a.example.b.example/"]
    {
        assert_eq!(path(kept_secrets(&kept(true), (former, other))), "input.headers.value", "{other}");
        kept_secrets(&[], (former, other)).unwrap();
    }
    assert_eq!(path(kept_secrets(&kept(false), (former, former))), "input.headers.value");
}

#[test]
fn headers_of_its_own_are_checked_and_secret_values_are_kept_apart() {
    let asked = |name: &str, value: Option<&str>, secret| HeaderChange {
        name: name.to_owned(),
        value: value.map(Into::into),
        secret,
    };
    let none = BTreeMap::new();
    for name in ["", "host", "Webhook-Id", "inlet-x", "a b", "x\r\ny"] {
        assert_eq!(path(headers(vec![asked(name, Some("v"), false)], &none, None)), "input.headers.name", "{name}");
    }
    let twice = vec![asked("x-a", Some("v"), false), asked("X-A", Some("v"), false)];
    assert_eq!(path(headers(twice, &none, None)), "input.headers.name");
    assert_eq!(path(headers(vec![asked("x-a", Some("v"), false)], &none, Some("x-a"))), "input.headers.name");
    for value in ["a\r\nb", "\0", "é", &"x".repeat(4_097)] {
        assert_eq!(path(headers(vec![asked("x-a", Some(value), false)], &none, None)), "input.headers.value");
    }
    assert_eq!(path(headers(vec![asked("x-a", None, true)], &none, None)), "input.headers.value");
    assert_eq!(path(headers(vec![asked("x", Some("v"), true); 21], &none, None)), "input.headers");

    let standing = BTreeMap::from([("authorization".to_owned(), "Bearer t".into())]);
    let given = vec![asked("Authorization", None, true), asked("x-tenant", Some("7"), false)];
    let (shown, sealed) = headers(given, &standing, None).unwrap();
    assert_eq!((shown[0].name.as_str(), &shown[0].value, shown[0].secret), ("authorization", &None, true));
    assert_eq!(shown[1].value.as_deref(), Some("7"));
    assert_eq!(sealed["authorization"].expose_secret(), "Bearer t");
    assert_eq!(sealed.len(), 1);
}
