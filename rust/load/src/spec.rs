//! What a load is told: one JSON object, complete. Defaults live with those who write it.

use crate::StartError;
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;

/// A whole load. No field may be left out; what may be absent is `null`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The base: `http://host:port/v1` or https; the path of a call is appended.
    pub url: String,
    /// Header lines of every call.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub calls: Calls,
    /// When it is sent.
    pub arrivals: Arrivals,
    /// Calls that are intended before this end are made; 1 or more.
    pub duration_ms: u64,
    /// The same load before that, not counted.
    pub warmup_ms: u64,
    /// Open loop: a call that finds none free waits. 1 or more.
    pub max_connections: usize,
    /// Of one call, from when its connection was at its disposal. 1 or more.
    pub timeout_ms: u64,
    /// Event loops, each with its share of the load; 1..=64.
    pub threads: usize,
    /// The same seed gives the same arrivals and the same words.
    pub seed: u64,
    /// Certificate authorities that are trusted beside the system's.
    #[serde(deserialize_with = "stated")]
    pub ca_file: Option<PathBuf>,
    /// Whether the certificate is checked.
    pub verify: bool,
    /// What a good answer is.
    pub expect: Expect,
    /// Step of the time series; 1 or more.
    pub series_ms: u64,
}

/// What is sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Calls {
    /// Always the same call.
    Same {
        /// It.
        call: Call,
    },
    /// One after the other, and again from the first; or, with the arrivals `trace`, each at its time.
    Each {
        /// One or more.
        calls: Vec<Call>,
    },
    /// Chats that grow by each answer, one per connection.
    Conversation {
        /// Ends with `/chat/completions`.
        path: String,
        /// The model's name.
        model: String,
        /// The first message; empty: none.
        system: String,
        /// Length of each text of the user.
        prompt_bytes: usize,
        /// Calls after which it starts anew; 1 or more.
        turns: u32,
        /// Whether answers are streamed.
        stream: bool,
        /// A bound for the answers.
        #[serde(deserialize_with = "stated")]
        max_tokens: Option<u32>,
    },
}

/// One call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Appended to the base.
    pub path: String,
    /// The body, as it is sent.
    pub body: String,
    /// Header lines of this call.
    pub headers: Vec<(String, String)>,
    /// When, in a trace.
    #[serde(deserialize_with = "stated")]
    pub at_ms: Option<f64>,
}

/// When calls are sent.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Arrivals {
    /// Each connection makes one call after the other.
    Closed {
        /// How many.
        connections: usize,
    },
    /// Evenly spaced.
    Constant {
        /// The rate.
        per_second: f64,
    },
    /// Independent of each other, as those of many callers are.
    Poisson {
        /// The mean rate.
        per_second: f64,
    },
    /// A rate that changes evenly over the duration; the warm-up has the first rate.
    Ramp {
        /// At the start.
        from_per_second: f64,
        /// At the end.
        to_per_second: f64,
    },
    /// Each call at its `at_ms`, counted from the start of the warm-up.
    Trace {
        /// 2.0 replays twice as fast.
        speed: f64,
    },
    /// Callers that read an answer before they ask again; each has a connection of its own.
    Users {
        /// How many.
        users: usize,
        /// Mean of the exponential time between an answer and the next call.
        think_ms: f64,
    },
}

/// What a good answer is, beside being whole, framed as it should be, and of the right kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The status; `None`: any 2xx.
    #[serde(deserialize_with = "stated")]
    pub status: Option<u16>,
    /// The exact body, or event stream; the digits of stamps may differ.
    #[serde(deserialize_with = "stated")]
    pub body: Option<String>,
    /// The text that the answer carries.
    #[serde(deserialize_with = "stated")]
    pub text: Option<String>,
    /// Events with data, the final `[DONE]` not counted.
    #[serde(deserialize_with = "stated")]
    pub frames: Option<u64>,
    /// The sum that the answer's usage states.
    #[serde(deserialize_with = "stated")]
    pub total_tokens: Option<u64>,
}

/// An option that has to be there, if only as `null`.
fn stated<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(value)
}

/// The finest series, in steps: each is kept until the end.
const MAX_STEPS: u64 = 100_000;
/// Connections or users that are taken for a slip of the pen beyond this.
const MAX_PLACES: usize = 1_000_000;
/// The highest rate, per second. Beyond it two calls fall into one 100 ns.
const MAX_RATE: f64 = 10_000_000.0;
/// The longest load, warm-up included: a week.
const MAX_MS: u64 = 7 * 24 * 3600 * 1000;

