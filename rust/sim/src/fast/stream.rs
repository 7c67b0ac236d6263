//! A stream of the fast mode that keeps a pace or says when it was sent.
//!
//! All of it is there before the first call: the bytes, where each write ends, and where the times go. A call pays for
//! its timers and its writes. Times are written over zeros of the same width in a copy that belongs to the connection.

use super::Tally;
use crate::reply::{Reply, Role, Step};
use crate::wire::{Gone, Sender, Wire};
use bytes::Bytes;
use memchr::memmem::Finder;
use rustix::time::{ClockId, clock_gettime};
use std::ops::Range;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// What stands before the digits of a time. It cannot occur within a JSON string, whose quotes are escaped.
const STAMP: &str = r#""x_sim_sent_ns":""#;
/// The width of a time: as many digits as the largest one has.
const DIGITS: usize = 20;

/// A stream as writes with pauses.
#[derive(Debug)]
pub(super) struct Stream {
    bytes: Bytes,
    writes: Vec<Write>,
}

/// What goes out at once.
#[derive(Debug)]
struct Write {
    /// The pause since the write before it was due.
    wait: Duration,
    bytes: Range<usize>,
    tokens: u64,
    /// Where the digits of each time start.
    stamps: Vec<usize>,
}

impl Stream {
    /// One write per event when it has a pace, else one for everything. The head goes with the first event, the end of
    /// the body with the last. `None`: there is neither a pace nor a time to write, so that plain bytes do.
    pub(super) fn new(mut reply: Reply, stamps: bool) -> Option<Self> {
        let paced = reply.pieces.iter().any(|piece| !piece.wait.is_zero());
        if !paced && !stamps {
            return None;
        }
        if stamps {
            leave_room(&mut reply);
        }
        let steps = reply.script(false).steps;
        let last = steps.len().saturating_sub(1);
        let mut stream = Self { bytes: Bytes::new(), writes: Vec::new() };
        let mut all = Vec::new();
        let mut wait = Duration::ZERO;
        for (index, step) in steps.into_iter().enumerate() {
            match step {
                Step::Wait(time) => wait += time,
                Step::Write(bytes, tokens) => {
                    all.extend_from_slice(&bytes);
                    // The first step is the head, the second the first event, the last the last chunk.
                    let joins = !paced || index == 1 || index == last;
                    stream.push(joins && wait.is_zero(), Write::new(std::mem::take(&mut wait), all.len(), tokens));
                }
            }
        }
        stream.bytes = Bytes::from(all);
        stream.find_stamps();
        Some(stream)
    }

    fn push(&mut self, joins: bool, mut write: Write) {
        match self.writes.last_mut() {
            Some(before) if joins => {
                before.bytes.end = write.bytes.end;
                before.tokens += write.tokens;
            }
            before => {
                write.bytes.start = before.map_or(0, |before| before.bytes.end);
                self.writes.push(write);
            }
        }
    }

    fn find_stamps(&mut self) {
        let finder = Finder::new(STAMP);
        for write in &mut self.writes {
            let found = finder.find_iter(&self.bytes[write.bytes.clone()]);
            write.stamps = found.map(|at| write.bytes.start + at + STAMP.len()).collect();
        }
    }

    /// Sends all of it at its times, counted write by write, and stops when the client leaves. A client that reads too
    /// slowly gets what is due as soon as there is room; the times of later writes do not move.
    pub(super) async fn send(&self, wire: &mut Wire, copy: &mut Vec<u8>, tally: &Tally) -> Result<(), Gone> {
        let (sender, left) = wire.split();
        tokio::select! {
            biased;
            () = left => Err(Gone),
            sent = self.carry_out(sender, copy, tally) => sent,
        }
    }

    async fn carry_out(&self, mut sender: Sender<'_>, copy: &mut Vec<u8>, tally: &Tally) -> Result<(), Gone> {
        let mut due = Instant::now();
        let mut timer = pin!(sleep_until(due));
        for write in &self.writes {
            if !write.wait.is_zero() {
                due += write.wait;
                timer.as_mut().reset(due);
                timer.as_mut().await;
            }
            let bytes = if write.stamps.is_empty() { &self.bytes } else { self.stamped(copy, write) };
            sender.send(&bytes[write.bytes.clone()]).await?;
            tally.sent(write.bytes.len() as u64, write.tokens);
        }
        Ok(())
    }

