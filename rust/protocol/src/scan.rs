//! One pass over a JSON body, without a tree.
//!
//! The body is pushed in the pieces it came in and may be cut anywhere, within an escape or a number too. The grammar of
//! JSON (RFC 8259) is checked whole, since a provider that reads a broken body differently could be made to answer
//! another call than the one that was admitted. What is kept is a bit per open bracket, a hash per top-level key, and
//! the model's name.
//!
//! Strictness beyond the grammar: the body is one object, top-level keys occur once (RFC 8259, section 4: what programs
//! make of a repeated name differs), and the text that is read is UTF-8. Text that is skipped may hold any bytes from
//! 0x20 up: it goes on as it came, and is the provider's to judge.

mod asks;
mod bounds;
mod capture;
mod keys;
pub(crate) mod plain;
#[cfg(test)]
mod tests;
mod text;
mod word;

use asks::Ask;
pub use asks::Asks;
use bounds::Bound;
pub use bounds::Bounds;
use capture::Capture;
use fault::{Fault, Kind};
use keys::Keys;
use std::ops::Range;
use word::{Step, Word};

/// How deep brackets may nest, the outermost included. Source: the depth at which `serde_json` stops.
pub const MAX_DEPTH: u32 = 128;

/// How many bytes a model's name may have, decoded.
pub const MAX_MODEL: usize = capture::SIZE;

/// What routing needs to know of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peek {
    /// The model that the caller asks for.
    pub model: Model,
    /// Whether the caller asks for an event stream.
    pub stream: bool,
    /// What else its top level says.
    pub asks: Asks,
    /// Where the value of `stream_options` begins, if it is there.
    pub stream_options: Option<u64>,
    /// How much of an answer it asks for.
    pub bounds: Bounds,
    /// Who it says is behind it, where that was wanted.
    pub user: User,
}

/// The same, of a body whose model may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// The model that the caller asks for, if it names one.
    pub model: Option<Model>,
    /// Whether the caller asks for an event stream.
    pub stream: bool,
    /// What else the top level says.
    pub asks: Asks,
    /// Where the value of `stream_options` begins, if it is there.
    pub stream_options: Option<u64>,
    /// How much of an answer it asks for.
    pub bounds: Bounds,
    /// Who it says is behind it, where that was wanted.
    pub user: User,
}

impl Fields {
    /// The fields of a body that must name a model; `ModelMissing` if it does not.
    pub fn into_peek(self) -> Result<Peek, Fault> {
        match self.model {
            Some(model) => {
                let Self { stream, asks, stream_options, bounds, user, .. } = self;
                Ok(Peek { model, stream, asks, stream_options, bounds, user })
            }
            None => Err(Fault::new(Kind::ModelMissing, "the body has no `model`: name the model to call").at("model")),
        }
    }
}

/// A model's name and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The name, decoded; 1..=256 bytes.
    pub name: String,
    /// The value's bytes in the body: of JSON the string with its quotes, of a form the part's content.
    pub range: Range<u64>,
}

/// The value of `user`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum User {
    /// It is not there, or no text, or was not wanted.
    #[default]
    None,
    /// At most [`MAX_MODEL`] bytes, decoded.
    Text(Box<str>),
    /// More than that.
    TooLong,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The brackets, colons and commas, or the beginning of a key or value.
    At(Place),
    /// More of a string.
    Text(Role),
    /// More of a number or a literal.
    Word(Word),
}

impl Default for State {
    fn default() -> Self {
        Self::At(Place::Start)
    }
}

/// What may come next, apart from white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The object's opening bracket.
    Start,
    /// A key or `}`.
    FirstKey,
    /// A key.
    Key,
    /// `:`.
    Colon,
    /// A value or `]`.
    FirstItem,
    /// A value.
    Value,
    /// `,` or a closing bracket.
    Next,
    /// Nothing.
    End,
}

/// What a string is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A key of the outermost object: read.
    TopKey,
    /// Any other key: skipped.
    Key,
    /// The value of `model`: read.
    Model,
    /// The value of `user`: read.
    User,
    /// Any other value: skipped.
    Value,
}

/// How much of an escape has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Escape {
    #[default]
    None,
    /// The backslash.
    Slash,
    /// `\u` and some digits.
    Hex { digits: u8, value: u16 },
}

/// Which top-level value is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Field {
    #[default]
    Other,
    Model,
    Stream,
    /// Noted where it is there.
    Asked(Ask),
    /// Noted where it is 0.
    Temperature,
    /// Noted where it begins.
    Options,
    /// A number that bounds the answer.
    Bound(Bound),
    User,
}

