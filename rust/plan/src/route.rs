//! From the name of a model to the ordered candidates that this caller may use.

use crate::document::{Alias, Key, Plan, Share, Step, Timeouts};
use fault::{Fault, Kind};
use std::borrow::Cow;

/// What a caller may ask for.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// Every alias and every model.
    Everything,
    /// These aliases (indices) alone.
    Aliases(&'a [usize]),
}

impl<'a> Scope<'a> {
    /// What a key may ask for.
    pub fn of(key: &'a Key) -> Self {
        key.aliases.as_deref().map_or(Self::Everything, Scope::Aliases)
    }

    fn holds(self, alias: usize) -> bool {
        match self {
            Self::Everything => true,
            Self::Aliases(list) => list.contains(&alias),
        }
    }
}

/// What a call is counted under: one of a closed set that the plan fixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label {
    /// An alias, by index.
    Alias(usize),
    /// A model named outright, at the provider with this index.
    Direct(usize),
}

/// Where a call may go.
#[derive(Debug, Clone, Copy)]
pub struct Route<'a> {
    plan: &'a Plan,
    way: Way<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Way<'a> {
    Alias { index: usize, alias: &'a Alias, star: &'a str },
    Direct { provider: usize, model: &'a str },
}

/// One place where a call may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// An index into the plan's providers.
    pub provider: usize,
    /// An index into the plan's deployments; none for a model that was named outright.
    pub deployment: Option<usize>,
    /// The provider's name of the model.
    pub model: Cow<'a, str>,
    /// Which step of the chain this is, from 0.
    pub step: usize,
}

impl Plan {
    /// Finds where a call for `model` may go: an alias by name, an alias by pattern, `provider/NAME`, or a `NAME` that
    /// one provider alone is known for, in this order.
    ///
    /// Fails with [`Kind::ModelUnknown`], naming what is near; what the caller may not use is as unknown as the rest.
    pub fn route<'a>(&'a self, model: &'a str, scope: Scope<'_>) -> Result<Route<'a>, Fault> {
        self.alias(model, scope)
            .or_else(|| self.direct(model, scope))
            .map(|way| Route { plan: self, way })
            .ok_or_else(|| self.unknown(model, scope))
    }

    fn alias<'a>(&'a self, model: &'a str, scope: Scope<'_>) -> Option<Way<'a>> {
        self.aliases
            .iter()
            .enumerate()
            .filter(|(index, _)| scope.holds(*index))
            .find_map(|(index, alias)| star(&alias.name, model).map(|star| Way::Alias { index, alias, star }))
    }

    fn direct<'a>(&'a self, model: &'a str, scope: Scope<'_>) -> Option<Way<'a>> {
        let Scope::Everything = scope else { return None };
        let named = model.split_once('/').filter(|(_, name)| !name.is_empty()).and_then(|(provider, name)| {
            let provider = self.providers.iter().position(|candidate| candidate.id == provider)?;
            Some(Way::Direct { provider, model: name })
        });
        named.or_else(|| {
            let known = self.models.binary_search_by(|known| known.name.as_str().cmp(model)).ok()?;
            Some(Way::Direct { provider: self.models.get(known)?.provider, model })
        })
    }

    fn unknown(&self, model: &str, scope: Scope<'_>) -> Fault {
        let mut near: Vec<_> = self
            .names(scope)
            .map(|name| (strsim::damerau_levenshtein(model, name), name))
            .filter(|(distance, name)| *distance <= 2.max(name.len() / 3))
            .collect();
        near.sort_unstable();
        near.dedup();
        let shown: String = model.chars().take(100).filter(|c| !c.is_control()).collect();
        let hint = match near.as_slice() {
            [] => "GET /v1/models lists what this key may use".to_owned(),
            near => {
                let names: Vec<_> = near.iter().take(3).map(|(_, name)| format!("`{name}`")).collect();
                format!("did you mean {}?", names.join(" or "))
            }
        };
        Fault::new(Kind::ModelUnknown, format!("There is no model `{shown}` here; {hint}")).at("model")
    }

    /// The names that a caller may ask for: aliases (patterns as written), then known models. Not sorted.
    pub fn names<'a>(&'a self, scope: Scope<'a>) -> impl Iterator<Item = &'a str> {
        let aliases = self
            .aliases
            .iter()
            .enumerate()
            .filter(move |(index, _)| scope.holds(*index))
            .map(|(_, alias)| &*alias.name);
        let models = self.models.iter().filter(move |_| matches!(scope, Scope::Everything)).map(|known| &*known.name);
        aliases.chain(models)
    }
}

