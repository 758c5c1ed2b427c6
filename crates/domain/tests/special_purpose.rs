//! Tests the guard against inner addresses with IANA's registries of special-purpose addresses,
//! <https://www.iana.org/assignments/iana-ipv4-special-registry> and
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>, and their column "globally reachable", and with the
//! blocks for multicast (RFC 5771, RFC 4291).
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up can only fail")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use inlet_domain::model::address::inner;
use proptest::prelude::*;

/// Each block, and whether the registry calls it globally reachable. "N/A" counts as no.
const V4: &[(&str, u32, bool)] = &[
    ("0.0.0.0", 8, false),
    ("0.0.0.0", 32, false),
    ("10.0.0.0", 8, false),
    ("100.64.0.0", 10, false),
    ("127.0.0.0", 8, false),
    ("169.254.0.0", 16, false),
    ("172.16.0.0", 12, false),
    ("192.0.0.0", 24, false),
    ("192.0.0.0", 29, false),
    ("192.0.0.8", 32, false),
    ("192.0.0.9", 32, true),
    ("192.0.0.10", 32, true),
    ("192.0.0.170", 32, false),
    ("192.0.0.171", 32, false),
    ("192.0.2.0", 24, false),
    ("192.31.196.0", 24, true),
    ("192.52.193.0", 24, true),
    ("192.88.99.0", 24, false),
    ("192.168.0.0", 16, false),
    ("192.175.48.0", 24, true),
    ("198.18.0.0", 15, false),
    ("198.51.100.0", 24, false),
    ("203.0.113.0", 24, false),
    ("240.0.0.0", 4, false),
    ("255.255.255.255", 32, false),
];
const V6: &[(&str, u32, bool)] = &[
    ("::1", 128, false),
    ("::", 128, false),
    ("::ffff:0:0", 96, false),
    ("64:ff9b::", 96, true),
    ("64:ff9b:1::", 48, false),
    ("100::", 64, false),
    ("100:0:0:1::", 64, false),
    ("2001::", 23, false),
    ("2001::", 32, false),
    ("2001:1::1", 128, true),
    ("2001:1::2", 128, true),
    ("2001:1::3", 128, true),
    ("2001:2::", 48, false),
    ("2001:3::", 32, true),
    ("2001:4:112::", 48, true),
    ("2001:10::", 28, false),
    ("2001:20::", 28, true),
    ("2001:30::", 28, true),
    ("2001:db8::", 32, false),
    ("2002::", 16, false),
    ("2620:4f:8000::", 48, true),
    ("3fff::", 20, false),
    ("5f00::", 16, false),
    ("fc00::", 7, false),
    ("fe80::", 10, false),
];

/// Refused blocks that are not in those registries: multicast, site-local, IPv4-compatible addresses, and the platform
/// address of Azure.
const BESIDE_V4: &[(&str, u32)] = &[("224.0.0.0", 4), ("168.63.129.16", 32)];
const BESIDE_V6: &[(&str, u32)] = &[("ff00::", 8), ("fec0::", 10), ("::", 96)];

/// Blocks that the registry calls globally reachable and the guard refuses: they are for protocols, or lead to an IPv4
/// address that the guard does not see.
const STRICTER: &[(&str, u32)] = &[
    ("192.0.0.9", 32),
    ("192.0.0.10", 32),
    ("64:ff9b::", 96),
    ("2001:1::1", 128),
    ("2001:1::2", 128),
    ("2001:1::3", 128),
    ("2001:3::", 32),
    ("2001:4:112::", 48),
    ("2001:20::", 28),
    ("2001:30::", 28),
];

fn bits_of(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    }
}

fn is_in(address: IpAddr, network: &str, length: u32) -> bool {
    let ((address, size), (network, of)) = (bits_of(address), bits_of(network.parse().unwrap()));
    let shift = of - length;
    size == of && address.checked_shr(shift).unwrap_or(0) == network.checked_shr(shift).unwrap_or(0)
}

/// An address of the block that `random` chooses, or one just outside of it.
fn near(network: &str, length: u32, random: u128, way: u8) -> IpAddr {
    let (base, size) = bits_of(network.parse().unwrap());
    let host = if length == size { 0 } else { u128::MAX >> (128 - (size - length)) };
    let picked = match way % 6 {
        0 => base,
        1 => base | host,
        2 => base.wrapping_sub(1),
        3 => (base | host).wrapping_add(1),
        _ => base | (random & host),
    };
    match size {
        32 => IpAddr::V4(Ipv4Addr::from(picked as u32)),
        _ => IpAddr::V6(Ipv6Addr::from(picked)),
    }
}

fn registered() -> impl Iterator<Item = &'static (&'static str, u32, bool)> {
    V4.iter().chain(V6)
}

/// Whether a target may be there: the most specific entry of the registry decides.
fn is_public(address: IpAddr) -> bool {
    let entry = registered().filter(|(network, length, _)| is_in(address, network, *length)).max_by_key(|it| it.1);
    let beside = BESIDE_V4.iter().chain(BESIDE_V6).chain(STRICTER);
    let refused = beside.into_iter().any(|(network, length)| is_in(address, network, *length));
    let global = match address {
        IpAddr::V4(_) => true,
        // Only 2000::/3 is global unicast (RFC 4291, section 2.4).
        IpAddr::V6(_) => is_in(address, "2000::", 3),
    };
    entry.is_none_or(|(.., reachable)| *reachable) && !refused && global
}

#[test]
fn no_block_that_is_not_globally_reachable_lets_its_ends_through() {
    for (network, length, reachable) in registered() {
        for way in [0, 1] {
            let address = near(network, *length, 0, way);
            if !reachable {
                assert!(inner(address).is_some() || is_public(address), "{address} of {network}/{length}");
            }
            assert_eq!(inner(address).is_none(), is_public(address), "{address} of {network}/{length}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8192))]

    #[test]
    fn an_address_is_let_through_exactly_where_the_registries_make_it_public(
        entry in prop::sample::select(registered().map(|it| (it.0, it.1)).chain(BESIDE_V4.iter().copied())
            .chain(BESIDE_V6.iter().copied()).collect::<Vec<_>>()),
        random in any::<u128>(),
        way in any::<u8>(),
    ) {
        let address = near(entry.0, entry.1, random, way);
        prop_assert_eq!(inner(address).is_none(), is_public(address), "{}", address);
    }

    #[test]
    fn so_it_is_for_any_address(v4 in any::<u32>(), v6 in any::<u128>(), global in any::<bool>()) {
        let v6 = if global { v6 >> 3 | 1 << 125 } else { v6 };
        for address in [IpAddr::V4(v4.into()), IpAddr::V6(v6.into())] {
            prop_assert_eq!(inner(address).is_none(), is_public(address), "{}", address);
        }
    }
}
