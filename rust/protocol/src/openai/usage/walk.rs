//! An object of numbers, walked over where it stands. A parser for all of JSON takes several times as long for it, on
//! every call.

use memchr::memchr;

/// Stands before a byte of a value.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Why a walk ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes end within the value.
    Cut,
    /// It is not what was expected.
    Odd,
}

impl<'a> Walk<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were passed.
    pub(super) const fn passed(&self) -> usize {
        self.at
    }

    /// Walks over an object: `see` is told each key as it is spelt, and walks over its value.
    pub(super) fn object(&mut self, mut see: impl FnMut(&mut Self, &[u8]) -> Result<(), Stop>) -> Result<(), Stop> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.expect(b'"')?;
            let start = self.at;
            self.text()?;
            let key = &self.bytes[start..self.at - 1];
            self.expect(b':')?;
            see(self, key)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(Stop::Odd),
            }
        }
    }

    /// An object, or nothing for null.
    pub(super) fn maybe(&mut self, see: impl FnMut(&mut Self, &[u8]) -> Result<(), Stop>) -> Result<bool, Stop> {
        if self.peek()? == b'n' {
            return self.null().map(|()| false);
        }
        self.object(see).map(|()| true)
    }

    /// A whole number that is not negative, or nothing for null.
    pub(super) fn count(&mut self) -> Result<Option<u64>, Stop> {
        if self.peek()? == b'n' {
            return self.null().map(|()| None);
        }
        let (mut number, start) = (0_u64, self.at);
        while let Some(digit) = self.bytes.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            let more = number.checked_mul(10).and_then(|number| number.checked_add(u64::from(digit - b'0')));
            number = more.ok_or(Stop::Odd)?;
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            None => Err(Stop::Cut),
            Some(b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t') if self.at > start => Ok(Some(number)),
            Some(_) => Err(Stop::Odd),
        }
    }

    /// A number, or nothing for null.
    pub(super) fn number(&mut self) -> Result<Option<f64>, Stop> {
        if self.peek()? == b'n' {
            return self.null().map(|()| None);
        }
        let word = self.word()?;
        let is_number = word.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-');
        let number = std::str::from_utf8(word).ok().filter(|_| is_number).and_then(|word| word.parse().ok());
        number.map(Some).ok_or(Stop::Odd)
    }

    /// Any value.
    pub(super) fn skip(&mut self) -> Result<(), Stop> {
        match self.peek()? {
            b'"' => {
                self.at += 1;
                self.text()
            }
            b'{' | b'[' => self.brackets(),
            _ => self.word().and_then(|word| if word.is_empty() { Err(Stop::Odd) } else { Ok(()) }),
        }
    }

    fn null(&mut self) -> Result<(), Stop> {
        match self.word()? {
            b"null" => Ok(()),
            _ => Err(Stop::Odd),
        }
    }

    /// What stands up to the end of a number or a literal.
    pub(super) fn word(&mut self) -> Result<&'a [u8], Stop> {
        let rest = &self.bytes[self.at..];
        let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
        let length = rest.iter().position(is_end).ok_or(Stop::Cut)?;
        self.at += length;
        Ok(&rest[..length])
    }

    fn brackets(&mut self) -> Result<(), Stop> {
        let mut depth = 0_u32;
        loop {
            let byte = *self.bytes.get(self.at).ok_or(Stop::Cut)?;
            self.at += 1;
            match byte {
                b'"' => self.text()?,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
    }

    /// Goes behind a string whose opening quote was passed.
    fn text(&mut self) -> Result<(), Stop> {
        loop {
            let end = self.at + memchr(b'"', &self.bytes[self.at..]).ok_or(Stop::Cut)?;
            let slashes = self.bytes[self.at..end].iter().rev().take_while(|byte| **byte == b'\\').count();
            self.at = end + 1;
            if slashes % 2 == 0 {
                return Ok(());
            }
        }
    }

    /// Goes behind a byte, and the white space before it.
    fn expect(&mut self, byte: u8) -> Result<(), Stop> {
        if self.peek()? != byte {
            return Err(Stop::Odd);
        }
        self.at += 1;
        Ok(())
    }

    /// The next byte that is no white space; stands before it then.
    pub(super) fn peek(&mut self) -> Result<u8, Stop> {
        loop {
            let byte = *self.bytes.get(self.at).ok_or(Stop::Cut)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Ok(byte);
            }
            self.at += 1;
        }
    }
}
