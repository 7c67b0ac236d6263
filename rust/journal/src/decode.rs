//! An entry out of its bytes. Bytes behind what is known here belong to a later version and are passed over.

use crate::encode::{CLOSED, OPENED, RESUMED, SENT, SETTLED, SHARED};
use crate::entry::{CLASSES, Closed, Counts, Entry, Opened, Sent, Settled, Source, Tags};

/// What a payload holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all are entries")]
pub(crate) enum Decoded<'a> {
    /// An entry.
    Entry(Entry<'a>),
    /// A kind that a later version writes.
    Unknown,
    /// Nothing that any version writes.
    Broken,
}

/// Reads a payload whose checksum is right.
pub(crate) fn decode(kind: u8, payload: &[u8]) -> Decoded<'_> {
    let mut take = Take(payload);
    let entry = match kind {
        OPENED => opened(&mut take).map(Entry::Opened),
        SENT => sent(&mut take).map(Entry::Sent),
        SETTLED => settled(&mut take).map(Entry::Settled),
        CLOSED => closed(&mut take).map(Entry::Closed),
        _ => return Decoded::Unknown,
    };
    entry.map_or(Decoded::Broken, Decoded::Entry)
}

fn opened<'a>(take: &mut Take<'a>) -> Option<Opened<'a>> {
    let (call, at_ns) = take.call()?;
    let plan = u64::from_be_bytes(take.array()?);
    let flags = take.u8()?;
    let tags = take.u16()?;
    Some(Opened {
        call,
        at_ns,
        plan,
        streamed: flags & 1 != 0,
        alias: take.text()?,
        operation: take.text()?,
        key: take.text()?,
        team: take.text()?,
        user: take.text()?,
        agent: take.text()?,
        session: take.text()?,
        task: take.text()?,
        tags: Tags(take.bytes(usize::from(tags))?),
        // Earlier versions did not write it.
        model: if take.0.is_empty() { "" } else { take.text()? },
        source: match flags & (SHARED | RESUMED) {
            SHARED => Source::Shared,
            RESUMED => Source::Resumed,
            _ => Source::Own,
        },
    })
}

fn sent<'a>(take: &mut Take<'a>) -> Option<Sent<'a>> {
    let (call, at_ns) = take.call()?;
    let (attempt, step, endpoint, credential) = (take.u16()?, take.u16()?, take.u16()?, take.u16()?);
    let flags = take.u8()?;
    let (input_tokens, output_tokens, reserved) = (take.u64()?, take.u64()?, take.u64()?);
    Some(Sent {
        call,
        at_ns,
        attempt,
        step,
        endpoint,
        credential,
        hedge: flags & 1 != 0,
        input_tokens,
        output_tokens,
        reserved_nano_usd: (flags & 2 != 0).then_some(reserved),
        provider: take.text()?,
        deployment: take.text()?,
        model: take.text()?,
    })
}

fn settled<'a>(take: &mut Take<'a>) -> Option<Settled<'a>> {
    let (call, at_ns) = take.call()?;
    let (attempt, status) = (take.u16()?, take.u16()?);
    let flags = take.u8()?;
    let (took_ns, first_token_ns, nano_usd) = (take.u64()?, take.u64()?, take.u64()?);
    Some(Settled {
        call,
        at_ns,
        attempt,
        status: (status > 0).then_some(status),
        took_ns,
        first_token_ns: (flags & 1 != 0).then_some(first_token_ns),
        nano_usd: (flags & 2 != 0).then_some(nano_usd),
        used: take.counts()?,
        rates: take.counts()?,
        basis: take.text()?,
        class: take.text()?,
        fault: take.text()?,
        price: take.text()?,
    })
}

fn closed<'a>(take: &mut Take<'a>) -> Option<Closed<'a>> {
    let (call, at_ns) = take.call()?;
    let (attempts, status) = (take.u16()?, take.u16()?);
    Some(Closed {
        call,
        at_ns,
        attempts,
        status: (status > 0).then_some(status),
        took_ns: take.u64()?,
        bytes_in: take.u64()?,
        bytes_out: take.u64()?,
        outcome: take.text()?,
        fault: take.text()?,
    })
}

/// What is left of a payload.
struct Take<'a>(&'a [u8]);

impl<'a> Take<'a> {
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (here, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(here)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn call(&mut self) -> Option<(u128, u64)> {
        Some((u128::from_be_bytes(self.array()?), self.u64()?))
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.u8()?;
        std::str::from_utf8(self.bytes(usize::from(length))?).ok()
    }

    /// Numbers of classes that a later version knows are passed over.
    fn counts(&mut self) -> Option<Counts> {
        let set = self.u16()?;
        let mut counts = Counts::default();
        for bit in (0..16).filter(|bit| set >> bit & 1 != 0) {
            let number = self.u64()?;
            if let Some(place) = counts.0.get_mut(bit).filter(|_| bit < CLASSES.len()) {
                *place = number;
            }
        }
        Some(counts)
    }
}
