//! What the simulated provider is told at its start.

use crate::scenario::Rule;
pub use random::Distribution;
use serde::Deserialize;
use std::fmt;
use std::path::PathBuf;

/// All settings. Each has a default, and a key that is not known is refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// `host:port`; port 0 takes a free one.
    pub address: String,
    /// One seed, one run: texts, ids, latencies and the draws of `share`.
    pub seed: u64,
    /// Checks nothing, keeps totals only, answers chat completions alone: for loading a gateway. Pace and length must be
    /// `fixed` then, and the pace is kept by streams alone.
    pub fast: bool,
    /// In fast mode: the JSON of every event of a stream ends with `"x_sim_sent_ns"`, the monotonic clock when it was
    /// written, as 20 digits.
    pub stamps: bool,
    /// Threads, each with its own runtime; 1..=64.
    pub threads: u16,
    /// Appends one JSON line per call.
    pub bill_file: Option<PathBuf>,
    /// Faults and paces for the calls that match; the first rule that does counts. None in fast mode.
    pub scenario: Vec<Rule>,
    /// Refuses what the provider would refuse in a request. Off: any JSON object is answered.
    pub strict: bool,
    /// The API key that callers must show; without one any will do.
    pub credential: Option<Credential>,
    /// When not empty, only these model names exist, and all others are `model_not_found`.
    pub models: Vec<String>,
    /// Time to the first token.
    pub ttft_ms: Distribution,
    /// Time between tokens.
    pub gap_ms: Distribution,
    /// Length of a generated text.
    pub tokens: Distribution,
    /// In fast mode: a body without this text is answered 400 and counted as a mismatch.
    pub expect_body_contains: Option<String>,
    /// A larger request body is answered 413.
    pub max_body_bytes: u64,
    /// Files kept in memory, together; beyond it uploads are answered 413.
    pub max_stored_bytes: u64,
    /// How long open calls may go on after a stop.
    pub grace_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:0".to_owned(),
            seed: 0,
            fast: false,
            stamps: false,
            threads: 1,
            bill_file: None,
            scenario: Vec::new(),
            strict: true,
            credential: None,
            models: Vec::new(),
            ttft_ms: Distribution::Fixed(0.0),
            gap_ms: Distribution::Fixed(0.0),
            tokens: Distribution::Fixed(16.0),
            expect_body_contains: None,
            max_body_bytes: 512 << 20,
            max_stored_bytes: 64 << 20,
            grace_ms: 1000,
        }
    }
}

impl Options {
    /// Whether the values hold together; the sentence names the option that does not.
    pub fn validate(&self) -> Result<(), String> {
        if !(1..=64).contains(&self.threads) {
            return Err(format!("threads: {} is not within 1..=64", self.threads));
        }
        for (name, distribution) in [("ttft_ms", self.ttft_ms), ("gap_ms", self.gap_ms), ("tokens", self.tokens)] {
            distribution.check().map_err(|problem| format!("{name}: {problem}"))?;
            if self.fast && !matches!(distribution, Distribution::Fixed(_)) {
                return Err(format!("{name}: fast mode sends one prebuilt answer, so this must be `fixed`"));
            }
        }
        if self.stamps && !self.fast {
            return Err("stamps: only fast mode writes them".to_owned());
        }
        if self.fast && !self.scenario.is_empty() {
            return Err("scenario: fast mode plays none".to_owned());
        }
        for (index, rule) in self.scenario.iter().enumerate() {
            rule.validate().map_err(|problem| format!("scenario[{index}]: {problem}"))?;
        }
        Ok(())
    }
}

/// A secret that does not show itself.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Credential(String);

impl Credential {
    /// Whether `shown` is the value of an `Authorization` header with this credential.
    pub fn is_in(&self, shown: &[u8]) -> bool {
        shown.strip_prefix(b"Bearer ").is_some_and(|shown| shown == self.0.as_bytes())
    }
}

impl From<&str> for Credential {
    fn from(secret: &str) -> Self {
        Self(secret.to_owned())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn options(json: &str) -> Result<Options, String> {
        let options: Options = serde_json::from_str(json).map_err(|error| error.to_string())?;
        options.validate().map(|()| options)
    }

    #[test]
    fn nothing_given_is_a_complete_set_of_options() {
        assert!(options("{}").is_ok());
    }

    #[test]
    fn an_unknown_option_or_fault_is_refused_by_name() {
        assert!(options(r#"{"speed": 1}"#).unwrap_err().contains("speed"));
        assert!(options(r#"{"scenario": [{"fault": "cutt"}]}"#).unwrap_err().contains("cutt"));
        assert!(options(r#"{"scenario": [{"fault": "cut;att=1"}]}"#).unwrap_err().contains("att"));
        let second = options(r#"{"scenario": [{"fault": "html"}, {"match": {"share": 2}, "fault": "html"}]}"#);
        assert!(second.unwrap_err().starts_with("scenario[1]: match.share"));
        assert!(options(r#"{"ttft_ms": {"uniform": {"low": 2, "high": 1}}}"#).unwrap_err().contains("ttft_ms"));
    }

    #[test]
    fn fast_mode_takes_fixed_times_alone_and_stamps_are_its_own() {
        assert!(options(r#"{"fast": true, "stamps": true, "gap_ms": {"fixed": 5}}"#).is_ok());
        let drawn = options(r#"{"fast": true, "gap_ms": {"exponential": {"mean": 5}}}"#);
        assert!(drawn.unwrap_err().starts_with("gap_ms: fast mode"));
        assert!(options(r#"{"stamps": true}"#).unwrap_err().starts_with("stamps: "));
        let played = options(r#"{"fast": true, "scenario": [{"fault": "html"}]}"#);
        assert!(played.unwrap_err().starts_with("scenario: fast mode"));
    }

    #[test]
    fn a_credential_is_not_printed() {
        let options = options(r#"{"credential": "sk-canary"}"#).unwrap();
        assert!(!format!("{options:?}").contains("canary"));
        assert!(options.credential.unwrap().is_in(b"Bearer sk-canary"));
    }
}
