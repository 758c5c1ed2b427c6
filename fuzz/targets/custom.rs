//! Any bytes, read by the mappings that the documentation shows.
#![no_main]

use std::sync::{Arc, LazyLock};

use inlet_domain::model::mapping::Mapping;
use serde_json::Value;

static MAPPINGS: LazyLock<Vec<Arc<Mapping>>> = LazyLock::new(|| {
    let blocks = include_str!("../../docs/custom-provider.md").split("```json\n").skip(1);
    let documents = blocks.filter_map(|rest| serde_json::from_str::<Value>(rest.split("```").next()?).ok());
    documents.filter_map(|document| Mapping::read(&document).ok()).map(Arc::new).collect()
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    assert!(MAPPINGS.len() >= 3, "the page lost its mappings");
    inlet_fuzz::read_custom(&MAPPINGS, bytes);
});
