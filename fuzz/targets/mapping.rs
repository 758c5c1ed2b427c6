//! Any document as a mapping, and what the providers document read by it.
#![no_main]

use std::sync::Arc;

use inlet_domain::model::mapping::Mapping;
use inlet_ingest::lenient;

const SENT: [&[u8]; 3] = [
    b"0id=7&mobile=919019120123&status=read\n{\"id\": \"wamid.7\", \"mobile\": \"919019120123\", \"message_status\": \"read\", \"read_at\": \"2024-12-04T13:49:05Z\"}",
    b"0\n{\"type\": \"mo\", \"id\": 18446744073709551615, \"from\": \"+919019120123\", \"to\": [\"x\"], \"text\": \"\\ud800\\u0000\", \"ts\": 1e300}",
    b"1id=@{{payload.id}}\nid=1&status=2&to=%00",
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(parsed) = lenient::parse(bytes) else { return };
    let Ok(mapping) = Mapping::read(&parsed.value) else { return };
    let again = Mapping::read(&mapping.document).expect("what was saved can be read again");
    assert_eq!(again, mapping);
    let mappings = [Arc::new(mapping)];
    SENT.iter().for_each(|sent| inlet_fuzz::read_custom(&mappings, sent));
});
