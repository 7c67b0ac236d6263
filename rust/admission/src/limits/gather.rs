//! Which limits a call meets.

use super::rule::Rule;
use crate::account::{Account, Now, Standing, State, Window};
use crate::accounts::{Accounts, Bounds, OfLimit};
use plan::{Dimension, Plan};
use record::Identified;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;

/// The limits of a plan, joined with the accounts of the process.
#[derive(Debug)]
pub struct Limits {
    pub(super) accounts: Arc<Accounts>,
    pub(super) rules: Box<[Rule]>,
    pub(super) of_rule: Box<[Option<OfLimit>]>,
    pub(super) bounds: Bounds,
    pub(super) everyone: Box<[Met]>,
    of_key: Box<[Box<[Met]>]>,
    of_alias: Box<[Box<[Met]>]>,
    of_deployment: Box<[Box<[Met]>]>,
    of_provider: Box<[Box<[Met]>]>,
    /// Of what callers say, by dimension; those without a rule are not there.
    said: Box<[(Dimension, Box<[Group]>)]>,
    /// Of what the plan names, by dimension: for calls of plans before it.
    named: HashMap<Dimension, Box<[Group]>>,
    /// The plan's aliases, by their names.
    aliases: HashMap<Box<str>, usize>,
    /// What was granted, by the id of the approval.
    pub(super) grants: HashMap<Box<str>, u64>,
}

/// Rules with the same id: one for each value, and some for one value.
#[derive(Debug, Default)]
struct Group {
    each: Option<usize>,
    own: HashMap<Box<str>, usize>,
}

impl Group {
    fn rule(&self, value: &str) -> Option<usize> {
        self.own.get(value).copied().or(self.each)
    }
}

/// A rule that a call meets.
#[derive(Debug, Clone)]
pub struct Met {
    /// An index into the rules.
    pub rule: usize,
    /// Where it is counted; none where each call is looked at by itself.
    pub account: Option<Arc<Account>>,
}

/// All rules that a call meets.
pub type Meets = SmallVec<[Met; 6]>;

/// Who makes a call, and what for.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// The key, as an index into the plan's.
    pub key: Option<usize>,
    /// The alias, likewise; none of a model that is named outright.
    pub alias: Option<usize>,
    /// The name that is asked for; empty of a call that names none.
    pub model: &'a str,
    /// Who is behind it.
    pub identity: Option<&'a Identified>,
}

impl Limits {
    /// Joins a plan with the accounts; what is known under the same ids counts on.
    ///
    /// Fails where a time zone is not known.
    pub fn new(plan: &Plan, accounts: Arc<Accounts>) -> Result<Self, String> {
        let now = Now { steady_ns: 0, unix_ns: 0 }; // nothing is forgotten to make room for what a plan names
        let limits = plan.limits.iter().map(|limit| (Rule::of_limit(limit), limit.value.as_deref()));
        let mut rules: Vec<_> = limits.collect();
        for budget in &plan.budgets {
            rules.push((Rule::of_budget(budget)?, budget.value.as_deref()));
        }
        let groups = groups(&rules);
        let of_rule =
            rules.iter().map(|(rule, _)| rule.counts().map(|counts| accounts.of_limit(&rule.id, counts))).collect();
        let bounds = Bounds {
            most_values: plan.identity.most_values,
            forget_ns: plan.identity.forget_ms.saturating_mul(1_000_000),
        };
        let grants = plan.grants.iter().map(|grant| (grant.approval.as_str().into(), grant.nano_usd)).collect();
        let mut limits = Self {
            accounts,
            rules: rules.into_iter().map(|(rule, _)| rule).collect(),
            of_rule,
            bounds,
            everyone: Box::default(),
            of_key: Box::default(),
            of_alias: Box::default(),
            of_deployment: Box::default(),
            of_provider: Box::default(),
            said: Box::default(),
            named: HashMap::new(),
            aliases: plan.aliases.iter().enumerate().map(|(at, alias)| (alias.name.as_str().into(), at)).collect(),
            grants,
        };
        limits.join(plan, groups, now);
        Ok(limits)
    }

