//! The address of a client (OR-15): the peer, or the address that a configured proxy reports.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

/// The client's address. A forwarded header is read from its end, as long as the hops that wrote it are trusted. The
/// first hop that is not a trusted proxy is the client.
#[must_use]
pub fn client(peer: IpAddr, forwarded_for: &[&str], trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(&ip));
    let mut client = peer.to_canonical();
    let hops: Vec<&str> = forwarded_for.iter().flat_map(|header| header.split(',')).map(str::trim).collect();
    for hop in hops.into_iter().rev() {
        if !is_trusted(client) {
            break;
        }
        // No trusted proxy writes a hop that is not an address, so the proxy itself counts as the client.
        let Some(ip) = address(hop) else { break };
        client = ip;
    }
    client
}

/// The network of an address, for counts: the owner of an IPv6 address usually has 2^64 of them.
#[must_use]
pub fn of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

fn address(hop: &str) -> Option<IpAddr> {
    let ip = hop
        .parse()
        .or_else(|_| hop.trim_start_matches('[').trim_end_matches(']').parse())
        .or_else(|_| hop.parse::<std::net::SocketAddr>().map(|with_port| with_port.ip()));
    ip.ok().map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn b3_an_ipv6_address_stands_for_its_network() {
        assert_eq!(of(ip("2001:db8:1:2:3:4:5:6")), of(ip("2001:db8:1:2::")));
        assert_ne!(of(ip("2001:db8:1:2::")), of(ip("2001:db8:1:3::")));
        assert_eq!(of(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
    }

    #[test]
    fn or_15_forwarded_headers_count_only_from_trusted_proxies() {
        let proxies: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let spoofed = ["174.138.104.128, 203.0.113.9"];
        assert_eq!(client(ip("203.0.113.9"), &["174.138.104.128"], &proxies), ip("203.0.113.9"));
        assert_eq!(client(ip("10.0.0.1"), &spoofed, &proxies), ip("203.0.113.9"));
        assert_eq!(client(ip("10.0.0.1"), &["174.138.104.128, 10.0.0.2"], &proxies), ip("174.138.104.128"));
        assert_eq!(client(ip("10.0.0.1"), &["174.138.104.128", "10.0.0.2"], &proxies), ip("174.138.104.128"));
        assert_eq!(client(ip("10.0.0.1"), &["174.138.104.128, unknown"], &proxies), ip("10.0.0.1"));
        assert_eq!(client(ip("10.0.0.1"), &["174.138.104.128:4711"], &proxies), ip("174.138.104.128"));
        assert_eq!(client(ip("::ffff:10.0.0.1"), &["174.138.104.128"], &proxies), ip("174.138.104.128"));
        assert_eq!(client(ip("10.0.0.1"), &["174.138.104.128"], &[]), ip("10.0.0.1"));
    }
}
