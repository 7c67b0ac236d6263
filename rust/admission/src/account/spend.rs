//! An amount of tokens or money for a window.

use super::window::{PARTS, Span, Window};
use crate::saved::SavedSpend;
use crate::sync::{Mutex, MutexGuard, lock};

/// The parts of a window that rolls: the whole window, and the part that is under way.
const RING: usize = 61;
const _: () = assert!(RING as u64 == PARTS + 1, "one more than the window has");

/// What may be spent in which window.
#[derive(Debug, Clone, Copy)]
pub struct Allowance<'a> {
    /// Tokens, or nano-dollars.
    pub amount: u64,
    /// From when to when.
    pub window: &'a Window,
}

/// What was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetAside {
    /// How much.
    pub amount: u64,
    /// The beginning of the window that it is set aside of.
    start_ns: u64,
}

/// What is known of a window, in tokens or nano-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Spent.
    pub used: u64,
    /// Set aside for calls that are open.
    pub reserved: u64,
    /// When the next amount is free, in nanoseconds since 1970: the end of the window, or of a part of it that something
    /// was spent in. None of a window that never ends.
    pub frees_at_ns: Option<u64>,
    /// The beginning of the window, in nanoseconds since 1970.
    pub start_ns: u64,
}

/// What was spent and set aside, shared by all workers. The lock is held for some additions, never for longer.
#[derive(Debug)]
pub struct Spend(Mutex<Spent>);

#[derive(Debug)]
struct Spent {
    span: Span,
    used: u64,
    reserved: u64,
    /// A bit for each share that was warned of in this window.
    warned: u32,
    /// Of a window that rolls: what was spent in each part, by the part's number.
    parts: Option<Box<[u64; RING]>>,
    /// When something last happened, in nanoseconds since 1970.
    touched_ns: u64,
}

impl Default for Spend {
    fn default() -> Self {
        let span = Span { start_ns: 0, end_ns: 0 };
        Self(Mutex::new(Spent { span, used: 0, reserved: 0, warned: 0, parts: None, touched_ns: 0 }))
    }
}

impl Spend {
    /// Sets an amount aside, if what is spent and set aside leaves room for it; or says how things stand.
    pub fn set_aside(&self, of: Allowance<'_>, amount: u64, unix_ns: u64) -> Result<SetAside, Standing> {
        let mut spent = self.now(of.window, unix_ns);
        if spent.held().saturating_add(amount) > of.amount {
            return Err(spent.standing(of.window));
        }
        Ok(spent.set_aside(amount))
    }

    /// Whether an amount could be set aside now.
    pub fn check(&self, of: Allowance<'_>, amount: u64, unix_ns: u64) -> Result<(), Standing> {
        let spent = self.now(of.window, unix_ns);
        if spent.held().saturating_add(amount) > of.amount { Err(spent.standing(of.window)) } else { Ok(()) }
    }

    /// Sets an amount aside whether or not there is room.
    pub fn set_aside_anyway(&self, window: &Window, amount: u64, unix_ns: u64) -> SetAside {
        self.now(window, unix_ns).set_aside(amount)
    }

    /// Counts as spent what a call used that has set something aside. `warn_permille`: at which shares of the amount
    /// something is to be said, at most 32. Returns the highest of them that was reached just now, for the first time in
    /// this window.
    ///
    /// What was set aside of a window that is over was that window's: the new one does not pay for it.
    pub fn spend(&self, of: Allowance<'_>, aside: SetAside, used: u64, at: (u64, &[u32])) -> Option<(u32, Standing)> {
        let (unix_ns, warn_permille) = at;
        let mut spent = self.now(of.window, unix_ns);
        if matches!(of.window, Window::Calendar(..)) && aside.start_ns != spent.span.start_ns {
            return None;
        }
        spent.spend(of.window, used);
        let reached = spent.warn(of.amount, warn_permille)?;
        Some((reached, spent.standing(of.window)))
    }