impl Spec {
    /// Reads a spec from JSON. Errors: `Spec`, with the place.
    pub fn read(json: &[u8]) -> Result<Self, StartError> {
        serde_json::from_slice(json).map_err(|error| StartError::Spec(format!("load spec: {error}")))
    }

    /// How many connections it may hold open, over all threads.
    pub(crate) const fn places(&self) -> usize {
        match self.arrivals {
            Arrivals::Closed { connections } => connections,
            Arrivals::Users { users, .. } => users,
            _ => self.max_connections,
        }
    }

    /// Whether the values hold together; the sentence names the field that does not.
    pub(crate) fn check(&self) -> Result<(), String> {
        let total = self.duration_ms.saturating_add(self.warmup_ms);
        let steps = self.duration_ms.saturating_add(self.timeout_ms).checked_div(self.series_ms);
        let bounds = [
            (self.duration_ms >= 1, "duration_ms: 1 or more is expected"),
            (total <= MAX_MS, "duration_ms: more than a week"),
            ((1..=MAX_MS).contains(&self.timeout_ms), "timeout_ms: 1 or more is expected, and at most a week"),
            ((1..=64).contains(&self.threads), "threads: 1 to 64 are expected"),
            ((1..=MAX_PLACES).contains(&self.max_connections), "max_connections: 1 to 1000000 are expected"),
            (self.max_connections >= self.threads, "max_connections: each of the threads needs one"),
            (steps.is_some_and(|steps| steps <= MAX_STEPS), "series_ms: it gives more than 100000 steps, or is 0"),
        ];
        bounds.iter().find(|(fine, _)| !fine).map_or(Ok(()), |(_, problem)| Err((*problem).to_owned()))?;
        self.check_arrivals()?;
        self.check_calls()
    }

    fn check_arrivals(&self) -> Result<(), String> {
        let rate = |name: &str, value: f64| match value {
            value if (0.0..=MAX_RATE).contains(&value) => Ok(()),
            _ => Err(format!("arrivals.{name}: {value} is not a rate of up to {MAX_RATE} per second")),
        };
        let some = |name: &str, most: f64| match most {
            most if most > 0.0 => Ok(()),
            _ => Err(format!("arrivals.{name}: a rate above 0 is expected")),
        };
        let places = |name: &str, value: usize| match value {
            1..=MAX_PLACES => Ok(()),
            _ => Err(format!("arrivals.{name}: 1 to {MAX_PLACES} are expected")),
        };
        match self.arrivals {
            Arrivals::Closed { connections } => places("connections", connections),
            Arrivals::Constant { per_second } | Arrivals::Poisson { per_second } => {
                rate("per_second", per_second)?;
                some("per_second", per_second)
            }
            Arrivals::Ramp { from_per_second, to_per_second } => {
                rate("from_per_second", from_per_second)?;
                rate("to_per_second", to_per_second)?;
                some("to_per_second", from_per_second.max(to_per_second))
            }
            Arrivals::Trace { speed } if speed > 0.0 && speed.is_finite() => Ok(()),
            Arrivals::Trace { speed } => Err(format!("arrivals.speed: {speed} is not above 0")),
            Arrivals::Users { users, think_ms } if (0.0..=86_400_000.0).contains(&think_ms) => places("users", users),
            Arrivals::Users { think_ms, .. } => {
                Err(format!("arrivals.think_ms: {think_ms} is not within 0..=86400000"))
            }
        }
    }

    fn check_calls(&self) -> Result<(), String> {
        let is_trace = matches!(self.arrivals, Arrivals::Trace { .. });
        match &self.calls {
            Calls::Each { calls } if calls.is_empty() => Err("calls.calls: there is none".to_owned()),
            Calls::Each { calls } if is_trace => {
                let fine = |call: &Call| call.at_ms.is_some_and(|at| (0.0..=1e12).contains(&at));
                let odd = calls.iter().position(|call| !fine(call));
                odd.map_or(Ok(()), |odd| Err(format!("calls.calls.{odd}.at_ms: a trace needs a time of 0 or more")))
            }
            _ if is_trace => Err("arrivals: a trace needs calls of the kind `each`".to_owned()),
            Calls::Conversation { path, .. } if !path.ends_with("/chat/completions") => {
                Err(format!("calls.path: {path:?}: a conversation is held at a path that ends with /chat/completions"))
            }
            Calls::Conversation { turns: 0, .. } => Err("calls.turns: 1 or more is expected".to_owned()),
            _ => Ok(()),
        }
    }
}
