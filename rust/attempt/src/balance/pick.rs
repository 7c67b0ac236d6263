//! Which place comes next.

use super::pool::{members, usable};
use super::{MAX_PLACES, Place};
use plan::Balance;

/// Which of a step's places comes next; none when none is usable.
///
/// `tried` has a bit for each place that this call was at. `draw(n)` yields a number below `n` (n >= 1), uniformly; it
/// is not asked where there is one place alone. A draw goes by weight, times what a place has back after an outage.
/// - `Weighted`: by a draw.
/// - `Fastest`: of two that are drawn, the one with the lower [cost](super::Load::cost).
/// - `LeastBusy`: of two that are drawn, the one with fewer open calls for its weight.
/// - `Cheapest`: the lowest price; among equals as `Fastest`.
///
/// Of two that are equal it is the first drawn, so that processes do not all choose the same.
pub fn pick(
    balance: Balance,
    places: &[Place<'_>],
    tried: u64,
    now_ns: u64,
    draw: &mut dyn FnMut(u64) -> u64,
) -> Option<usize> {
    let usable = usable(places, tried);
    match balance {
        Balance::Weighted => drawn(places, usable, draw).map(|(index, _)| index),
        Balance::Fastest => better(places, usable, draw, |place| slowness(place, now_ns)),
        Balance::LeastBusy => better(places, usable, draw, busyness),
        Balance::Cheapest => better(places, cheapest(places, usable), draw, |place| slowness(place, now_ns)),
    }
}

/// One of a set, by weight.
fn drawn<'p, 'a>(
    places: &'p [Place<'a>],
    set: u64,
    draw: &mut dyn FnMut(u64) -> u64,
) -> Option<(usize, &'p Place<'a>)> {
    if set.count_ones() <= 1 {
        return members(places, set).next();
    }
    let total = members(places, set).map(|(_, place)| place.pull()).sum();
    let mut ticket = draw(total);
    let mut last = None;
    for member in members(places, set) {
        let pull = member.1.pull();
        if ticket < pull {
            return Some(member);
        }
        ticket -= pull;
        last = Some(member);
    }
    last // only if a draw were out of its range
}

/// The better of two that are drawn from a set.
fn better(
    places: &[Place<'_>],
    set: u64,
    draw: &mut dyn FnMut(u64) -> u64,
    measure: impl Fn(&Place<'_>) -> Fraction,
) -> Option<usize> {
    let (first, place) = drawn(places, set, draw)?;
    let Some((second, other)) = drawn(places, set & !(1 << first), draw) else { return Some(first) };
    Some(if measure(other).is_below(measure(place)) { second } else { first })
}

/// Those of a set with the lowest price.
fn cheapest(places: &[Place<'_>], set: u64) -> u64 {
    let lowest = members(places, set).map(|(_, place)| place.price_nano).min();
    members(places, set)
        .filter(|(_, place)| Some(place.price_nano) == lowest)
        .fold(0, |set, (index, _)| set | 1 << index)
}

/// What `Fastest` compares. A place that has a tenth of its weight back looks ten times slower, and is used a tenth.
fn slowness(place: &Place<'_>, now_ns: u64) -> Fraction {
    Fraction(place.load.cost(now_ns), u64::from(place.share_permille.clamp(1, 1000)))
}

/// What `LeastBusy` compares.
fn busyness(place: &Place<'_>) -> Fraction {
    Fraction(u64::from(place.load.open()) + 1, place.pull())
}

/// Two numbers whose quotient is compared.
#[derive(Clone, Copy)]
struct Fraction(u64, u64);

impl Fraction {
    fn is_below(self, other: Self) -> bool {
        u128::from(self.0) * u128::from(other.1) < u128::from(other.0) * u128::from(self.1)
    }
}

const _: () = assert!(MAX_PLACES <= u64::BITS as usize, "a set is one word");
