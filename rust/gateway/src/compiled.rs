//! A plan made ready to serve: secrets resolved, keys digested, header lines written out. Immutable; swapped whole.

use crate::secrets::{Secret, Secrets};
use crate::start_error::StartError;
use admission::{Accounts, Admission, Digests, Limits, Origins};
use plan::Plan;
use std::sync::Arc;
use upstream::{Egress, ProviderLines};

/// What all workers serve by.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) plan: Plan,
    pub(crate) admission: Admission,
    pub(crate) egress: Arc<Egress>,
    /// Of each provider and endpoint, what calls carry.
    pub(crate) providers: Vec<Vec<ProviderLines>>,
    /// The names of keys that could be guessed.
    pub(crate) weak_keys: Vec<String>,
    /// What is limited, with what was used of it.
    pub(crate) limits: Arc<Limits>,
    /// Whether bodies are read for who is behind them.
    pub(crate) wants_user: bool,
    /// Whether any stream can be taken up again.
    pub(crate) resumes: bool,
}

impl Compiled {
    /// Makes a plan ready. `before` is what was in force until now: what did not change is kept.
    ///
    /// Fails when a secret or a trust root cannot be read, naming each.
    pub(crate) fn new(plan: Plan, before: Option<&Self>) -> Result<Self, StartError> {
        let secrets = Secrets::resolve(&plan).map_err(|findings| {
            let lines: Vec<_> = findings
                .into_iter()
                .map(|finding| format!("{}: {}", finding.place, finding.problem.unwrap_or_default()))
                .collect();
            StartError::plan(lines.join("\n"))
        })?;
        let egress = match before.filter(|before| before.plan.egress == plan.egress) {
            Some(before) => Arc::clone(&before.egress),
            None => Arc::new(Egress::new(&plan.egress).map_err(|e| StartError::plan(format!("egress: {e}")))?),
        };
        let seed = match &secrets.pepper {
            Some(pepper) => admission::seed(pepper.bytes()),
            None => random_seed()?,
        };
        let digests = Digests::new(seed, secrets.known());
        let admission = Admission::new(plan.callers, digests, Origins::new(plan.http.origins.clone()));
        let providers = plan
            .providers
            .iter()
            .zip(&secrets.credentials)
            .map(|(provider, credentials)| {
                let of = |endpoint| ProviderLines::new(provider, endpoint, credentials.iter().map(Secret::bytes));
                provider.endpoints.iter().map(of).collect::<Result<_, _>>()
            })
            .collect::<Result<_, _>>()
            .map_err(StartError::plan)?;
        let weak = plan.keys.iter().zip(secrets.weak()).filter(|(_, is_weak)| *is_weak);
        let weak_keys = weak.map(|(key, _)| key.name.clone()).collect();
        let guards = plan.aliases.iter().map(|alias| &alias.resilience);
        let resumes = guards.chain([&plan.resilience]).any(|guard| guard.resume_bytes.is_some());
        let accounts = before.map_or_else(Arc::<Accounts>::default, |before| Arc::clone(before.limits.accounts()));
        let limits = Arc::new(Limits::new(&plan, accounts).map_err(StartError::plan)?);
        let wants_user = admission::looks_at_body(&plan.identity);
        Ok(Self { plan, admission, egress, providers, weak_keys, limits, wants_user, resumes })
    }
}

fn random_seed() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|e| StartError { code: 1, message: format!("the system has no random numbers: {e}") })?;
    Ok(seed)
}
