//! Public network addresses: the guard against requests that a tenant aims at an inner network.
//!
//! The guard refuses the blocks that the IANA special-purpose registries
//! (<https://www.iana.org/assignments/iana-ipv4-special-registry>,
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>) do not call globally reachable, every IPv6 address
//! that carries an IPv4 address, multicast, and the metadata services of clouds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::text_enum;

text_enum! {
    /// The kind of a refused address.
    InnerAddress {
        /// The machine itself.
        Loopback = "loopback",
        /// 0.0.0.0/8 and `::`. Many systems take them for the machine itself.
        Unspecified = "unspecified",
        /// A private network (RFC 1918, RFC 4193), or an old site-local one.
        Private = "private",
        /// The shared address space of carrier-grade NAT (RFC 6598).
        CarrierNat = "carrier_nat",
        /// A single link. Clouds keep their metadata service there.
        LinkLocal = "link_local",
        /// A metadata or platform service of a cloud outside the blocks above.
        Metadata = "metadata",
        /// For examples in documentation.
        Documentation = "documentation",
        /// For benchmarks of network devices.
        Benchmark = "benchmark",
        /// A group of hosts.
        Multicast = "multicast",
        /// An IPv6 address that contains an IPv4 address: mapped, compatible, translated (NAT64), 6to4 or Teredo.
        Embedded = "embedded",
        /// Reserved, or for a protocol and not for hosts.
        Reserved = "reserved",
    }
}

/// The kind of an address that a tenant's request may not go to; `None` for a public address.
#[must_use]
pub fn inner(address: IpAddr) -> Option<InnerAddress> {
    match address {
        IpAddr::V4(v4) => inner_v4(v4),
        IpAddr::V6(v6) => inner_v6(v6),
    }
}

fn inner_v4(address: Ipv4Addr) -> Option<InnerAddress> {
    Some(match address.octets() {
        [0, ..] => InnerAddress::Unspecified,
        [127, ..] => InnerAddress::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => InnerAddress::Private,
        [100, 64..=127, ..] => InnerAddress::CarrierNat,
        [169, 254, ..] => InnerAddress::LinkLocal,
        [168, 63, 129, 16] => InnerAddress::Metadata,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => InnerAddress::Documentation,
        [198, 18..=19, ..] => InnerAddress::Benchmark,
        [192, 88, 99, _] => InnerAddress::Embedded,
        [192, 0, 0, _] => InnerAddress::Reserved,
        [224..=239, ..] => InnerAddress::Multicast,
        [240..=255, ..] => InnerAddress::Reserved,
        _ => return None,
    })
}

