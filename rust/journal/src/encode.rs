//! An entry as bytes: numbers little-endian at fixed places, then texts with their lengths.
//!
//! How long an entry will be is known before a byte of it is written: what does not fit leaves no trace.

use crate::entry::{CLASSES, Closed, Counts, Entry, Opened, Sent, Settled, TAGS_MOST, TEXT_MOST, cut};

pub(crate) const OPENED: u8 = 1;
pub(crate) const SENT: u8 = 2;
pub(crate) const SETTLED: u8 = 3;
pub(crate) const CLOSED: u8 = 4;

/// The bytes of numbers, by kind.
pub(crate) const OPENED_FIXED: usize = 16 + 8 + 8 + 1 + 2;
pub(crate) const SENT_FIXED: usize = 16 + 8 + 4 * 2 + 1 + 3 * 8;
pub(crate) const SETTLED_FIXED: usize = 16 + 8 + 2 * 2 + 1 + 3 * 8 + 2 * 2;
pub(crate) const CLOSED_FIXED: usize = 16 + 8 + 2 * 2 + 3 * 8;

/// The longest words of our own: of a class, a fault, an outcome, a basis, a price.
const WORD_MOST: usize = 63;

/// The longest payload of each kind that may come behind one that was written: see [`crate::Writer`].
pub(crate) const SENT_MOST: usize = SENT_FIXED + 3 * (1 + TEXT_MOST);
pub(crate) const SETTLED_MOST: usize = SETTLED_FIXED + 2 * CLASSES.len() * 8 + 4 * (1 + WORD_MOST);
pub(crate) const CLOSED_MOST: usize = CLOSED_FIXED + 2 * (1 + WORD_MOST);

/// A payload that is about to be written.
pub(crate) struct Payload<'a> {
    pub(crate) kind: u8,
    pub(crate) length: usize,
    pub(crate) entry: &'a Entry<'a>,
}

impl<'a> Payload<'a> {
    pub(crate) fn new(entry: &'a Entry<'a>) -> Self {
        let (kind, length) = match entry {
            Entry::Opened(opened) => {
                (OPENED, OPENED_FIXED + texts(&opened.texts()) + opened.tags.0.len().min(TAGS_MOST))
            }
            Entry::Sent(sent) => (SENT, SENT_FIXED + texts(&sent.texts())),
            Entry::Settled(settled) => {
                let numbers = count(&settled.used) + count(&settled.rates);
                (SETTLED, SETTLED_FIXED + 8 * numbers + texts(&settled.words()))
            }
            Entry::Closed(closed) => (CLOSED, CLOSED_FIXED + texts(&closed.words())),
        };
        Self { kind, length, entry }
    }

    /// Writes it; `into` is as long as it is.
    pub(crate) fn write(&self, into: &mut [u8]) {
        let mut put = Put(into);
        match self.entry {
            Entry::Opened(entry) => opened(&mut put, entry),
            Entry::Sent(entry) => sent(&mut put, entry),
            Entry::Settled(entry) => settled(&mut put, entry),
            Entry::Closed(entry) => closed(&mut put, entry),
        }
    }
}

impl<'a> Opened<'a> {
    fn texts(&self) -> [&'a str; 8] {
        [self.alias, self.operation, self.key, self.team, self.user, self.agent, self.session, self.task]
    }
}

impl<'a> Sent<'a> {
    fn texts(&self) -> [&'a str; 3] {
        [self.provider, self.deployment, self.model]
    }
}

impl<'a> Settled<'a> {
    fn words(&self) -> [&'a str; 4] {
        [self.basis, self.class, self.fault, self.price].map(word)
    }
}

impl<'a> Closed<'a> {
    fn words(&self) -> [&'a str; 2] {
        [self.outcome, self.fault].map(word)
    }
}

fn word(text: &str) -> &str {
    if text.len() <= WORD_MOST { text } else { &text[..text.floor_char_boundary(WORD_MOST)] }
}

fn texts(texts: &[&str]) -> usize {
    texts.iter().map(|text| 1 + cut(text).len()).sum()
}

fn count(counts: &Counts) -> usize {
    counts.0.iter().filter(|number| **number > 0).count()
}

fn opened(put: &mut Put<'_>, entry: &Opened<'_>) {
    put.call(entry.call, entry.at_ns);
    put.bytes(&entry.plan.to_be_bytes());
    put.bytes(&[u8::from(entry.streamed)]);
    let tags = &entry.tags.0[..entry.tags.0.len().min(TAGS_MOST)];
    put.u16(u16::try_from(tags.len()).unwrap_or_default());
    for text in entry.texts() {
        put.text(text);
    }
    put.bytes(tags);
}

fn sent(put: &mut Put<'_>, entry: &Sent<'_>) {
    put.call(entry.call, entry.at_ns);
    for number in [entry.attempt, entry.step, entry.endpoint, entry.credential] {
        put.u16(number);
    }
    put.bytes(&[u8::from(entry.hedge) | u8::from(entry.reserved_nano_usd.is_some()) << 1]);
    for number in [entry.input_tokens, entry.output_tokens, entry.reserved_nano_usd.unwrap_or_default()] {
        put.u64(number);
    }
    for text in entry.texts() {
        put.text(text);
    }
}

fn settled(put: &mut Put<'_>, entry: &Settled<'_>) {
    put.call(entry.call, entry.at_ns);
    put.u16(entry.attempt);
    put.u16(entry.status.unwrap_or_default());
    put.bytes(&[u8::from(entry.first_token_ns.is_some()) | u8::from(entry.nano_usd.is_some()) << 1]);
    for number in [entry.took_ns, entry.first_token_ns.unwrap_or_default(), entry.nano_usd.unwrap_or_default()] {
        put.u64(number);
    }
    put.counts(&entry.used);
    put.counts(&entry.rates);
    for word in entry.words() {
        put.text(word);
    }
}

fn closed(put: &mut Put<'_>, entry: &Closed<'_>) {
    put.call(entry.call, entry.at_ns);
    put.u16(entry.attempts);
    put.u16(entry.status.unwrap_or_default());
    for number in [entry.took_ns, entry.bytes_in, entry.bytes_out] {
        put.u64(number);
    }
    for word in entry.words() {
        put.text(word);
    }
}

/// Where a payload is written to.
struct Put<'a>(&'a mut [u8]);

impl Put<'_> {
    /// What finds no room is left out: a length that was reckoned wrong damages one entry and nothing else.
    fn bytes(&mut self, bytes: &[u8]) {
        if let Some((here, rest)) = std::mem::take(&mut self.0).split_at_mut_checked(bytes.len()) {
            here.copy_from_slice(bytes);
            self.0 = rest;
        }
    }

    fn call(&mut self, call: u128, at_ns: u64) {
        self.bytes(&call.to_be_bytes());
        self.u64(at_ns);
    }

    fn u16(&mut self, number: u16) {
        self.bytes(&number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        let text = cut(text);
        self.bytes(&[text.len().to_le_bytes()[0]]);
        self.bytes(text.as_bytes());
    }

    /// Which are not 0, as a set of bits; then these.
    fn counts(&mut self, counts: &Counts) {
        let numbers = counts.0.iter().enumerate();
        self.u16(numbers.fold(0, |set, (bit, number)| set | u16::from(*number > 0) << bit));
        for number in counts.0.iter().filter(|number| **number > 0) {
            self.u64(*number);
        }
    }
}
