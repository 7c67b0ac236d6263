//! What one request asks of the simulator, in headers of the form `x-sim-...`.

use crate::check::Refusal;
use crate::faults::Fault;
use http1::Headers;

/// The names of all headers that are read. Another `x-sim-` header is refused: it would be a typing error.
const NAMES: [&str; 7] = [
    "x-sim-fault",
    "x-sim-ttft-ms",
    "x-sim-gap-ms",
    "x-sim-tokens",
    "x-sim-cached-tokens",
    "x-sim-tool-calls",
    "x-sim-echo-request",
];

/// The wishes of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Knobs {
    /// `x-sim-fault: cut;at=100, ...`.
    pub(crate) faults: Vec<Fault>,
    /// `x-sim-ttft-ms`: time to the first token.
    pub(crate) ttft_ms: Option<f64>,
    /// `x-sim-gap-ms`: time between tokens.
    pub(crate) gap_ms: Option<f64>,
    /// `x-sim-tokens`: length of a generated text.
    pub(crate) tokens: Option<u32>,
    /// `x-sim-cached-tokens`: how many tokens of the prompt were read from a cache; no more than it has.
    pub(crate) cached_tokens: Option<u32>,
    /// `x-sim-tool-calls`: how many calls to make where tools are called.
    pub(crate) tool_calls: Option<usize>,
    /// `x-sim-echo-request: 1`: answer with the request as it arrived.
    pub(crate) echo: bool,
}

impl Knobs {
    /// Reads them; one that cannot be read is a 400 that says why.
    pub(crate) fn read(headers: &Headers) -> Result<Self, Refusal> {
        for (name, _) in headers.iter() {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            if name.starts_with("x-sim-") && !NAMES.contains(&name.as_str()) {
                return Err(bad(&name, &format!("there is no such header; there are {}", NAMES.join(", "))));
            }
        }
        let mut faults = Vec::new();
        for value in headers.all("x-sim-fault") {
            let list = Fault::parse_list(&String::from_utf8_lossy(value));
            faults.extend(list.map_err(|problem| bad("x-sim-fault", &problem))?);
        }
        let time = |name| {
            let value: Option<f64> = number(headers, name)?;
            let fine = value.is_none_or(|value| (0.0..=3_600_000.0).contains(&value));
            if fine { Ok(value) } else { Err(bad(name, "0 to 3600000 milliseconds are expected")) }
        };
        Ok(Self {
            faults,
            ttft_ms: time("x-sim-ttft-ms")?,
            gap_ms: time("x-sim-gap-ms")?,
            tokens: number(headers, "x-sim-tokens")?,
            cached_tokens: number(headers, "x-sim-cached-tokens")?,
            tool_calls: number(headers, "x-sim-tool-calls")?,
            echo: headers.get("x-sim-echo-request").is_some_and(|value| value == b"1"),
        })
    }
}

fn number<T: std::str::FromStr>(headers: &Headers, name: &'static str) -> Result<Option<T>, Refusal> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = String::from_utf8_lossy(value);
    text.parse().map(Some).map_err(|_| bad(name, &format!("`{text}` is not a number that fits")))
}

fn bad(name: &str, why: &str) -> Refusal {
    Refusal::invalid("bad_sim_header", name, format!("{name}: {why}."))
}
