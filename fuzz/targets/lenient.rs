//! Any bytes, parsed: what is read can be written and read again, and JavaScript's form of it is the last word.
#![no_main]

use inlet_domain::json;
use inlet_fuzz::assert_storable;
use inlet_ingest::{batch, javascript, lenient};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(parsed) = lenient::parse(bytes) {
        assert_storable(&parsed.value);
        let again = lenient::parse(parsed.value.to_string().as_bytes()).expect("what was read can be written and read");
        assert_eq!(again.value, parsed.value);
        assert!(!again.lenient);
        let written = json::javascript(&parsed.value);
        assert_eq!(javascript::restringify(written.as_bytes()).as_ref(), Some(&written));
    }
    if let Some(written) = javascript::restringify(bytes) {
        assert_eq!(javascript::restringify(written.as_bytes()).as_ref(), Some(&written));
        assert!(lenient::parse(bytes).is_ok(), "what JavaScript reads is read");
    }
    assert_storable(&lenient::parse_form(bytes));
    for element in batch::elements(bytes).into_iter().flatten() {
        assert!(bytes.get(element).is_some(), "an element lies in its body");
    }
});
