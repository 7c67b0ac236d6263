//! One call: opened when its head is in, closed once, by name.

use crate::book::Page;
use crate::charge::{Charge, usd};
use crate::clock::Clock;
use crate::continued::Continued;
use crate::hold::{Hold, Limited, Settled};
use crate::identity::Identified;
use crate::log::Lines;
use crate::metrics::{AttemptSeries, CallSeries, Meters, class};
use crate::stages::Stage;
use crate::wheel::Wheel;
use fault::{Fault, Kind};
use protocol::openai::usage::Class;
use serde_json::json;
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The caller has a whole answer; its status says what the provider made of the call.
    Answered,
    /// The gateway refused: the caller's fault or the policy's.
    Refused,
    /// No provider answered.
    Failed,
    /// The answer had begun and could not be finished.
    Cut,
    /// The caller went away first.
    ClientGone,
}

impl Outcome {
    /// All, in the order of the metric's table.
    pub const ALL: [Self; 5] = [Self::Answered, Self::Refused, Self::Failed, Self::Cut, Self::ClientGone];

    /// The word in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Cut => "cut",
            Self::ClientGone => "client_gone",
        }
    }
}

/// One try of a call at one target.
#[derive(Debug)]
pub struct Attempt {
    /// Its number within the call, from 1.
    pub number: u16,
    /// Where it is counted.
    pub series: Arc<AttemptSeries>,
    /// Which step of its chain it belongs to, from 0.
    pub step: usize,
    /// Of a later step: why the call went there, as a place in the table of reasons, with its word.
    pub reason: Option<(usize, &'static str)>,
    /// Which of the provider's endpoints, and which of its credentials; from 0.
    pub target: (usize, usize),
    /// When it began, in nanoseconds of the wheel.
    pub started_ns: u64,
    /// The provider's status, or why there is none; nothing of one that was cancelled since another was first.
    pub result: Option<Result<u16, Kind>>,
    /// Whether it was sent while another one was open.
    pub is_hedge: bool,
    /// What became of it, as a place in the table of classes.
    pub class: usize,
    /// The words for what became of it, whose health it counts against, and what followed; the last is empty for an
    /// answer, and for what was cancelled.
    pub words: [&'static str; 3],
    /// How long was waited before it, in nanoseconds.
    pub waited_ns: u64,
    /// How long it took up to its commit or its failure, in nanoseconds.
    pub took_ns: u64,
    /// What is left of the provider's retry budget, per mille.
    pub budget_permille: u32,
    /// What it holds until it is over; of a failed one that is at once.
    pub hold: Option<Box<dyn Hold>>,
    /// What it used and costs, as far as that is known: of one that is answered from, see [`Record::charged`].
    pub charge: Charge,
}

impl Attempt {
    /// Whether something followed it, or had to: it was no good answer.
    pub const fn failed(&self) -> bool {
        !self.words[2].is_empty()
    }

    /// It is over, as far as what it holds is concerned.
    fn settle(&mut self) {
        if let Some(hold) = self.hold.take() {
            hold.settle(Settled { attempts: std::slice::from_ref(self), is_borrowed: false });
        }
    }

    /// Whether it was cancelled because another one, open at the same time, was first.
    pub const fn was_outrun(&self) -> bool {
        self.result.is_none()
    }
}

/// For a header line: where it went, what came back, what that means, and what followed. Names no address.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [became, blame, then] = self.words;
        write!(f, "{}/{}; ", self.series.provider, self.series.deployment)?;
        match self.result {
            Some(Ok(status)) => write!(f, "status={status}; ")?,
            Some(Err(kind)) => write!(f, "fault={}; ", kind.row().code)?,
            None => {}
        }
        write!(f, "class={became}; blame={blame}; waited_ms={}", self.waited_ns / 1_000_000)?;
        if then.is_empty() { Ok(()) } else { write!(f, "; then={then}") }
    }
}

/// Where a call got its answer that made no attempt of its own: it cost nothing at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Borrowed {
    /// From an identical call, which was open: its id.
    Shared(RequestId),
    /// From a stream that an earlier call began: the id of that, and the event that the caller had got last.
    Resumed(RequestId, u64),
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The id of a call: `req_` and 32 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId {
    text: [u8; 36],
    number: u128,
}

