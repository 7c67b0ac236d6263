//! A string that is read: decoded into a buffer that needs no allocation.

/// How many decoded bytes are kept.
pub(super) const SIZE: usize = 256;

/// A `\u` escape that is half of a surrogate pair, and stands alone.
#[derive(Debug)]
pub(super) struct HalfPair;

/// One string so far: its first 256 bytes, and a hash of all.
#[derive(Debug)]
pub(super) struct Capture {
    buffer: [u8; SIZE],
    /// How many bytes there were; the buffer holds the first of them.
    length: u64,
    hash: u64,
    /// The first half of a pair, waiting for the second.
    high: Option<u16>,
}

/// FNV-1a, 64 bits: offset basis and prime. Who finds a collision has one of his own calls refused.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

impl Default for Capture {
    fn default() -> Self {
        Self { buffer: [0; SIZE], length: 0, hash: BASIS, high: None }
    }
}

impl Capture {
    /// Begins another string.
    pub(super) fn clear(&mut self) {
        self.length = 0;
        self.hash = BASIS;
        self.high = None;
    }

    /// Bytes that stand for themselves.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), HalfPair> {
        self.end()?;
        self.keep(bytes);
        Ok(())
    }

    /// What an escape stands for.
    pub(super) fn unit(&mut self, unit: u16) -> Result<(), HalfPair> {
        let is_low = matches!(unit, 0xdc00..0xe000);
        let scalar = match self.high.take() {
            Some(high) if is_low => 0x1_0000 + (u32::from(high & 0x3ff) << 10) + u32::from(unit & 0x3ff),
            Some(_) => return Err(HalfPair),
            None if is_low => return Err(HalfPair),
            None if matches!(unit, 0xd800..0xdc00) => {
                self.high = Some(unit);
                return Ok(());
            }
            None => u32::from(unit),
        };
        let character = char::from_u32(scalar).ok_or(HalfPair)?;
        self.keep(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    /// The end of the string, or of an escape in it.
    pub(super) fn end(&self) -> Result<(), HalfPair> {
        self.high.map_or(Ok(()), |_| Err(HalfPair))
    }

    /// All of the string, unless it was longer than the buffer.
    pub(super) fn whole(&self) -> Option<&[u8]> {
        self.buffer.get(..usize::try_from(self.length).unwrap_or(usize::MAX))
    }

    /// As much of the string as there is.
    pub(super) fn kept(&self) -> &[u8] {
        self.whole().unwrap_or(&self.buffer)
    }

    /// A hash of the whole string.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    fn keep(&mut self, bytes: &[u8]) {
        let start = usize::try_from(self.length).unwrap_or(SIZE).min(SIZE);
        let room = bytes.len().min(SIZE - start);
        self.buffer[start..start + room].copy_from_slice(&bytes[..room]);
        self.length += bytes.len() as u64;
        self.hash = bytes.iter().fold(self.hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    }
}