/// The scan of one body. After a fault it must not be used again.
#[derive(Debug, Default)]
pub struct Scan {
    state: State,
    escape: Escape,
    field: Field,
    depth: u32,
    /// A bit per open bracket, the innermost lowest: 1 for an object.
    kinds: u128,
    /// Bytes of the pieces before this one.
    seen: u64,
    capture: Capture,
    keys: Keys,
    model_starts: u64,
    model: Option<Model>,
    stream: bool,
    asks: Asks,
    options: Option<u64>,
    bounds: Bounds,
    /// The number that is being read, as long as it is a whole one.
    amount: Option<u64>,
    wants_user: bool,
    user: User,
}

impl Scan {
    /// A scan that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the value of `user`, too.
    pub fn keep_user(&mut self) {
        self.wants_user = true;
    }

    /// Looks at the next piece, which may be empty.
    ///
    /// Kinds: `BodyNotJson` (names the byte), `BodyTooDeep`, `DuplicateKey` (names the key), `BodyNotUtf8`,
    /// `ModelInvalid` (for `stream` too).
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Fault> {
        let mut at = 0;
        while at < piece.len() {
            at = match self.state {
                State::Text(role @ (Role::TopKey | Role::Model | Role::User)) => self.read_text(piece, at, role)?,
                State::Text(role) => self.skip_text(piece, at, role)?,
                State::Word(word) => self.word(piece, at, word)?,
                State::At(place) => self.structure(piece, at, place)?,
            };
        }
        self.seen += piece.len() as u64;
        Ok(())
    }

    /// Ends the scan. Kinds: those of [`Scan::fields`], and `ModelMissing`.
    pub fn finish(self) -> Result<Peek, Fault> {
        self.fields()?.into_peek()
    }

    /// Ends the scan where the model may be absent or null. Kinds: `BodyNotJson` when the object is not whole.
    pub fn fields(self) -> Result<Fields, Fault> {
        match self.state {
            State::At(Place::End) => {
                let Self { model, stream, asks, options: stream_options, bounds, user, .. } = self;
                Ok(Fields { model, stream, asks, stream_options, bounds, user })
            }
            State::At(Place::Start) => Err(Fault::new(Kind::BodyNotJson, "the body is empty: send one JSON object")),
            State::At(_) | State::Text(_) | State::Word(_) => Err(self.broken(0, "it ends before its last bracket")),
        }
    }