impl RequestId {
    /// Reads one as it is written.
    pub fn read(text: &[u8]) -> Option<Self> {
        let digits = text.strip_prefix(b"req_")?;
        let is_id = digits.iter().all(|digit| HEX.contains(digit));
        let number = u128::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        is_id.then(|| text.try_into().ok().map(|text| Self { text, number }))?
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// Its digits as a number.
    pub(crate) const fn number(&self) -> u128 {
        self.number
    }
}

/// Makes ids of calls: unique over replicas, and in order within a worker.
#[derive(Debug)]
pub struct RequestIds {
    seed: u64,
    next: Cell<u64>,
}

impl RequestIds {
    /// Ids under a random seed, one for each worker.
    pub fn new(seed: u64) -> Self {
        Self { seed, next: Cell::new(0) }
    }

    /// The next id.
    pub fn next(&self) -> RequestId {
        let number = self.next.get();
        self.next.set(number + 1);
        let mut text = *b"req_00000000000000000000000000000000";
        for (word, digits) in [self.seed, number].into_iter().zip(text[4..].chunks_exact_mut(16)) {
            for (shift, digit) in (0..16).rev().zip(digits) {
                *digit = HEX[usize::from((word >> (shift * 4)).to_le_bytes()[0] & 0xf)];
            }
        }
        RequestId { text, number: u128::from(self.seed) << 64 | u128::from(number) }
    }
}

/// What is known of one call.
///
/// Dropped without being closed it counts as [`Outcome::ClientGone`]: a listener drops a call whose caller left.
#[derive(Debug)]
pub struct Record {
    pub(crate) id: RequestId,
    pub(crate) meters: Arc<Meters>,
    lines: Rc<Lines>,
    wheel: Rc<Wheel>,
    pub(crate) series: Option<Arc<CallSeries>>,
    key: Option<Rc<str>>,
    pub(crate) attempts: Vec<Attempt>,
    /// The word for why no second attempt was sent, where one was due.
    not_hedged: Option<&'static str>,
    opened_ns: u64,
    waited_ns: u64,
    /// From when to when the last attempts were open.
    busy_ns: (u64, u64),
    request_bytes: u64,
    response_bytes: u64,
    status: Option<u16>,
    pub(crate) first_token_ns: Option<u64>,
    streaming: bool,
    continued: Option<Continued>,
    /// In a box, since few calls have it and every one is moved about.
    borrowed: Option<Box<Borrowed>>,
    /// Likewise.
    limited: Option<Box<Limited>>,
    /// The caller has left before the end.
    gone: bool,
    open: bool,
    pub(crate) clock: Clock,
    /// What of it stands in the journal.
    pub(crate) page: Option<Page>,
    /// Whether the journal has it; nothing where there is no journal, or before its route is known.
    pub(crate) is_recorded: Option<bool>,
}

impl Record {
    /// Opens the record of a call whose head has just come.
    pub fn open(id: RequestId, meters: Arc<Meters>, lines: Rc<Lines>, wheel: Rc<Wheel>) -> Self {
        meters.in_flight.add(1);
        let opened_ns = wheel.now();
        let clock = Clock::open(&meters.stages, opened_ns);
        Self {
            id,
            meters,
            lines,
            wheel,
            series: None,
            key: None,
            attempts: Vec::new(),
            not_hedged: None,
            opened_ns,
            waited_ns: 0,
            busy_ns: (0, 0),
            request_bytes: 0,
            response_bytes: 0,
            status: None,
            first_token_ns: None,
            streaming: false,
            continued: None,
            borrowed: None,
            limited: None,
            gone: false,
            open: true,
            clock,
            page: None,
            is_recorded: None,
        }
    }

    /// Moves the call into a record that goes another way; what is left here is closed and tells the call's id.
    #[must_use]
    pub fn hand_over(&mut self) -> Self {
        let left = Self {
            meters: Arc::clone(&self.meters),
            lines: Rc::clone(&self.lines),
            wheel: Rc::clone(&self.wheel),
            series: None,
            key: None,
            attempts: Vec::new(),
            borrowed: None,
            limited: None,
            open: false,
            clock: Clock::off(),
            page: None,
            ..*self
        };
        std::mem::replace(self, left)
    }

    /// The id, as a value.
    pub fn request_id(&self) -> RequestId {
        self.id
    }

    /// The call gets what another brought. Its route is known.
    pub fn borrows(&mut self, borrowed: Borrowed) {
        self.borrowed = Some(Box::new(borrowed));
        if let Some(series) = &self.series {
            match borrowed {
                Borrowed::Shared(_) => series.coalesced.add(1),
                Borrowed::Resumed(..) => series.resumed.add(1),
            }
        }
    }

    /// Where its answer comes from, if not from attempts of its own.
    pub fn borrowed(&self) -> Option<Borrowed> {
        self.borrowed.as_deref().copied()
    }

