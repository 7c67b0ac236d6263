//! From a host name to addresses that calls may go to.

use crate::connect::{exhausted, is_our_lack};
use crate::guard;
use crate::pool::Pool;
use fault::{Fault, Kind};
use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How long an answer of the resolver counts. The system's interface tells no lifetime; half a minute follows a
/// provider that moves, and spares it a lookup per connection.
const LIFETIME: Duration = Duration::from_secs(30);

/// The last answer of the resolver for one endpoint.
pub(crate) struct Addresses {
    known: RefCell<Option<(Rc<[SocketAddr]>, Instant)>>,
    /// One lookup at a time: each occupies a thread.
    lookup: Semaphore,
}

impl Default for Addresses {
    fn default() -> Self {
        Self { known: RefCell::default(), lookup: Semaphore::new(1) }
    }
}

/// Who is looked up, and what it may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// The policy, or a stated environment, wrote the host.
    pub(crate) named: bool,
}

impl Addresses {
    /// The addresses of a target, at least one, each checked by the guard. IPv6 and IPv4 take turns, beginning with what
    /// the resolver prefers.
    ///
    /// Fails with [`Kind::ResolveFailed`], or [`Kind::EgressRefused`] where the guard leaves none.
    pub(crate) async fn of(&self, target: Target<'_>, pool: &Pool) -> Result<Rc<[SocketAddr]>, Fault> {
        if let Ok(address) = target.host.parse::<IpAddr>() {
            return checked([SocketAddr::new(address, target.port)].into_iter(), target, pool);
        }
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let _permit = self.lookup.acquire().await;
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let failed = |cause: &dyn std::fmt::Display| {
            pool.fault(Kind::ResolveFailed, "could not be found: its host name does not resolve").because(cause)
        };
        let found = tokio::net::lookup_host((target.host, target.port)).await.map_err(|e| {
            if is_our_lack(&e) { exhausted().because(e) } else { failed(&format_args!("resolve {}: {e}", target.host)) }
        })?;
        let mut found = found.peekable();
        if found.peek().is_none() {
            return Err(failed(&format_args!("resolve {}: no address", target.host)));
        }
        let addresses = checked(found, target, pool)?;
        *self.known.borrow_mut() = Some((Rc::clone(&addresses), Instant::now()));
        Ok(addresses)
    }

    fn known(&self) -> Option<Rc<[SocketAddr]>> {
        let known = self.known.borrow();
        let (addresses, since) = known.as_ref()?;
        (since.elapsed() < LIFETIME).then(|| Rc::clone(addresses))
    }
}

/// What the guard lets through; what it refuses is named in the cause.
fn checked(
    found: impl Iterator<Item = SocketAddr>,
    target: Target<'_>,
    pool: &Pool,
) -> Result<Rc<[SocketAddr]>, Fault> {
    let mut refused = None;
    let passed: Vec<_> = found
        .filter(|address| match guard::refusal(address.ip(), target.named) {
            None => true,
            Some(reason) => {
                refused = Some((address.ip(), reason));
                false
            }
        })
        .collect();
    match refused {
        Some((address, reason)) if passed.is_empty() => {
            Err(refusal(pool, target, &format_args!("{address} is {reason}")))
        }
        _ => Ok(by_turns(&passed).into()),
    }
}

/// The fault of a target that the guard refuses.
pub(crate) fn refusal(pool: &Pool, target: Target<'_>, why: &dyn std::fmt::Display) -> Fault {
    let sentence = if target.named {
        "has an address to which calls never go: link-local, metadata, multicast or unspecified"
    } else {
        "has an address that is not global; name the endpoint in the policy if that is meant"
    };
    pool.fault(Kind::EgressRefused, sentence).because(format_args!("{}: {why}", target.host))
}

/// Both families in turn, so that one which leads nowhere costs one step and not all of them. Source: RFC 8305, 4.
fn by_turns(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (Vec<_>, Vec<_>) = addresses.iter().partition(|a| a.is_ipv6() == first_is_v6);
    first.reverse();
    second.reverse();
    let mut order = Vec::with_capacity(addresses.len());
    while let Some(address) = first.pop() {
        order.push(address);
        order.extend(second.pop());
    }
    order.extend(second.into_iter().rev());
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_none_is_lost() {
        let parse =
            |list: &str| -> Vec<SocketAddr> { list.split(' ').filter_map(|address| address.parse().ok()).collect() };
        let order = by_turns(&parse("[2a00::1]:1 [2a00::2]:1 [2a00::3]:1 8.8.8.8:1"));
        assert_eq!(order, parse("[2a00::1]:1 8.8.8.8:1 [2a00::2]:1 [2a00::3]:1"));
        let order = by_turns(&parse("8.8.8.8:1 [2a00::1]:1 [2a00::2]:1"));
        assert_eq!(order, parse("8.8.8.8:1 [2a00::1]:1 [2a00::2]:1"));
        assert_eq!(by_turns(&[]), []);
    }
}
