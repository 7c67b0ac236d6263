//! A plan, its limits, and clocks that stand still.

use admission::{
    Accounts, Ask, Cost, Limits, Names, Now, Past, Refusal, Reservation, Ticket, Tightest, Used, Warnings, Who,
};
use plan::{Budget, BudgetWindow, Dimension, Limit, Measure, Plan, Rate, WhenSpent};
use record::Identified;
use serde_json::json;
use std::cell::Cell;
use std::sync::Arc;

/// Noon of some day in 2026.
const START_NS: u64 = 1_795_262_400_000_000_000;
const SECOND: u64 = 1_000_000_000;

#[derive(Debug)]
pub(crate) struct World {
    plan: Plan,
    pub(crate) limits: Arc<Limits>,
    passed_ns: Cell<u64>,
    next: Cell<u64>,
}

/// Who calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    identity: Identified,
    key: Option<usize>,
}

impl Caller {
    pub(crate) fn who(&self) -> Who<'_> {
        Who { key: self.key, alias: None, model: "smart", identity: Some(&self.identity) }
    }
}

pub(crate) fn nobody() -> Caller {
    Caller::default()
}

pub(crate) fn by(user: &str) -> Caller {
    Caller { identity: Identified { user: Some(user.into()), ..Identified::default() }, key: None }
}

/// Of the keys `ci` (0) and `web` (1), both of the team `platform`.
pub(crate) fn with_key(user: &str, key: usize) -> Caller {
    Caller { key: Some(key), ..by(user) }
}

pub(crate) fn tokens(input_tokens: u64) -> Ask {
    Ask { input_tokens, output_tokens: 0, is_bounded: true, cost: None }
}

pub(crate) fn costs(least_nano_usd: u64, most_nano_usd: u64) -> Ask {
    Ask { cost: Some(Cost { least_nano_usd, most_nano_usd }), ..tokens(0) }
}

/// So many requests a minute.
pub(crate) fn requests(per: Option<Dimension>, value: Option<&str>, amount: u64) -> Limit {
    let whose = per.map_or(String::new(), |per| format!("{}.", per.name()));
    Limit {
        id: format!("{whose}requests_per_minute"),
        per,
        value: value.map(str::to_owned),
        measure: Measure::Requests(Rate { amount, per_ms: 60_000, burst_ms: 60_000 }),
        enforce: true,
    }
}

/// So much a day.
pub(crate) fn budget(per: Option<Dimension>, value: Option<&str>, nano_usd: u64) -> Budget {
    Budget {
        id: "usd_per_day".to_owned(),
        per,
        value: value.map(str::to_owned),
        nano_usd,
        window: BudgetWindow::Day,
        time_zone: "UTC".to_owned(),
        warn_permille: vec![],
        when_spent: WhenSpent::Refuse,
        enforce: true,
    }
}

impl World {
    pub(crate) fn new(limits: &[Limit], budgets: &[Budget]) -> Self {
        Self::compile(limits, budgets).expect("good")
    }

    pub(crate) fn compile(limits: &[Limit], budgets: &[Budget]) -> Result<Self, String> {
        let plan = Plan { limits: limits.to_vec(), budgets: budgets.to_vec(), ..plan() };
        Self::of(plan, Arc::default(), 0)
    }

    fn of(plan: Plan, accounts: Arc<Accounts>, passed_ns: u64) -> Result<Self, String> {
        let limits = Arc::new(Limits::new(&plan, accounts)?);
        Ok(Self { plan, limits, passed_ns: Cell::new(passed_ns), next: Cell::new(0) })
    }

