//! Calls that are let in, sent, settled and closed by the code that serves, each step with its entry in a journal.

use super::super::since::Since;
use admission::{Accounts, Ask, Cost, Limits, Names, Now, Past, Reservation, Ticket, Used, Who};
use journal::{Closed, Counts, Entry, Opened, Sent, Settled, Source, TagList};
use plan::{Budget, BudgetWindow, Dimension, Limit, Measure, Plan, Rate, WhenSpent};
use proptest::prelude::*;
use record::Identified;
use serde_json::json;
use std::sync::{Arc, LazyLock};

/// A quarter before midnight in Berlin, at the end of a month.
pub(super) const START_NS: u64 = 1_796_078_700_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// One step.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// A call asks to be let in.
    Open { caller: usize, estimated: u64 },
    /// One that gets the answer of another.
    Share { caller: usize },
    /// One that takes a stream up again, and is over at once.
    Resume { caller: usize },
    /// An attempt of an open call leaves. Calls go by their place among the open ones; `usize::MAX` is the last.
    Send { call: usize, target: usize },
    /// The oldest attempt of a call is over.
    Settle { call: usize, used: u64 },
    /// A call is over.
    Close { call: usize },
    /// Time passes, in nanoseconds.
    Pass(u64),
    /// The next plan comes into force.
    Reload,
    /// A checkpoint is made.
    Checkpoint,
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let amount = prop_oneof![0_u64..50, 0_u64..5_000];
    prop_oneof![
        6 => (0_usize..8, amount.clone()).prop_map(|(caller, estimated)| Op::Open { caller, estimated }),
        1 => (0_usize..8).prop_map(|caller| Op::Share { caller }),
        1 => (0_usize..8).prop_map(|caller| Op::Resume { caller }),
        6 => (0_usize..9, 0_usize..8).prop_map(|(call, target)| Op::Send { call, target }),
        5 => (0_usize..9, amount).prop_map(|(call, used)| Op::Settle { call, used }),
        5 => (0_usize..9).prop_map(|call| Op::Close { call }),
        5 => (0..3 * SECOND).prop_map(Op::Pass),
        2 => (0..1_200 * SECOND).prop_map(Op::Pass),
        1 => (0..40 * 3_600 * SECOND).prop_map(Op::Pass),
        1 => Just(Op::Reload),
        2 => Just(Op::Checkpoint),
    ]
}

/// Who calls: of eight, some with the same key, user or task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller(usize);

impl Caller {
    fn key(self) -> Option<usize> {
        [Some(0), Some(1), Some(2), None][self.0 % 4]
    }

    fn alias(self) -> Option<usize> {
        (self.0 < 6).then_some(self.0 % 2)
    }

    fn user(self) -> &'static str {
        ["ann", "bob", "", "ann"][self.0 % 4]
    }

    fn agent(self) -> &'static str {
        ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"][self.0]
    }

    fn task(self) -> &'static str {
        ["t0", "t1", ""][self.0 % 3]
    }

    fn tag(self) -> &'static str {
        ["team=blue", "nightly"][self.0 % 2]
    }

    fn identity(self) -> Identified {
        let said = |text: &'static str| (!text.is_empty()).then(|| text.into());
        Identified {
            user: said(self.user()),
            agent: said(self.agent()),
            session: None,
            task: said(self.task()),
            tags: vec![self.tag().into()],
        }
    }

    fn model(self) -> &'static str {
        self.alias().map_or("first/echo", |alias| ["smart", "shared"][alias])
    }

    pub(super) fn names(self) -> Names<'static> {
        static TAGS: LazyLock<[[Box<str>; 1]; 2]> = LazyLock::new(|| [["team=blue".into()], ["nightly".into()]]);
        Names {
            key: self.key().map_or("", |key| ["ci", "web", "solo"][key]),
            team: self.key().map_or("", |key| ["platform", "platform", ""][key]),
            alias: self.alias().map_or("first/*", |alias| ["smart", "shared"][alias]),
            model: self.model(),
            user: self.user(),
            agent: self.agent(),
            session: "",
            task: self.task(),
            tags: &TAGS[self.0 % 2],
        }
    }
}

/// Where an attempt goes: one of three deployments, or a provider outright.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target(usize);

impl Target {
    pub(super) fn deployment(self) -> Option<&'static str> {
        [Some("large"), Some("small"), Some("other"), None][self.0 % 4]
    }

    pub(super) fn provider(self) -> &'static str {
        ["first", "first", "second", "first"][self.0 % 4]
    }

    fn indices(self) -> (Option<usize>, usize) {
        [(Some(0), 0), (Some(1), 0), (Some(2), 1), (None, 0)][self.0 % 4]
    }
}