    /// Counts as spent what a call of the past used that has set something aside at `taken_ns`. Warnings of the past have
    /// been given.
    pub(crate) fn replay(&self, of: Allowance<'_>, taken_ns: u64, used: u64, at: (u64, &[u32])) {
        let (unix_ns, warn_permille) = at;
        let mut spent = self.now(of.window, unix_ns);
        if matches!(of.window, Window::Calendar(..)) && taken_ns < spent.span.start_ns {
            return;
        }
        spent.spend(of.window, used);
        let _given = spent.warn(of.amount, warn_permille);
    }

    /// What is spent, to be kept; what is set aside is of this process.
    pub(crate) fn saved(&self) -> SavedSpend {
        let spent = lock(&self.0);
        SavedSpend {
            from_ns: spent.span.start_ns,
            until_ns: spent.span.end_ns,
            used: spent.used,
            warned: spent.warned,
            parts: spent.parts.as_ref().map(|parts| parts.to_vec()).unwrap_or_default(),
            touched_ns: spent.touched_ns,
        }
    }

    /// What was kept counts again, beside what is counted already.
    pub(crate) fn restore(&self, saved: &SavedSpend) {
        let mut spent = lock(&self.0);
        let parts = <[u64; RING]>::try_from(&*saved.parts).ok().map(Box::new);
        let span = Span { start_ns: saved.from_ns, end_ns: saved.until_ns };
        let (used, warned, touched_ns) = (saved.used, saved.warned, saved.touched_ns);
        let mut kept = Spent { span, used, reserved: 0, warned, parts, touched_ns };
        let latest = [spent.span, span].into_iter().max_by_key(|span| (span.start_ns, span.end_ns)).unwrap_or(span);
        spent.enter(latest);
        kept.enter(latest);
        spent.used = spent.used.saturating_add(kept.used);
        spent.warned |= kept.warned;
        spent.touched_ns = spent.touched_ns.max(touched_ns);
        if let Some(kept) = kept.parts {
            let parts = spent.parts.get_or_insert_with(|| Box::new([0; RING]));
            parts.iter_mut().zip(*kept).for_each(|(part, kept)| *part = part.saturating_add(kept));
        }
    }

    /// Gives back what was set aside.
    pub fn give_back(&self, aside: SetAside) {
        let mut spent = lock(&self.0);
        // A calendar's window that began since has forgotten it already.
        if spent.parts.is_some() || aside.start_ns == spent.span.start_ns {
            spent.reserved = spent.reserved.saturating_sub(aside.amount);
        }
    }

    /// How things stand.
    pub fn standing(&self, window: &Window, unix_ns: u64) -> Standing {
        self.now(window, unix_ns).standing(window)
    }

    /// When something last happened, in nanoseconds since 1970; and whether nothing is spent or set aside in its window.
    pub(crate) fn rest(&self, unix_ns: u64) -> (u64, bool) {
        let spent = lock(&self.0);
        let is_over = unix_ns >= spent.span.end_ns && spent.parts.is_none();
        let has_rolled = spent.parts.is_some() && unix_ns >= spent.rolled_by_ns();
        (spent.touched_ns, spent.held() == 0 || is_over || (has_rolled && spent.reserved == 0))
    }

    /// The account as of now: a window that has ended is left behind.
    fn now(&self, window: &Window, unix_ns: u64) -> MutexGuard<'_, Spent> {
        let mut spent = lock(&self.0);
        spent.touched_ns = spent.touched_ns.max(unix_ns);
        if unix_ns < spent.span.end_ns {
            return spent; // nearly always; a clock that was set back stays in its window
        }
        let span = window.at(unix_ns);
        if let Window::Rolling(_) = window {
            spent.roll(span);
        } else {
            (spent.used, spent.reserved, spent.warned) = (0, 0, 0);
        }
        spent.span = span;
        spent
    }
}

