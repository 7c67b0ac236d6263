//! Tables and properties of the guard.

use super::*;
use proptest::prelude::*;

/// address, why it is refused even when named, why it is refused when not named
const TABLE: &[(&str, Option<&str>, Option<&str>)] = &[
    ("8.8.8.8", None, None),
    ("104.18.7.192", None, None),
    ("2606:4700::6812:7c0", None, None),
    ("2a00:1450:4001:82f::200a", None, None),
    ("127.0.0.1", None, Some("loopback")),
    ("127.255.255.254", None, Some("loopback")),
    ("::1", None, Some("not global")),
    ("10.0.0.5", None, Some("private")),
    ("172.16.0.1", None, Some("private")),
    ("172.31.255.255", None, Some("private")),
    ("172.32.0.1", None, None),
    ("192.168.1.1", None, Some("private")),
    ("100.64.0.1", None, Some("shared by carriers")),
    ("100.127.255.255", None, Some("shared by carriers")),
    ("100.128.0.0", None, None),
    ("198.18.0.1", None, Some("for benchmarks")),
    ("198.19.255.255", None, Some("for benchmarks")),
    ("192.0.2.1", None, Some("for documentation")),
    ("198.51.100.7", None, Some("for documentation")),
    ("203.0.113.7", None, Some("for documentation")),
    ("192.88.99.1", None, Some("a 6to4 relay")),
    ("240.0.0.1", None, Some("reserved")),
    ("fd12:3456::1", None, Some("not global")),
    ("fec0::1", None, Some("not global")),
];

/// Refused whatever the policy says.
const ALWAYS: &[&str] = &[
    "0.0.0.0",
    "0.1.2.3",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "::",
    "fe80::1",
    "febf::1",
    "ff02::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "::ffff:224.0.0.1",
    "::169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:5601:5601", // Teredo around 169.254.169.254
];

/// Fine when the policy wrote the host, refused otherwise.
const TUNNELS: &[&str] = &[
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
    "2001:0:4136:e378:8000:63bf:f7f7:f7f7", // Teredo around 8.8.8.8
    "2001:10::1",
    "2001:db8::1",
    "3fff::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn every_row_of_the_table_is_judged_as_stated() {
    for (address, named, unnamed) in TABLE {
        assert_eq!(refusal(ip(address), true), *named, "{address} named");
        assert_eq!(refusal(ip(address), false), *unnamed, "{address} not named");
    }
}

#[test]
fn link_local_and_metadata_are_refused_even_when_named() {
    for address in ALWAYS {
        assert!(refusal(ip(address), true).is_some(), "{address}");
        assert!(refusal(ip(address), false).is_some(), "{address}");
    }
}

#[test]
fn tunnels_and_mapped_private_addresses_need_a_policy_that_names_them() {
    for address in TUNNELS {
        assert_eq!(refusal(ip(address), true), None, "{address}");
        assert!(refusal(ip(address), false).is_some(), "{address}");
    }
}

#[test]
fn metadata_services_are_known_by_name() {
    for host in ["metadata.google.internal", "Metadata.Google.Internal.", "metadata.goog"] {
        assert!(is_metadata_name(host), "{host}");
    }
    assert!(!is_metadata_name("metadata.example"));
}

proptest! {
    /// What std calls private, loopback, link-local and so on never passes unnamed; what is refused when named is refused
    /// when not named.
    #[test]
    fn unnamed_addresses_are_global_by_std(bits in any::<u32>()) {
        let address = Ipv4Addr::from(bits);
        let special = address.is_private() || address.is_loopback() || address.is_link_local() || address.is_multicast()
            || address.is_broadcast() || address.is_documentation() || address.is_unspecified();
        if special {
            prop_assert!(refusal(IpAddr::V4(address), false).is_some());
        }
        if refusal(IpAddr::V4(address), true).is_some() {
            prop_assert!(refusal(IpAddr::V4(address), false).is_some());
        }
        if address.is_private() || address.is_loopback() {
            prop_assert!(refusal(IpAddr::V4(address), true).is_none());
        }
    }

    #[test]
    fn a_mapped_address_is_judged_as_what_it_maps(bits in any::<u32>(), named in any::<bool>()) {
        let address = Ipv4Addr::from(bits);
        prop_assert_eq!(
            refusal(IpAddr::V6(address.to_ipv6_mapped()), named),
            refusal(IpAddr::V4(address), named)
        );
    }

    #[test]
    fn unnamed_v6_addresses_are_global_unicast(bits in any::<u128>()) {
        let address = Ipv6Addr::from(bits);
        if refusal(IpAddr::V6(address), false).is_none() {
            prop_assert!(address.segments()[0] & 0xe000 == 0x2000 || address.to_ipv4_mapped().is_some());
            prop_assert!(!address.is_loopback() && !address.is_multicast() && !address.is_unspecified());
            prop_assert!(!address.is_unique_local() && !address.is_unicast_link_local());
        }
    }
}
