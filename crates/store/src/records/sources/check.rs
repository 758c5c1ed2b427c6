//! Checks the settings of a source. Each refusal names the input and a valid value.

use std::{net::IpAddr, sync::Arc};

use chrono_tz::Tz;
use inlet_domain::model::{mapping::Mapping, name, provider::Provider, source::SignatureSettings};
use ipnet::IpNet;
use rlibphonenumber::{PHONE_NUMBER_UTIL, enums::Region};
use serde_json::Value;
use url::Host;

use super::SourceSettings;
use crate::error::StoreError;

const MOST_NETWORKS: usize = 100;
const MOST_HOSTS: usize = 20;
const MOST_USERS: usize = 1_000;

/// Headers that HTTP itself uses. No provider can sign in them.
const TAKEN_HEADERS: [&str; 7] =
    ["connection", "content-length", "content-type", "expect", "host", "transfer-encoding", "upgrade"];

fn refuse<T>(path: &'static str, message: impl Into<String>) -> Result<T, StoreError> {
    Err(StoreError::Invalid { path, message: message.into() })
}

pub(super) fn name(name: &str) -> Result<String, StoreError> {
    name::checked(name, name::LONGEST).or_else(|refusal| refuse("input.name", refusal.to_string()))
}

/// Checks the settings and normalises them.
pub(super) fn settings(settings: &mut SourceSettings) -> Result<(), StoreError> {
    signature(&mut settings.signature)?;
    networks(&mut settings.allowed_networks)?;
    hosts(&mut settings.report_hosts)?;
    if let Some(zone) = &settings.time_zone
        && zone.parse::<Tz>().is_err()
    {
        return refuse("input.timeZone", format!("`{zone}` is not an IANA time zone such as `Asia/Kolkata`"));
    }
    if let Some(region) = &settings.phone_region
        && !is_region(region)
    {
        return refuse("input.phoneRegion", format!("`{region}` is not an ISO 3166 region such as `IN`"));
    }
    let users = &mut settings.own_user_ids;
    users.iter_mut().for_each(|id| *id = id.trim().to_owned());
    if users.len() > MOST_USERS || users.iter().any(|id| id.is_empty() || id.len() > 255) {
        return refuse("input.ownUserIds", format!("give at most {MOST_USERS} ids, each of 1 to 255 bytes"));
    }
    Ok(())
}

/// Whether the region has a numbering plan.
fn is_region(region: &str) -> bool {
    let letters = region.len() == 2 && region.bytes().all(|b| b.is_ascii_uppercase());
    let known = |region| PHONE_NUMBER_UTIL.get_country_code_for_region(region).is_some();
    letters && region.parse::<Region>().is_ok_and(known)
}

/// Reads a mapping. Only a custom source may have one.
pub(super) fn mapping(provider: Provider, document: Option<&Value>) -> Result<Option<Arc<Mapping>>, StoreError> {
    let Some(document) = document else { return Ok(None) };
    if provider != Provider::Custom {
        let message = format!("only a `CUSTOM` source may have a mapping: {provider} has an adapter of its own");
        return refuse("input.mapping", message);
    }
    match Mapping::read(document) {
        Ok(mapping) => Ok(Some(Arc::new(mapping))),
        Err(error) => refuse("input.mapping", error.to_string()),
    }
}

fn signature(signature: &mut SignatureSettings) -> Result<(), StoreError> {
    if let Some(header) = &mut signature.header {
        *header = header.trim().to_ascii_lowercase();
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if header.is_empty() || header.len() > 100 || !header.bytes().all(token) {
            let message = format!("`{header}` is not the name of a header such as `x-signature`");
            return refuse("input.signature.header", message);
        }
        if TAKEN_HEADERS.contains(&header.as_str()) {
            return refuse("input.signature.header", format!("HTTP itself uses `{header}`: choose another header"));
        }
    }
    if let Some(prefix) = &signature.prefix
        && (prefix.is_empty() || prefix.len() > 50 || !prefix.bytes().all(|b| (b' '..=b'~').contains(&b)))
    {
        let message = "a prefix must have 1 to 50 visible ASCII characters, such as `sha256=`; leave it out for none";
        return refuse("input.signature.prefix", message);
    }
    Ok(())
}

fn networks(networks: &mut [String]) -> Result<(), StoreError> {
    if networks.len() > MOST_NETWORKS {
        return refuse("input.allowedNetworks", format!("give at most {MOST_NETWORKS} networks"));
    }
    for network in networks {
        let text = network.trim();
        let read = match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
            (Ok(network), _) => network,
            (_, Ok(address)) => IpNet::from(address),
            _ => {
                let message = format!(
                    "`{text}` is neither an address nor a network in CIDR notation, such as `174.138.104.128`, \
                     `203.0.113.0/24` or `2001:db8::/32`"
                );
                return refuse("input.allowedNetworks", message);
            }
        };
        if read.trunc() != read {
            let message = format!("`{text}` is an address within a network: did you mean `{}`?", read.trunc());
            return refuse("input.allowedNetworks", message);
        }
        if let IpNet::V6(v6) = read
            && v6.addr().to_ipv4_mapped().is_some()
        {
            let message = format!("`{text}` is an IPv4 address in IPv6 notation: write it as IPv4");
            return refuse("input.allowedNetworks", message);
        }
        *network = read.to_string();
    }
    Ok(())
}

