//! The provider's own bill: what it did for whom, kept apart from whatever the gateway believes.
//!
//! Tokens are billed as they are sent: the prompt's with a head of status 200, each output token with the event that
//! carries it, all of a whole answer's with its body. So a call whose client leaves in the middle is billed to there.

use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many calls `GET /bill` shows.
const SHOWN: usize = 1000;
/// How many models and paths have totals of their own.
const GROUPS: usize = 256;

/// One call.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Entry {
    /// The `x-request-id` of the answer.
    pub id: String,
    /// What the client calls it: its `x-client-request-id`.
    pub client_id: Option<String>,
    /// When the head had arrived, in milliseconds since 1970.
    pub at_ms: u64,
    /// From then to the last byte, in microseconds.
    pub took_us: u64,
    /// Which connection, counted from 0.
    pub connection: u64,
    /// Which credential was shown, in the order of their first appearance; none when none was.
    pub credential: Option<usize>,
    /// The method.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The model's name as it came.
    pub model: String,
    /// The status that was sent; 0 when no head was.
    pub status: u16,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// Billed tokens of the prompt.
    pub prompt_tokens: u64,
    /// Of these, tokens that were read from a cache.
    pub cached_tokens: u64,
    /// Billed tokens of the answer.
    pub completion_tokens: u64,
    /// Of these, tokens of thought.
    pub reasoning_tokens: u64,
    /// Bytes of the request body.
    pub bytes_in: u64,
    /// Bytes that were sent, head and framing included.
    pub bytes_out: u64,
    /// CRC-32 of the request body, as `zlib.crc32` computes it.
    pub body_crc32: u32,
    /// How long the client said that it waits: `headgate-timeout-ms`.
    pub timeout_ms: Option<u64>,
    /// The names of the request's header lines, never their values.
    pub header_names: Vec<String>,
    /// The names of the faults that happened.
    pub faults: Vec<&'static str>,
    /// The client left before the answer was sent.
    pub cancelled: bool,
    /// Everything was sent that was to be sent, and no fault was among it.
    pub whole: bool,
}

#[derive(Debug, Default, Clone, Serialize)]
struct Totals {
    connections: u64,
    calls: u64,
    streams: u64,
    errors: u64,
    cancelled: u64,
    whole: u64,
    mismatches: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    bytes_in: u64,
    bytes_out: u64,
    by_status: BTreeMap<u16, u64>,
    by_model: BTreeMap<String, Group>,
    by_path: BTreeMap<String, Group>,
}

#[derive(Debug, Default, Clone, Serialize)]
struct Group {
    calls: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
}

#[derive(Debug, Default)]
struct Books {
    totals: Totals,
    entries: VecDeque<Entry>,
    open: u64,
    next_connection: u64,
}

/// The bill.
#[derive(Debug)]
pub struct Bill {
    books: Mutex<Books>,
    file: Mutex<Option<File>>,
}

impl Bill {
    /// An empty bill; with `file`, each call is appended to it as a line of JSON.
    pub fn new(file: Option<&Path>) -> Result<Self, String> {
        let open = |path: &Path| OpenOptions::new().create(true).append(true).open(path);
        let file = file.map(|path| open(path).map_err(|error| format!("bill_file: {}: {error}", path.display())));
        Ok(Self { books: Mutex::default(), file: Mutex::new(file.transpose()?) })
    }

    /// Counts a connection; says which it is.
    pub fn connection(&self) -> u64 {
        let mut books = self.books();
        books.totals.connections += 1;
        books.next_connection += 1;
        books.next_connection - 1
    }

    /// Counts a call that has begun. It has to be ended by [`Bill::enter`].
    pub fn begin(&self) {
        self.books().open += 1;
    }

    /// Forgets a call that has begun: it was for one of the simulator's own pages.
    pub fn forget(&self) {
        let mut books = self.books();
        books.open = books.open.saturating_sub(1);
    }

    /// Enters a call that has ended.
    pub fn enter(&self, entry: Entry) {
        if let Some(file) = self.file.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // One write per line: a line is whole even when the process is killed after it.
            let line = serde_json::to_string(&entry).unwrap_or_default() + "\n";
            let _ = file.write_all(line.as_bytes());
        }
        let mut books = self.books();
        books.open = books.open.saturating_sub(1);
        add(&mut books.totals, &entry);
        if books.entries.len() == SHOWN {
            books.entries.pop_front();
        }
        books.entries.push_back(entry);
    }

    /// Totals, the number of open calls but for the one that asks, and the last calls, oldest first.
    pub fn page(&self) -> Value {
        let books = self.books();
        json!({"totals": books.totals, "open": books.open.saturating_sub(1), "calls": books.entries})
    }

    /// Starts anew. Open calls are entered in the new books; the file stays as it is.
    pub fn reset(&self) {
        let mut books = self.books();
        books.totals = Totals::default();
        books.entries.clear();
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(totals: &mut Totals, entry: &Entry) {
    totals.calls += 1;
    totals.streams += u64::from(entry.stream);
    totals.errors += u64::from(entry.status >= 400);
    totals.cancelled += u64::from(entry.cancelled);
    totals.whole += u64::from(entry.whole);
    totals.prompt_tokens += entry.prompt_tokens;
    totals.completion_tokens += entry.completion_tokens;
    totals.total_tokens += entry.prompt_tokens + entry.completion_tokens;
    totals.bytes_in += entry.bytes_in;
    totals.bytes_out += entry.bytes_out;
    *totals.by_status.entry(entry.status).or_default() += 1;
    for (groups, name) in [(&mut totals.by_model, &entry.model), (&mut totals.by_path, &entry.path)] {
        let full = groups.len() >= GROUPS && !groups.contains_key(name);
        let group = groups.entry(if full { "(others)".to_owned() } else { name.clone() }).or_default();
        group.calls += 1;
        group.prompt_tokens += entry.prompt_tokens;
        group.completion_tokens += entry.completion_tokens;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_the_sums_of_the_entries_and_start_anew() {
        let bill = Bill { books: Mutex::default(), file: Mutex::new(None) };
        for tokens in 1..=3 {
            bill.begin();
            let model = "m".to_owned();
            bill.enter(Entry { model, prompt_tokens: tokens, completion_tokens: 1, status: 200, ..Entry::default() });
        }
        let page = bill.page();
        assert_eq!(page["totals"]["total_tokens"], 9);
        assert_eq!(page["totals"]["by_model"]["m"]["calls"], 3);
        assert_eq!(page["open"], 0);
        bill.reset();
        assert_eq!(bill.page()["totals"]["calls"], 0);
    }
}
