//! How far a head reaches: one pass over the line ends, before anything is parsed.

use crate::refusal::Refusal;

/// What a head may measure, in bytes and lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) head_bytes: usize,
    pub(crate) lines: usize,
    /// The first line with its line end.
    pub(crate) first_line: usize,
    /// What to say when the first line is longer.
    pub(crate) first_line_refusal: Refusal,
}

/// Where the head which starts at `skip` ends, just behind its empty line; `None`: that line has not come yet. All lines
/// up to there are known to end in CR LF.
///
/// Looks at the whole buffer each time: a head that comes byte by byte costs some microseconds per byte at its limit of
/// 64 KiB, which is less than the system call that brought the byte.
pub(crate) fn find(buffer: &[u8], skip: usize, room: &Room) -> Result<Option<usize>, Refusal> {
    let window = &buffer[..buffer.len().min(room.head_bytes)];
    let mut lines: usize = 0;
    let mut start = skip;
    for end in memchr::memchr_iter(b'\n', window.get(skip..).unwrap_or_default()) {
        let end = end + skip;
        if end == start || window[end - 1] != b'\r' {
            return Err(Refusal::BareLineFeed(u32::try_from(lines + 1).unwrap_or(u32::MAX)));
        }
        if end - start == 1 {
            return Ok(Some(end + 1));
        }
        if lines == 0 && end + 1 - start > room.first_line {
            return Err(room.first_line_refusal);
        }
        if lines > room.lines {
            return Err(Refusal::TooManyLines(room.lines));
        }
        lines += 1;
        start = end + 1;
    }
    if lines == 0 && window.len().saturating_sub(skip) > room.first_line {
        return Err(room.first_line_refusal);
    }
    if buffer.len() >= room.head_bytes {
        return Err(Refusal::HeadTooLarge(room.head_bytes));
    }
    Ok(None)
}