fn hosts(hosts: &mut [String]) -> Result<(), StoreError> {
    if hosts.len() > MOST_HOSTS {
        return refuse("input.reportHosts", format!("give at most {MOST_HOSTS} hosts"));
    }
    for host in hosts {
        *host = match Host::parse(host.trim()) {
            Ok(read) => read.to_string(),
            Err(_) => {
                let message = format!("`{host}` is not a host such as `api.oneroute.io`: no scheme, port or path");
                return refuse("input.reportHosts", message);
            }
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(change: impl FnOnce(&mut SourceSettings)) -> Result<SourceSettings, (&'static str, String)> {
        let mut given = SourceSettings::default();
        change(&mut given);
        match settings(&mut given) {
            Ok(()) => Ok(given),
            Err(StoreError::Invalid { path, message }) => Err((path, message)),
            Err(other) => panic!("{other}"),
        }
    }

    fn refused(change: impl FnOnce(&mut SourceSettings)) -> (&'static str, String) {
        check(change).unwrap_err()
    }

    #[test]
    fn or_15_networks_are_of_both_families_and_in_one_form() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let given = texts(&["174.138.104.128", " 10.0.0.0/8", "2001:DB8::/32", "::1"]);
        let kept = check(|settings| settings.allowed_networks = given).unwrap();
        assert_eq!(kept.allowed_networks, ["174.138.104.128/32", "10.0.0.0/8", "2001:db8::/32", "::1/128"]);
        for (wrong, told) in [
            ("10.0.0.0/33", "CIDR"),
            ("example.com", "CIDR"),
            ("", "CIDR"),
            ("10.1.2.3/8", "did you mean `10.0.0.0/8`"),
            ("::ffff:10.0.0.1", "IPv4"),
        ] {
            let (path, message) = refused(|settings| settings.allowed_networks = texts(&[wrong]));
            assert_eq!(path, "input.allowedNetworks");
            assert!(message.contains(told), "{wrong}: {message}");
        }
    }

    #[test]
    fn zones_regions_hosts_headers_and_users_are_checked() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(refused(|s| s.time_zone = some("Asia/Nowhere")).0, "input.timeZone");
        for region in ["in", "IND", "XX", "ZZ", "001", ""] {
            assert_eq!(refused(|s| s.phone_region = some(region)).0, "input.phoneRegion", "{region}");
        }
        for host in ["https://api.oneroute.io", "api.oneroute.io:443", "a b", "", "api.oneroute.io/x"] {
            assert_eq!(refused(|s| s.report_hosts = vec![host.to_owned()]).0, "input.reportHosts", "{host}");
        }
        for header in ["", "x y", "Content-Length", "x:"] {
            assert_eq!(refused(|s| s.signature.header = some(header)).0, "input.signature.header", "{header}");
        }
        for prefix in ["", "sha\n", "é"] {
            assert_eq!(refused(|s| s.signature.prefix = some(prefix)).0, "input.signature.prefix", "{prefix}");
        }
        assert_eq!(refused(|s| s.own_user_ids = vec![" ".to_owned()]).0, "input.ownUserIds");
        let kept = check(|s| {
            s.time_zone = some("Asia/Kolkata");
            s.phone_region = some("IN");
            s.report_hosts = vec!["API.OneRoute.io".to_owned()];
            s.signature.header = some("X-Hub-Signature-256");
            s.own_user_ids = vec![" u1 ".to_owned()];
        })
        .unwrap();
        assert_eq!((kept.report_hosts, kept.own_user_ids), (vec!["api.oneroute.io".to_owned()], vec!["u1".to_owned()]));
        assert_eq!(kept.signature.header.as_deref(), Some("x-hub-signature-256"));
    }

    #[test]
    fn a_mapping_belongs_to_a_custom_source() {
        let document = json!({"rules": [{"kind": "opt_out", "fields": {"address": "/a"}}]});
        assert!(mapping(Provider::Custom, Some(&document)).unwrap().is_some());
        let message = |provider, document: &Value| mapping(provider, Some(document)).unwrap_err().to_string();
        assert!(message(Provider::Oblic, &document).contains("CUSTOM"));
        assert!(message(Provider::Custom, &json!({"rules": [{"kind": "x"}]})).starts_with("`rules[0].kind`: expected"));
    }
}