/// Only 2000::/3 is global unicast (RFC 4291, section 2.4).
fn inner_v6(address: Ipv6Addr) -> Option<InnerAddress> {
    if address.is_loopback() {
        return Some(InnerAddress::Loopback);
    }
    if address.is_unspecified() {
        return Some(InnerAddress::Unspecified);
    }
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => InnerAddress::Embedded,
        [0x64, 0xff9b, ..] | [0x2002, ..] | [0x2001, 0, ..] => InnerAddress::Embedded,
        [0x2001, 2, 0, ..] => InnerAddress::Benchmark,
        [0x2001, 0..=0x1ff, ..] => InnerAddress::Reserved,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => InnerAddress::Documentation,
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => InnerAddress::Private,
        [0xfe80..=0xfebf, ..] => InnerAddress::LinkLocal,
        [0xff00..=0xffff, ..] => InnerAddress::Multicast,
        [0x2000..=0x3fff, ..] => return None,
        _ => InnerAddress::Reserved,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The blocks of both registries that are not globally reachable, and further refused blocks.
    const REFUSED_V4: &[(&str, u32)] = &[
        ("0.0.0.0", 8),
        ("10.0.0.0", 8),
        ("100.64.0.0", 10),
        ("127.0.0.0", 8),
        ("169.254.0.0", 16),
        ("172.16.0.0", 12),
        ("192.0.0.0", 24),
        ("192.0.2.0", 24),
        ("192.88.99.0", 24),
        ("192.168.0.0", 16),
        ("198.18.0.0", 15),
        ("198.51.100.0", 24),
        ("203.0.113.0", 24),
        ("224.0.0.0", 4),
        ("240.0.0.0", 4),
        ("168.63.129.16", 32),
    ];
    const REFUSED_V6: &[(&str, u32)] = &[
        ("::", 128),
        ("::1", 128),
        ("::", 96),
        ("::ffff:0:0", 96),
        ("::ffff:0:0:0", 96),
        ("64:ff9b::", 96),
        ("64:ff9b:1::", 48),
        ("100::", 64),
        ("100:0:0:1::", 64),
        ("2001::", 23),
        ("2001::", 32),
        ("2001:2::", 48),
        ("2001:10::", 28),
        ("2001:20::", 28),
        ("2001:30::", 28),
        ("2001:db8::", 32),
        ("2002::", 16),
        ("3fff::", 20),
        ("5f00::", 16),
        ("fc00::", 7),
        ("fe80::", 10),
        ("fec0::", 10),
        ("ff00::", 8),
    ];

    fn within_v4(address: Ipv4Addr, (network, bits): (&str, u32)) -> bool {
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        u32::from(address) & mask == u32::from(network.parse::<Ipv4Addr>().unwrap())
    }

    fn within_v6(address: Ipv6Addr, (network, bits): (&str, u32)) -> bool {
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        u128::from(address) & mask == u128::from(network.parse::<Ipv6Addr>().unwrap())
    }

    fn near_v4() -> impl Strategy<Value = Ipv4Addr> {
        (prop::sample::select(REFUSED_V4), any::<u32>(), -2_i64..=2).prop_map(|((network, bits), random, step)| {
            let base = u32::from(network.parse::<Ipv4Addr>().unwrap());
            let size = 1_u64 << (32 - bits);
            let inside = base.wrapping_add((u64::from(random) % size) as u32);
            let edge = (i64::from(base) + if step < 0 { step } else { size as i64 - 1 + step }) as u32;
            Ipv4Addr::from(if random & 1 == 0 { inside } else { edge })
        })
    }

    fn near_v6() -> impl Strategy<Value = Ipv6Addr> {
        (prop::sample::select(REFUSED_V6), any::<u128>(), any::<u8>()).prop_map(|((network, bits), random, way)| {
            let base = u128::from(network.parse::<Ipv6Addr>().unwrap());
            let host = u128::MAX.checked_shr(bits).unwrap_or(0);
            Ipv6Addr::from(match way % 3 {
                0 => base | (random & host),
                1 => base.wrapping_sub(1),
                _ => (base | host).wrapping_add(1),
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn v4_is_refused_exactly_where_the_table_says(address in prop_oneof![near_v4(), any::<Ipv4Addr>()]) {
            let listed = REFUSED_V4.iter().any(|block| within_v4(address, *block));
            prop_assert_eq!(inner(address.into()).is_some(), listed, "{}", address);
        }

        #[test]
        fn v6_is_refused_exactly_where_the_table_says_and_outside_global_unicast(
            address in prop_oneof![near_v6(), any::<Ipv6Addr>()]
        ) {
            let listed = REFUSED_V6.iter().any(|block| within_v6(address, *block));
            let unicast = within_v6(address, ("2000::", 3));
            prop_assert_eq!(inner(address.into()).is_some(), listed || !unicast, "{}", address);
        }

        #[test]
        fn an_inner_v4_address_never_hides_in_a_v6_one(address in near_v4()) {
            let o = address.octets().map(u16::from);
            let (high, low) = (o[0] << 8 | o[1], o[2] << 8 | o[3]);
            for hidden in [
                address.to_ipv6_mapped(),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !high, !low),
            ] {
                prop_assert!(inner(hidden.into()).is_some(), "{}", hidden);
            }
        }
    }

    #[test]
    fn what_is_meant_for_the_public_passes() {
        for public in ["1.1.1.1", "8.8.8.8", "192.0.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00::1"] {
            assert_eq!(inner(public.parse().unwrap()), None, "{public}");
        }
        assert_eq!(inner("169.254.169.254".parse().unwrap()), Some(InnerAddress::LinkLocal));
        assert_eq!(inner("100.100.100.200".parse().unwrap()), Some(InnerAddress::CarrierNat));
        assert_eq!(inner("fd00:ec2::254".parse().unwrap()), Some(InnerAddress::Private));
    }
}
