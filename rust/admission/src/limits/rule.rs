//! What a limit or a budget of the plan says, ready to be asked.

use crate::account::{Pace, Unit, Window};
use crate::accounts::Counts;
use jiff::tz::TimeZone;
use plan::{Budget, BudgetWindow, Dimension, Limit, Measure, Rate, WhenSpent};

const MS: u64 = 1_000_000;

/// A limit or a budget.
#[derive(Debug)]
pub struct Rule {
    /// Its id in the plan.
    pub id: Box<str>,
    /// What it is counted by; none: all calls together.
    pub per: Option<Dimension>,
    /// Whether calls are refused by it.
    pub enforce: bool,
    /// What it is on.
    pub measured: Measured,
}

/// What a rule is on, and how much is allowed.
#[derive(Debug)]
pub enum Measured {
    /// Requests in a while.
    Requests(Pace),
    /// Tokens in a while.
    Tokens(Pace),
    /// Calls at once.
    Concurrency(u64),
    /// Tokens in all.
    TotalTokens(u64),
    /// Money.
    Money(Money),
    /// Tokens of one prompt.
    InputTokens(u64),
    /// Tokens that one call asks for.
    OutputTokens(u64),
}

/// How much money, and what happens when it is spent.
#[derive(Debug)]
pub struct Money {
    /// How much.
    pub nano_usd: u64,
    /// In which time.
    pub window: Window,
    /// The same in words, such as `day`.
    pub words: String,
    /// At which shares something is said; per mille, rising.
    pub warn_permille: Box<[u32]>,
    /// What happens to a call that there is no money for.
    pub when_spent: WhenSpent,
}

impl Rule {
    /// Of a limit.
    pub(super) fn of_limit(limit: &Limit) -> Self {
        let pace = |rate: Rate| {
            Pace::new(rate.amount, rate.per_ms.saturating_mul(MS), rate.burst_ms.min(rate.per_ms).saturating_mul(MS))
        };
        let measured = match limit.measure {
            Measure::Requests(rate) => Measured::Requests(pace(rate)),
            Measure::Tokens(rate) => Measured::Tokens(pace(rate)),
            Measure::Concurrency(most) => Measured::Concurrency(most),
            Measure::TotalTokens(amount) => Measured::TotalTokens(amount),
            Measure::TotalNanoUsd(nano_usd) => Measured::Money(Money {
                nano_usd,
                window: Window::Lifetime,
                words: "in all".to_owned(),
                warn_permille: Box::default(),
                when_spent: WhenSpent::Refuse,
            }),
            Measure::InputTokens(most) => Measured::InputTokens(most),
            Measure::OutputTokens(most) => Measured::OutputTokens(most),
        };
        Self { id: limit.id.as_str().into(), per: limit.per, enforce: limit.enforce, measured }
    }

    /// Of a budget. Fails where its time zone is not known.
    pub(super) fn of_budget(budget: &Budget) -> Result<Self, String> {
        let zone = |unit| {
            let zone = TimeZone::get(&budget.time_zone).map_err(|e| format!("budget {}: {e}", budget.id))?;
            Ok::<_, String>(Window::Calendar(unit, zone))
        };
        let calendar = |unit: &str| format!("a calendar {unit} ({})", budget.time_zone);
        let (window, words) = match budget.window {
            BudgetWindow::Hour => (zone(Unit::Hour)?, calendar("hour")),
            BudgetWindow::Day => (zone(Unit::Day)?, calendar("day")),
            BudgetWindow::Week => (zone(Unit::Week)?, calendar("week")),
            BudgetWindow::Month => (zone(Unit::Month)?, calendar("month")),
            BudgetWindow::RollingMs(ms) => (Window::Rolling(ms.saturating_mul(MS)), format!("in any {}", length(ms))),
            BudgetWindow::Lifetime => (Window::Lifetime, "in all".to_owned()),
        };
        let money = Money {
            nano_usd: budget.nano_usd,
            window,
            words,
            warn_permille: budget.warn_permille.as_slice().into(),
            when_spent: budget.when_spent,
        };
        let measured = Measured::Money(money);
        Ok(Self { id: budget.id.as_str().into(), per: budget.per, enforce: budget.enforce, measured })
    }

    /// Whether it is on money that must not be overspent.
    pub const fn must_hold(&self) -> bool {
        self.enforce && matches!(self.measured, Measured::Money(_))
    }

    /// What its accounts count; none where each call is looked at by itself.
    pub(super) const fn counts(&self) -> Option<Counts> {
        match self.measured {
            Measured::Requests(_) | Measured::Tokens(_) => Some(Counts::Rate),
            Measured::Concurrency(_) => Some(Counts::Places),
            Measured::TotalTokens(_) | Measured::Money(_) => Some(Counts::Spend),
            Measured::InputTokens(_) | Measured::OutputTokens(_) => None,
        }
    }

    /// From when to when it counts what is spent.
    pub(super) const fn window(&self) -> &Window {
        match &self.measured {
            Measured::Money(money) => &money.window,
            _ => &Window::Lifetime,
        }
    }

    /// The dimension's word for metrics; `all` where there is none.
    pub fn dimension(&self) -> &'static str {
        self.per.map_or("all", Dimension::name)
    }
}

/// `7 days`, `90 seconds`: the largest unit that goes in whole.
pub(super) fn length(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second")];
    let found = UNITS.iter().find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit));
    let (number, word) = found.map_or((ms, "millisecond"), |(unit, word)| (ms / unit, word));
    if number == 1 { word.to_owned() } else { format!("{number} {word}s") }
}
