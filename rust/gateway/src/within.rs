//! How long the caller of a call waits for it.

use fault::{Fault, Kind};
use http1::RequestHead;
use upstream::TIMEOUT_HEADER;

/// The longest time that counts, in milliseconds: about 49 days, and more than a policy allows.
const MOST_MS: u64 = 0xffff_ffff;

/// What the caller says of its own deadline: milliseconds from 1 on; none where it says nothing. `TimeoutInvalid` for
/// anything else, and for two of them.
pub(crate) fn within_ms(head: &RequestHead) -> Result<Option<u64>, Fault> {
    let Some(value) = head.headers.get(TIMEOUT_HEADER) else { return Ok(None) };
    match (read(value), head.headers.all(TIMEOUT_HEADER).nth(1)) {
        (Some(ms), None) => Ok(Some(ms)),
        _ => Err(Fault::new(
            Kind::TimeoutInvalid,
            format!(
                "`{TIMEOUT_HEADER}` is how many milliseconds this call may take: one whole number from 1 to {MOST_MS}"
            ),
        )),
    }
}

fn read(value: &[u8]) -> Option<u64> {
    let is_number = (1..=10).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(value).ok().filter(|_| is_number)?.parse().ok()?;
    (1..=MOST_MS).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_whole_number_of_milliseconds_from_1_on() {
        for (value, expected) in
            [("1", Some(1)), ("0600", Some(600)), ("4294967295", Some(MOST_MS)), ("4294967296", None), ("0", None)]
        {
            assert_eq!(read(value.as_bytes()), expected, "{value}");
        }
        for value in ["", "-1", "+1", "1.5", "1s", "1e3", " 1", "99999999999999999999", "\u{661}"] {
            assert_eq!(read(value.as_bytes()), None, "{value}");
        }
    }
}
