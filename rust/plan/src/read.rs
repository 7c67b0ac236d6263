//! Reading a plan: form, hash, references.

use crate::document::{Plan, Scheme, SecretRef, Step};
use crate::limits::WhenSpent;
use crate::ranges;
use sha2::Digest;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// The version of the plan document that this build reads.
pub const FORMAT: u32 = 1;

/// Why a plan was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

/// SHA-256, in lower-case hex, of the canonical JSON (keys sorted, no blanks) without the field `hash`.
fn hash(json: &[u8]) -> serde_json::Result<String> {
    use std::fmt::Write;
    let mut document: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(json)?;
    document.remove("hash");
    let digest = sha2::Sha256::digest(serde_json::to_vec(&document)?);
    Ok(digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

/// A day in seconds.
const DAY_S: u64 = 86_400;

impl Plan {
    /// Reads a plan document, UTF-8 JSON.
    ///
    /// Refuses another format (naming both), a hash that does not fit, a missing or unknown field, a reference or a
    /// number out of range, and a fallback that no condition leads to.
    pub fn read(json: &[u8]) -> Result<Self, Unreadable> {
        #[derive(serde::Deserialize)]
        struct Form {
            format: u32,
        }
        let form: Form = serde_json::from_slice(json).map_err(|e| Unreadable(format!("not a plan: {e}")))?;
        if form.format != FORMAT {
            return Err(Unreadable(format!(
                "plan format {} but this build reads format {FORMAT}: compile the policy again with the same version of headgate",
                form.format
            )));
        }
        let plan: Self = serde_json::from_slice(json).map_err(|e| Unreadable(format!("plan: {e}")))?;
        let found = hash(json).map_err(|e| Unreadable(format!("plan: {e}")))?;
        if plan.hash != found {
            return Err(Unreadable(format!(
                "plan: its hash says {} but its content has {found}: it was changed after it was compiled; change the policy and compile it again",
                plan.hash
            )));
        }
        plan.check()?;
        ranges::check(&plan).map_err(|what| Unreadable(format!("plan: {what}")))?;
        Ok(plan)
    }

    /// What is written into header lines as it is: names of providers and deployments, hosts.
    fn written_in_heads(&self) -> impl Iterator<Item = &str> {
        let providers = self.providers.iter().map(|provider| &*provider.id);
        let deployments = self.deployments.iter().map(|deployment| &*deployment.id);
        let endpoints = self.providers.iter().flat_map(|provider| &provider.endpoints);
        providers.chain(deployments).chain(endpoints.filter(|at| at.scheme != Scheme::Unix).map(|at| &*at.host))
    }

    /// Checks every reference once, and every name that goes into a head.
    fn check(&self) -> Result<(), Unreadable> {
        let providers = self.providers.len();
        for name in self.written_in_heads() {
            if !name.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Unreadable(format!("plan: the name {name:?} cannot stand in a header: use visible ASCII")));
            }
        }
        for provider in &self.providers {
            within(&format!("provider {}: endpoints", provider.id), 0, provider.endpoints.len())?;
        }
        for deployment in &self.deployments {
            within(&format!("deployment {}", deployment.id), deployment.provider, providers)?;
        }
        self.check_prices()?;
        for alias in &self.aliases {
            within(&format!("alias {}: chain", alias.name), 0, alias.chain.len())?;
            for (number, step) in alias.chain.iter().enumerate() {
                check_step(&alias.name, number, step, self.deployments.len())?;
            }
        }
        for model in &self.models {
            within(&format!("model {}", model.name), model.provider, providers)?;
        }
        for key in &self.keys {
            for alias in key.aliases.iter().flatten() {
                within(&format!("key {}", key.name), *alias, self.aliases.len())?;
            }
        }
        self.check_digests()?;
        self.check_limits()?;
        self.passthrough.map_or(Ok(()), |provider| within("passthrough", provider, providers))
    }

    /// Checks that digests stand where they may, can be read, and have a pepper.
    fn check_digests(&self) -> Result<(), Unreadable> {
        let others = self.providers.iter().flat_map(|provider| &provider.credentials).chain(&self.pepper);
        if others.into_iter().any(|secret| matches!(secret, SecretRef::Digest(_))) {
            return Err(Unreadable("plan: a digest stands for a virtual key, and for nothing else".to_owned()));
        }
        for key in &self.keys {
            for (secret, _) in key.secrets() {
                let SecretRef::Digest(digest) = secret else { continue };
                if digest.bytes().is_none() {
                    return Err(Unreadable(format!("plan: key {}: a digest has 64 hex digits, lower case", key.name)));
                }
                if self.pepper.is_none() {
                    return Err(Unreadable(format!("plan: key {}: a digest needs a pepper", key.name)));
                }
            }
        }
        Ok(())
    }

    fn check_prices(&self) -> Result<(), Unreadable> {
        let prices = self.prices.len();
        for provider in &self.providers {
            for index in provider.prices.values().copied().chain(provider.price) {
                within(&format!("provider {}: a price", provider.id), index, prices)?;
            }
        }
        for deployment in &self.deployments {
            within(&format!("deployment {}: its price", deployment.id), deployment.price.unwrap_or(0), prices.max(1))?;
        }
        let periods =
            self.prices.iter().flat_map(|price| [&price.usual].into_iter().chain(price.service_tiers.values()));
        for period in periods.flatten() {
            let starts: Vec<_> = period.tiers.iter().map(|tier| tier.above_tokens).collect();
            let ascend = starts.first().is_none_or(|first| *first == 0) && starts.is_sorted_by(|a, b| a < b);
            let days = period.daily.is_none_or(|daily| daily.from_s <= DAY_S && daily.until_s <= DAY_S);
            if !ascend || !days {
                return Err(Unreadable(
                    "plan: a price whose tiers do not ascend from 0, or of no time of the day".to_owned(),
                ));
            }
        }
        Ok(())
    }

    /// Checks that each limit and each budget stands once, and that those that lead to an alias lead to one.
    fn check_limits(&self) -> Result<(), Unreadable> {
        let limits = self.limits.iter().map(|limit| (&*limit.id, limit.per, limit.value.as_deref()));
        let budgets = self.budgets.iter().map(|budget| (&*budget.id, budget.per, budget.value.as_deref()));
        let mut seen = HashMap::new();
        for (kind, (id, per, value)) in
            limits.map(|limit| ("limit", limit)).chain(budgets.map(|budget| ("budget", budget)))
        {
            let (first_kind, first_per, values) = seen.entry(id).or_insert_with(|| (kind, per, HashSet::new()));
            if (*first_kind, *first_per) != (kind, per) || !values.insert(value) {
                return Err(Unreadable(format!("plan: two limits or budgets are called {id}")));
            }
            if value.is_some() && per.is_none() {
                return Err(Unreadable(format!("plan: {kind} {id}: a value needs something that it is a value of")));
            }
        }
        for budget in &self.budgets {
            if let WhenSpent::Use(alias) = budget.when_spent {
                within(&format!("budget {}", budget.id), alias, self.aliases.len())?;
            }
        }
        Ok(())
    }
}

