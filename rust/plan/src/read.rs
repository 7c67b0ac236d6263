//! Reading a plan: form, hash, references.

use crate::document::{Plan, Scheme};
use sha2::Digest;
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

impl Plan {
    /// Reads a plan document, UTF-8 JSON.
    ///
    /// Refuses another format (naming both), a hash that does not fit, a missing or unknown field, and a reference out
    /// of range.
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
        let within = |what: &str, index: usize, len: usize| {
            if index < len {
                Ok(())
            } else {
                Err(Unreadable(format!("plan: {what} refers to number {index} of {len}")))
            }
        };
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
        for alias in &self.aliases {
            within(&format!("alias {}: chain", alias.name), 0, alias.chain.len())?;
            for step in &alias.chain {
                within(&format!("alias {}: use", alias.name), 0, step.shares.len())?;
                within(&format!("alias {}: use: the last entry", alias.name), step.shares.len() - 1, 64)?;
                for share in &step.shares {
                    within(&format!("alias {}", alias.name), share.deployment, self.deployments.len())?;
                    within(&format!("alias {}: weight", alias.name), usize::from(share.weight == 0), 1)?;
                }
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
        self.passthrough.map_or(Ok(()), |provider| within("passthrough", provider, providers))
    }
}
