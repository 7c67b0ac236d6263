//! Strings: those that are skipped, and those that are read.

use super::asks::Ask;
use super::bounds::Bound;
use super::capture::HalfPair;
use super::{Escape, Field, MAX_MODEL, Model, Place, Role, Scan, State, User, plain};
use fault::{Fault, Kind};

impl Scan {
    /// Goes on with a string that nobody reads: the loop that most of a body's bytes pass through.
    pub(super) fn skip_text(&mut self, piece: &[u8], mut at: usize, role: Role) -> Result<usize, Fault> {
        loop {
            // Left open by the piece before, or wrong.
            while self.escape != Escape::None {
                let Some(&byte) = piece.get(at) else { return Ok(at) };
                self.unescape(byte, at)?;
                at += 1;
            }
            at += plain::run(&piece[at..]);
            match piece.get(at) {
                None => return Ok(at),
                Some(b'"') => {
                    self.state = State::At(if role == Role::Key { Place::Colon } else { Place::Next });
                    return Ok(at + 1);
                }
                Some(b'\\') => {
                    let whole = plain::whole_escape(&piece[at + 1..]);
                    if whole.is_none() {
                        self.escape = Escape::Slash;
                    }
                    at += 1 + whole.unwrap_or(0);
                }
                Some(_) => return Err(self.broken(at, "a string holds a control character that is not escaped")),
            }
        }
    }

    /// Goes on with a string that is read.
    pub(super) fn read_text(&mut self, piece: &[u8], mut at: usize, role: Role) -> Result<usize, Fault> {
        while let Some(&byte) = piece.get(at) {
            if self.escape != Escape::None {
                if let Some(unit) = self.unescape(byte, at)? {
                    self.capture.unit(unit).map_err(|half| self.half_pair(at, half))?;
                }
                at += 1;
                continue;
            }
            match byte {
                b'"' => {
                    self.end_text(role, at)?;
                    return Ok(at + 1);
                }
                b'\\' => {
                    self.escape = Escape::Slash;
                    at += 1;
                }
                0..0x20 => return Err(self.broken(at, "a string holds a control character that is not escaped")),
                _ => {
                    let run = plain::run(&piece[at..]);
                    self.capture.bytes(&piece[at..at + run]).map_err(|half| self.half_pair(at, half))?;
                    at += run;
                }
            }
        }
        Ok(at)
    }

    /// Goes on with an escape; the code unit that it stands for, once it is whole.
    fn unescape(&mut self, byte: u8, at: usize) -> Result<Option<u16>, Fault> {
        let (escape, unit) = match (self.escape, byte) {
            (Escape::Slash, b'u') => (Escape::Hex { digits: 0, value: 0 }, None),
            (Escape::Slash, _) => match plain::simple_escape(byte) {
                Some(unit) => (Escape::None, Some(u16::from(unit))),
                None => return Err(self.broken(at, "a string holds an escape that JSON does not have")),
            },
            (Escape::Hex { digits, value }, _) => {
                let Some(digit) = char::from(byte).to_digit(16) else {
                    return Err(self.broken(at, "an escape `\\u` lacks its four digits"));
                };
                let value = value << 4 | u16::try_from(digit).unwrap_or_default();
                if digits == 3 {
                    (Escape::None, Some(value))
                } else {
                    (Escape::Hex { digits: digits + 1, value }, None)
                }
            }
            (Escape::None, _) => (Escape::None, None),
        };
        self.escape = escape;
        Ok(unit)
    }

    /// The closing quote of a string that was read.
    fn end_text(&mut self, role: Role, at: usize) -> Result<(), Fault> {
        self.capture.end().map_err(|half| self.half_pair(at, half))?;
        if role == Role::TopKey {
            self.field = field(self.capture.whole().unwrap_or_default());
            self.state = State::At(Place::Colon);
            return self.keys.add(&self.capture);
        }
        if role == Role::User {
            return self.end_user();
        }
        let Some(name) = self.capture.whole() else {
            return Err(Fault::new(Kind::ModelInvalid, format!("`model` is longer than {MAX_MODEL} bytes")).at("model"));
        };
        let Ok(name) = std::str::from_utf8(name) else {
            return Err(Fault::new(Kind::BodyNotUtf8, "`model` is not valid UTF-8").at("model"));
        };
        if name.is_empty() {
            return Err(Fault::new(Kind::ModelInvalid, "`model` is empty: name the model to call").at("model"));
        }
        self.model = Some(Model { name: name.to_owned(), range: self.model_starts..self.seen + at as u64 + 1 });
        self.state = State::At(Place::Next);
        Ok(())
    }

    /// The closing quote of `user`.
    fn end_user(&mut self) -> Result<(), Fault> {
        self.user = match self.capture.whole().map(std::str::from_utf8) {
            None => User::TooLong,
            Some(Ok(user)) => User::Text(user.into()),
            Some(Err(_)) => return Err(Fault::new(Kind::BodyNotUtf8, "`user` is not valid UTF-8").at("user")),
        };
        self.state = State::At(Place::Next);
        Ok(())
    }

    fn half_pair(&self, at: usize, _: HalfPair) -> Fault {
        let position = self.seen + at as u64;
        Fault::new(
            Kind::BodyNotUtf8,
            format!("an escape before byte {position} of the body is half of a surrogate pair"),
        )
    }
}

/// What a top-level key is for. Its length leaves one comparison, or two.
fn field(key: &[u8]) -> Field {
    match key.len() {
        1 if key == b"n" => Field::Bound(Bound::Answers),
        4 if key == b"user" => Field::User,
        5 => match key {
            b"model" => Field::Model,
            b"tools" => Field::Asked(Ask::Tools),
            b"audio" => Field::Asked(Ask::Audio),
            _ => Field::Other,
        },
        6 if key == b"stream" => Field::Stream,
        9 if key == b"functions" => Field::Asked(Ask::Tools),
        9 if key == b"reasoning" => Field::Asked(Ask::Reasoning),
        10 if key == b"modalities" => Field::Asked(Ask::Modalities),
        10 if key == b"max_tokens" => Field::Bound(Bound::Tokens),
        11 if key == b"temperature" => Field::Temperature,
        12 if key == b"service_tier" => Field::Asked(Ask::ServiceTier),
        14 if key == b"stream_options" => Field::Options,
        16 if key == b"reasoning_effort" => Field::Asked(Ask::Reasoning),
        17 if key == b"max_output_tokens" => Field::Bound(Bound::Tokens),
        21 if key == b"max_completion_tokens" => Field::Bound(Bound::Tokens),
        _ => Field::Other,
    }
}