fn check_step(alias: &str, number: usize, step: &Step, deployments: usize) -> Result<(), Unreadable> {
    if (number == 0) != step.when.is_empty() {
        let which = if number == 0 { "but the first has one" } else { "and it has none" };
        return Err(Unreadable(format!("plan: alias {alias}: step {number}: a fallback has a `when`, {which}")));
    }
    within(&format!("alias {alias}: use"), 0, step.shares.len())?;
    within(&format!("alias {alias}: use: the last entry"), step.shares.len() - 1, 64)?;
    for share in &step.shares {
        within(&format!("alias {alias}"), share.deployment, deployments)?;
        within(&format!("alias {alias}: weight"), usize::from(share.weight == 0), 1)?;
    }
    Ok(())
}

fn within(what: &str, index: usize, len: usize) -> Result<(), Unreadable> {
    if index < len { Ok(()) } else { Err(Unreadable(format!("plan: {what} refers to number {index} of {len}"))) }
}

#[cfg(test)]
mod tests {
    use crate::document::{Deployment, Key, Plan, SecretRef};
    use crate::keys::{DigestOf, Former, KeyDigest};
    use crate::limits::{Budget, Limit, WhenSpent};
    use crate::resilience::{Hedge, HedgeAfter};
    use crate::sample::{budget, limit, plan, sealed};

