//! Finds usage in bytes that pass.

use super::raw::{Garbled, Raw};
use super::{ServiceTier, Usage};
use memchr::memmem::Finder;
use std::sync::LazyLock;

const KEY: &[u8] = b"\"usage\"";

static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(KEY));

/// Looks at an answer's bytes as they pass, cut anywhere, for the last usage in them.
#[derive(Debug, Default)]
pub struct Tap {
    state: State,
    /// How much of the key the last piece ended with: it may begin in one piece and end in the next.
    begun: usize,
    /// The object that is being read, of one that is not whole in its piece.
    object: Vec<u8>,
    usage: Option<Usage>,
    garbled: bool,
    /// How many objects spoke of what was used, and how long they were.
    found: u32,
    bytes: u64,
    /// Whether the pieces in which they are are searched for the service tier, and what they say of it.
    reads_tier: bool,
    tier: Option<ServiceTier>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Looks for the key.
    #[default]
    Key,
    /// Behind the key: the colon comes.
    Colon,
    /// Behind the colon: the object comes, or null.
    Value,
    /// Within the object: how many brackets are open, whether in a string, and whether behind a backslash.
    Object { depth: u8, text: bool, escape: bool },
}

impl Tap {
    /// How large a usage object may be; a larger one is not read.
    pub const OBJECT_CAP: usize = 8 << 10;

    /// Looks for the service tier as well, beside the usage.
    pub const fn read_tier(&mut self) {
        self.reads_tier = true;
    }

    /// Looks at the next bytes.
    pub fn feed(&mut self, piece: &[u8]) {
        let before = self.found;
        self.pass(piece);
        if self.found != before && self.reads_tier {
            self.tier = ServiceTier::read(piece).or(self.tier);
        }
    }

    fn pass(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while !rest.is_empty() {
            rest = match self.state {
                State::Key => self.find(rest),
                State::Colon | State::Value => self.between(rest),
                State::Object { .. } => self.within(rest),
            };
        }
    }

    /// What the provider said last. `garbled`: it said something last that cannot be.
    pub const fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Whether a usage came that could not be read, and none after it that could.
    pub const fn is_garbled(&self) -> bool {
        self.garbled
    }

    /// How many objects have spoken of what was used, garbled ones included.
    pub const fn mentions(&self) -> u32 {
        self.found
    }

    /// How many bytes these objects had.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The service tier, as far as it was said beside the usage: in the same event, or close to it.
    pub const fn tier(&self) -> Option<ServiceTier> {
        self.tier
    }

    /// Looks for the key; what is behind it, or nothing.
    fn find<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        if self.begun > 0 {
            let missing = &KEY[self.begun..];
            let same = missing.iter().zip(rest).take_while(|(a, b)| a == b).count();
            if same == missing.len() {
                return self.found(&rest[same..]);
            }
            if same == rest.len() {
                self.begun += same;
                return &[];
            }
        }
        let Some(at) = FINDER.find(rest) else {
            self.begun = begun(rest);
            return &[];
        };
        self.found(&rest[at + KEY.len()..])
    }

    fn found<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        self.begun = 0;
        self.state = State::Colon;
        rest
    }

    fn between<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let space = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let Some(byte) = rest.get(space) else { return &[] };
        match (self.state, byte) {
            (State::Colon, b':') => self.state = State::Value,
            (State::Value, b'{') => return self.object(&rest[space..]),
            // Null, or a string that is no key.
            _ => {
                self.state = State::Key;
                return &rest[space..];
            }
        }
        &rest[space + 1..]
    }

    /// Reads an object where it is, as it nearly always can be; else its end is looked for.
    fn object<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        if let Ok((raw, end)) = Raw::first(rest) {
            self.note(raw.said(), end);
            return &rest[end..];
        }
        self.object.clear();
        self.state = State::Object { depth: 0, text: false, escape: false };
        self.within(rest)
    }

    fn within<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let State::Object { mut depth, mut text, mut escape } = self.state else { return rest };
        for (at, byte) in rest.iter().enumerate() {
            (text, escape) = match (text, escape, byte) {
                (true, true, _) => (true, false),
                (true, false, b'\\') => (true, true),
                (_, false, b'"') => (!text, false),
                _ => (text, false),
            };
            match byte {
                b'{' if !text => depth = depth.saturating_add(1),
                b'}' if !text => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.object.extend_from_slice(&rest[..=at]);
                self.note(Raw::read(&self.object), self.object.len());
                return &rest[at + 1..];
            }
        }
        self.object.extend_from_slice(rest);
        self.state = State::Object { depth, text, escape };
        if self.object.len() > Self::OBJECT_CAP {
            self.object.clear();
            self.garbled = true;
            self.state = State::Key;
        }
        &[]
    }

    /// The object is whole. One that says nothing of what was used is another one of that name.
    fn note(&mut self, said: Result<Option<Usage>, Garbled>, length: usize) {
        self.state = State::Key;
        match said {
            Ok(None) => return,
            Ok(said) => (self.usage, self.garbled) = (said, false),
            Err(Garbled) => self.garbled = true,
        }
        self.found = self.found.wrapping_add(1);
        self.bytes += length as u64;
    }
}

/// How much of the key a piece ends with. The only quotes of the key are its ends, so what may have begun is what follows
/// the last quote.
fn begun(piece: &[u8]) -> usize {
    let last = &piece[piece.len().saturating_sub(KEY.len() - 1)..];
    let quote = last.iter().rposition(|byte| *byte == b'"');
    quote.map(|at| &last[at..]).filter(|end| KEY.starts_with(end)).map_or(0, <[u8]>::len)
}