    /// Finds the accounts of all that the plan names itself.
    fn join(&mut self, plan: &Plan, mut groups: HashMap<Option<Dimension>, Vec<Group>>, now: Now) {
        let mut of = |dimension| groups.remove(&dimension).unwrap_or_default();
        let (all, keys, teams) = (of(None), of(Some(Dimension::Key)), of(Some(Dimension::Team)));
        let aliases = of(Some(Dimension::Alias));
        let (deployments, providers) = (of(Some(Dimension::Deployment)), of(Some(Dimension::Provider)));
        let named = |groups: &[Group], name: &str| -> Vec<Met> { self.met(groups, name, now).collect() };
        let of_key = |key: &plan::Key| {
            let team = key.team.as_deref().map(|team| named(&teams, team)).unwrap_or_default();
            named(&keys, &key.name).into_iter().chain(team).collect()
        };
        let everyone = named(&all, "").into_boxed_slice();
        let of_key = plan.keys.iter().map(of_key).collect();
        let of_alias = plan.aliases.iter().map(|alias| named(&aliases, &alias.name).into()).collect();
        let of_deployment = plan.deployments.iter().map(|each| named(&deployments, &each.id).into()).collect();
        let of_provider = plan.providers.iter().map(|each| named(&providers, &each.id).into()).collect();
        let mut said: Vec<_> = groups
            .into_iter()
            .filter_map(|(dimension, groups)| Some((dimension?, groups.into_boxed_slice())))
            .collect();
        said.sort_by_key(|(dimension, _)| *dimension);
        let of_plan = [
            (Dimension::Key, keys),
            (Dimension::Team, teams),
            (Dimension::Deployment, deployments),
            (Dimension::Provider, providers),
        ];
        self.named = of_plan.into_iter().map(|(dimension, groups)| (dimension, groups.into())).collect();
        (self.everyone, self.of_key, self.of_alias) = (everyone, of_key, of_alias);
        (self.of_deployment, self.of_provider, self.said) = (of_deployment, of_provider, said.into());
    }

    /// The rules of some groups for a value, each with its account.
    fn met(&self, groups: &[Group], value: &str, now: Now) -> impl Iterator<Item = Met> {
        groups.iter().filter_map(move |group| {
            let rule = group.rule(value)?;
            let of_limit = self.of_rule.get(rule)?.as_ref();
            Some(Met { rule, account: of_limit.map(|limit| self.accounts.of(limit, value, self.bounds, now)) })
        })
    }

    /// The rules on an alias; none where there is none of that name.
    pub(super) fn met_of_alias(&self, name: &str) -> &[Met] {
        let met = self.aliases.get(name).and_then(|at| self.of_alias.get(*at));
        met.map(|met| &**met).unwrap_or_default()
    }

    /// The rules on a value of a dimension.
    pub(super) fn met_of(&self, dimension: Dimension, value: &str, now: Now) -> impl Iterator<Item = Met> {
        let said = self.said.iter().find(|(said, _)| *said == dimension).map(|(_, groups)| &**groups);
        let groups = said.or_else(|| self.named.get(&dimension).map(|groups| &**groups)).unwrap_or_default();
        self.met(groups, value, now)
    }

