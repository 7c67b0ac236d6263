use super::raw::{Details, Raw};
use super::walk::Stop;
use super::*;
use proptest::prelude::*;

const CHAT: &str = r#"{"prompt_tokens":20,"completion_tokens":9,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":8,"cache_write_tokens":4,"audio_tokens":1},"completion_tokens_details":{"reasoning_tokens":5,"audio_tokens":2,"rejected_prediction_tokens":0}}"#;

fn tapped(pieces: &[&[u8]]) -> Tap {
    let mut tap = Tap::default();
    for piece in pieces {
        tap.feed(piece);
    }
    tap
}

fn of(input: u64, output: u64) -> Usage {
    Usage { input, output, ..Usage::default() }
}

#[test]
fn each_endpoints_spelling_is_read() {
    let chat = Usage { cached: 8, cache_written: 4, input_audio: 1, reasoning: 5, output_audio: 2, ..of(20, 9) };
    let table = [
        (CHAT, Some(chat)),
        (r#"{"prompt_tokens":3,"total_tokens":3}"#, Some(of(3, 0))),
        (r#"{"total_tokens":7}"#, Some(of(7, 0))),
        (
            r#"{"prompt_tokens":5,"completion_tokens":2,"total_tokens":17,"completion_tokens_details":{"reasoning_tokens":10}}"#,
            Some(Usage { reasoning: 10, ..of(5, 12) }),
        ),
        (r#"{"completion_tokens":2,"total_tokens":7}"#, Some(of(5, 2))),
        (r#"{"prompt_tokens":5,"total_tokens":7}"#, Some(of(5, 2))),
        (
            r#"{"input_tokens":10,"input_tokens_details":{"cached_tokens":4,"image_tokens":6},"output_tokens":3,"output_tokens_details":{"reasoning_tokens":1,"image_tokens":2},"total_tokens":13}"#,
            Some(Usage { cached: 4, input_image: 6, reasoning: 1, output_image: 2, ..of(10, 3) }),
        ),
        (
            r#"{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":45}"#,
            Some(Usage { input_audio: 14, ..of(14, 45) }),
        ),
        (r#"{"type":"duration","seconds":9.4}"#, Some(Usage { audio_ms: 9_400, ..Usage::default() })),
        (
            r#"{"prompt_tokens":20,"completion_tokens":1,"prompt_cache_hit_tokens":12}"#,
            Some(Usage { cached: 12, ..of(20, 1) }),
        ),
        (r#"{"prompt_tokens":20,"input_tokens":20,"completion_tokens":1,"output_tokens":1}"#, Some(of(20, 1))),
        (r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#, Some(of(0, 0))),
        (r#"{"prompt_tokens":2,"completion_tokens":1,"prompt_tokens_details":null}"#, Some(of(2, 1))),
        ("{}", None),
        (r#"{"cost":0.1}"#, None),
        (r#"{"prompt_tokens":-2,"completion_tokens":1}"#, None),
        (r#"{"prompt_tokens":2.5,"completion_tokens":1}"#, None),
        (r#"{"prompt_tokens":"2","completion_tokens":1}"#, None),
        (r#"{"prompt_tokens":1000000001,"completion_tokens":1}"#, None),
        (r#"{"prompt_tokens":18446744073709551615,"completion_tokens":1}"#, None),
        (r#"{"prompt_tokens":99999999999999999999999,"completion_tokens":1}"#, None),
        (r#"{"prompt_tokens":2,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":3}}"#, None),
        (r#"{"seconds":-1.0}"#, None),
        (r#"{"seconds":1e300}"#, None),
        (r#"{"prompt_tokens":2"#, None),
    ];
    for (object, expected) in table {
        assert_eq!(Usage::read(object.as_bytes()), expected, "{object}");
    }
}

#[test]
fn the_last_usage_counts_wherever_it_stands() {
    let table: [(&str, Option<Usage>, bool); 9] = [
        (
            r#"{"usage":{"total_tokens":4},"tools":[{"parameters":{"properties":{"usage":{"type":"integer"}}}}]}"#,
            Some(of(4, 0)),
            false,
        ),
        (r#"{"id":"x","choices":[{"message":{"content":"\"usage\":{\"prompt_tokens\":1}"}}]}"#, None, false),
        (r#"{"usage": {"prompt_tokens": 3, "total_tokens": 3}, "data": []}"#, Some(of(3, 0)), false),
        (
            "data: {\"usage\":null}\n\ndata: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\ndata: {\"x_groq\":{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}}\n\ndata: [DONE]\n\n",
            Some(of(1, 2)),
            false,
        ),
        (r#"{"usage":{"prompt_tokens":1},"usage":{"prompt_tokens":-1}}"#, Some(of(1, 0)), true),
        (r#"{"usage":{"prompt_tokens":-1},"usage":{"prompt_tokens":1}}"#, Some(of(1, 0)), false),
        (r#"{"usage""usage":{"total_tokens":4}}"#, Some(of(4, 0)), false),
        (r#"{"word":"usage","usage":{"note":"a } and a \" {","total_tokens":4}}"#, Some(of(4, 0)), false),
        (r#"{"usage":{"total_tokens":4"#, None, false),
    ];
    for (text, usage, is_garbled) in table {
        let tap = tapped(&[text.as_bytes()]);
        assert_eq!((tap.usage(), tap.is_garbled()), (usage, is_garbled), "{text}");
    }
}

#[test]
fn a_usage_without_an_end_is_given_up_and_the_next_is_read() {
    let endless = format!(r#"{{"usage":{{"a":"{}"#, "x".repeat(Tap::OBJECT_CAP));
    let tap = tapped(&[endless.as_bytes()]);
    assert!(tap.is_garbled() && tap.usage().is_none());
    let tap = tapped(&[endless.as_bytes(), br#""}, "usage":{"total_tokens":4}}"#]);
    assert_eq!((tap.usage(), tap.is_garbled()), (Some(of(4, 0)), false));
}

#[test]
fn a_usage_is_found_however_the_bytes_are_cut() {
    let text = format!("data: {{\"choices\":[],\"usage\" : {CHAT}}}\n\ndata: [DONE]\n\n");
    let whole = tapped(&[text.as_bytes()]).usage();
    assert!(whole.is_some());
    for at in 0..text.len() {
        let (one, two) = text.as_bytes().split_at(at);
        assert_eq!(tapped(&[one, two]).usage(), whole, "cut at {at}");
    }
    let bytes: Vec<_> = text.as_bytes().chunks(1).collect();
    assert_eq!(tapped(&bytes).usage(), whole);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn cuts_do_not_matter_and_nothing_breaks_it(
        parts in prop::collection::vec(
            prop_oneof![
                Just(r#""usage""#), Just(":"), Just("{"), Just("}"), Just("\""), Just("\\"), Just("null"), Just(" "),
                Just(r#""usage":{"total_tokens":4}"#), Just(r#"{"prompt_tokens":1"#), Just("usage"), Just("\"usa"), Just("ge\""),
            ],
            0..24,
        ),
        cuts in prop::collection::vec(0_usize..400, 0..12),
    ) {
        let text = parts.concat();
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|two| &text.as_bytes()[two[0]..two[1]]).collect();
        let (whole, cut) = (tapped(&[text.as_bytes()]), tapped(&pieces));
        prop_assert_eq!(whole.usage(), cut.usage());
        prop_assert_eq!(whole.is_garbled(), cut.is_garbled());
    }
}

#[test]
fn each_token_is_of_one_class_and_none_is_lost() {
    let sum = |usage: &Usage| usage.by_class().iter().sum::<u64>();
    let plain = Usage { cached: 8, cache_written: 4, input_audio: 1, reasoning: 5, output_audio: 2, ..of(20, 9) };
    assert_eq!(plain.by_class(), [7, 8, 4, 1, 0, 2, 5, 2, 0]);
    let twice = Usage { cached: 15, input_audio: 10, input_image: 3, ..of(20, 0) };
    assert_eq!(twice.by_class(), [0, 15, 0, 5, 0, 0, 0, 0, 0], "sound from the cache");
    for usage in [plain, twice, of(0, 0), Usage { reasoning: 3, output_image: 3, ..of(1, 4) }] {
        assert_eq!(sum(&usage), usage.total(), "{usage:?}");
    }
}

/// The same by a parser for all of JSON.
fn oracle(object: &str) -> Option<Raw> {
    let value: serde_json::Value = serde_json::from_str(object).ok()?;
    let count = |value: &serde_json::Value, key: &str| {
        if value[key].is_null() { Some(None) } else { value[key].as_u64().map(Some) }
    };
    let details = |keys: &[&str]| {
        let there = keys.iter().map(|key| &value[*key]).rfind(|value| !value.is_null());
        let Some(details) = there else { return Some(None) };
        details.as_object()?;
        let count = |key| count(details, key);
        Some(Some(Details {
            cached: count("cached_tokens")?,
            cache_write: count("cache_write_tokens")?,
            reasoning: count("reasoning_tokens")?,
            audio: count("audio_tokens")?,
            image: count("image_tokens")?,
        }))
    };
    let seconds = if value["seconds"].is_null() { None } else { Some(value["seconds"].as_f64()?) };
    Some(Raw {
        prompt_tokens: count(&value, "prompt_tokens")?,
        completion_tokens: count(&value, "completion_tokens")?,
        input_tokens: count(&value, "input_tokens")?,
        output_tokens: count(&value, "output_tokens")?,
        total_tokens: count(&value, "total_tokens")?,
        prompt_cache_hit_tokens: count(&value, "prompt_cache_hit_tokens")?,
        of_input: details(&["prompt_tokens_details"])?,
        of_output: details(&["completion_tokens_details"])?,
        seconds,
    })
}

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_u64..1_000_000_000).prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        any::<i32>().prop_map(|number| number.to_string()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("12.0".to_owned()),
        Just("1.5e3".to_owned()),
        Just(r#""a \" } , {""#.to_owned()),
        Just(r#"[1,{"b":"]"},[]]"#.to_owned()),
        Just(r#"{"cached_tokens":3,"x":{"y":[1]},"audio_tokens":null}"#.to_owned()),
        Just(r#"{ "reasoning_tokens" : 7 , "z" : "\\" }"#.to_owned()),
        Just("{}".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn an_object_is_read_as_a_parser_for_all_of_json_reads_it(
        fields in prop::collection::btree_map(
            prop::sample::select(vec![
                "prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens", "seconds",
                "prompt_cache_hit_tokens", "prompt_tokens_details", "completion_tokens_details", "cost", "is_byok", "",
            ]),
            any_value(),
            0..7,
        ),
        blank in prop::sample::select(vec!["", " ", "\n\t"]),
        behind in prop::sample::select(vec!["", ",\"a\":1}", "}", "\n"]),
    ) {
        let fields: Vec<_> = fields.iter().map(|(key, value)| format!("{blank}\"{key}\"{blank}:{blank}{value}{blank}")).collect();
        let object = format!("{{{}}}", fields.join(","));
        let read = Raw::first(format!("{object}{behind}").as_bytes());
        prop_assert_eq!(read, oracle(&object).map(|raw| (raw, object.len())).ok_or(Stop::Odd));
        for at in 0..object.len() {
            prop_assert!(Raw::first(&object.as_bytes()[..at]).is_err());
        }
    }
}

#[test]
fn the_service_tier_is_what_stands_beside_the_usage_and_first() {
    let tier = |pieces: &[&str]| {
        let mut tap = Tap::default();
        tap.read_tier();
        for piece in pieces {
            tap.feed(piece.as_bytes());
        }
        tap.tier()
    };
    let usage = r#""usage":{"total_tokens":4}"#;
    assert_eq!(tier(&[&format!(r#"{{{usage},"service_tier": "flex"}}"#)]), Some(ServiceTier::Flex));
    assert_eq!(tier(&[&format!(r#"{{"service_tier":"priority",{usage}}}"#)]), Some(ServiceTier::Priority));
    assert_eq!(tier(&[&format!(r#"{{"service_tier":"default",{usage}}}"#)]), None);
    assert_eq!(tier(&[&format!(r#"{{"service_tier":"flexible",{usage}}}"#)]), None);
    assert_eq!(tier(&[&format!(r#"{{{usage},"service_tier":"default","metadata":{{"service_tier":"flex"}}}}"#)]), None);
    assert_eq!(tier(&[r#"{"service_tier":"flex","choices":[]}"#, &format!("{{{usage}}}")]), None, "another event");
}
