//! What an attempt used and costs.

use protocol::openai::usage::{Class, Usage};

/// What an attempt is charged with. Each attempt has one, whatever became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// What it used.
    pub usage: Usage,
    /// What that costs, in billionths of a US dollar, rounded up; none where the price is not known.
    pub nano_usd: Option<u64>,
    /// The price that was in force: what a million tokens of each class cost, in billionths of a US dollar and in the order
    /// of [`Class::ALL`]; none where tokens have none.
    pub rates: Option<[u64; Class::ALL.len()]>,
    /// Who says so.
    pub basis: Basis,
}

/// Who says what an attempt used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// The provider.
    Provider,
    /// We do: it is an estimate, by what was sent and what came.
    Counted,
    /// The provider made nothing that it bills: it was not reached, or refused.
    Void,
}

impl Basis {
    /// All, in the order of the metric's table.
    pub const ALL: [Self; 3] = [Self::Provider, Self::Counted, Self::Void];

    /// The word in metrics, logs and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Counted => "counted",
            Self::Void => "void",
        }
    }
}

impl Charge {
    /// Not known yet.
    pub const UNSETTLED: Self = Self { usage: Usage::NONE, nano_usd: None, rates: None, basis: Basis::Counted };

    /// Nothing was made.
    pub const VOID: Self = Self { usage: Usage::NONE, nano_usd: Some(0), rates: None, basis: Basis::Void };
}

/// An amount of money as US dollars, to the last digit: `1_500` as `0.0000015`.
pub fn usd(nano_usd: u64) -> String {
    const NANO: u64 = 1_000_000_000;
    let digits = format!("{}.{:09}", nano_usd / NANO, nano_usd % NANO);
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_to_its_last_digit_and_no_further() {
        for (nano, text) in [
            (0, "0"),
            (1, "0.000000001"),
            (1_500, "0.0000015"),
            (2_000_000_000, "2"),
            (10_000_000_000, "10"),
            (123_456_789_012, "123.456789012"),
            (u64::MAX, "18446744073.709551615"),
        ] {
            assert_eq!(usd(nano), text);
        }
    }
}