/// The place of a part in the ring.
fn part_of(window: &Window, start_ns: u64) -> usize {
    let Window::Rolling(length_ns) = window else { return 0 };
    let number = start_ns / length_ns.div_ceil(PARTS).max(1);
    usize::try_from(number % RING as u64).unwrap_or(0)
}

impl Spent {
    fn held(&self) -> u64 {
        self.used.saturating_add(self.reserved)
    }

    fn set_aside(&mut self, amount: u64) -> SetAside {
        self.reserved = self.reserved.saturating_add(amount);
        SetAside { amount, start_ns: self.span.start_ns }
    }

    fn spend(&mut self, window: &Window, used: u64) {
        self.used = self.used.saturating_add(used);
        let part = part_of(window, self.span.start_ns);
        if let Some(parts) = &mut self.parts {
            parts[part] = parts[part].saturating_add(used);
        }
    }

    /// Leaves a window that has ended behind, or parts of one that rolls.
    fn enter(&mut self, span: Span) {
        if self.span == span {
            return;
        }
        if self.parts.is_some() {
            self.roll(span);
        } else {
            (self.used, self.reserved, self.warned) = (0, 0, 0);
        }
        self.span = span;
    }

    fn part_ns(&self) -> u64 {
        self.span.end_ns.saturating_sub(self.span.start_ns).max(1)
    }

    /// When nothing that was spent until now counts any more.
    fn rolled_by_ns(&self) -> u64 {
        self.span.start_ns.saturating_add(self.part_ns().saturating_mul(RING as u64))
    }

    /// Moves on to another part; those that have left the window are forgotten.
    fn roll(&mut self, to: Span) {
        let part_ns = to.end_ns.saturating_sub(to.start_ns).max(1);
        let (from, until) = (self.span.start_ns / part_ns, to.start_ns / part_ns);
        let parts = self.parts.get_or_insert_with(|| Box::new([0; RING]));
        for number in (from + 1..=until).take(RING) {
            let part = &mut parts[usize::try_from(number % RING as u64).unwrap_or(0)];
            self.used = self.used.saturating_sub(std::mem::take(part));
        }
        if until.saturating_sub(from) >= RING as u64 {
            **parts = [0; RING];
            self.used = 0;
        }
    }

    /// Notes which shares of an amount are reached; the highest that was not before.
    fn warn(&mut self, amount: u64, permille: &[u32]) -> Option<u32> {
        let mut highest = None;
        for (bit, share) in permille.iter().enumerate().take(32) {
            let is_reached = u128::from(self.used) * 1000 >= u128::from(amount) * u128::from(*share);
            let is_new = self.warned & 1 << bit == 0;
            if is_reached && is_new {
                highest = highest.max(Some(*share));
                self.warned |= 1 << bit;
            } else if !is_reached {
                self.warned &= !(1 << bit); // of a window that rolls
            }
        }
        highest
    }

    fn standing(&self, window: &Window) -> Standing {
        let frees_at_ns = match window {
            Window::Lifetime => None,
            Window::Calendar(..) => Some(self.span.end_ns),
            Window::Rolling(_) => Some(self.next_free_ns()),
        };
        Standing { used: self.used, reserved: self.reserved, frees_at_ns, start_ns: self.span.start_ns }
    }

    /// When the oldest part that something was spent in leaves the window.
    fn next_free_ns(&self) -> u64 {
        let part_ns = self.part_ns();
        let current = self.span.start_ns / part_ns;
        let oldest = current.saturating_sub(PARTS);
        let spent_in = |number: &u64| {
            let place = usize::try_from(number % RING as u64).unwrap_or(0);
            self.parts.as_ref().is_some_and(|parts| parts[place] > 0)
        };
        let number = (oldest..=current).find(spent_in).unwrap_or(current);
        (number + RING as u64).saturating_mul(part_ns)
    }
}
