//! Which addresses calls go to.
//!
//! Link-local and metadata addresses hand out a machine's identity to whoever asks from inside it, so they are refused
//! whatever the policy says. An address that the policy did not write has to be global besides: a name that a catalogue
//! supplied, or a DNS server behind it, must not reach into the private network.
//!
//! Source: IANA IPv4 and IPv6 Special-Purpose Address Registries; the cloud providers' pages on instance metadata.

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(head: [u16; 4], tail: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(head[0], head[1], head[2], head[3], 0, 0, 0, tail), prefix)
}

/// Refused always.
const NEVER_V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "unspecified"),
    (v4(169, 254, 0, 0, 16), "link-local"),
    (v4(100, 100, 100, 200, 32), "a metadata address"),
    (v4(168, 63, 129, 16, 32), "a metadata address"),
    (v4(192, 0, 0, 192, 32), "a metadata address"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(255, 255, 255, 255, 32), "broadcast"),
];

/// Refused always.
const NEVER_V6: &[(Ipv6Net, &str)] = &[
    (v6([0, 0, 0, 0], 0, 128), "unspecified"),
    (v6([0xfe80, 0, 0, 0], 0, 10), "link-local"),
    (v6([0xfd00, 0x0ec2, 0, 0], 0x254, 128), "a metadata address"),
    (v6([0xfd20, 0x00ce, 0, 0], 0x254, 128), "a metadata address"),
    (v6([0xff00, 0, 0, 0], 0, 8), "multicast"),
];

/// Refused unless the policy wrote the host.
const LOCAL_V4: &[(Ipv4Net, &str)] = &[
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "shared by carriers"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 0, 0, 0, 24), "reserved for protocols"),
    (v4(192, 0, 2, 0, 24), "for documentation"),
    (v4(192, 88, 99, 0, 24), "a 6to4 relay"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(198, 18, 0, 0, 15), "for benchmarks"),
    (v4(198, 51, 100, 0, 24), "for documentation"),
    (v4(203, 0, 113, 0, 24), "for documentation"),
    (v4(240, 0, 0, 0, 4), "reserved"),
];

/// All that IPv6 has of global unicast.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0], 0, 3);

/// What of [`GLOBAL_V6`] is refused unless the policy wrote the host.
const LOCAL_V6: &[(Ipv6Net, &str)] = &[
    (v6([0x2001, 0, 0, 0], 0, 32), "Teredo"),
    (v6([0x2001, 0, 0, 0], 0, 23), "reserved for protocols"),
    (v6([0x2001, 0x0db8, 0, 0], 0, 32), "for documentation"),
    (v6([0x2002, 0, 0, 0], 0, 16), "6to4"),
    (v6([0x3fff, 0, 0, 0], 0, 20), "for documentation"),
];

/// Host names of metadata services. They count where a proxy resolves the name and no address is seen here.
const METADATA_NAMES: &[&str] = &["metadata.google.internal", "metadata.goog", "instance-data.ec2.internal"];

/// Why calls do not go to `address`, if they do not. `named`: the policy wrote the host.
pub(crate) fn refusal(address: IpAddr, named: bool) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => refusal_v4(address, named),
        IpAddr::V6(address) => refusal_v6(address, named),
    }
}

/// Whether `host` names a metadata service.
pub(crate) fn is_metadata_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    METADATA_NAMES.iter().any(|name| host.eq_ignore_ascii_case(name))
}

fn refusal_v4(address: Ipv4Addr, named: bool) -> Option<&'static str> {
    let within = |table: &[(Ipv4Net, &'static str)]| {
        table.iter().find(|(net, _)| net.contains(&address)).map(|(_, reason)| *reason)
    };
    within(NEVER_V4).or_else(|| if named { None } else { within(LOCAL_V4) })
}

fn refusal_v6(address: Ipv6Addr, named: bool) -> Option<&'static str> {
    let within = |table: &[(Ipv6Net, &'static str)]| {
        table.iter().find(|(net, _)| net.contains(&address)).map(|(_, reason)| *reason)
    };
    if let Some(inner) = address.to_ipv4_mapped() {
        return refusal_v4(inner, named); // the same host, written longer: the kernel speaks IPv4 to it
    }
    if let Some(reason) = within(NEVER_V6).or_else(|| embedded(address).and_then(|inner| refusal_v4(inner, true))) {
        return Some(reason);
    }
    if named {
        return None;
    }
    if GLOBAL_V6.contains(&address) { within(LOCAL_V6) } else { Some("not global") }
}

/// The IPv4 address that a translator or a tunnel would go on to.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let at = |index: usize| {
        let ([a, b], [c, d]) = (segments[index].to_be_bytes(), segments[index + 1].to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => None, // loopback
        // v4-compatible, RFC 4291; NAT64, RFC 6052 and (as a /96) RFC 8215
        [0, 0, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => Some(at(6)),
        [0x2002, ..] => Some(at(1)),                                // 6to4, RFC 3056
        [0x2001, 0, ..] => Some(Ipv4Addr::from(!u32::from(at(6)))), // Teredo, RFC 4380: the client, inverted
        _ => None,
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
