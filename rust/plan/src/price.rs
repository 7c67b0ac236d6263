//! What calls cost: integers of billionths of a dollar from end to end, rounded up once for each attempt.

use crate::document::Plan;
use protocol::openai::usage::{Class, ServiceTier, Usage};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const MILLION: u64 = 1_000_000;
const HOUR_MS: u128 = 3_600_000;
const DAY_S: u64 = 86_400;

/// What a model costs, by the service tier that serves a call. Of periods the last that holds counts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Of calls that say nothing of a tier, and of tiers that have no price; at least one.
    pub usual: Vec<Period>,
    /// Of service tiers, by the word that answers have for them.
    pub service_tiers: BTreeMap<String, Vec<Period>>,
}

/// A price and when it holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// From when on, in seconds since 1970.
    pub from_unix_s: u64,
    /// At which time of each day; `null`: all day.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says none
    pub daily: Option<Daily>,
    /// What tokens cost, by the length of the prompt, ascending and the first above 0; none where that is not known.
    pub tiers: Vec<Tier>,
    /// What an hour of sound costs that is billed by its length, in billionths of a US dollar.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says none
    pub audio_hour_nano_usd: Option<u64>,
    /// What each call costs besides, in billionths of a US dollar.
    pub call_nano_usd: u64,
}

/// A time of each day, in seconds after midnight, UTC. One that ends before it begins goes past midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Daily {
    /// From then on.
    pub from_s: u64,
    /// Up to then, not included.
    pub until_s: u64,
}

/// What tokens cost in calls whose prompt has more than so many; all of their tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Tokens of the prompt, those from a cache included.
    pub above_tokens: u64,
    /// What a million tokens cost.
    pub nano_usd_per_million: Rates,
}

/// What a million tokens of each class cost, in billionths of a US dollar; see [`Class`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// [`Class::Input`].
    pub input: u64,
    /// [`Class::CacheRead`].
    pub cache_read: u64,
    /// [`Class::CacheWrite`].
    pub cache_write: u64,
    /// [`Class::InputAudio`].
    pub input_audio: u64,
    /// [`Class::InputImage`].
    pub input_image: u64,
    /// [`Class::Output`].
    pub output: u64,
    /// [`Class::Reasoning`].
    pub reasoning: u64,
    /// [`Class::OutputAudio`].
    pub output_audio: u64,
    /// [`Class::OutputImage`].
    pub output_image: u64,
}

impl Rates {
    /// In the order of [`Class::ALL`].
    pub const fn by_class(&self) -> [u64; Class::ALL.len()] {
        let Self { input, cache_read, cache_write, input_audio, input_image, .. } = *self;
        let Self { output, reasoning, output_audio, output_image, .. } = *self;
        [input, cache_read, cache_write, input_audio, input_image, output, reasoning, output_audio, output_image]
    }
}

impl Price {
    /// The price of a service tier that is in force; none where that is not known. `now`: the seconds since 1970, asked for
    /// where the price depends on them.
    pub fn at(&self, tier: Option<ServiceTier>, now: impl Fn() -> u64) -> Option<&Period> {
        let of_tier = tier.and_then(|tier| last(self.service_tiers.get(tier.name())?, &now));
        of_tier.or_else(|| last(&self.usual, &now))
    }

    /// The most that so much costs at a moment, whatever service tier serves it (`any_tier`) or by the usual price; none
    /// where something of it has no price.
    pub fn most_at(&self, any_tier: bool, usage: &Usage, now: impl Fn() -> u64) -> Option<u64> {
        let tiers = self.service_tiers.values().filter(|_| any_tier).filter_map(|periods| last(periods, &now));
        let usual = last(&self.usual, &now)?.nano_usd(usage);
        tiers.map(|period| period.nano_usd(usage)).chain([usual]).max().flatten()
    }

    /// What a million tokens of prompt and a million of answer cost together in a short call, when the plan was made; the
    /// most there is where that is not known.
    pub fn nano_usd_per_million(&self) -> u64 {
        let rates = self.usual.first().and_then(|period| period.tiers.first()).map(|tier| tier.nano_usd_per_million);
        rates.map_or(u64::MAX, |rates| rates.input.saturating_add(rates.output))
    }
}

fn last(periods: &[Period], now: impl Fn() -> u64) -> Option<&Period> {
    match periods {
        [only] if only.from_unix_s == 0 && only.daily.is_none() => Some(only), // nearly all
        _ => {
            let unix_s = now();
            periods.iter().rev().find(|period| period.holds(unix_s))
        }
    }
}

impl Period {
    fn holds(&self, unix_s: u64) -> bool {
        let time_s = unix_s % DAY_S;
        let is_time = self.daily.is_none_or(|Daily { from_s, until_s }| {
            let is_within = (from_s..until_s).contains(&time_s);
            if from_s <= until_s { is_within } else { time_s >= from_s || time_s < until_s }
        });
        is_time && unix_s >= self.from_unix_s
    }

    /// The rates for a call with so long a prompt; none where tokens have no price.
    pub fn rates(&self, input_tokens: u64) -> Option<&Rates> {
        let above = |tier: &&Tier| tier.above_tokens == 0 || input_tokens > tier.above_tokens;
        self.tiers.iter().rev().find(above).map(|tier| &tier.nano_usd_per_million)
    }

    /// What so much costs, in billionths of a US dollar, rounded up once; none where something of it has no price.
    pub fn nano_usd(&self, usage: &Usage) -> Option<u64> {
        let mut millionths = 0;
        if usage.total() > 0 {
            let rates = self.rates(usage.input)?.by_class();
            let used = usage.by_class().into_iter().zip(rates).filter(|(tokens, _)| *tokens > 0);
            millionths += used.map(|(tokens, rate)| u128::from(tokens) * u128::from(rate)).sum::<u128>();
        }
        if usage.audio_ms > 0 {
            let hours = u128::from(usage.audio_ms) * u128::from(self.audio_hour_nano_usd?) * u128::from(MILLION);
            millionths += hours.div_ceil(HOUR_MS);
        }
        // Nearly always it fits, and is divided in one step.
        let nano_usd = u64::try_from(millionths).map_or_else(
            |_| u64::try_from(millionths.div_ceil(u128::from(MILLION))).unwrap_or(u64::MAX),
            |millionths| millionths.div_ceil(MILLION),
        );
        Some(nano_usd.saturating_add(self.call_nano_usd))
    }
}

impl Plan {
    /// What a model costs: that of its deployment (an index), or what the provider (an index) takes for one of that name.
    pub fn price(&self, provider: usize, deployment: Option<usize>, model: &str) -> Option<&Price> {
        self.prices.get(self.price_index(provider, deployment, model)?)
    }

    /// The same, as an index into the plan's prices.
    pub fn price_index(&self, provider: usize, deployment: Option<usize>, model: &str) -> Option<usize> {
        let of_deployment = deployment.and_then(|deployment| self.deployments.get(deployment)?.price);
        of_deployment.or_else(|| {
            let provider = self.providers.get(provider)?;
            provider.prices.get(model).copied().or(provider.price)
        })
    }
}

#[cfg(test)]
mod tests;