    /// Time spent waiting for what another call brings, which is not ours.
    pub fn waited_for_another(&mut self, ns: u64) {
        self.waited_ns += ns;
    }

    /// The caller has left, and the answer is read on without it: whatever comes of that, the caller went away.
    pub fn left(&mut self) {
        self.gone = true;
    }

    /// The id that the caller and the log see.
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// When the call was opened, on its clock.
    pub fn opened_ns(&self) -> u64 {
        self.opened_ns
    }

    /// The clock that the call goes by.
    pub fn wheel(&self) -> &Rc<Wheel> {
        &self.wheel
    }

    /// The name of the caller's key.
    pub fn called_by(&mut self, key: Rc<str>) {
        self.key = Some(key);
    }

    /// Who is behind the call.
    pub fn identified(&mut self, identity: Rc<Identified>) {
        self.limited.get_or_insert_default().identity = Some(identity);
    }

    /// Who is behind the call, where that is known.
    pub fn identity(&self) -> Option<&Rc<Identified>> {
        self.limited.as_ref()?.identity.as_ref()
    }

    /// The call holds this until it is over.
    pub fn holds(&mut self, hold: Box<dyn Hold>) {
        self.limited.get_or_insert_default().hold = Some(hold);
    }

    /// What it holds.
    pub fn hold(&self) -> Option<&dyn Hold> {
        self.limited.as_ref()?.hold.as_deref()
    }

    /// A limit has refused the call, or (`enforced` false) would have.
    pub fn limited_by(&mut self, limit: &str, enforced: bool) {
        let limited = self.limited.get_or_insert_default();
        if enforced {
            limited.refused_by = Some(limit.into());
        } else {
            limited.observed.push(limit.into());
        }
    }

    /// Where the call is counted, once its route is known.
    pub fn routed(&mut self, series: Arc<CallSeries>) {
        self.series = Some(series);
    }

    /// Where it is counted, once that is known.
    pub fn series(&self) -> Option<&Arc<CallSeries>> {
        self.series.as_ref()
    }

    /// Time spent waiting for the caller's body, which is not ours.
    pub fn waited(&mut self, ns: u64) {
        self.waited_ns += ns;
        self.clock.waited(ns);
    }

    /// Bytes of body received from the caller.
    pub fn received(&mut self, bytes: u64) {
        self.request_bytes += bytes;
    }

    /// Bytes of body handed to the caller.
    pub fn delivered(&mut self, bytes: u64) {
        if !self.gone {
            self.response_bytes += bytes;
        }
    }

    /// Notes an attempt whose outcome is known, up to its commit.
    pub fn tried(&mut self, mut attempt: Attempt) {
        match attempt.result {
            Some(Ok(status)) => {
                attempt.series.answered[class(Some(status))].add(1);
                attempt.series.seconds.observe(attempt.took_ns);
            }
            Some(Err(kind)) => {
                if let Some(at) = Kind::ALL.iter().position(|known| *known == kind) {
                    attempt.series.failed[at].add(1);
                }
            }
            None => attempt.series.cancelled.add(1),
        }
        if let Some(counter) = attempt.series.classes.get(attempt.class) {
            counter.add(1);
        }
        if attempt.is_hedge {
            attempt.series.hedges.add(1);
            attempt.series.hedges_won.add(u64::from(!attempt.failed() && !attempt.was_outrun()));
        } else if attempt.waited_ns > 0 || self.attempts.iter().any(|before| !before.is_hedge) {
            attempt.series.retries.add(1);
        }
        self.waited_ns += self.busy(attempt.started_ns, attempt.started_ns + attempt.took_ns) + attempt.waited_ns;
        if attempt.failed() || attempt.was_outrun() {
            attempt.settle();
        }
        if self.attempts.is_empty() {
            self.attempts.reserve_exact(1); // nearly all calls make one
        }
        self.attempts.push(attempt);
        self.settles_told();
    }

