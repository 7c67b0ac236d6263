//! The places of a step as a set of bits, and which of them may be used.

use super::{MAX_PLACES, Place, Usable};

/// The places that may be used and were not tried, as bits.
///
/// At most half of the weight may be out while it has a choice: beyond that, places that are out by a soft signal are
/// used, the soonest to recover first. What is out for good reason counts as out here, since the rest must carry its
/// calls too. Source: Envoy, outlier detection (`max_ejection_percent`) and panic threshold; ours never panics into
/// what is out for good.
pub(super) fn usable(places: &[Place<'_>], tried: u64) -> u64 {
    let (mut inside, mut soft) = (0_u64, 0_u64);
    let (mut total, mut out) = (0_u64, 0_u64);
    for (index, place) in places.iter().take(MAX_PLACES).enumerate() {
        let weight = weight(place);
        total += weight;
        match place.usable {
            Usable::In => {
                inside |= 1 << index;
                continue;
            }
            Usable::Soft(_) => soft |= 1 << index,
            Usable::Out(_) => {}
        }
        out += weight;
    }
    while soft != 0 && out * 2 > total {
        let Some((index, place)) = members(places, soft).min_by_key(|(_, place)| place.usable.until_ns()) else {
            break;
        };
        soft &= !(1 << index);
        inside |= 1 << index;
        out -= weight(place);
    }
    inside & !tried
}

/// The places of a set, with their indices, in order.
pub(super) fn members<'p, 'a>(
    places: &'p [Place<'a>],
    set: u64,
) -> impl Iterator<Item = (usize, &'p Place<'a>)> + use<'p, 'a> {
    places.iter().take(MAX_PLACES).enumerate().filter(move |(index, _)| set & (1 << index) != 0)
}

fn weight(place: &Place<'_>) -> u64 {
    u64::from(place.weight.max(1))
}

#[cfg(test)]
mod tests {
    use super::super::Load;
    use super::*;
    use proptest::prelude::*;

    fn set(states: &[(u32, Usable)], tried: u64) -> u64 {
        let load = Load::new("x");
        let places: Vec<_> = states
            .iter()
            .map(|(weight, usable)| Place {
                weight: *weight,
                price_nano: 0,
                load: &load,
                usable: *usable,
                share_permille: 1000,
            })
            .collect();
        usable(&places, tried)
    }

    #[test]
    fn half_of_the_weight_may_be_out_softly_and_no_more() {
        use Usable::{In, Out, Soft};
        for (states, expected, why) in [
            (vec![(1, In), (1, In)], 0b11, "all are in"),
            (vec![(1, In), (1, Soft(9))], 0b01, "half is out"),
            (vec![(1, In), (2, Soft(9))], 0b11, "two thirds would be out"),
            (vec![(1, Soft(9))], 0b1, "one alone is never out softly"),
            (vec![(1, Soft(9)), (1, Soft(8))], 0b10, "the soonest to recover comes back first"),
            (vec![(1, Soft(8)), (1, Soft(8))], 0b01, "of equals the first, and only as many as it takes"),
            (vec![(1, Soft(9)), (1, Out(1))], 0b01, "the rest is dead, so the slow one must do"),
            (vec![(1, Out(9)), (1, Out(8))], 0b00, "what is out stays out"),
            (vec![(1, In), (1, Soft(5)), (1, Soft(6)), (1, Soft(7))], 0b0011, "back to half"),
            (vec![(u32::MAX, Soft(1)), (u32::MAX, Out(1))], 0b01, "weights do not overflow"),
            (vec![], 0, "nothing"),
        ] {
            assert_eq!(set(&states, 0), expected, "{why}");
        }
    }

    #[test]
    fn what_was_tried_is_left_out_and_brings_nobody_back() {
        use Usable::{In, Soft};
        assert_eq!(set(&[(1, In), (1, In), (1, Soft(9))], 0b011), 0);
        assert_eq!(set(&[(1, In), (1, In), (1, Soft(9))], 0b010), 0b001);
    }

    #[test]
    fn places_beyond_the_sixty_fourth_are_never_used() {
        assert_eq!(set(&vec![(1, Usable::In); 70], 0), u64::MAX);
    }

    fn usables() -> impl Strategy<Value = Vec<(u32, Usable)>> {
        let state =
            prop_oneof![Just(Usable::In), (0..20_u64).prop_map(Usable::Soft), (0..20_u64).prop_map(Usable::Out)];
        prop::collection::vec((1..10_u32, state), 0..9)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn the_set_is_the_in_ones_and_as_few_soft_ones_as_half_of_the_weight_asks_for(states in usables()) {
            let chosen = set(&states, 0);
            let total: u32 = states.iter().map(|(weight, _)| weight).sum();
            let out_of = |set: u64| -> u32 {
                states.iter().enumerate().filter(|(i, _)| set & (1 << i) == 0).map(|(_, (weight, _))| weight).sum()
            };
            let (mut back, mut left) = (None, None);
            for (index, (_, usable)) in states.iter().enumerate() {
                let used = chosen & (1 << index) != 0;
                match usable {
                    Usable::In => prop_assert!(used),
                    Usable::Out(_) => prop_assert!(!used),
                    Usable::Soft(until) if used => back = back.max(Some((*until, index))),
                    Usable::Soft(until) => left = Some(left.map_or((*until, index), |l: (u64, usize)| l.min((*until, index)))),
                }
            }
            prop_assert!(left.is_none() || out_of(chosen) * 2 <= total, "a soft one is left out though half is out");
            if let Some((_, last)) = back {
                prop_assert!(out_of(chosen & !(1 << last)) * 2 > total, "one came back for nothing");
                prop_assert!(left.is_none_or(|left| back < Some(left)), "a later one came back first");
            }
        }
    }
}
