//! The `date` line of answers, written once per second.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// One worker's `date` line.
#[derive(Debug)]
pub(crate) struct DateLine {
    line: RefCell<Vec<u8>>,
    until: Cell<Instant>,
}

impl DateLine {
    pub(crate) fn new() -> Self {
        Self { line: RefCell::default(), until: Cell::new(Instant::now()) }
    }

    /// Appends the line of this moment.
    pub(crate) fn push(&self, out: &mut Vec<u8>) {
        let now = Instant::now();
        if self.until.get() <= now {
            self.until.set(now + self.write());
        }
        out.extend_from_slice(&self.line.borrow());
    }

    /// Writes the line, and says for how long it holds.
    #[allow(clippy::disallowed_methods, reason = "this line is the wall clock; nothing is decided by it")]
    fn write(&self) -> Duration {
        let now = SystemTime::now();
        let mut line = self.line.borrow_mut();
        line.clear();
        // Writing to a Vec cannot fail.
        let _written = write!(line, "date: {}\r\n", httpdate::HttpDate::from(now));
        let within = now.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
        Duration::from_secs(1).saturating_sub(Duration::from_nanos(u64::from(within)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "the line is compared with the wall clock")]
    fn the_line_is_the_date_of_this_second() {
        let dates = DateLine::new();
        let mut out = Vec::new();
        dates.push(&mut out);
        let text = String::from_utf8(out).unwrap_or_default();
        let date = text.strip_prefix("date: ").and_then(|rest| rest.strip_suffix("\r\n")).unwrap_or_default();
        let then = httpdate::parse_http_date(date).ok();
        let age = then.and_then(|then| SystemTime::now().duration_since(then).ok());
        assert!(age.is_some_and(|age| age < Duration::from_secs(2)), "{text}");
    }
}
