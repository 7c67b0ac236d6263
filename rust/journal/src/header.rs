//! The first bytes of a segment: what it is, whose, and what its checksums start from.

/// The version of the format.
pub const VERSION: u16 = 1;
/// The length of a header.
pub(crate) const LENGTH: usize = 96;
const MAGIC: &[u8; 8] = b"headgate";

/// The header of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Which worker wrote it, from 0.
    pub worker: u32,
    /// Grows from segment to segment of a worker: the milliseconds since 1970 at which it was allocated, or one more
    /// than its predecessor's.
    pub sequence: u64,
    /// The sequence of the segment before it; 0 where there was none.
    pub previous: u64,
    /// When it was allocated, in nanoseconds since 1970.
    pub created_ns: u64,
    /// How long the file was then; one that is shorter has been closed.
    pub capacity: u64,
    /// What checksums of its records start from: random, so that what a caller writes is never taken for a record.
    pub salt: u32,
    /// SHA-256 of the plan that was in force when it was allocated.
    pub plan: [u8; 32],
}

/// Why a header cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadHeader {
    /// Too short, other magic bytes, or a checksum that does not fit.
    NotASegment,
    /// A version that this build does not know.
    Version(u16),
}

impl std::fmt::Display for BadHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotASegment => write!(f, "its first {LENGTH} bytes are no header of a segment"),
            Self::Version(version) => write!(f, "version {version} of the format, but this build reads {VERSION}"),
        }
    }
}

impl Header {
    /// As bytes.
    pub(crate) fn bytes(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        let mut rest = &mut bytes[..];
        let fields: [&[u8]; 11] = [
            MAGIC,
            &VERSION.to_le_bytes(),
            &[LENGTH.to_le_bytes()[0], 0],
            &self.worker.to_le_bytes(),
            &self.sequence.to_le_bytes(),
            &self.previous.to_le_bytes(),
            &self.created_ns.to_le_bytes(),
            &self.capacity.to_le_bytes(),
            &self.salt.to_le_bytes(),
            &[0; 4],
            &self.plan,
        ];
        for field in fields {
            let (here, behind) = rest.split_at_mut(field.len());
            here.copy_from_slice(field);
            rest = behind;
        }
        let check = crc32c::crc32c(&bytes[..LENGTH - 4]).to_le_bytes();
        bytes[LENGTH - 4..].copy_from_slice(&check);
        bytes
    }

    /// Out of the first bytes of a file.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, BadHeader> {
        let bytes: &[u8; LENGTH] = bytes.first_chunk().ok_or(BadHeader::NotASegment)?;
        let check = crc32c::crc32c(&bytes[..LENGTH - 4]);
        if &bytes[..8] != MAGIC || u32_at(bytes, LENGTH - 4) != check {
            return Err(BadHeader::NotASegment);
        }
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        if version != VERSION {
            return Err(BadHeader::Version(version));
        }
        let mut plan = [0; 32];
        plan.copy_from_slice(&bytes[56..88]);
        Ok(Self {
            worker: u32_at(bytes, 12),
            sequence: u64_at(bytes, 16),
            previous: u64_at(bytes, 24),
            created_ns: u64_at(bytes, 32),
            capacity: u64_at(bytes, 40),
            salt: u32_at(bytes, 48),
            plan,
        })
    }
}

fn u32_at(bytes: &[u8; LENGTH], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8; LENGTH], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_and_no_flipped_bit_goes_unseen() {
        let header = Header {
            worker: 3,
            sequence: 1_763_000_000_123,
            previous: 7,
            created_ns: u64::MAX,
            capacity: 1 << 24,
            salt: 0xdead_beef,
            plan: [9; 32],
        };
        let bytes = header.bytes();
        assert_eq!(Header::read(&bytes), Ok(header));
        for bit in 0..LENGTH * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::read(&flipped), Err(BadHeader::NotASegment), "bit {bit}");
        }
    }
}
