//! Windows of a budget: when one begins and when it ends.

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneTransition};
use jiff::{Span as Days, Timestamp};

/// Into how many parts a window that rolls is cut: what is spent counts for up to one part longer than the window.
pub const PARTS: u64 = 60;
const HOUR_NS: u64 = 3_600_000_000_000;
/// The latest moment that is understood, in nanoseconds since 1970: the year 2262.
const LATEST_NS: u64 = i64::MAX as u64;

/// From when to when a budget counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Window {
    /// By the calendar of a time zone.
    Calendar(Unit, TimeZone),
    /// The last so many nanoseconds, at least [`PARTS`].
    Rolling(u64),
    /// Always.
    Lifetime,
}

/// A unit of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// From the full hour to the next, or to a change of the clock that comes between.
    Hour,
    /// From the first moment of a date to that of the next: 23, 24 or 25 hours, mostly.
    Day,
    /// From Monday to Sunday.
    Week,
    /// From the first of a month.
    Month,
}

/// One window: nanoseconds since 1970, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub start_ns: u64,
    /// The first moment after it.
    pub end_ns: u64,
}

impl Span {
    /// All of time.
    pub const ALWAYS: Self = Self { start_ns: 0, end_ns: u64::MAX };
}

impl Window {
    /// The window that a moment is in. Windows follow each other without a gap, whatever a zone does to its clocks.
    ///
    /// Of one that rolls, it is the part.
    pub fn at(&self, unix_ns: u64) -> Span {
        match self {
            Self::Lifetime => Span::ALWAYS,
            Self::Rolling(length_ns) => {
                let part_ns = length_ns.div_ceil(PARTS).max(1);
                let start_ns = unix_ns - unix_ns % part_ns;
                Span { start_ns, end_ns: start_ns.saturating_add(part_ns) }
            }
            Self::Calendar(Unit::Hour, zone) => hour(zone, unix_ns),
            Self::Calendar(unit, zone) => dates(*unit, zone, unix_ns),
        }
    }
}

/// The hour of a zone's clock, cut where the clock is changed.
fn hour(zone: &TimeZone, unix_ns: u64) -> Span {
    let at = moment(unix_ns);
    let local = zone.to_datetime(at);
    let past_ns = (i64::from(local.minute()) * 60 + i64::from(local.second())) * 1_000_000_000
        + i64::from(local.subsec_nanosecond());
    let start_ns = unix_ns.min(LATEST_NS).saturating_sub(u64::try_from(past_ns).unwrap_or(0));
    // Files of zones name moments at which nothing changes, such as the last that 32 bits hold.
    let offset_before =
        |moment: Timestamp| zone.to_offset(moment.checked_sub(Days::new().nanoseconds(1)).unwrap_or(moment));
    let is_change = |change: &TimeZoneTransition<'_>| change.offset() != offset_before(change.timestamp());
    let before = zone.preceding(at.checked_add(Days::new().nanoseconds(1)).unwrap_or(at)).find(is_change);
    let after = zone.following(at).find(is_change);
    let since_ns = before.map_or(0, |change| nanoseconds(change.timestamp()));
    let until_ns = after.map_or(u64::MAX, |change| nanoseconds(change.timestamp()));
    Span { start_ns: start_ns.max(since_ns), end_ns: (start_ns + HOUR_NS).min(until_ns) }
}

/// Days, weeks and months: from the first moment of one date to that of another.
fn dates(unit: Unit, zone: &TimeZone, unix_ns: u64) -> Span {
    let date = zone.to_datetime(moment(unix_ns)).date();
    let first = match unit {
        Unit::Hour | Unit::Day => date,
        Unit::Week => moved(date, Days::new().days(-i64::from(date.weekday().to_monday_zero_offset()))),
        Unit::Month => date.first_of_month(),
    };
    let next = match unit {
        Unit::Hour | Unit::Day => Days::new().days(1),
        Unit::Week => Days::new().weeks(1),
        Unit::Month => Days::new().months(1),
    };
    let second = moved(first, next);
    let (start_ns, end_ns) = (first_moment(first, zone), first_moment(second, zone));
    if unix_ns < end_ns {
        return Span { start_ns, end_ns };
    }
    // The clock was set back over midnight: the date is yesterday's once more, and its window is over.
    Span { start_ns: end_ns, end_ns: first_moment(moved(second, next), zone) }
}

fn moved(date: Date, by: Days) -> Date {
    date.checked_add(by).unwrap_or(date)
}

/// The first moment of a date. One that a zone left out begins where the next does.
fn first_moment(date: Date, zone: &TimeZone) -> u64 {
    let start = zone.to_ambiguous_zoned(date.at(0, 0, 0, 0)).compatible();
    start.map_or(u64::MAX, |start| nanoseconds(start.timestamp()))
}

fn moment(unix_ns: u64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(unix_ns.min(LATEST_NS))).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or(0)
}
