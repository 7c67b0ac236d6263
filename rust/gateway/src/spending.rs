//! What a call holds of limits and budgets until it is over, and what its caller is told of them.

use crate::local::Local;
use admission::{Limits, Met, Now, Remaining, Reservation, Tightest, Used};
use http1::write;
use record::{Hold, Meters, Settled};
use std::rc::Rc;
use std::sync::Arc;

const MS_NS: u64 = 1_000_000;

/// A reservation. It ends with the record of its call, whatever ends that: so it is settled by what all attempts are
/// charged with, and by nothing else.
#[derive(Debug)]
pub(crate) struct Spending {
    reservation: Reservation,
    shown: Tightest,
    local: Rc<Local>,
    meters: Arc<Meters>,
}

impl Spending {
    pub(crate) fn new(reservation: Reservation, of: (Rc<Local>, Arc<Meters>), now: Now) -> Self {
        let (local, meters) = of;
        meters.reservations.add(1);
        let shown = reservation.shown(now);
        Self { reservation, shown, local, meters }
    }
}

impl Hold for Spending {
    fn settle(mut self: Box<Self>, settled: Settled<'_>) {
        let Settled { attempts, is_borrowed } = settled;
        let now = self.local.moment();
        if is_borrowed || !attempts.is_empty() {
            self.reservation.sends();
            let used = attempts.iter().fold(Used::default(), |sum, attempt| {
                let charge = &attempt.charge;
                sum.and(Used { tokens: charge.usage.total(), nano_usd: charge.nano_usd })
            });
            let warnings = self.reservation.charge(used, now);
            self.local.warn(&warnings, self.reservation.limits());
        }
        let warnings = self.reservation.end(now);
        self.local.warn(&warnings, self.reservation.limits());
        self.meters.reservations.add(-1);
    }

    fn tells(&self) -> bool {
        !self.shown.is_empty()
    }

    fn lines(&self, lines: &mut Vec<u8>) {
        tell(&self.shown, lines);
    }
}

/// What the caller of a refused call is told, and nothing that is held.
#[derive(Debug)]
pub(crate) struct Told(Tightest);

impl Told {
    pub(crate) fn new(limits: &Limits, meets: &[Met], now: Now) -> Self {
        Self(Tightest::of(limits, meets.iter(), now))
    }
}

impl Hold for Told {
    fn settle(self: Box<Self>, _settled: Settled<'_>) {}

    fn tells(&self) -> bool {
        !self.0.is_empty()
    }

    fn lines(&self, lines: &mut Vec<u8>) {
        tell(&self.0, lines);
    }
}

/// `x-ratelimit-*`, as OpenAI's API has them.
fn tell(shown: &Tightest, lines: &mut Vec<u8>) {
    const REQUESTS: [&[u8]; 3] =
        [b"x-ratelimit-limit-requests", b"x-ratelimit-remaining-requests", b"x-ratelimit-reset-requests"];
    const TOKENS: [&[u8]; 3] =
        [b"x-ratelimit-limit-tokens", b"x-ratelimit-remaining-tokens", b"x-ratelimit-reset-tokens"];
    for (remaining, [limit, left, reset]) in [(shown.requests, REQUESTS), (shown.tokens, TOKENS)] {
        let Some(Remaining { limit: amount, left: still, reset_ns, .. }) = remaining else { continue };
        write::number(lines, limit, amount);
        write::number(lines, left, still);
        lines.extend_from_slice(reset);
        lines.extend_from_slice(b": ");
        duration(reset_ns, lines);
        write::end(lines);
    }
}

/// A time as OpenAI's API writes it: `120ms`, `2s`, `6m0s`, `1h0m0s`; rounded up.
fn duration(ns: u64, lines: &mut Vec<u8>) {
    let mut part = |number, unit: &[u8]| {
        write::decimal(lines, number);
        lines.extend_from_slice(unit);
    };
    let ms = ns.div_ceil(MS_NS);
    if ms < 1_000 {
        return part(ms, b"ms");
    }
    let seconds = ms.div_ceil(1_000);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    if hours > 0 {
        part(hours, b"h");
    }
    if hours > 0 || minutes > 0 {
        part(minutes, b"m");
    }
    part(seconds % 60, b"s");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(ns: u64) -> String {
        let mut text = vec![];
        duration(ns, &mut text);
        String::from_utf8(text).expect("ASCII")
    }

    #[test]
    fn a_time_is_written_as_clients_of_the_api_read_it() {
        for (ms, text) in [
            (0, "0ms"),
            (120, "120ms"),
            (999, "999ms"),
            (1_000, "1s"),
            (1_001, "2s"),
            (60_000, "1m0s"),
            (360_000, "6m0s"),
            (3_600_000, "1h0m0s"),
            (90_061_000, "25h1m1s"),
        ] {
            assert_eq!(written(ms * MS_NS), text);
        }
        assert_eq!(written(1), "1ms");
    }
}
