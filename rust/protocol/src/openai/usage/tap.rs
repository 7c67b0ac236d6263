//! Finds usage in bytes that pass.

use super::Usage;
use memchr::memmem::Finder;
use std::sync::LazyLock;

const KEY: &[u8] = b"\"usage\"";

static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(KEY));

/// Looks at an answer's bytes as they pass, cut anywhere, for the last usage in them.
#[derive(Debug, Default)]
pub struct Tap {
    state: State,
    /// The last bytes of the piece before, fewer than [`KEY`] has: a key may begin in one piece and end in the next.
    tail: Tail,
    /// The object that is being read.
    object: Vec<u8>,
    usage: Option<Usage>,
    garbled: bool,
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

#[derive(Debug, Clone, Copy, Default)]
struct Tail {
    bytes: [u8; KEY.len() - 1],
    length: usize,
}

impl Tap {
    /// How large a usage object may be; a larger one is not read.
    pub const OBJECT_CAP: usize = 8 << 10;

    /// Looks at the next bytes.
    pub fn feed(&mut self, piece: &[u8]) {
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

    /// Looks for the key; what is behind it, or nothing.
    fn find<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let before = self.tail.length;
        if before > 0 {
            let mut border = [0; 2 * (KEY.len() - 1)];
            let taken = rest.len().min(KEY.len() - 1);
            border[..before].copy_from_slice(&self.tail.bytes[..before]);
            border[before..before + taken].copy_from_slice(&rest[..taken]);
            if let Some(at) = FINDER.find(&border[..before + taken]) {
                return self.found(&rest[at + KEY.len() - before..]);
            }
        }
        match FINDER.find(rest) {
            Some(at) => self.found(&rest[at + KEY.len()..]),
            None => {
                self.tail.push(rest);
                &[]
            }
        }
    }

    fn found<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        self.tail.length = 0;
        self.state = State::Colon;
        rest
    }

    fn between<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let space = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let Some(byte) = rest.get(space) else { return &[] };
        match (self.state, byte) {
            (State::Colon, b':') => self.state = State::Value,
            (State::Value, b'{') => {
                self.object.clear();
                self.object.push(b'{');
                self.state = State::Object { depth: 1, text: false, escape: false };
            }
            // Null, or a string that is no key.
            _ => {
                self.state = State::Key;
                return &rest[space..];
            }
        }
        &rest[space + 1..]
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
                self.read();
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

    /// The object is whole.
    fn read(&mut self) {
        self.state = State::Key;
        match Usage::read(&self.object) {
            Some(usage) => {
                self.usage = Some(usage);
                self.garbled = false;
            }
            None => self.garbled = true,
        }
    }
}

impl Tail {
    fn push(&mut self, piece: &[u8]) {
        let room = self.bytes.len();
        if piece.len() >= room {
            self.bytes.copy_from_slice(&piece[piece.len() - room..]);
            self.length = room;
            return;
        }
        let kept = self.length.min(room - piece.len());
        self.bytes.copy_within(self.length - kept..self.length, 0);
        self.bytes[kept..kept + piece.len()].copy_from_slice(piece);
        self.length = kept + piece.len();
    }
}