    #[test]
    fn limits_and_budgets_read_back_and_those_that_cannot_be_told_apart_are_refused() {
        let refused = |limits: &[Limit], budgets: &[Budget]| {
            let plan = crate::Plan { limits: limits.to_vec(), budgets: budgets.to_vec(), ..plan() };
            Plan::read(&sealed(&plan)).map_err(|refused| refused.to_string())
        };
        let of_ann = Limit { value: Some("ann".to_owned()), ..limit() };
        let read = refused(&[limit(), of_ann.clone()], &[budget()]).expect("readable");
        assert_eq!((read.limits, read.budgets), (vec![limit(), of_ann.clone()], vec![budget()]));
        let named_alike = Budget { id: limit().id, ..budget() };
        for (limits, budgets, told) in [
            (vec![limit(), limit()], vec![], "are called user.requests_per_minute"),
            (vec![limit(), Limit { per: None, ..of_ann.clone() }], vec![], "are called user.requests_per_minute"),
            (vec![Limit { per: None, ..of_ann }], vec![], "a value needs something that it is a value of"),
            (vec![limit()], vec![named_alike], "are called user.requests_per_minute"),
            (vec![], vec![Budget { when_spent: WhenSpent::Use(2), ..budget() }], "usd_per_day refers to number 2 of 2"),
            (vec![], vec![Budget { warn_permille: vec![800, 500], ..budget() }], "warn_permille"),
        ] {
            let refused = refused(&limits, &budgets).expect_err("refused");
            assert!(refused.contains(told), "{refused}");
        }
    }

    #[test]
    fn a_plan_reads_back_and_one_that_was_changed_is_refused() {
        let plan = plan();
        let document = sealed(&plan);
        assert_eq!(Plan::read(&document).expect("readable").aliases, plan.aliases);
        let changed = String::from_utf8(document).expect("text").replace("llama", "lamma");
        let refused = Plan::read(changed.as_bytes()).expect_err("refused");
        assert!(refused.to_string().contains("changed after it was compiled"), "{refused}");
    }

    #[test]
    fn a_digest_stands_for_a_key_alone_and_needs_a_pepper() {
        let digest = |mac: &str| SecretRef::Digest(KeyDigest { of: DigestOf::Secret, mac: mac.to_owned() });
        let keyed = |secret, former, pepper| {
            let key = Key {
                name: "ci".to_owned(),
                secret,
                aliases: None,
                passthrough: false,
                team: None,
                user: None,
                tags: vec![],
                expires_unix_ms: None,
                former,
            };
            Plan { keys: vec![key], pepper, ..plan() }
        };
        let (env, good) = (SecretRef::Env("X".to_owned()), digest(&"0f".repeat(32)));
        let read = |plan: &Plan| Plan::read(&sealed(plan)).map(drop).map_err(|refused| refused.to_string());
        assert_eq!(read(&keyed(good.clone(), vec![], Some(env.clone()))), Ok(()));
        let former = vec![Former { secret: digest("0f"), until_unix_ms: 1 }];
        let mut shown = plan();
        shown.providers[0].credentials = vec![good.clone()];
        for (plan, told) in [
            (keyed(good.clone(), vec![], None), "key ci: a digest needs a pepper"),
            (keyed(env.clone(), former, Some(env)), "key ci: a digest has 64 hex digits"),
            (keyed(good.clone(), vec![], Some(good)), "a digest stands for a virtual key"),
            (shown, "a digest stands for a virtual key"),
        ] {
            let refused = read(&plan).expect_err("refused");
            assert!(refused.contains(told), "{refused}");
        }
    }

    #[test]
    fn a_hedge_reads_back() {
        let mut plan = plan();
        for after in [HedgeAfter::P95, HedgeAfter::Ms(250)] {
            plan.resilience.hedge = Some(Hedge { after, max_share_permille: 20, max_spend_permille: 10 });
            assert_eq!(Plan::read(&sealed(&plan)).expect("readable").resilience, plan.resilience);
        }
    }

    #[test]
    fn a_wrong_reference_and_another_format_are_refused() {
        let mut plan = plan();
        plan.deployments[0].provider = 7;
        let refused = Plan::read(&sealed(&plan)).expect_err("refused");
        assert!(refused.to_string().contains("deployment gpt refers to number 7 of 2"), "{refused}");
        plan.deployments[0] =
            Deployment { provider: 0, id: "a\r\nset-cookie: b".to_owned(), ..plan.deployments[0].clone() };
        assert!(Plan::read(&sealed(&plan)).expect_err("refused").to_string().contains("cannot stand in a header"));
        let other = br#"{"format": 2}"#;
        assert!(Plan::read(other).expect_err("refused").to_string().contains("format 2 but this build reads format 1"));
    }

    #[test]
    fn a_fallback_that_no_condition_leads_to_is_refused() {
        let mut plan = plan();
        plan.aliases[0].chain[1].when.clear();
        let refused = Plan::read(&sealed(&plan)).expect_err("refused").to_string();
        assert!(refused.contains("alias smart: step 1: a fallback has a `when`, and it has none"), "{refused}");
    }
}
