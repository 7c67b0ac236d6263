//! What providers write, and what nobody should.

use super::*;
use http1::ResponseHead;
use proptest::prelude::*;

/// 2026-11-21T12:00:00Z.
const NOW_MS: u64 = 1_795_262_400_000;

type Lines<'a> = &'a [(&'a str, &'a str)];

fn headers(lines: Lines) -> Headers {
    ResponseHead::from_parts(429, lines.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))).headers
}

fn pause_ms(lines: Lines) -> Option<u64> {
    of(&headers(lines), NOW_MS).map(|pause| u64::try_from(pause.as_millis()).unwrap())
}

#[test]
fn a_pause_is_seconds_a_fraction_or_a_date() {
    for (value, expected_ms) in [
        ("20", Some(20_000)),
        ("0", Some(0)),
        ("0.25", Some(250)),
        (".5", Some(500)),
        ("7.", Some(7_000)),
        ("Sat, 21 Nov 2026 12:00:30 GMT", Some(30_000)),
        ("Saturday, 21-Nov-26 12:00:30 GMT", Some(30_000)),
        ("Sat Nov 21 12:00:30 2026", Some(30_000)),
        ("2026-11-21T12:00:30Z", Some(30_000)),
        ("Sat, 21 Nov 2026 11:59:59 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("1969-01-01T00:00:00Z", None),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1e3", None),
        ("NaN", None),
        ("inf", None),
        (".", None),
        ("1 second", None),
        ("soon", None),
        ("\u{ff11}", None),
    ] {
        assert_eq!(pause_ms(&[("Retry-After", value)]), expected_ms, "{value}");
    }
}

#[test]
fn no_pause_is_longer_than_a_day() {
    const DAY_MS: Option<u64> = Some(86_400_000);
    for line in [
        ("retry-after", "86401"),
        ("retry-after", "99999999999999999999999999999999999999999"),
        ("retry-after", "Sat, 21 Nov 2099 12:00:30 GMT"),
        ("retry-after-ms", "86400001"),
        ("x-ratelimit-reset-tokens", "999999999999999999999d"),
        ("x-ratelimit-reset", "99999999999999999999999"),
        ("x-ratelimit-reset", "999999999"),
        ("anthropic-ratelimit-tokens-reset", "9999-12-30T00:00:00Z"),
    ] {
        assert_eq!(pause_ms(&[line]), DAY_MS, "{line:?}");
    }
}

#[test]
fn milliseconds_come_before_seconds_and_both_before_limits() {
    let (ms, seconds, reset) =
        (("Retry-After-Ms", "1500.7"), ("retry-after", "9"), ("x-ratelimit-reset-tokens", "6m0s"));
    assert_eq!(pause_ms(&[reset, seconds, ms]), Some(1500));
    assert_eq!(pause_ms(&[reset, seconds, ("retry-after-ms", "soon")]), Some(9_000));
    assert_eq!(pause_ms(&[reset, ("retry-after", "-3")]), Some(360_000));
    assert_eq!(pause_ms(&[]), None);
}

#[test]
fn limits_that_start_anew_are_no_pause_that_was_asked_for() {
    let head = headers(&[("x-ratelimit-reset-tokens", "6m0s"), ("x-ratelimit-remaining-tokens", "0")]);
    assert_eq!(asked(&head, NOW_MS), None);
    assert_eq!(of(&head, NOW_MS), Some(Duration::from_mins(6)));
}

#[test]
fn moments_are_relative_to_the_date_of_the_answer() {
    let at = ("retry-after", "Sat, 21 Nov 2026 12:00:30 GMT");
    let reset = ("anthropic-ratelimit-requests-reset", "2026-11-21T12:00:30Z");
    let epoch = ("x-ratelimit-reset", "1795262430");
    for moment in [at, reset, epoch] {
        assert_eq!(pause_ms(&[moment, ("date", "Sat, 21 Nov 2026 12:00:20 GMT")]), Some(10_000));
        assert_eq!(pause_ms(&[moment, ("date", "yesterday")]), Some(30_000));
        assert_eq!(pause_ms(&[moment, ("date", "Sat, 21 Nov 2026 12:01:00 GMT")]), None);
    }
    let years_behind = [("date", "Thu, 21 Nov 2019 12:00:00 GMT"), ("retry-after", "Thu, 21 Nov 2019 12:00:30 GMT")];
    assert_eq!(pause_ms(&years_behind), Some(30_000));
}

