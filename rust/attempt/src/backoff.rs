//! How long to wait before a retry.

/// The pause before retry number `retry` (0 is the first), in nanoseconds.
///
/// Uniform between 0 and `base_ns` x 2^`retry`, at most `cap_ns` ("full jitter": calls that failed together come back
/// apart, and the load on a place that recovers is even). `floor_ns` is what the provider asked for, or 0: it comes on
/// top, so that nobody is early, and those who were told the same moment do not meet again. `draw(n)` is a uniform
/// number below `n`. The result is `floor_ns` to `floor_ns + cap_ns`; whoever has less time than that does not wait.
///
/// Source: AWS Architecture Blog, "Exponential Backoff and Jitter"; Envoy adds jitter to a server's pause in this way.
pub(crate) fn delay_ns(retry: u32, base_ns: u64, cap_ns: u64, floor_ns: u64, draw: impl FnOnce(u64) -> u64) -> u64 {
    let factor = 1_u64.checked_shl(retry).unwrap_or(u64::MAX);
    let ceiling = base_ns.saturating_mul(factor).min(cap_ns);
    floor_ns.saturating_add(draw(ceiling.saturating_add(1)).min(ceiling))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let longest = |retry| delay_ns(retry, 100, 800, 0, |n| n - 1);
        assert_eq!([0, 1, 2, 3, 4, 63, 64, u32::MAX].map(longest), [100, 200, 400, 800, 800, 800, 800, 800]);
    }

    #[test]
    fn the_shortest_pause_is_what_the_provider_asked_for() {
        for floor_ns in [0, 1, 5000, u64::MAX] {
            assert_eq!(delay_ns(3, 100, 800, floor_ns, |_| 0), floor_ns);
        }
    }

    #[test]
    fn a_base_or_a_cap_of_nothing_is_no_pause() {
        assert_eq!(delay_ns(5, 0, 800, 0, |n| n - 1), 0);
        assert_eq!(delay_ns(5, 100, 0, 0, |n| n - 1), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn a_pause_is_between_what_was_asked_for_and_that_and_the_cap(
            retry: u32, base_ns: u64, cap_ns: u64, floor_ns: u64, number: u64,
        ) {
            let pause = delay_ns(retry, base_ns, cap_ns, floor_ns, |n| number % n);
            prop_assert!(pause >= floor_ns);
            prop_assert!(pause <= floor_ns.saturating_add(cap_ns));
        }

        #[test]
        fn every_pause_up_to_the_ceiling_is_drawn_from(
            retry in 0..40_u32, base_ns in 0..1_000_000_u64, cap_ns in 0..10_000_000_000_u64,
        ) {
            let mut below = None;
            let pause = delay_ns(retry, base_ns, cap_ns, 0, |n| { below = Some(n); n / 2 });
            let ceiling = u64::try_from((u128::from(base_ns) << retry).min(u128::from(cap_ns))).unwrap();
            prop_assert_eq!((below, pause), (Some(ceiling + 1), ceiling.div_ceil(2)));
        }
    }
}
