use super::*;
use crate::sample::plan;
use proptest::prelude::*;

fn period(from_unix_s: u64, daily: Option<(u64, u64)>, tiers: &[(u64, u64, u64)]) -> Period {
    Period {
        from_unix_s,
        daily: daily.map(|(from_s, until_s)| Daily { from_s, until_s }),
        tiers: tiers
            .iter()
            .map(|(above_tokens, input, output)| Tier {
                above_tokens: *above_tokens,
                nano_usd_per_million: Rates { input: *input, output: *output, ..Rates::default() },
            })
            .collect(),
        audio_hour_nano_usd: None,
        call_nano_usd: 0,
    }
}

fn of(input: u64, output: u64) -> Usage {
    Usage { input, output, ..Usage::NONE }
}

#[test]
fn a_cost_is_rounded_up_once() {
    let price = period(0, None, &[(0, 37_500_000, 150_000_000)]);
    assert_eq!(price.nano_usd(&of(1, 0)), Some(38), "37.5");
    assert_eq!(price.nano_usd(&of(1, 1)), Some(188), "37.5 and 150");
    assert_eq!(price.nano_usd(&of(2, 2)), Some(375));
    assert_eq!(price.nano_usd(&Usage::NONE), Some(0));
    let dear = period(0, None, &[(0, u64::MAX, u64::MAX)]);
    assert_eq!(dear.nano_usd(&of(1_000_000_000, 1_000_000_000)), Some(u64::MAX));
}

#[test]
fn each_class_has_its_rate_and_no_token_is_paid_for_twice() {
    let rates = Rates {
        input: 1_000_000,
        cache_read: 10_000_000,
        cache_write: 100_000_000,
        input_audio: 1_000_000_000,
        input_image: 10_000_000_000,
        output: 2_000_000,
        reasoning: 20_000_000,
        output_audio: 200_000_000,
        output_image: 2_000_000_000,
    };
    let price = Period { tiers: vec![Tier { above_tokens: 0, nano_usd_per_million: rates }], ..period(0, None, &[]) };
    let one_of_each = Usage {
        input: 5,
        cached: 1,
        cache_written: 1,
        input_audio: 1,
        input_image: 1,
        output: 4,
        reasoning: 1,
        output_audio: 1,
        output_image: 1,
        audio_ms: 0,
    };
    assert_eq!(price.nano_usd(&one_of_each), Some(11_111 + 2_222));
}

#[test]
fn a_long_prompt_costs_more_for_all_its_tokens_and_only_above_the_bound() {
    let price = period(0, None, &[(0, 1_000_000, 1_000_000), (200, 3_000_000, 2_000_000)]);
    assert_eq!(price.nano_usd(&of(200, 10)), Some(210));
    assert_eq!(price.nano_usd(&of(201, 10)), Some(603 + 20));
}

#[test]
fn sound_is_paid_by_its_length_and_calls_one_by_one() {
    let price = Period { audio_hour_nano_usd: Some(360_000_000), call_nano_usd: 7, ..period(0, None, &[]) };
    let minute = Usage { audio_ms: 60_000, ..Usage::NONE };
    assert_eq!(price.nano_usd(&minute), Some(6_000_007));
    assert_eq!(price.nano_usd(&Usage { audio_ms: 1, ..Usage::NONE }), Some(100 + 7));
    assert_eq!(price.nano_usd(&of(1, 0)), None, "tokens have no price");
    assert_eq!(period(0, None, &[(0, 1, 1)]).nano_usd(&minute), None, "sound has none");
}

#[test]
fn of_periods_the_last_that_holds_counts() {
    let price = Price {
        usual: vec![
            period(0, None, &[(0, 1, 0)]),
            period(1_000_000, None, &[(0, 2, 0)]),
            period(0, Some((80_000, 100)), &[(0, 3, 0)]),
        ],
        service_tiers: BTreeMap::from([("flex".to_owned(), vec![period(2_000_000, None, &[(0, 9, 0)])])]),
    };
    let at = |unix_s, tier| price.at(tier, || unix_s).and_then(|period| period.rates(1)).map(|rates| rates.input);
    assert_eq!(at(50_000, None), Some(1));
    assert_eq!([at(80_000, None), at(86_400 + 99, None)], [Some(3), Some(3)], "past midnight");
    assert_eq!([at(79_999, None), at(86_400 + 100, None)], [Some(1), Some(1)]);
    assert_eq!(at(1_000_000, None), Some(2));
    assert_eq!(at(50_000, Some(ServiceTier::Flex)), Some(1), "not yet");
    assert_eq!(at(2_000_000, Some(ServiceTier::Flex)), Some(9));
    assert_eq!(at(2_000_000, Some(ServiceTier::Priority)), Some(2), "no price of its own");
    let most = |unix_s, any_tier| price.most_at(any_tier, &of(1_000_000, 0), || unix_s);
    assert_eq!([most(2_000_000, false), most(2_000_000, true)], [Some(2), Some(9)], "the dearest tier");
    assert_eq!(most(50_000, true), Some(1), "tiers that hold not yet");
    let later = Price { usual: vec![period(5, None, &[(0, 1, 1)])], service_tiers: BTreeMap::new() };
    assert_eq!(later.at(None, || 4), None);
}

#[test]
fn a_price_is_that_of_the_deployment_else_of_the_name_else_of_the_provider() {
    let mut plan = plan();
    let price = |rate| Price { usual: vec![period(0, None, &[(0, rate, rate)])], service_tiers: BTreeMap::new() };
    plan.prices = vec![price(1), price(2), price(3)];
    plan.providers[1].prices = BTreeMap::from([("llama-8b".to_owned(), 1)]);
    plan.providers[1].price = Some(2);
    plan.deployments[1].price = Some(0);
    let of = |deployment, model| plan.price(1, deployment, model).map(Price::nano_usd_per_million);
    assert_eq!(of(Some(1), "llama"), Some(2));
    assert_eq!(of(Some(2), "llama-8b"), Some(4), "a star stood for it");
    assert_eq!([of(None, "llama-8b"), of(None, "other")], [Some(4), Some(6)]);
    assert_eq!(plan.price(0, None, "gpt-5.2"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn parts_cost_no_less_than_the_whole_and_hardly_more(
        rates in any::<(u32, u32)>(), a in any::<(u16, u16)>(), b in any::<(u16, u16)>(),
    ) {
        let price = period(0, None, &[(0, rates.0.into(), rates.1.into())]);
        let cost = |input: u64, output: u64| price.nano_usd(&of(input, output)).unwrap_or_default();
        let [a, b] = [a, b].map(|(input, output)| (u64::from(input), u64::from(output)));
        let (apart, together) = (cost(a.0, a.1) + cost(b.0, b.1), cost(a.0 + b.0, a.1 + b.1));
        prop_assert!(together <= apart && apart <= together + 1);
        let exact = u128::from(a.0) * u128::from(rates.0) + u128::from(a.1) * u128::from(rates.1);
        prop_assert_eq!(u128::from(cost(a.0, a.1)), exact.div_ceil(1_000_000));
    }
}
