//! Any bytes, read by the adapter of this provider.
#![no_main]

use inlet_domain::model::provider::Provider;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inlet_fuzz::read(Provider::Oblic, bytes));