#[test]
fn limits_start_anew_after_a_span_at_a_moment_or_after_seconds() {
    for (value, expected_ms) in [
        ("1s", Some(1_000)),
        ("6m0s", Some(360_000)),
        ("20ms", Some(20)),
        ("7.66s", Some(7_660)),
        ("2m59.56s", Some(179_560)),
        ("1h2m3s", Some(3_723_000)),
        ("1d", Some(86_400_000)),
        ("1500us", Some(1)),
        ("1500µs", Some(1)),
        ("11.382867097854614", Some(11_382)),
        ("60", Some(60_000)),
        ("1795262460", Some(60_000)),
        ("1795262460000", Some(60_000)),
        ("2026-11-21T12:01:00Z", Some(60_000)),
        ("2026-11-21T07:01:00-05:00", Some(60_000)),
        ("Sat, 21 Nov 2026 12:01:00 GMT", Some(60_000)),
        ("1795262399", None),
        ("2026-11-21T11:59:59Z", None),
        ("-1", None),
        ("1s5", None),
        ("s", None),
        ("5 s", None),
        ("5y", None),
        ("", None),
    ] {
        assert_eq!(pause_ms(&[("x-ratelimit-reset-requests", value)]), expected_ms, "{value}");
        assert_eq!(pause_ms(&[("Anthropic-RateLimit-Requests-Reset", value)]), expected_ms, "{value}");
    }
}

#[test]
fn the_limit_that_is_nearest_to_its_end_says_how_long() {
    let limit = |kind: &str, remaining: &str, reset: &str| {
        [("limit", "100"), ("remaining", remaining), ("reset", reset)]
            .map(|(field, value)| (format!("x-ratelimit-{field}-{kind}"), value.to_owned()))
    };
    for (requests, tokens, expected_ms) in [
        (["99", "1s"], ["0", "6m0s"], Some(360_000)),
        (["0", "1s"], ["99", "6m0s"], Some(1_000)),
        (["5", "1s"], ["20", "6m0s"], Some(1_000)),
        (["0", "1s"], ["0", "2s"], Some(2_000)),
        (["-1", "1s"], ["99", "2s"], Some(2_000)),
        (["0", "soon"], ["99", "2s"], Some(2_000)),
        (["-1", "soon"], ["-1", "soon"], None),
    ] {
        let lines: Vec<_> =
            [limit("requests", requests[0], requests[1]), limit("tokens", tokens[0], tokens[1])].concat();
        let lines: Vec<_> = lines.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pause_ms(&lines), expected_ms, "{requests:?} {tokens:?}");
    }
}

#[test]
fn the_remaining_share_is_that_of_the_limit_nearest_to_its_end() {
    let cases: [(Lines, Option<u32>); 12] = [
        (&[("x-ratelimit-limit-requests", "60"), ("x-ratelimit-remaining-requests", "59")], Some(983)),
        (
            &[
                ("X-RateLimit-Limit-Requests", "5000"),
                ("X-RateLimit-Remaining-Requests", "4999"),
                ("X-RateLimit-Limit-Tokens", "160000"),
                ("X-RateLimit-Remaining-Tokens", "40000"),
            ],
            Some(250),
        ),
        (&[("anthropic-ratelimit-tokens-limit", "50000"), ("anthropic-ratelimit-tokens-remaining", "500")], Some(10)),
        (
            &[
                ("anthropic-ratelimit-input-tokens-limit", "10"),
                ("anthropic-ratelimit-input-tokens-remaining", "9"),
                ("anthropic-ratelimit-output-tokens-limit", "10"),
                ("anthropic-ratelimit-output-tokens-remaining", "3"),
            ],
            Some(300),
        ),
        (&[("x-ratelimit-limit-req-minute", "0"), ("x-ratelimit-remaining-req-minute", "0")], Some(0)),
        (&[("x-ratelimit-remaining", "0")], Some(0)),
        (&[("x-ratelimit-limit", "100"), ("x-ratelimit-remaining", "200")], Some(1000)),
        (&[("x-ratelimit-limit-tokens", "1"), ("x-ratelimit-remaining-tokens", "18446744073709551615")], Some(1000)),
        (&[("x-ratelimit-limit-tokens", "-1"), ("x-ratelimit-remaining-tokens", "-1")], None),
        (&[("x-ratelimit-limit-tokens", "0"), ("x-ratelimit-remaining-tokens", "5")], None),
        (&[("x-ratelimit-limit-tokens-month", "100"), ("x-ratelimit-remaining-tokens-month", "1")], None),
        (&[("x-ratelimit-remaining-tokens", "5"), ("content-type", "text/plain")], None),
    ];
    for (lines, expected) in cases {
        assert_eq!(remaining_permille(&headers(lines)), expected, "{lines:?}");
    }
}

