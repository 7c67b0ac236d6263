//! From the name of a model to the ordered candidates that this caller may use.

use crate::document::{Alias, Condition, Deployment, Key, Plan, Step};
use crate::needs::Needs;
use crate::price::Price;
use crate::resilience::{Resilience, Timeouts};
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

    /// The route of a call that names no model: the provider with this index, as it is.
    pub fn passing(&self, provider: usize) -> Route<'_> {
        Route { plan: self, way: Way::Direct { provider, model: "" } }
    }

    /// The route of a call that went through this alias before.
    pub fn through<'a>(&'a self, alias: usize, model: &'a str) -> Option<Route<'a>> {
        let index = alias;
        let alias = self.aliases.get(index)?;
        let star = star(&alias.name, model)?;
        Some(Route { plan: self, way: Way::Alias { index, alias, star } })
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
        let near = crate::near(model, self.names(scope));
        let shown: String = model.chars().take(100).filter(|c| !c.is_control()).collect();
        let hint = match near.as_slice() {
            [] => "GET /v1/models lists what this key may use".to_owned(),
            near => {
                let names: Vec<_> = near.iter().take(3).map(|name| format!("`{name}`")).collect();
                format!("did you mean {}?", names.join(" or "))
            }
        };
        Fault::new(Kind::ModelUnknown, format!("There is no model `{shown}` here; {hint}")).at("model")
    }

    /// The aliases that this caller may ask for (patterns as written) and that can take a call which needs this, each
    /// with a deployment that would do: one of the first step, or of a later one that answers to `unavailable`.
    pub fn able<'a>(&'a self, needs: Needs, scope: Scope<'a>) -> impl Iterator<Item = (&'a str, &'a str)> {
        let would_do = move |step: &Step| {
            let deployments = step.shares.iter().filter_map(|share| self.deployments.get(share.deployment));
            let able = |at: &&Deployment| needs.beyond(at.capabilities.as_deref()).is_none();
            deployments.into_iter().find(able)
        };
        let begins = |step: &&Step| step.when.is_empty() || step.when.contains(&Condition::Unavailable);
        self.aliases.iter().enumerate().filter(move |(index, _)| scope.holds(*index)).filter_map(move |(_, alias)| {
            let deployment = alias.chain.iter().filter(begins).find_map(would_do)?;
            Some((&*alias.name, &*deployment.id))
        })
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

    /// How the call is guarded.
    pub fn resilience(&self) -> &'a Resilience {
        match self.way {
            Way::Alias { alias, .. } => &alias.resilience,
            Way::Direct { .. } => &self.plan.resilience,
        }
    }

    /// The timeouts of the call.
    pub fn timeouts(&self) -> &'a Timeouts {
        &self.resilience().timeouts
    }

    /// The steps of the chain; empty for a model named outright.
    pub fn chain(&self) -> &'a [Step] {
        match self.way {
            Way::Alias { alias, .. } => &alias.chain,
            Way::Direct { .. } => &[],
        }
    }

    /// How many steps there are, at least 1: a model named outright has one, with one place.
    pub fn steps(&self) -> usize {
        self.chain().len().max(1)
    }

    /// How many places share the calls of a step.
    pub fn places(&self, step: usize) -> usize {
        match self.way {
            Way::Alias { alias, .. } => alias.chain.get(step).map_or(0, |step| step.shares.len()),
            Way::Direct { .. } => usize::from(step == 0),
        }
    }

    /// A place of a step, by its index.
    pub fn candidate(&self, step: usize, index: usize) -> Option<Candidate<'a>> {
        let star = match self.way {
            Way::Alias { star, .. } => star,
            Way::Direct { provider, model } => {
                let candidate = Candidate { provider, deployment: None, model: Cow::Borrowed(model), step };
                return (step == 0 && index == 0).then_some(candidate);
            }
        };
        let (number, deployment) = self.deployment(step, index)?;
        let model = if deployment.model.contains("{1}") {
            Cow::Owned(deployment.model.replace("{1}", star))
        } else {
            Cow::Borrowed(&*deployment.model)
        };
        Some(Candidate { provider: deployment.provider, deployment: Some(number), model, step })
    }

    /// The deployment of a place, with its index in the plan; none for a model named outright.
    pub fn deployment(&self, step: usize, index: usize) -> Option<(usize, &'a Deployment)> {
        let share = self.chain().get(step)?.shares.get(index)?;
        Some((share.deployment, self.plan.deployments.get(share.deployment)?))
    }

    /// The provider of its first place, and the deployment, if that is one; both are indices.
    pub fn first(&self) -> Option<(usize, Option<usize>)> {
        match self.way {
            Way::Direct { provider, .. } => Some((provider, None)),
            Way::Alias { .. } => {
                let (number, deployment) = self.deployment(0, 0)?;
                Some((deployment.provider, Some(number)))
            }
        }
    }

    /// What a place costs, where that is known.
    pub fn price(&self, step: usize, index: usize) -> Option<&'a Price> {
        if let Some((_, Deployment { price: Some(price), .. })) = self.deployment(step, index) {
            return self.plan.prices.get(*price);
        }
        let Candidate { provider, deployment, model, .. } = self.candidate(step, index)?;
        self.plan.price(provider, deployment, &model)
    }

    /// Whether one of the places says what it can do, so that it is to be known what the call needs.
    pub fn states_capabilities(&self) -> bool {
        let mut shares = self.chain().iter().flat_map(|step| &step.shares);
        shares.any(|share| self.plan.deployments.get(share.deployment).is_some_and(|at| at.capabilities.is_some()))
    }

    /// The provider of a model named outright.
    pub fn direct(&self) -> Option<usize> {
        match self.way {
            Way::Alias { .. } => None,
            Way::Direct { provider, .. } => Some(provider),
        }
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
    use crate::resilience::OnDisconnect;
    use crate::sample::plan;

    /// The models of all places, step by step.
    fn models(plan: &Plan, model: &str) -> Vec<Vec<String>> {
        let route = plan.route(model, Scope::Everything).expect("known");
        let of = |step| {
            (0..route.places(step)).filter_map(move |index| Some(route.candidate(step, index)?.model.into_owned()))
        };
        (0..route.steps()).map(|step| of(step).collect()).collect()
    }

    #[test]
    fn a_chain_has_its_steps_with_their_places() {
        assert_eq!(models(&plan(), "smart"), [vec!["gpt-5.2", "llama"], vec!["llama-"]]);
    }

    #[test]
    fn a_star_stands_for_the_rest_of_the_name() {
        assert_eq!(models(&plan(), "fast-8b"), [["llama-8b"]]);
    }

    #[test]
    fn a_model_may_be_named_outright() {
        let plan = plan();
        assert_eq!(models(&plan, "house/x/y"), [["x/y"]]);
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

    #[test]
    fn a_model_named_outright_is_guarded_as_the_policy_says_for_all() {
        let mut plan = plan();
        plan.resilience.on_disconnect = OnDisconnect::Finish;
        plan.aliases[0].resilience.retry.max_attempts = 7;
        let guarded = |model| *plan.route(model, Scope::Everything).expect("known").resilience();
        assert_eq!(guarded("house/x").on_disconnect, OnDisconnect::Finish);
        assert_eq!(guarded("smart").retry.max_attempts, 7);
    }
}