    /// What the last attempt used and costs, now that its answer is over.
    pub fn charged(&mut self, charge: Charge) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.charge = charge;
        }
    }

    /// The last attempt's answer was whole, and did not say what it used, or said what cannot be.
    pub fn usage_unsaid(&self, is_garbled: bool) {
        if let Some(attempt) = self.attempts.last() {
            attempt.series.spent.unsaid(is_garbled);
        }
    }

    /// How long an attempt was open, less what those before it were open at the same time; none of them ended later.
    fn busy(&mut self, started_ns: u64, ended_ns: u64) -> u64 {
        let (from, until) = self.busy_ns;
        if started_ns >= until {
            self.busy_ns = (started_ns, ended_ns);
            return ended_ns - started_ns;
        }
        self.busy_ns = (from.min(started_ns), ended_ns);
        ended_ns.saturating_sub(until) + from.saturating_sub(started_ns)
    }

    /// A second attempt was due and not sent; for a reason of [`families`](crate::families)' list, by its place in it
    /// and by its word.
    pub fn not_hedged(&mut self, reason: usize, word: &'static str) {
        if let Some(counter) = self.series.as_ref().and_then(|series| series.not_hedged.get(reason)) {
            counter.add(1);
        }
        self.not_hedged = Some(word);
    }

    /// The status that the caller gets, once there is one.
    pub(crate) const fn status(&self) -> Option<u16> {
        self.status
    }

    /// Bytes of bodies, from the caller and to it.
    pub(crate) const fn bytes(&self) -> (u64, u64) {
        (self.request_bytes, self.response_bytes)
    }

    /// The name of the caller's key.
    pub fn key(&self) -> Option<&Rc<str>> {
        self.key.as_ref()
    }

    /// The attempts until now, as their ends came: what was cancelled stands before what was answered from.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The status that the caller gets. Returns what the gateway added until now, in nanoseconds.
    pub fn answers(&mut self, status: u16) -> u64 {
        self.status = Some(status);
        let overhead = self.wheel.now().saturating_sub(self.opened_ns).saturating_sub(self.waited_ns);
        self.meters.overhead.observe(overhead);
        self.mark(Stage::Answer);
        overhead
    }

    /// The answer is a stream from here on.
    pub fn streams(&mut self) {
        if !std::mem::replace(&mut self.streaming, true) {
            self.meters.streams.add(1);
        }
    }

    /// The last attempt, whose answer had begun, was cut and is to be gone on with: what the cut was, whose health it
    /// counts against, and what follows.
    pub fn continues(&mut self, class: &'static str, blame: &'static str, then: &'static str) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.words = [class, blame, then];
        }
    }

    /// What came of continuing a cut stream, as far as it is known; [`Continued::Whole`] from when it has begun again.
    pub fn was_continued(&mut self, continued: Continued) {
        self.continued = Some(continued);
    }

    /// The first content of a stream has come.
    pub fn first_token(&mut self) {
        if let Some(attempt) = self.attempts.last().filter(|_| self.first_token_ns.is_none()) {
            let took = self.wheel.now().saturating_sub(attempt.started_ns);
            attempt.series.first_token.observe(took);
            self.first_token_ns = Some(took);
        }
    }

    /// The whole answer has gone to the caller.
    pub fn close(mut self) {
        self.end(Outcome::Answered, None);
    }

    /// The caller got an error of ours in place of an answer, with the fault's status.
    pub fn close_refused(mut self, fault: &Fault) {
        self.mark(Stage::Answer);
        self.status = Some(fault.kind().row().status);
        self.meters.refused(fault.kind());
        let outcome = match fault.kind().row().origin {
            fault::Origin::Caller | fault::Origin::Gateway => Outcome::Refused,
            fault::Origin::Upstream => Outcome::Failed,
        };
        self.end(outcome, Some(fault));
    }

    /// The answer had begun and could not be finished.
    pub fn close_cut(mut self, fault: &Fault) {
        if !self.gone {
            self.meters.refused(fault.kind());
        }
        self.end(Outcome::Cut, Some(fault));
    }

    fn end(&mut self, outcome: Outcome, fault: Option<&Fault>) {
        if self.gone && outcome != Outcome::ClientGone {
            self.meters.refused(Kind::ClientGone);
            return self.end(Outcome::ClientGone, None);
        }
        self.open = false;
        self.meters.in_flight.add(-1);
        if self.streaming {
            self.meters.streams.add(-1);
        }
        let took_ns = self.wheel.now().saturating_sub(self.opened_ns);
        self.continued = self.continued.map(|continued| continued.ends(outcome));
        if let Some(series) = &self.series {
            series.calls[outcome as usize][class(self.status)].add(1);
            series.seconds.observe(took_ns);
            series.request_bytes.add(self.request_bytes);
            series.response_bytes.add(self.response_bytes);
            if outcome == Outcome::Answered
                && let Some((reason, _)) = self.attempts.last().and_then(|attempt| attempt.reason)
                && let Some(counter) = series.fallbacks.get(reason)
            {
                counter.add(1);
            }
            if let Some(continued) = self.continued {
                series.continued[continued as usize].add(1);
            }
        }
        self.closes(outcome, fault.map(Fault::kind), took_ns);
        for attempt in &self.attempts {
            attempt.series.spent.charge(&attempt.charge);
        }
        self.settle();
        let failed = outcome != Outcome::Answered || self.status.is_some_and(|status| status >= 400);
        if self.lines.wants(failed) {
            self.lines.push(&self.line(outcome, fault, took_ns));
        }
        self.mark_closed();
    }

    /// Lets go of what the call and its attempts hold.
    fn settle(&mut self) {
        self.attempts.iter_mut().for_each(Attempt::settle);
        if let Some(hold) = self.limited.as_mut().and_then(|limited| limited.hold.take()) {
            hold.settle(Settled { attempts: &self.attempts, is_borrowed: self.borrowed.is_some() });
        }
    }

    /// What all attempts cost; none where the price of one is not known.
    fn nano_usd(&self) -> Option<u64> {
        self.attempts.iter().try_fold(0_u64, |sum, attempt| Some(sum.saturating_add(attempt.charge.nano_usd?)))
    }

    /// The log line of the call. Field by field what may be shown: no header, no body, no secret.
    fn line(&self, outcome: Outcome, fault: Option<&Fault>, took_ns: u64) -> serde_json::Value {
        let attempts: Vec<_> = self
            .attempts
            .iter()
            .map(|attempt| {
                let (status, fault) = match attempt.result {
                    Some(Ok(status)) => (Some(status), None),
                    Some(Err(kind)) => (None, Some(kind.row().code)),
                    None => (None, None),
                };
                let [became, blame, then] = attempt.words;
                json!({"provider": attempt.series.provider, "deployment": attempt.series.deployment,
                       "endpoint": attempt.target.0, "credential": attempt.target.1, "step": attempt.step,
                       "hedge": attempt.is_hedge,
                       "reason": attempt.reason.map(|(_, word)| word),
                       "status": status, "fault": fault, "class": became, "blame": blame, "then": then,
                       "waited_ms": attempt.waited_ns / 1_000_000, "budget_permille": attempt.budget_permille,
                       "basis": attempt.charge.basis.name(), "tokens": tokens(&attempt.charge),
                       "usd": attempt.charge.nano_usd.map(usd)})
            })
            .collect();
        let (shared_with, resumes) = match self.borrowed.as_deref() {
            None => (None, None),
            Some(Borrowed::Shared(id)) => (Some(id.as_str()), None),
            Some(Borrowed::Resumed(id, event)) => (None, Some(format!("{}:{event}", id.as_str()))),
        };
        let identity = self.identity();
        json!({
            "event": "call",
            "id": self.id(),
            "key": self.key.as_deref(),
            "user": identity.and_then(|of| of.user.as_deref()),
            "agent": identity.and_then(|of| of.agent.as_deref()),
            "session": identity.and_then(|of| of.session.as_deref()),
            "task": identity.and_then(|of| of.task.as_deref()),
            "tags": identity.map(|of| &*of.tags).filter(|tags| !tags.is_empty()),
            "limit": self.limited.as_ref().and_then(|limited| limited.refused_by.as_deref()),
            "observed": self.limited.as_ref().map(|limited| &*limited.observed).filter(|ids| !ids.is_empty()),
            "alias": self.series.as_ref().map(|series| &*series.alias),
            "operation": self.series.as_ref().map(|series| series.operation),
            "stream": self.series.as_ref().map(|series| series.streamed),
            "outcome": outcome.name(),
            "status": self.status,
            "fault": fault.map(|fault| fault.kind().row().code),
            "message": fault.map(Fault::message),
            "cause": fault.and_then(Fault::cause),
            "took_ms": took_ns / 1_000_000,
            "first_token_ms": self.first_token_ns.map(|ns| ns / 1_000_000),
            "request_bytes": self.request_bytes,
            "response_bytes": self.response_bytes,
            "continued": self.continued.map(Continued::name),
            "tokens": self.attempts.iter().map(|attempt| attempt.charge.usage.total()).sum::<u64>(),
            "usd": self.nano_usd().map(usd),
            "attempts": attempts,
            "not_hedged": self.not_hedged,
            "recorded": self.is_recorded,
            "shared_with": shared_with,
            "resumes": resumes,
        })
    }
}

/// The classes of tokens that there are some of.
fn tokens(charge: &Charge) -> serde_json::Value {
    let classes = Class::ALL.iter().zip(charge.usage.by_class());
    classes.filter(|(_, tokens)| *tokens > 0).map(|(class, tokens)| (class.name().to_owned(), json!(tokens))).collect()
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.open {
            self.abandon_stage();
            self.meters.refused(Kind::ClientGone);
            self.end(Outcome::ClientGone, None);
        }
    }
}

#[cfg(test)]
mod tests;
