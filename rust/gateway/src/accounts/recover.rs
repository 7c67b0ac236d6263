//! What a killed process has left open, settled and closed.

use super::fold::Fold;
use super::open::{OpenAttempt, OpenCall};
use super::tally::Tally;
use journal::{Closed, Counts, Entry, Settled, Writer};
use std::time::Duration;

/// How often it is tried to write an entry down, and how long is waited in between: for the next segment to be there.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(5);
/// Where in the classes of usage those of the prompt and of the answer stand.
const INPUT: usize = 0;
const OUTPUT: usize = 5;

/// What was recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Recovered {
    /// Calls that were open.
    pub(crate) calls: u64,
    /// Attempts of theirs that were sent and not settled.
    pub(crate) attempts: u64,
    /// Whether there was no room to write all of it down: it is counted, and left to the next start.
    pub(crate) is_unwritten: bool,
}

/// Settles what is open with what was reserved for it, and closes it. To be called before anybody else writes.
///
/// An entry that stands is not written again by a later start, wherever this one is killed.
pub(super) fn recover(fold: &mut Fold, writer: &Writer) -> std::io::Result<Recovered> {
    let ends = ends(&fold.tally);
    let count = |is_it: fn(&Entry<'_>) -> bool| ends.iter().filter(|entry| is_it(entry)).count() as u64;
    let calls = count(|entry| matches!(entry, Entry::Closed(_)));
    let attempts = count(|entry| matches!(entry, Entry::Settled(_)));
    let written = ends.iter().take_while(|entry| is_written(writer, entry)).count();
    fold.read()?;
    for entry in ends.iter().skip(written) {
        fold.tally.count(entry);
    }
    Ok(Recovered { calls, attempts, is_unwritten: written < ends.len() })
}

/// The entries that are missing.
pub(super) fn ends(tally: &Tally) -> Vec<Entry<'static>> {
    // The last sign of life of the process; behind it, so that whoever reads by time has seen all before.
    let at_ns = tally.last_ns().saturating_add(1);
    let mut ends = Vec::new();
    for call in tally.open_calls() {
        let open = call.attempts.iter().filter(|attempt| attempt.charged.is_none());
        ends.extend(open.map(|attempt| Entry::Settled(settled(call, attempt, at_ns))));
        ends.push(Entry::Closed(closed(call, at_ns)));
    }
    ends
}

/// Writes an entry down, if there is room soon.
fn is_written(writer: &Writer, entry: &Entry<'_>) -> bool {
    (0..TRIES).any(|tried| {
        if tried > 0 {
            std::thread::park_timeout(PAUSE);
        }
        writer.append(entry).is_ok()
    })
}

/// What was reserved, as used.
fn settled(call: &OpenCall, attempt: &OpenAttempt, at_ns: u64) -> Settled<'static> {
    let mut used = Counts::default();
    (used.0[INPUT], used.0[OUTPUT]) = (attempt.input_tokens, attempt.output_tokens);
    Settled {
        call: call.call,
        at_ns,
        attempt: attempt.number,
        status: None,
        took_ns: at_ns.saturating_sub(attempt.sent_ns),
        first_token_ns: None,
        nano_usd: attempt.reserved_nano_usd,
        used,
        rates: Counts::default(),
        basis: "reserved",
        class: "lost",
        fault: "",
        price: "",
    }
}

fn closed(call: &OpenCall, at_ns: u64) -> Closed<'static> {
    Closed {
        call: call.call,
        at_ns,
        attempts: u16::try_from(call.attempts.len()).unwrap_or(u16::MAX),
        status: None,
        took_ns: at_ns.saturating_sub(call.opened_ns),
        bytes_in: 0,
        bytes_out: 0,
        outcome: "lost",
        fault: "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_reserved_stands_under_the_words_for_prompt_and_answer() {
        assert_eq!((journal::CLASSES[INPUT], journal::CLASSES[OUTPUT]), ("input", "output"));
    }
}
