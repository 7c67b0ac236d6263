//! What a call costs: integers of billionths of a dollar from end to end.

use crate::document::Price;
use protocol::openai::usage::Usage;

const MILLION: u128 = 1_000_000;

impl Price {
    /// What so much costs, in billionths of a US dollar, rounded up once.
    pub fn nano_usd(&self, usage: &Usage) -> u64 {
        let [text, read, written, heard, seen, output, thought, spoken, drawn] = usage.by_class().map(u128::from);
        let input = text + read + written + heard + seen;
        let output = output + thought + spoken + drawn;
        let sum =
            input * u128::from(self.input_nano_usd_per_million) + output * u128::from(self.output_nano_usd_per_million);
        u64::try_from(sum.div_ceil(MILLION)).unwrap_or(u64::MAX)
    }
}