    fn stamped<'a>(&self, copy: &'a mut Vec<u8>, write: &Write) -> &'a [u8] {
        if copy.is_empty() {
            copy.extend_from_slice(&self.bytes);
        }
        let now = digits(now_ns());
        for &at in &write.stamps {
            copy[at..at + DIGITS].copy_from_slice(&now);
        }
        copy
    }
}

impl Write {
    fn new(wait: Duration, end: usize, tokens: u32) -> Self {
        Self { wait, bytes: 0..end, tokens: u64::from(tokens), stamps: Vec::new() }
    }
}

/// Ends each event's JSON object with a time of zeros. `[DONE]` is no object and gets none.
fn leave_room(reply: &mut Reply) {
    for piece in reply.pieces.iter_mut().filter(|piece| piece.role != Role::Terminal) {
        if let Some(event) = piece.bytes.strip_suffix(b"}\n\n") {
            let stamp = format!(",{STAMP}{:0DIGITS$}\"}}\n\n", 0);
            piece.bytes = Bytes::from([event, stamp.as_bytes()].concat());
        }
    }
}

/// The monotonic clock, which every process of this machine reads alike.
fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    part(now.tv_sec).saturating_mul(1_000_000_000).saturating_add(part(now.tv_nsec))
}

fn digits(mut number: u64) -> [u8; DIGITS] {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10).to_le_bytes()[0];
        number /= 10;
    }
    digits
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::reply::{Dialect, Piece};

    fn event(role: Role, data: &str, wait_ms: u64) -> Piece {
        let wait = Duration::from_millis(wait_ms);
        Piece { wait, tokens: 1, ..Piece::new(role, format!("data: {data}\n\n")) }
    }

    fn reply(gap_ms: u64) -> Reply {
        let pieces = vec![
            event(Role::Frame, "{}", 0),
            event(Role::Content, r#"{"a":1}"#, gap_ms),
            event(Role::Content, r#"{"a":2}"#, gap_ms),
            event(Role::Terminal, "[DONE]", 0),
        ];
        Reply::events(Dialect::Chat, pieces)
    }

    fn texts(stream: &Stream) -> Vec<&str> {
        stream.writes.iter().map(|write| std::str::from_utf8(&stream.bytes[write.bytes.clone()]).unwrap()).collect()
    }

    #[test]
    fn a_paced_stream_has_one_write_per_event_and_no_byte_more_than_an_unpaced_one() {
        let stream = Stream::new(reply(5), false).unwrap();
        let texts = texts(&stream);
        assert_eq!(texts.len(), 4);
        assert!(texts.iter().all(|text| text.matches("data: ").count() == 1), "{texts:?}");
        assert!(texts[0].starts_with("HTTP/1.1 200 OK\r\n") && texts[3].ends_with("[DONE]\n\n\r\n0\r\n\r\n"));
        assert_eq!(texts.concat(), std::str::from_utf8(&super::super::bytes_of(reply(0))).unwrap());
        let waits: Vec<u128> = stream.writes.iter().map(|write| write.wait.as_millis()).collect();
        assert_eq!(waits, [0, 5, 5, 0]);
    }

    #[test]
    fn a_stamped_stream_without_a_pace_is_one_write_with_a_time_in_every_object() {
        assert!(Stream::new(reply(0), false).is_none());
        let stream = Stream::new(reply(0), true).unwrap();
        assert_eq!((stream.writes.len(), stream.writes[0].stamps.len(), stream.writes[0].tokens), (1, 3, 4));
        assert!(texts(&stream)[0].contains(r#"{"a":2,"x_sim_sent_ns":"00000000000000000000"}"#));
    }

    #[test]
    fn times_are_written_in_place_and_rise() {
        let stream = Stream::new(reply(5), true).unwrap();
        let mut copy = Vec::new();
        let mut stamp = |write: &Write| {
            let bytes = stream.stamped(&mut copy, write);
            let at = write.stamps[0];
            std::str::from_utf8(&bytes[at..at + DIGITS]).unwrap().parse::<u64>().unwrap()
        };
        let times: Vec<u64> = stream.writes[..3].iter().map(&mut stamp).collect();
        assert!(times[0] > 0 && times.is_sorted(), "{times:?}");
        assert_eq!(copy.len(), stream.bytes.len());
        assert_eq!(&digits(u64::MAX), b"18446744073709551615");
    }
}