#[test]
fn of_a_line_that_comes_twice_the_first_counts() {
    let lines = [
        ("x-ratelimit-remaining-tokens", "5"),
        ("x-ratelimit-remaining-tokens", "1"),
        ("x-ratelimit-limit-tokens", "10"),
    ];
    assert_eq!(remaining_permille(&headers(&lines)), Some(500));
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "date",
        "retry-after",
        "retry-after-ms",
        "x-ratelimit-",
        "x-ratelimit-reset",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset-tokens",
        "anthropic-ratelimit-",
        "anthropic-ratelimit-reset",
        "anthropic-ratelimit-tokens-reset",
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-tokens-remaining",
    ])
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<Vec<u8>>(),
        "[0-9]{0,30}\\.?[0-9]{0,30}".prop_map(String::into_bytes),
        "([0-9]{1,12}\\.?[0-9]{0,3}(ns|us|ms|s|m|h|d|x)){1,5}".prop_map(String::into_bytes),
        "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](Z|[+-][0-2][0-9]:[0-6][0-9])"
            .prop_map(String::into_bytes),
        "(Sat|Sun), [0-9]{2} (Jan|Nov|Xyz) [0-9]{4} [0-2][0-9]:[0-6][0-9]:[0-6][0-9] GMT".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn whatever_stands_there_is_a_pause_of_a_day_at_most_or_none(
        lines in proptest::collection::vec((name(), value()), 0..8), unix_now_ms: u64,
    ) {
        let lines = lines.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
        let headers = ResponseHead::from_parts(429, lines).headers;
        let (asked, either) = (asked(&headers, unix_now_ms), of(&headers, unix_now_ms));
        prop_assert!(either.is_none_or(|pause| pause <= CAP));
        prop_assert!(asked.is_none() || asked == either);
        prop_assert!(remaining_permille(&headers).is_none_or(|share| share <= 1000));
    }

    #[test]
    fn a_span_is_the_sum_of_its_parts(hours in 0..20_u64, minutes in 0..60_u64, ms in 0..60_000_u64) {
        let text = format!("{hours}h{minutes}m{}.{:03}s", ms / 1000, ms % 1000);
        prop_assert_eq!(
            pause_ms(&[("x-ratelimit-reset-tokens", &text)]),
            Some(hours * 3_600_000 + minutes * 60_000 + ms)
        );
    }

    #[test]
    fn a_date_says_the_same_whatever_our_clock(ours_ms: u64, sent_s in 0..4_000_000_000_u64, pause_s in 0..86_400_u64) {
        let date = |unix_s| httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(unix_s));
        let (sent, until) = (date(sent_s), date(sent_s + pause_s));
        let headers = headers(&[("date", &sent), ("retry-after", &until)]);
        prop_assert_eq!(of(&headers, ours_ms), Some(Duration::from_secs(pause_s)));
    }

    #[test]
    fn a_number_of_seconds_is_read_to_the_millisecond(ms in 0..86_400_000_u64) {
        let seconds = format!("{}.{:03}", ms / 1000, ms % 1000);
        prop_assert_eq!(pause_ms(&[("retry-after", &seconds)]), Some(ms));
        prop_assert_eq!(pause_ms(&[("retry-after-ms", &ms.to_string())]), Some(ms));
    }
}
