//! The networks that a source allows (OR-15).

use std::net::IpAddr;

use ipnet::IpNet;

/// Whether the source allows the address. A source without rules allows every address. A rule that cannot be parsed
/// allows none.
#[must_use]
pub fn is_allowed(client: IpAddr, rules: &[String]) -> bool {
    let fits = |rule: &String| {
        rule.parse::<IpNet>().is_ok_and(|network| network.contains(&client))
            || rule.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical() == client)
    };
    rules.is_empty() || rules.iter().any(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn or_15_rules_fail_closed() {
        let rules = |rules: &[&str]| rules.iter().map(|rule| (*rule).to_owned()).collect::<Vec<_>>();
        let theirs = ip("174.138.104.128");
        assert!(is_allowed(theirs, &[]));
        assert!(is_allowed(theirs, &rules(&["192.0.2.1", "174.138.104.128"])));
        assert!(is_allowed(theirs, &rules(&["174.138.104.0/24"])));
        assert!(!is_allowed(ip("174.138.105.1"), &rules(&["174.138.104.0/24"])));
        assert!(!is_allowed(theirs, &rules(&["174.138.104.*"])));
    }
}
