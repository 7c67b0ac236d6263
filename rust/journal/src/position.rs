//! How far a journal was read, worker by worker.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A place in a segment of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// The segment's sequence.
    pub sequence: u64,
    /// The offset in it; 0 for its beginning.
    pub offset: u64,
}

/// How far a journal was read. Nothing of it, where there is no place for a worker.
///
/// As text: `WORKER:SEQUENCE:OFFSET` for each worker, in their order, with commas between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position(pub BTreeMap<u32, Place>);

/// A text that is no position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPosition(String);

impl fmt::Display for NoPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no position: it reads like `0:1763000000000:96,1:1763000000001:4096`", self.0)
    }
}

impl std::error::Error for NoPosition {}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (worker, place)) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{worker}:{}:{}", place.sequence, place.offset)?;
        }
        Ok(())
    }
}

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let places = text.split(',').map(place).collect::<Option<_>>();
        places.map(Self).ok_or_else(|| NoPosition(text.chars().take(100).collect()))
    }
}

fn place(text: &str) -> Option<(u32, Place)> {
    let mut numbers = text.split(':');
    let worker = numbers.next()?.parse().ok()?;
    let (sequence, offset) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    numbers.next().is_none().then_some((worker, Place { sequence, offset }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_from_its_text() {
        for text in ["", "0:1:2", "0:1763000000000:96,7:1763000000001:4096"] {
            assert_eq!(text.parse::<Position>().map(|position| position.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_position_is_refused_with_an_example() {
        for text in ["x", "0:1", "0:1:2:3", "0:1:2,", "-1:0:0"] {
            let error = text.parse::<Position>().map_err(|error| error.to_string());
            assert!(error.is_err_and(|error| error.contains("reads like `0:1763000000000:96")), "{text}");
        }
    }
}