#[derive(Debug)]
struct Live {
    call: u128,
    opened_ns: u64,
    caller: Caller,
    ask: Ask,
    reservation: Reservation,
    is_shared: bool,
    attempts: Vec<Attempt>,
}

#[derive(Debug)]
struct Attempt {
    target: Target,
    sent_ns: u64,
    reservation: Option<Reservation>,
    used: Option<Used>,
}

/// What was over, and is to be counted.
#[derive(Debug, Clone)]
pub(super) enum Ended {
    Call(Caller),
    Attempt(Target),
}

/// A checkpoint: how much was written then, and the plan that was in force.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) entries: usize,
    pub(super) variant: usize,
    pub(super) since: Since,
}

/// The process, and its journal.
#[derive(Debug)]
pub(super) struct World {
    pub(super) limits: Arc<Limits>,
    pub(super) variant: usize,
    pub(super) since: Since,
    pub(super) now_ns: u64,
    pub(super) entries: Vec<Entry<'static>>,
    pub(super) checkpoints: Vec<Mark>,
    pub(super) ended: Vec<(Ended, Past)>,
    open: Vec<Live>,
    next: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(0)
    }

    /// With one of the plans.
    pub(super) fn with(variant: usize) -> Self {
        let limits = limits_of(&plan(variant), None);
        Self {
            since: Since::of(&limits, None, 0),
            limits,
            variant,
            now_ns: START_NS,
            entries: Vec::new(),
            checkpoints: Vec::new(),
            ended: Vec::new(),
            open: Vec::new(),
            next: 0,
        }
    }

    pub(super) fn step(&mut self, op: &Op) {
        self.now_ns += 1;
        match *op {
            Op::Open { caller, estimated } => self.open(Caller(caller), estimated, Source::Own),
            Op::Share { caller } => self.open(Caller(caller), 0, Source::Shared),
            Op::Resume { caller } => self.resume(Caller(caller)),
            Op::Send { call, target } => self.at(call).into_iter().for_each(|at| self.send(at, Target(target))),
            Op::Settle { call, used } => {
                let used = Used { tokens: used, nano_usd: Some(used) };
                self.at(call).into_iter().for_each(|at| self.settle(at, used));
            }
            Op::Close { call } => self.at(call).into_iter().for_each(|at| self.close(at)),
            Op::Pass(ns) => self.now_ns += ns,
            Op::Reload => self.reload(),
            Op::Checkpoint => {
                let (entries, variant, since) = (self.entries.len(), self.variant, self.since.clone());
                self.checkpoints.push(Mark { entries, variant, since });
            }
        }
    }

    fn at(&self, call: usize) -> Option<usize> {
        let last = self.open.len().checked_sub(1)?;
        Some(if call == usize::MAX { last } else { call % self.open.len() })
    }

    fn ticket(&mut self) -> Ticket {
        self.next += 1;
        Ticket { id: self.next, deadline_ns: u64::MAX }
    }

    fn open(&mut self, caller: Caller, estimated: u64, source: Source) {
        let at = now(self.now_ns);
        let nano_usd = reserved(estimated);
        let cost = Some(Cost { least_nano_usd: nano_usd, most_nano_usd: nano_usd });
        let ask = Ask { input_tokens: estimated, output_tokens: 0, is_bounded: true, cost };
        let identity = caller.identity();
        let who = Who { key: caller.key(), alias: caller.alias(), model: caller.model(), identity: Some(&identity) };
        let ticket = self.ticket();
        let taken = self.limits.reserve(self.limits.met_by(&who, at), (ask, &[]), ticket, at);
        let Ok(reservation) = taken else { return };
        let call = u128::from(self.next);
        self.entries.push(Entry::Opened(opened(call, self.now_ns, caller, source)));
        let (opened_ns, attempts) = (self.now_ns, Vec::new());
        let is_shared = source == Source::Shared;
        self.open.push(Live { call, opened_ns, caller, ask, reservation, is_shared, attempts });
    }

    fn resume(&mut self, caller: Caller) {
        self.next += 1;
        let call = u128::from(self.next);
        self.entries.push(Entry::Opened(opened(call, self.now_ns, caller, Source::Resumed)));
        self.entries.push(Entry::Closed(closed(call, self.now_ns)));
    }

    fn send(&mut self, at: usize, target: Target) {
        let ticket = self.ticket();
        let Live { call, ask, attempts, .. } = &mut self.open[at];
        let (deployment, provider) = target.indices();
        let meets = self.limits.met_at(deployment, provider).cloned().collect();
        let Ok(reservation) = self.limits.reserve(meets, (*ask, &[]), ticket, now(self.now_ns)) else { return };
        attempts.push(Attempt { target, sent_ns: self.now_ns, reservation: Some(reservation), used: None });
        self.entries.push(Entry::Sent(Sent {
            call: *call,
            at_ns: self.now_ns,
            attempt: u16::try_from(attempts.len()).expect("few"),
            step: 0,
            endpoint: 0,
            credential: 0,
            hedge: false,
            input_tokens: ask.input_tokens,
            output_tokens: ask.output_tokens,
            reserved_nano_usd: ask.cost.map(|cost| cost.most_nano_usd),
            provider: target.provider(),
            deployment: target.deployment().unwrap_or("*"),
            model: "m",
        }));
    }

    fn settle(&mut self, at: usize, used: Used) {
        let (call, now_ns) = (self.open[at].call, self.now_ns);
        let open = self.open[at].attempts.iter_mut().zip(1..).find(|(attempt, _)| attempt.used.is_none());
        let Some((attempt, number)) = open else { return };
        let mut reservation = attempt.reservation.take().expect("open");
        reservation.sends();
        drop(reservation.charge(used, now(now_ns)));
        drop(reservation.end(now(now_ns)));
        attempt.used = Some(used);
        let past = Past { taken_ns: attempt.sent_ns, ended_ns: now_ns, used };
        self.ended.push((Ended::Attempt(attempt.target), past));
        let mut counts = Counts::default();
        counts.0[5] = used.tokens;
        self.entries.push(Entry::Settled(Settled {
            call,
            at_ns: now_ns,
            attempt: number,
            status: Some(200),
            took_ns: 0,
            first_token_ns: None,
            nano_usd: used.nano_usd,
            used: counts,
            rates: Counts::default(),
            basis: "provider",
            class: "good",
            fault: "",
            price: "",
        }));
    }

    fn close(&mut self, at: usize) {
        while self.open[at].attempts.iter().any(|attempt| attempt.used.is_none()) {
            self.settle(at, Used { tokens: 0, nano_usd: Some(0) });
        }
        let live = self.open.remove(at);
        self.entries.push(Entry::Closed(closed(live.call, self.now_ns)));
        self.end(live);
    }

    /// As the record of a call ends what it holds.
    fn end(&mut self, mut live: Live) {
        if live.is_shared || !live.attempts.is_empty() {
            let used =
                live.attempts.iter().filter_map(|attempt| attempt.used).fold(Used::default(), |sum, used| Used {
                    tokens: sum.tokens + used.tokens,
                    nano_usd: Some(sum.nano_usd.unwrap_or(0) + used.nano_usd.unwrap_or(0)),
                });
            live.reservation.sends();
            drop(live.reservation.charge(used, now(self.now_ns)));
            let past = Past { taken_ns: live.opened_ns, ended_ns: self.now_ns, used };
            self.ended.push((Ended::Call(live.caller), past));
        }
        drop(live.reservation.end(now(self.now_ns)));
    }

    fn reload(&mut self) {
        self.now_ns += 2_000_000; // what was let in just before may count
        self.variant = (self.variant + 1).min(2);
        self.limits = limits_of(&plan(self.variant), Some(self.limits.accounts()));
        self.since.note(&self.limits, self.now_ns);
    }

    /// The process is killed: what is open costs what was reserved, at the end of what is known.
    pub(super) fn kill(&mut self) {
        self.now_ns = self.entries.iter().map(Entry::at_ns).max().unwrap_or_default() + 1;
        let mut entries = std::mem::take(&mut self.entries);
        while !self.open.is_empty() {
            while self.open[0].attempts.iter().any(|attempt| attempt.used.is_none()) {
                let Ask { input_tokens, output_tokens, cost, .. } = self.open[0].ask;
                let nano_usd = cost.map(|cost| cost.most_nano_usd);
                self.settle(0, Used { tokens: input_tokens + output_tokens, nano_usd });
            }
            self.close(0);
        }
        std::mem::swap(&mut self.entries, &mut entries);
    }
}

