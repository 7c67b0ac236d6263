//! Windows over time zones and changes of their clocks.

use super::*;
use jiff::Timestamp;
use jiff::tz::TimeZone;

const DAY: u64 = 24 * 60 * MINUTE;
/// Zones that did something odd: half hours, changes at midnight and just after it, days that were left out or doubled.
const ZONES: [&str; 14] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Havana",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Antarctica/Troll",
];

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("known")
}

fn ns(text: &str) -> u64 {
    u64::try_from(text.parse::<Timestamp>().expect("a time").as_nanosecond()).expect("after 1970")
}

fn any_window() -> impl Strategy<Value = (Window, TimeZone)> {
    let units = prop::sample::select(vec![Unit::Hour, Unit::Day, Unit::Week, Unit::Month]);
    (units, prop::sample::select(ZONES.to_vec()))
        .prop_map(|(unit, name)| (Window::Calendar(unit, zone(name)), zone(name)))
}

/// A moment from 1972 to 2100, often within two days of a change of the zone's clock.
fn moment(zone: &TimeZone, seed: u64, near: u64) -> u64 {
    let at = seed % (128 * 365 * DAY) + 800 * DAY;
    let from = Timestamp::from_nanosecond(i128::from(at)).expect("in range");
    match zone.following(from).next().filter(|_| !near.is_multiple_of(4)) {
        Some(change) => u64::try_from(change.timestamp().as_nanosecond()).expect("later") - 2 * DAY + near % (4 * DAY),
        None => at,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn every_moment_is_in_one_window_and_the_next_begins_where_it_ends(
        (window, zone) in any_window(), seed: u64, near: u64,
    ) {
        let at = moment(&zone, seed, near);
        let Span { start_ns, end_ns } = window.at(at);
        prop_assert!(start_ns <= at && at < end_ns, "{start_ns} {at} {end_ns}");
        prop_assert_eq!(window.at(start_ns), Span { start_ns, end_ns });
        prop_assert_eq!(window.at(end_ns - 1), Span { start_ns, end_ns });
        prop_assert_eq!(window.at(end_ns).start_ns, end_ns);
        prop_assert_eq!(window.at(start_ns - 1).end_ns, start_ns);
    }

    /// A calendar window begins where the zone's clock says so, and holds no second such moment.
    #[test]
    fn a_window_begins_where_its_unit_does((window, zone) in any_window(), seed: u64, near: u64) {
        let Window::Calendar(unit, _) = window else { unreachable!() };
        let Span { start_ns, end_ns } = window.at(moment(&zone, seed, near));
        let read = |at: u64| zone.to_datetime(Timestamp::from_nanosecond(i128::from(at)).expect("in range"));
        let (first, before, last) = (read(start_ns), read(start_ns - 1), read(end_ns - 1));
        match unit {
            Unit::Hour => prop_assert!(end_ns - start_ns <= 60 * MINUTE && first.hour() == last.hour()),
            Unit::Day => prop_assert!(first.date() != before.date() && first.date() <= last.date().tomorrow().unwrap()),
            Unit::Week => prop_assert!(first.date() != before.date() && end_ns - start_ns >= 6 * DAY - 60 * MINUTE),
            Unit::Month => prop_assert!(first.month() == last.month() && first.month() != before.month()),
        }
    }
}

#[test]
fn an_hour_is_not_cut_where_a_zone_names_a_moment_at_which_nothing_changes() {
    let hour = Window::Calendar(Unit::Hour, zone("Pacific/Chatham"));
    let span = Span { start_ns: ns("2038-01-19T02:15:00Z"), end_ns: ns("2038-01-19T03:15:00Z") };
    for at in ["2038-01-19T02:15:00Z", "2038-01-19T03:14:06Z", "2038-01-19T03:14:07Z", "2038-01-19T03:14:59Z"] {
        assert_eq!(hour.at(ns(at)), span, "{at}");
    }
}

#[test]
fn a_day_has_as_many_hours_as_its_clock_says() {
    let berlin = Window::Calendar(Unit::Day, zone("Europe/Berlin"));
    for (at, start, hours) in [
        ("2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", 23),
        ("2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", 25),
        ("2026-11-21T23:30:00Z", "2026-11-21T23:00:00Z", 24),
    ] {
        let span = berlin.at(ns(at));
        assert_eq!((span.start_ns, span.end_ns - span.start_ns), (ns(start), hours * 60 * MINUTE), "{at}");
    }
}

#[test]
fn weeks_begin_on_monday_and_months_on_the_first() {
    let at = ns("2026-11-21T12:00:00Z"); // a Saturday
    let of = |unit, name| Window::Calendar(unit, zone(name)).at(at);
    assert_eq!(of(Unit::Week, "UTC").start_ns, ns("2026-11-16T00:00:00Z"));
    assert_eq!(
        of(Unit::Month, "UTC"),
        Span { start_ns: ns("2026-11-01T00:00:00Z"), end_ns: ns("2026-12-01T00:00:00Z") }
    );
    assert_eq!(of(Unit::Month, "Asia/Kolkata").start_ns, ns("2026-10-31T18:30:00Z"));
    assert_eq!(of(Unit::Hour, "Asia/Kathmandu").start_ns, ns("2026-11-21T11:15:00Z"));
}

#[test]
fn a_window_that_never_ends_holds_every_moment() {
    assert_eq!(Window::Lifetime.at(0), Window::Lifetime.at(u64::MAX));
}
