//! The adapter of each provider.

use std::borrow::Cow;

use inlet_domain::model::{
    provider::Provider,
    source::{SignatureSettings, Source},
};

use crate::{
    provider::Adapter,
    providers::{custom::Custom, mobtexting::Mobtexting, oblic::Oblic, oneroute::Oneroute},
    signature::Scheme,
};

/// The adapter of a provider.
#[must_use]
pub fn adapter(provider: Provider) -> &'static dyn Adapter {
    match provider {
        Provider::Oneroute => &Oneroute,
        Provider::Mobtexting => &Mobtexting,
        Provider::Oblic => &Oblic,
        Provider::Custom => &Custom,
    }
}

/// The signature scheme of a source: its provider's default, with the source's own settings.
#[must_use]
pub fn scheme_of(source: &Source) -> Scheme {
    let default = adapter(source.provider).scheme();
    let SignatureSettings { algorithm, encoding, header, prefix } = &source.signature;
    Scheme {
        header: header.clone().map_or(default.header, Cow::Owned),
        algorithm: algorithm.unwrap_or(default.algorithm),
        encoding: encoding.unwrap_or(default.encoding),
        prefix: prefix.clone().or(default.prefix),
        restringified: default.restringified,
    }
}