    /// Another plan over the same accounts.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = self.plan.clone();
        change(&mut plan);
        Self::of(plan, Arc::clone(self.limits.accounts()), self.passed_ns.get()).expect("good")
    }

    pub(crate) fn now(&self) -> Now {
        let now = START_NS + self.passed_ns.get();
        Now { steady_ns: now, unix_ns: now }
    }

    pub(crate) fn advance_ns(&self, ns: u64) {
        self.passed_ns.set(self.passed_ns.get() + ns);
    }

    pub(crate) fn advance_ms(&self, ms: u64) {
        self.advance_ns(ms * 1_000_000);
    }

    pub(crate) fn advance_days(&self, days: u64) {
        self.advance_ns(days * 86_400 * SECOND);
    }

    fn ticket(&self) -> Ticket {
        self.next.set(self.next.get() + 1);
        Ticket { id: self.next.get(), deadline_ns: u64::MAX }
    }

    pub(crate) fn reserve(&self, caller: &Caller, ask: Ask) -> Result<Reservation, Box<Refusal>> {
        let meets = self.limits.met_by(&caller.who(), self.now());
        self.limits.reserve(meets, (ask, &[]), self.ticket(), self.now())
    }

    pub(crate) fn reserve_exempt(&self, caller: &Caller, ask: Ask, rule: usize) -> Result<Reservation, Box<Refusal>> {
        let meets = self.limits.met_by(&caller.who(), self.now());
        self.limits.reserve(meets, (ask, &[rule]), self.ticket(), self.now())
    }

    /// Reserves, and sends.
    pub(crate) fn send(&self, caller: &Caller, ask: Ask) -> Result<Reservation, Box<Refusal>> {
        self.reserve(caller, ask).inspect(|_| ()).map(|mut reservation| {
            reservation.sends();
            reservation
        })
    }

    pub(crate) fn attempt(&self, deployment: Option<usize>, provider: usize) -> Result<(), Box<Refusal>> {
        let meets = self.limits.met_at(deployment, provider).cloned().collect();
        self.limits.reserve(meets, (tokens(0), &[]), self.ticket(), self.now()).map(|mut reservation| {
            reservation.sends();
        })
    }

    pub(crate) fn end(&self, mut reservation: Reservation, used: Option<Used>) -> Warnings {
        let mut warnings = used.map(|used| reservation.charge(used, self.now())).unwrap_or_default();
        warnings.extend(reservation.end(self.now()));
        warnings
    }

    pub(crate) fn replay(&self, caller: &Caller, used: Used) {
        let now_ns = self.now().unix_ns;
        let key = caller.key.and_then(|key| self.plan.keys.get(key));
        let names = Names {
            key: key.map_or("", |key| &key.name),
            team: key.and_then(|key| key.team.as_deref()).unwrap_or_default(),
            alias: "",
            model: "smart",
            user: caller.identity.user.as_deref().unwrap_or_default(),
            agent: "",
            session: "",
            task: "",
            tags: &[],
        };
        for met in self.limits.met_by_names(&names, self.now()) {
            self.limits.replay(&met, &Past { taken_ns: now_ns, ended_ns: now_ns, used });
        }
    }

    pub(crate) fn shown(&self, reservation: &Reservation) -> Tightest {
        reservation.shown(self.now())
    }

    /// What is spent of an amount.
    pub(crate) fn used(&self, limit: &str, value: &str) -> u64 {
        self.standings().iter().find(|(id, of, _)| (&**id, &**of) == (limit, value)).map_or(0, |(.., (used, _))| *used)
    }

    /// What is spent and set aside of each amount, by limit and value.
    pub(crate) fn standings(&self) -> Vec<(String, String, (u64, u64))> {
        let mut all = Vec::new();
        self.limits.each_standing(self.now(), |account, standing| {
            all.push((account.limit.to_string(), account.value.to_string(), (standing.used, standing.reserved)));
        });
        all.sort();
        all
    }
}

fn plan() -> Plan {
    let resilience = json!({
        "timeouts": {"connect_ms": 1, "first_token_ms": 1, "idle_ms": 1, "attempt_ms": 1, "total_ms": 1, "stream_total_ms": 1},
        "retry": {"max_attempts": 1, "max_attempts_per_call": 1, "base_ms": 1, "throttled_base_ms": 1, "cap_ms": 1, "wait_ms": 1},
        "hedge": null, "on_disconnect": "cancel", "on_cut": "error", "coalesce": false, "resume_bytes": null,
        "keep_alive_ms": null, "priority": "normal", "affinity": "off",
    });
    let breaker = json!({
        "consecutive": 5, "ratio_permille": 500, "slow_first_token_ms": 1, "slow_permille": 1, "window_ms": 10,
        "min_calls": 1, "open_ms": 1, "open_cap_ms": 1, "probe_ms": null,
    });
    let key = |name: &str| {
        json!({"name": name, "secret": {"env": name}, "aliases": null, "passthrough": false, "team": "platform",
               "user": null, "tags": [], "expires_unix_ms": null, "former": []})
    };
    let document = json!({
        "format": 1, "hash": "",
        "listen": {"data": {"tcp": "127.0.0.1:0"}, "ops": {"tcp": "127.0.0.1:0"}, "tls": null},
        "callers": "keys",
        "http": {"max_body_bytes": 1, "max_upload_bytes": 1, "max_head_bytes": 1024, "max_connections": 1, "max_calls": 1,
                 "max_streams": 1, "max_buffered_bytes": null, "idle_ms": 1, "read_gap_ms": 1, "origins": []},
        "workers": "auto", "drain": {"accept_for_ms": 0, "grace_ms": 0},
        "egress": {"proxy": "off", "roots": {"system": false, "bundled": true, "files": []}},
        "log": {"level": "info", "calls": "off"},
        "journal": null, "prices": [],
        "providers": [{
            "id": "house", "kind": "", "dialect": "openai", "endpoints": [], "credentials": [],
            "auth": {"header": "authorization", "prefix": ""}, "headers": {}, "http": "auto", "breaker": breaker,
            "retry_permille": 1, "retry_floor_per_second": 1, "max_concurrency": 1,
            "stream_usage": "ask", "prices": {}, "price": null,
        }],
        "deployments": [{
            "id": "gpt", "provider": 0, "model": "gpt", "context_tokens": null, "capabilities": null, "price": null,
            "max_concurrency": null, "prefill": "off",
        }],
        "aliases": [{"name": "smart", "chain": [], "resilience": resilience}],
        "models": [], "pepper": null, "keys": [key("ci"), key("web")], "passthrough": null, "resilience": resilience,
        "identity": {"user": [], "agent": [], "session": [], "task": [], "tags": [], "most_values": 1000, "forget_ms": 60_000},
        "limits": [], "budgets": [], "grants": [],
    });
    serde_json::from_value(document).expect("a plan")
}