/// What is set aside for so many tokens.
pub(super) const fn reserved(tokens: u64) -> u64 {
    tokens * 3
}

pub(super) const fn now(unix_ns: u64) -> Now {
    Now { steady_ns: unix_ns, unix_ns }
}

pub(super) fn limits_of(plan: &Plan, accounts: Option<&Arc<Accounts>>) -> Arc<Limits> {
    Arc::new(Limits::new(plan, accounts.map(Arc::clone).unwrap_or_default()).expect("good"))
}

fn opened(call: u128, at_ns: u64, caller: Caller, source: Source) -> Opened<'static> {
    static TAGS: LazyLock<[TagList; 2]> = LazyLock::new(|| {
        [("team", "blue"), ("nightly", "")].map(|(name, value)| {
            let mut list = TagList::default();
            assert!(list.push(name, value));
            list
        })
    });
    let names = caller.names();
    Opened {
        call,
        at_ns,
        plan: 0,
        streamed: false,
        alias: names.alias,
        operation: "chat_completions",
        key: names.key,
        team: names.team,
        user: names.user,
        agent: names.agent,
        session: names.session,
        task: names.task,
        tags: TAGS[caller.0 % 2].as_tags(),
        model: if caller.alias().is_some() { "" } else { names.model },
        source,
    }
}

