//! Log lines: one JSON object each on standard error; on a terminal a line to read.
//!
//! Events (start, reload, drain) are rare and written at once. Lines of calls are gathered by the worker and handed to
//! one writer thread a few times a second, so that a slow log never holds up a call; when the writer falls behind,
//! lines are dropped and counted.

use serde_json::{Map, Value};
use std::cell::{Cell, RefCell};
use std::io::Write;
use std::sync::mpsc::{SyncSender, TrySendError};

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// One JSON object a line.
    Json,
    /// To be read on a terminal.
    Pretty,
}

impl Style {
    /// A line, ended by a newline.
    fn write(self, fields: &Value, out: &mut Vec<u8>) {
        match self {
            Self::Json => out.extend_from_slice(fields.to_string().as_bytes()),
            Self::Pretty => pretty(fields, out),
        }
        out.push(b'\n');
    }
}

/// `12:31:07 event  name=value …`, without what is null.
fn pretty(fields: &Value, out: &mut Vec<u8>) {
    let empty = Map::new();
    let fields = fields.as_object().unwrap_or(&empty);
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let time = text("time").get(11..19).unwrap_or_default();
    out.extend_from_slice(format!("{time} {:5} {}", text("level"), text("event")).as_bytes());
    for (name, value) in
        fields.iter().filter(|(name, value)| !matches!(name.as_str(), "time" | "level" | "event") && !value.is_null())
    {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        out.extend_from_slice(format!("  {name}={value}").as_bytes());
    }
}

/// Writes an event to standard error at once. `fields` is a JSON object; time, level and name are added.
pub fn event(style: Style, level: &str, name: &str, fields: Value) {
    let mut line = Vec::new();
    style.write(&stamped(level, name, fields), &mut line);
    // A log that cannot be written has nowhere to say so.
    drop(std::io::stderr().lock().write_all(&line));
}

fn stamped(level: &str, name: &str, fields: Value) -> Value {
    let mut all = Map::new();
    all.insert("time".to_owned(), Value::String(jiff::Timestamp::now().to_string()));
    all.insert("level".to_owned(), Value::String(level.to_owned()));
    all.insert("event".to_owned(), Value::String(name.to_owned()));
    if let Value::Object(fields) = fields {
        all.extend(fields);
    }
    Value::Object(all)
}

/// Which calls have a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// None.
    Nothing,
    /// Those that failed.
    Errors,
    /// Each.
    All,
}

/// The lines of one worker's calls on their way to the writer.
#[derive(Debug)]
pub struct Lines {
    style: Style,
    wants: Cell<Wants>,
    gathered: RefCell<Vec<u8>>,
    writer: SyncSender<Vec<u8>>,
    dropped: Cell<u64>,
}

/// How much is gathered before it is handed over early.
const GATHER_BYTES: usize = 32 * 1024;

impl Lines {
    /// Lines that go to `writer`.
    pub fn new(style: Style, writer: SyncSender<Vec<u8>>) -> Self {
        Self { style, wants: Cell::new(Wants::Errors), gathered: RefCell::default(), writer, dropped: Cell::new(0) }
    }

    /// Changes which calls have a line.
    pub fn want(&self, wants: Wants) {
        self.wants.set(wants);
    }

    /// Whether a call has a line.
    pub fn wants(&self, failed: bool) -> bool {
        match self.wants.get() {
            Wants::Nothing => false,
            Wants::Errors => failed,
            Wants::All => true,
        }
    }

    /// Adds the line of a call.
    pub fn push(&self, fields: &Value) {
        let level = if fields.get("fault").is_some_and(|fault| !fault.is_null()) { "warn" } else { "info" };
        self.event(level, "call", fields.clone());
    }

    /// Adds the line of an event, as [`event`] writes it, without waiting for the writer.
    pub fn event(&self, level: &str, name: &str, fields: Value) {
        let mut gathered = self.gathered.borrow_mut();
        self.style.write(&stamped(level, name, fields), &mut gathered);
        let full = gathered.len() >= GATHER_BYTES;
        drop(gathered);
        if full {
            self.flush();
        }
    }

    /// Hands what was gathered to the writer; never waits.
    pub fn flush(&self) {
        let lines = std::mem::take(&mut *self.gathered.borrow_mut());
        if lines.is_empty() {
            return;
        }
        if let Err(TrySendError::Full(lost) | TrySendError::Disconnected(lost)) = self.writer.try_send(lines) {
            let lost = lost.split(|byte| *byte == b'\n').count() - 1;
            self.dropped.set(self.dropped.get() + u64::try_from(lost).unwrap_or(u64::MAX));
        }
    }

    /// How many lines were dropped, since this was last asked, because the writer was behind.
    pub fn take_dropped(&self) -> u64 {
        self.dropped.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn lines_that_the_writer_has_no_room_for_are_counted_once() {
        let (writer, written) = sync_channel(1);
        let lines = Lines::new(Style::Json, writer);
        for count in [1, 2, 3] {
            (0..count).for_each(|_| lines.push(&serde_json::json!({"id": count})));
            lines.flush();
        }
        assert_eq!((lines.take_dropped(), lines.take_dropped()), (5, 0));
        let first = written.recv().unwrap();
        assert_eq!(first.split_inclusive(|byte| *byte == b'\n').count(), 1);
    }
}