impl<'a> Route<'a> {
    /// What the call is counted under.
    pub fn label(&self) -> Label {
        match self.way {
            Way::Alias { index, .. } => Label::Alias(index),
            Way::Direct { provider, .. } => Label::Direct(provider),
        }
    }

    /// The timeouts of the call.
    pub fn timeouts(&self) -> &'a Timeouts {
        match self.way {
            Way::Alias { alias, .. } => &alias.timeouts,
            Way::Direct { .. } => &self.plan.timeouts,
        }
    }

    /// The candidates in the order in which they are tried. Within a step the first is drawn by weight, and so on
    /// without replacement; `draw(n)` yields a number below `n` (n >= 1), uniformly.
    pub fn candidates<D: FnMut(u64) -> u64>(&self, draw: D) -> Candidates<'a, D> {
        Candidates { route: *self, draw, step: 0, taken: 0 }
    }

    /// The steps of the chain; empty for a model named outright.
    pub fn chain(&self) -> &'a [Step] {
        match self.way {
            Way::Alias { alias, .. } => &alias.chain,
            Way::Direct { .. } => &[],
        }
    }

    /// The candidate that a share of step `step` stands for.
    pub fn candidate(&self, step: usize, share: Share) -> Option<Candidate<'a>> {
        let Way::Alias { star, .. } = self.way else { return None };
        let deployment = self.plan.deployments.get(share.deployment)?;
        let model = if deployment.model.contains("{1}") {
            Cow::Owned(deployment.model.replace("{1}", star))
        } else {
            Cow::Borrowed(&*deployment.model)
        };
        Some(Candidate { provider: deployment.provider, deployment: Some(share.deployment), model, step })
    }
}

/// See [`Route::candidates`]. Draws as it goes, so that a call whose first candidate answers pays for one draw at most.
#[derive(Debug)]
pub struct Candidates<'a, D> {
    route: Route<'a>,
    draw: D,
    step: usize,
    /// One bit for each share of this step that was drawn; a step has at most 64.
    taken: u64,
}

impl<'a, D: FnMut(u64) -> u64> Iterator for Candidates<'a, D> {
    type Item = Candidate<'a>;

    fn next(&mut self) -> Option<Candidate<'a>> {
        if let Way::Direct { provider, model } = self.route.way {
            let first = self.step == 0;
            self.step = 1;
            return first.then_some(Candidate { provider, deployment: None, model: Cow::Borrowed(model), step: 0 });
        }
        loop {
            let step = self.route.chain().get(self.step)?;
            if let Some(winner) = self.draw_share(step) {
                self.taken |= 1 << winner;
                return self.route.candidate(self.step, *step.shares.get(winner)?);
            }
            self.step += 1;
            self.taken = 0;
        }
    }
}

impl<D: FnMut(u64) -> u64> Candidates<'_, D> {
    /// Draws among the shares that are left in a step.
    fn draw_share(&mut self, step: &Step) -> Option<usize> {
        let left = |index: usize| self.taken & (1 << index) == 0;
        let total: u64 =
            step.shares.iter().enumerate().filter(|(i, _)| left(*i)).map(|(_, s)| u64::from(s.weight)).sum();
        let mut rest = step.shares.iter().enumerate().filter(|(i, _)| left(*i));
        if total == 0 {
            return None;
        }
        let alone = step.shares.len() - self.taken.count_ones() as usize == 1;
        let mut ticket = if alone { 0 } else { (self.draw)(total) };
        rest.find_map(|(index, share)| {
            let weight = u64::from(share.weight);
            if ticket < weight {
                return Some(index);
            }
            ticket -= weight;
            None
        })
    }
}

