//! A call of the past of which the end has not been read yet.

use admission::{Meets, Names, Used};
use journal::{Opened, Sent, Settled, Source};
use serde::{Deserialize, Serialize};

/// What is known of a call that was opened and is not closed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenCall {
    /// Its id, in hex.
    #[serde(with = "hex")]
    pub(super) call: u128,
    /// When it was let in, in nanoseconds since 1970.
    pub(super) opened_ns: u64,
    source: Got,
    who: Who,
    pub(super) attempts: Vec<OpenAttempt>,
    /// The limits of whoever made it.
    #[serde(skip)]
    pub(super) meets: Meets,
}

/// Where its answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Got {
    Own,
    Shared,
    Resumed,
}

/// Who made it, by the names that stand in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    alias: Box<str>,
    model: Box<str>,
    key: Box<str>,
    team: Box<str>,
    user: Box<str>,
    agent: Box<str>,
    session: Box<str>,
    task: Box<str>,
    tags: Vec<Box<str>>,
}

/// One of its attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenAttempt {
    pub(super) number: u16,
    pub(super) sent_ns: u64,
    pub(super) provider: Box<str>,
    /// None of a model that no deployment names.
    pub(super) deployment: Option<Box<str>>,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) reserved_nano_usd: Option<u64>,
    /// Tokens and money, once it is settled.
    pub(super) charged: Option<(u64, Option<u64>)>,
}

impl OpenCall {
    pub(super) fn new(opened: &Opened<'_>) -> Self {
        // What is named outright has a `*` where aliases have their name; of an alias with one, the plan knows the rest.
        let is_pattern = opened.alias.contains('*');
        let model = if opened.model.is_empty() && !is_pattern { opened.alias } else { opened.model };
        let tag =
            |(name, value): (&str, &str)| if value.is_empty() { name.into() } else { format!("{name}={value}").into() };
        Self {
            call: opened.call,
            opened_ns: opened.at_ns,
            source: match opened.source {
                Source::Own => Got::Own,
                Source::Shared => Got::Shared,
                Source::Resumed => Got::Resumed,
            },
            who: Who {
                alias: opened.alias.into(),
                model: model.into(),
                key: opened.key.into(),
                team: opened.team.into(),
                user: opened.user.into(),
                agent: opened.agent.into(),
                session: opened.session.into(),
                task: opened.task.into(),
                tags: opened.tags.iter().map(tag).collect(),
            },
            attempts: Vec::new(),
            meets: Meets::new(),
        }
    }

    pub(super) fn sends(&mut self, sent: &Sent<'_>) {
        self.attempts.push(OpenAttempt {
            number: sent.attempt,
            sent_ns: sent.at_ns,
            provider: sent.provider.into(),
            deployment: (sent.deployment != "*").then(|| sent.deployment.into()),
            input_tokens: sent.input_tokens,
            output_tokens: sent.output_tokens,
            reserved_nano_usd: sent.reserved_nano_usd,
            charged: None,
        });
    }

    /// The attempt that is settled by this, if it was not before; and what it used.
    pub(super) fn settles(&mut self, settled: &Settled<'_>) -> Option<(&OpenAttempt, Used)> {
        let is_it = |attempt: &&mut OpenAttempt| attempt.number == settled.attempt && attempt.charged.is_none();
        let attempt = self.attempts.iter_mut().find(is_it)?;
        // All classes but the last, which is sound by its length.
        let [tokens @ .., _] = settled.used.0;
        let tokens = tokens.iter().fold(0_u64, |sum, tokens| sum.saturating_add(*tokens));
        attempt.charged = Some((tokens, settled.nano_usd));
        Some((attempt, Used { tokens, nano_usd: settled.nano_usd }))
    }

    /// What all attempts used; none of a call that has left no trace: it made none, and got nothing of another.
    pub(super) fn used(&self) -> Option<Used> {
        if self.attempts.is_empty() && self.source != Got::Shared {
            return None;
        }
        let charged = self.attempts.iter().filter_map(|attempt| attempt.charged);
        let charged = charged.map(|(tokens, nano_usd)| Used { tokens, nano_usd });
        Some(charged.fold(Used::default(), Used::and))
    }

    pub(super) fn names(&self) -> Names<'_> {
        let Who { alias, model, key, team, user, agent, session, task, tags } = &self.who;
        Names { key, team, alias, model, user, agent, session, task, tags }
    }
}

/// An id as text: JSON has no numbers as long.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(call: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{call:032x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}