    /// Bytes that are in no string, number or literal, as many as there are.
    fn structure(&mut self, piece: &[u8], mut at: usize, mut place: Place) -> Result<usize, Fault> {
        while let Some(&byte) = piece.get(at) {
            at += 1;
            if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                continue;
            }
            let next = match (place, byte) {
                (Place::Next, b',') => State::At(self.after_comma()),
                (Place::FirstKey | Place::Key, b'"') => State::Text(self.begin_key()),
                (Place::Colon, b':') => State::At(Place::Value),
                (Place::Next, b']' | b'}') => State::At(self.close(byte, at - 1)?),
                (Place::FirstItem, b']') | (Place::FirstKey, b'}') => State::At(self.close_empty(byte, at - 1)?),
                (Place::FirstItem | Place::Value, _) => self.begin_value(byte, at - 1)?,
                (Place::Start, b'{') => State::At(self.open(true)?),
                _ => return Err(self.misplaced(place, at - 1)),
            };
            match next {
                State::At(next) => place = next,
                State::Text(_) | State::Word(_) => {
                    self.state = next;
                    return Ok(at);
                }
            }
        }
        self.state = State::At(place);
        Ok(at)
    }

    /// What is wrong with a byte that cannot follow.
    fn misplaced(&self, place: Place, at: usize) -> Fault {
        let what = match place {
            Place::Start => "it does not begin with `{`",
            Place::FirstKey | Place::Key => "a key in double quotes is missing",
            Place::Colon => "a `:` is missing",
            Place::FirstItem | Place::Value => "a value is missing",
            Place::Next => "a comma or a closing bracket is missing",
            Place::End => "something follows the object",
        };
        self.broken(at, what)
    }

    fn after_comma(&self) -> Place {
        if self.kinds & 1 == 1 { Place::Key } else { Place::Value }
    }

    fn begin_key(&mut self) -> Role {
        if self.depth > 1 {
            return Role::Key;
        }
        self.capture.clear();
        Role::TopKey
    }

    fn begin_value(&mut self, byte: u8, at: usize) -> Result<State, Fault> {
        if self.depth == 1 && self.field != Field::Other {
            self.begin_field(byte, at)?;
        }
        match byte {
            b'"' if self.depth == 1 && self.field == Field::Model => {
                self.model_starts = self.seen + at as u64;
                self.capture.clear();
                Ok(State::Text(Role::Model))
            }
            b'"' if self.depth == 1 && self.field == Field::User && self.wants_user => {
                self.capture.clear();
                Ok(State::Text(Role::User))
            }
            b'"' => Ok(State::Text(Role::Value)),
            b'{' | b'[' => Ok(State::At(self.open(byte == b'{')?)),
            _ => Word::begin(byte).map(State::Word).ok_or_else(|| self.misplaced(Place::Value, at)),
        }
    }

    /// The first byte of a top-level value that is looked at.
    fn begin_field(&mut self, byte: u8, at: usize) -> Result<(), Fault> {
        match self.field {
            Field::Model | Field::Stream => return self.check_type(byte),
            Field::Asked(ask) if !matches!(byte, b'n' | b'f') => self.asks.add(ask),
            Field::Temperature if matches!(byte, b'0' | b'-') => self.asks.add(Ask::NoTemperature),
            Field::Options => self.options = Some(self.seen + at as u64),
            Field::Bound(_) => self.amount = char::from(byte).to_digit(10).map(u64::from),
            Field::Other | Field::Asked(_) | Field::Temperature | Field::User => {}
        }
        Ok(())
    }

    /// Refuses a value of `model` or `stream` whose first byte tells the wrong type; what begins no value is left to
    /// the grammar.
    fn check_type(&self, byte: u8) -> Result<(), Fault> {
        let (good, param, sentence): (&[u8], _, _) = match self.field {
            Field::Other | Field::Asked(_) | Field::Temperature | Field::Options | Field::Bound(_) | Field::User => {
                return Ok(());
            }
            Field::Model => (b"\"n", "model", "`model` must be a string that names a model"),
            Field::Stream => (b"tfn", "stream", "`stream` must be true, false or null"),
        };
        if good.contains(&byte) || !matches!(byte, b'"' | b'{' | b'[' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9') {
            return Ok(());
        }
        Err(Fault::new(Kind::ModelInvalid, sentence).at(param))
    }

    fn open(&mut self, object: bool) -> Result<Place, Fault> {
        if self.depth == MAX_DEPTH {
            return Err(Fault::new(
                Kind::BodyTooDeep,
                format!("the body nests deeper than {MAX_DEPTH} brackets: flatten it"),
            ));
        }
        self.depth += 1;
        self.kinds = self.kinds << 1 | u128::from(object);
        Ok(if object { Place::FirstKey } else { Place::FirstItem })
    }

    fn close(&mut self, byte: u8, at: usize) -> Result<Place, Fault> {
        if (self.kinds & 1 == 1) != (byte == b'}') {
            return Err(self.broken(at, "a bracket is closed by one of the other kind"));
        }
        self.depth -= 1;
        self.kinds >>= 1;
        Ok(if self.depth == 0 { Place::End } else { Place::Next })
    }

    /// The same right behind the opening one: what is empty asks for nothing.
    fn close_empty(&mut self, byte: u8, at: usize) -> Result<Place, Fault> {
        if let (2, Field::Asked(ask)) = (self.depth, self.field) {
            self.asks.remove(ask);
        }
        self.close(byte, at)
    }

    /// Goes on with a number or a literal.
    fn word(&mut self, piece: &[u8], mut at: usize, mut word: Word) -> Result<usize, Fault> {
        let (began, from) = (word, at);
        while let Some(&byte) = piece.get(at) {
            match word.step(byte) {
                Step::More(next) => word = next,
                Step::Last { truth } => {
                    self.stream |= truth && self.depth == 1 && self.field == Field::Stream;
                    self.state = State::At(Place::Next);
                    return Ok(at + 1);
                }
                Step::Over => {
                    self.weigh(began, &piece[from..at]);
                    self.end_number();
                    self.state = State::At(Place::Next);
                    return Ok(at);
                }
                Step::Wrong => return Err(self.broken(at, "a number or a literal is misspelt")),
            }
            at += 1;
        }
        self.weigh(began, &piece[from..]);
        self.state = State::Word(word);
        Ok(at)
    }

    /// More of a number, of which `began` had come: a `temperature` with a digit other than 0 before its exponent is not
    /// 0.
    fn weigh(&mut self, began: Word, more: &[u8]) {
        if let (Field::Bound(_), 1) = (self.field, self.depth) {
            self.amount = more.iter().fold(self.amount, |amount, byte| {
                let digit = char::from(*byte).to_digit(10)?;
                Some(amount?.saturating_mul(10).saturating_add(digit.into()))
            });
        }
        if self.field != Field::Temperature || self.depth != 1 || began.is_in_exponent() {
            return;
        }
        let mut mantissa = more.iter().take_while(|byte| !matches!(byte, b'e' | b'E'));
        if mantissa.any(|byte| matches!(byte, b'1'..=b'9')) {
            self.asks.remove(Ask::NoTemperature);
        }
    }

    /// The end of a number; one that is not whole bounds nothing.
    fn end_number(&mut self) {
        if let (Field::Bound(bound), 1, Some(amount)) = (self.field, self.depth, self.amount) {
            self.bounds.note(bound, amount);
        }
    }

    fn broken(&self, at: usize, what: &str) -> Fault {
        let position = self.seen + at as u64;
        Fault::new(Kind::BodyNotJson, format!("the body is not one JSON object: {what} (byte {position})"))
    }
}