/// What the star of `pattern` stands for in `name` (empty where there is no star), if they match.
fn star<'a>(pattern: &str, name: &'a str) -> Option<&'a str> {
    match pattern.split_once('*') {
        None => (pattern == name).then_some(""),
        Some((before, after)) => name.strip_prefix(before)?.strip_suffix(after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::*;
    use std::collections::BTreeMap;

    fn plan() -> Plan {
        let timeouts =
            Timeouts { connect_ms: 1, first_token_ms: 1, idle_ms: 1, attempt_ms: 1, total_ms: 1, stream_total_ms: 1 };
        let provider = |id: &str| Provider {
            id: id.to_owned(),
            dialect: "openai".to_owned(),
            endpoints: vec![Endpoint {
                id: format!("{id}@http://127.0.0.1:1/v1"),
                scheme: Scheme::Http,
                host: "127.0.0.1".to_owned(),
                port: 1,
                base_path: "/v1".to_owned(),
                named: true,
            }],
            credentials: vec![],
            auth: Auth { header: "authorization".to_owned(), prefix: "Bearer ".to_owned() },
            headers: BTreeMap::new(),
            http: HttpVersions::Auto,
        };
        let deployment = |id: &str, provider, model: &str| Deployment {
            id: id.to_owned(),
            provider,
            model: model.to_owned(),
            context_tokens: None,
        };
        let step = |shares: &[(usize, u32)], when| Step {
            shares: shares
                .iter()
                .map(|(deployment, weight)| Share { deployment: *deployment, weight: *weight })
                .collect(),
            balance: Balance::Weighted,
            when,
        };
        let alias = |name: &str, chain| Alias { name: name.to_owned(), chain, timeouts };
        Plan {
            format: 1,
            hash: String::new(),
            listen: Listen {
                data: Address::Tcp(([127, 0, 0, 1], 0).into()),
                ops: Address::Tcp(([127, 0, 0, 1], 0).into()),
                tls: None,
            },
            callers: Callers::Loopback,
            http: HttpLimits {
                max_body_bytes: 1,
                max_upload_bytes: 1,
                max_head_bytes: 1024,
                max_connections: 1,
                idle_ms: 1,
                read_gap_ms: 1,
                origins: vec![],
            },
            workers: Workers::Auto,
            drain: Drain { accept_for_ms: 0, grace_ms: 0 },
            egress: Egress { proxy: Proxy::Off, roots: Roots { system: false, bundled: true, files: vec![] } },
            log: Log { level: Level::Info, calls: CallLog::Off },
            providers: vec![provider("openai"), provider("house")],
            deployments: vec![
                deployment("gpt", 0, "gpt-5.2"),
                deployment("small", 1, "llama"),
                deployment("any", 1, "llama-{1}"),
            ],
            aliases: vec![
                alias("smart", vec![step(&[(0, 3), (1, 1)], vec![]), step(&[(2, 1)], vec![Condition::Unavailable])]),
                alias("fast-*", vec![step(&[(2, 1)], vec![])]),
            ],
            models: vec![KnownModel { name: "gpt-5.2".to_owned(), provider: 0 }],
            keys: vec![],
            passthrough: None,
            timeouts,
        }
    }

    fn models<'a>(plan: &'a Plan, model: &'a str, draw: impl FnMut(u64) -> u64) -> Vec<String> {
        let route = plan.route(model, Scope::Everything).expect("known");
        route.candidates(draw).map(|candidate| candidate.model.into_owned()).collect()
    }

    #[test]
    fn a_step_is_drawn_by_weight_and_the_rest_follows() {
        let plan = plan();
        assert_eq!(
            models(&plan, "smart", |n| {
                assert_eq!(n, 4);
                2
            }),
            ["gpt-5.2", "llama", "llama-"]
        );
        assert_eq!(models(&plan, "smart", |_| 3), ["llama", "gpt-5.2", "llama-"]);
    }

    #[test]
    fn a_star_stands_for_the_rest_of_the_name() {
        assert_eq!(models(&plan(), "fast-8b", |_| 0), ["llama-8b"]);
    }

    #[test]
    fn a_model_may_be_named_outright() {
        let plan = plan();
        assert_eq!(models(&plan, "house/x/y", |_| 0), ["x/y"]);
        assert_eq!(plan.route("house/x", Scope::Everything).expect("known").label(), Label::Direct(1));
        assert_eq!(plan.route("gpt-5.2", Scope::Everything).expect("known").label(), Label::Direct(0));
    }

    #[test]
    fn a_narrow_scope_hides_the_rest() {
        let plan = plan();
        for hidden in ["smart", "gpt-5.2", "openai/gpt-5.2"] {
            let fault = plan.route(hidden, Scope::Aliases(&[1])).expect_err("hidden");
            assert_eq!(fault.kind(), Kind::ModelUnknown);
            assert!(!fault.message().contains("smart`?"), "{fault}");
        }
        assert!(plan.route("fast-1", Scope::Aliases(&[1])).is_ok());
    }

    #[test]
    fn the_nearest_name_is_offered() {
        let plan = plan();
        let fault = plan.route("smrat", Scope::Everything).expect_err("unknown");
        assert!(fault.message().contains("did you mean `smart`?"), "{fault}");
    }

    /// The plan as a document whose hash fits.
    fn sealed(plan: &Plan) -> Vec<u8> {
        let unsealed = serde_json::to_vec(plan).expect("writable");
        let refused = Plan::read(&unsealed).expect_err("the hash does not fit").to_string();
        let hash = refused.split("its content has ").nth(1).and_then(|rest| rest.get(..64)).expect("named").to_owned();
        serde_json::to_vec(&Plan { hash, ..plan.clone() }).expect("writable")
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
}