const fn closed(call: u128, at_ns: u64) -> Closed<'static> {
    let (attempts, status, took_ns, bytes_in, bytes_out) = (1, Some(200), 1, 2, 3);
    Closed { call, at_ns, attempts, status, took_ns, bytes_in, bytes_out, outcome: "answered", fault: "" }
}

/// The plans: 1 allows more than 0, 2 has a budget more, 3 counts two agents apart and nothing else.
pub(super) fn plan(variant: usize) -> Plan {
    let mut document: serde_json::Value =
        serde_json::from_str(include_str!("../../../../simulate/tests/plan.json")).expect("JSON");
    let key = |name: &str, team: Option<&str>| {
        json!({"name": name, "secret": {"env": name}, "aliases": null, "passthrough": false, "team": team,
               "user": null, "tags": [], "expires_unix_ms": null, "former": []})
    };
    document["pepper"] = json!(null);
    document["keys"] = json!([key("ci", Some("platform")), key("web", Some("platform")), key("solo", None)]);
    let mut plan: Plan = serde_json::from_value(document).expect("a plan");
    plan.identity.forget_ms = u64::MAX / 1_000_000;
    let more = if variant > 0 { 3 } else { 1 };
    (plan.limits, plan.budgets) = (limits(more), budgets(more));
    if variant >= 2 {
        plan.budgets.push(budget("extra", Some(Dimension::Tag), 40_000, BudgetWindow::Lifetime));
    }
    if variant == 3 {
        plan.identity.most_values = 2;
        plan.limits.clear();
        plan.budgets = vec![budget("agents", Some(Dimension::Agent), 1 << 60, BudgetWindow::Lifetime)];
    }
    plan
}

fn limits(more: u64) -> Vec<Limit> {
    let rate = |amount, per_ms| Rate { amount, per_ms, burst_ms: per_ms };
    let of = |id: &str, per, measure| Limit { id: id.to_owned(), per, value: None, measure, enforce: true };
    let mut watched = of("task.requests_per_hour", Some(Dimension::Task), Measure::Requests(rate(1, 3_600_000)));
    watched.enforce = false;
    let own = Limit {
        value: Some("ann".to_owned()),
        ..of("user.requests_per_minute", Some(Dimension::User), Measure::Requests(rate(30, 60_000)))
    };
    vec![
        of("requests_per_minute", None, Measure::Requests(rate(40, 60_000))),
        of("user.requests_per_minute", Some(Dimension::User), Measure::Requests(rate(7, 60_000))),
        own,
        watched,
        of("key.tokens_per_day", Some(Dimension::Key), Measure::Tokens(rate(50_000, 86_400_000))),
        of("task.tokens", Some(Dimension::Task), Measure::TotalTokens(30_000 * more)),
        of("concurrency", Some(Dimension::Agent), Measure::Concurrency(5)),
        of("deployment.requests_per_minute", Some(Dimension::Deployment), Measure::Requests(rate(20, 60_000))),
        of("provider.tokens", Some(Dimension::Provider), Measure::TotalTokens(90_000 * more)),
    ]
}

fn budgets(more: u64) -> Vec<Budget> {
    let nano_usd = 60_000 * more;
    vec![
        budget("usd_per_day", None, nano_usd, BudgetWindow::Day),
        budget("team.usd_per_hour", Some(Dimension::Team), nano_usd, BudgetWindow::Hour),
        budget("alias.usd_per_week", Some(Dimension::Alias), nano_usd, BudgetWindow::Week),
        budget("model.usd_per_month", Some(Dimension::Model), nano_usd, BudgetWindow::Month),
        budget("user.usd_rolling", Some(Dimension::User), nano_usd, BudgetWindow::RollingMs(3_600_000)),
        budget("tag.usd_rolling", Some(Dimension::Tag), nano_usd, BudgetWindow::RollingMs(7 * 86_400_000)),
        budget("deployment.usd_per_day", Some(Dimension::Deployment), nano_usd, BudgetWindow::Day),
        budget("life", None, nano_usd * 10, BudgetWindow::Lifetime),
    ]
}

fn budget(id: &str, per: Option<Dimension>, nano_usd: u64, window: BudgetWindow) -> Budget {
    Budget {
        id: id.to_owned(),
        per,
        value: None,
        nano_usd,
        window,
        time_zone: "Europe/Berlin".to_owned(),
        warn_permille: vec![500],
        when_spent: WhenSpent::Refuse,
        enforce: true,
    }
}