    /// All rules, in the order of the plan: limits, then budgets.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The accounts of the process.
    pub fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }

    /// After how long a value's lifetime is forgotten.
    pub const fn forget_ns(&self) -> u64 {
        self.bounds.forget_ns
    }

    /// Whether no call meets anything.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules that a call meets, whatever target it goes to.
    pub fn met_by(&self, who: &Who<'_>, now: Now) -> Meets {
        let mut meets = Meets::new();
        let of_key = who.key.and_then(|index| self.of_key.get(index));
        let of_alias = who.alias.and_then(|index| self.of_alias.get(index));
        for rules in [Some(&self.everyone), of_key, of_alias].into_iter().flatten() {
            rules.iter().for_each(|met| meets.push(met.clone()));
        }
        for (dimension, groups) in &self.said {
            who.each(*dimension, |value| self.met(groups, value, now).for_each(|met| meets.push(met)));
        }
        meets
    }

    /// The rules that an attempt at a target meets: a deployment, if it has one, and its provider.
    pub fn met_at(&self, deployment: Option<usize>, provider: usize) -> impl Iterator<Item = &Met> {
        let own = deployment.and_then(|index| self.of_deployment.get(index));
        own.into_iter().chain(self.of_provider.get(provider)).flat_map(|rules| rules.iter())
    }

    /// Shows each rule with each account whose value the plan names; those of a team once for each of its keys.
    pub fn each_named(&self, mut see: impl FnMut(&Rule, &Account)) {
        let lists = [&self.of_key, &self.of_alias, &self.of_deployment, &self.of_provider];
        let all = std::iter::once(&self.everyone).chain(lists.into_iter().flatten()).flat_map(|rules| rules.iter());
        for met in all {
            if let (Some(rule), Some(account)) = (self.rules.get(met.rule), &met.account) {
                see(rule, account);
            }
        }
    }

    /// Shows how every amount stands that is held, in no order.
    pub fn each_standing(&self, now: Now, mut see: impl FnMut(&Account, Standing)) {
        let windows: HashMap<&str, &Window> = self.rules.iter().map(|rule| (&*rule.id, rule.window())).collect();
        self.accounts.each(|account| {
            if let (State::Spend(spend), Some(window)) = (&account.state, windows.get(&*account.limit)) {
                see(account, spend.standing(window, now.unix_ns));
            }
        });
    }

    /// Whether attempts anywhere meet rules of their own.
    pub fn has_targets(&self) -> bool {
        self.of_deployment.iter().chain(&self.of_provider).any(|rules| !rules.is_empty())
    }
}

impl Who<'_> {
    /// The values of a dimension that callers choose.
    fn each(&self, dimension: Dimension, mut see: impl FnMut(&str)) {
        let identity = self.identity;
        let one = |value: Option<&Box<str>>, see: &mut dyn FnMut(&str)| {
            if let Some(value) = value {
                see(value);
            }
        };
        match dimension {
            Dimension::User => one(identity.and_then(|who| who.user.as_ref()), &mut see),
            Dimension::Agent => one(identity.and_then(|who| who.agent.as_ref()), &mut see),
            Dimension::Session => one(identity.and_then(|who| who.session.as_ref()), &mut see),
            Dimension::Task => one(identity.and_then(|who| who.task.as_ref()), &mut see),
            Dimension::Tag => identity.into_iter().flat_map(|who| &who.tags).for_each(|tag| see(tag)),
            Dimension::Model if !self.model.is_empty() => see(self.model),
            Dimension::Model
            | Dimension::Key
            | Dimension::Team
            | Dimension::Alias
            | Dimension::Deployment
            | Dimension::Provider => {}
        }
    }
}

/// Rules by their dimension and their id, in the order of the plan.
fn groups(rules: &[(Rule, Option<&str>)]) -> HashMap<Option<Dimension>, Vec<Group>> {
    let mut groups: HashMap<Option<Dimension>, Vec<Group>> = HashMap::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (number, (rule, value)) in rules.iter().enumerate() {
        let of_dimension = groups.entry(rule.per).or_default();
        let place = *places.entry(&rule.id).or_insert_with(|| {
            of_dimension.push(Group::default());
            of_dimension.len() - 1
        });
        let Some(group) = of_dimension.get_mut(place) else { continue };
        match value {
            Some(value) => drop(group.own.insert((*value).into(), number)),
            None => group.each = Some(number),
        }
    }
    groups
}
