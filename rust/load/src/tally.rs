//! What one thread has counted.

use crate::answer::Answer;
use crate::failure::{Failed, Failure};
use crate::hist::Hist;
use crate::json::Usage;
use crate::steps::Steps;
use std::collections::BTreeMap;

/// A call is late when it was sent more than this after its time.
pub(crate) const LATE_NS: u64 = 1_000_000;

/// A call that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// When it was to be sent.
    pub(crate) intended: u64,
    /// When the engine came to it.
    pub(crate) picked: u64,
    /// Which call, as a count.
    pub(crate) call: u64,
    /// Whether it waited because all connections were in use.
    pub(crate) queued: bool,
}

/// What became of a call.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) arrival: Arrival,
    /// When its first byte was handed to the kernel, if it was.
    pub(crate) sent: Option<u64>,
    pub(crate) end: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    /// Whether the whole answer came.
    pub(crate) is_whole: bool,
    pub(crate) answer: &'a Answer,
    pub(crate) outcome: Result<(), Failed>,
}

/// What late calls waited for between their time and their sending, or being given up; nanoseconds, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Waits {
    /// The engine itself: its event loop came to them late.
    pub(crate) engine: u64,
    /// No connection was free.
    pub(crate) queue: u64,
    /// A connection had to be made first.
    pub(crate) connect: u64,
}

/// The counts of one thread; those of calls that were due in the warm-up are left out.
#[derive(Debug)]
pub(crate) struct Tally {
    /// When counting begins and ends, on the monotonic clock.
    pub(crate) from: u64,
    pub(crate) until: u64,
    pub(crate) asked: u64,
    pub(crate) sent: u64,
    /// Sent before the end; or just after it, if that was their time.
    pub(crate) sent_in_time: u64,
    /// Sent, and neither good nor failed yet.
    pub(crate) open: u64,
    pub(crate) answered: u64,
    pub(crate) good: u64,
    pub(crate) failures: [u64; Failure::ALL.len()],
    pub(crate) examples: [Option<String>; Failure::ALL.len()],
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) frames: u64,
    pub(crate) streams: u64,
    pub(crate) usages: u64,
    pub(crate) usage: Usage,
    pub(crate) latency: Hist,
    pub(crate) service: Hist,
    pub(crate) ttft: Hist,
    pub(crate) tpot: Hist,
    pub(crate) gap: Hist,
    pub(crate) stamped: Hist,
    pub(crate) late: Hist,
    /// Calls that were sent late.
    pub(crate) late_calls: u64,
    pub(crate) waits: Waits,
    pub(crate) backlog_max: u64,
    pub(crate) stall_max_ns: u64,
    pub(crate) cpu_ns: u64,
    /// The share of a core that the thread used while it counted; of all threads, the highest.
    pub(crate) busy: f64,
    pub(crate) connections: u64,
    pub(crate) steps: Steps,
}

impl Tally {
    /// Counts from `from` to `until`, in steps of `step_ns`.
    pub(crate) fn new(from: u64, until: u64, step_ns: u64) -> Self {
        Self {
            from,
            until,
            asked: 0,
            sent: 0,
            sent_in_time: 0,
            open: 0,
            answered: 0,
            good: 0,
            failures: [0; Failure::ALL.len()],
            examples: [const { None }; Failure::ALL.len()],
            statuses: BTreeMap::new(),
            bytes_in: 0,
            bytes_out: 0,
            frames: 0,
            streams: 0,
            usages: 0,
            usage: Usage::default(),
            latency: Hist::default(),
            service: Hist::default(),
            ttft: Hist::default(),
            tpot: Hist::default(),
            gap: Hist::default(),
            stamped: Hist::default(),
            late: Hist::default(),
            late_calls: 0,
            waits: Waits::default(),
            backlog_max: 0,
            stall_max_ns: 0,
            cpu_ns: 0,
            busy: 0.0,
            connections: 0,
            steps: Steps::new(from, step_ns),
        }
    }

    /// Whether a call that was intended for then counts.
    pub(crate) const fn counts(&self, intended: u64) -> bool {
        intended >= self.from
    }

    /// A call has become due.
    pub(crate) const fn ask(&mut self, intended: u64) {
        if self.counts(intended) {
            self.asked += 1;
        }
    }

    /// A call was sent. `has_schedule`: its time did not depend on the call before it.
    pub(crate) fn send(&mut self, arrival: &Arrival, at: u64, connected: bool, has_schedule: bool) {
        if !self.counts(arrival.intended) {
            return;
        }
        self.sent += 1;
        self.open += 1;
        self.steps.sent(at);
        let late = at.saturating_sub(arrival.intended);
        if at < self.until || late <= LATE_NS {
            self.sent_in_time += 1;
        }
        if !has_schedule {
            return;
        }
        self.late.record(late);
        if late > LATE_NS {
            self.late_calls += 1;
            self.wait(arrival, at, connected);
        }
    }

    /// A call that was never sent.
    pub(crate) fn unsent(&mut self, arrival: &Arrival, at: u64) {
        if self.counts(arrival.intended) {
            self.wait(arrival, at, false);
            let why = if arrival.queued { "it waited for a connection" } else { "the engine was behind with it" };
            self.fail(Failure::Unsent, at, || format!("{why} until the load was over"));
        }
    }

    /// A call has waited until `at`.
    fn wait(&mut self, arrival: &Arrival, at: u64, connected: bool) {
        let waits = &mut self.waits;
        waits.engine += arrival.picked.saturating_sub(arrival.intended);
        let then = match (arrival.queued, connected) {
            (true, _) => &mut waits.queue,
            (false, true) => &mut waits.connect,
            (false, false) => &mut waits.engine,
        };
        *then += at.saturating_sub(arrival.picked);
    }

    /// A call is over.
    pub(crate) fn end(&mut self, ended: &Ended<'_>) {
        if !self.counts(ended.arrival.intended) {
            return;
        }
        match ended.sent {
            Some(_) => self.open -= 1,
            None => self.wait(&ended.arrival, ended.end, true),
        }
        let answer = ended.answer;
        self.bytes_in += ended.bytes_in;
        self.bytes_out += ended.bytes_out;
        self.answered += u64::from(ended.is_whole);
        if answer.status != 0 {
            *self.statuses.entry(answer.status).or_default() += 1;
        }
        if answer.is_stream() {
            self.streams += 1;
            self.frames += answer.events.seen.frames;
        }
        if let Some(usage) = answer.usage().filter(|_| ended.is_whole) {
            self.usages += 1;
            self.usage.prompt_tokens += usage.prompt_tokens;
            self.usage.completion_tokens += usage.completion_tokens;
            self.usage.total_tokens += usage.total_tokens;
        }
        match &ended.outcome {
            Ok(()) => self.succeed(ended),
            Err(failed) => self.fail(failed.class, ended.end, || answer.example(failed)),
        }
    }

    fn succeed(&mut self, ended: &Ended<'_>) {
        let Ended { arrival, end, answer, .. } = *ended;
        self.good += 1;
        let latency = end.saturating_sub(arrival.intended);
        let ttft = answer.began().map(|at| at.saturating_sub(arrival.intended));
        self.latency.record(latency);
        if let Some(sent) = ended.sent {
            self.service.record(end.saturating_sub(sent));
        }
        if let Some(ttft) = ttft {
            self.ttft.record(ttft);
        }
        let seen = &answer.events.seen;
        if let Some(first) = seen.first_content.filter(|_| seen.contents > 1) {
            self.tpot.record(seen.last_content.saturating_sub(first) / (seen.contents - 1));
        }
        self.steps.ended(end, Some((latency, ttft)));
    }

    fn fail(&mut self, class: Failure, at: u64, example: impl FnOnce() -> String) {
        self.failures[class as usize] += 1;
        self.examples[class as usize].get_or_insert_with(example);
        self.steps.ended(at, None);
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failures.iter().sum()
    }

    /// Adds all of another thread, but for the series, which is merged from all of them at once.
    pub(crate) fn add(&mut self, other: &Self) {
        for (own, more) in [
            (&mut self.asked, other.asked),
            (&mut self.sent, other.sent),
            (&mut self.sent_in_time, other.sent_in_time),
            (&mut self.answered, other.answered),
            (&mut self.good, other.good),
            (&mut self.bytes_in, other.bytes_in),
            (&mut self.bytes_out, other.bytes_out),
            (&mut self.frames, other.frames),
            (&mut self.streams, other.streams),
            (&mut self.usages, other.usages),
            (&mut self.usage.prompt_tokens, other.usage.prompt_tokens),
            (&mut self.usage.completion_tokens, other.usage.completion_tokens),
            (&mut self.usage.total_tokens, other.usage.total_tokens),
            (&mut self.open, other.open),
            (&mut self.late_calls, other.late_calls),
            (&mut self.waits.engine, other.waits.engine),
            (&mut self.waits.queue, other.waits.queue),
            (&mut self.waits.connect, other.waits.connect),
            (&mut self.backlog_max, other.backlog_max),
            (&mut self.cpu_ns, other.cpu_ns),
            (&mut self.connections, other.connections),
        ] {
            *own += more;
        }
        self.busy = self.busy.max(other.busy);
        self.stall_max_ns = self.stall_max_ns.max(other.stall_max_ns);
        for (place, count) in other.failures.iter().enumerate() {
            self.failures[place] += count;
            if self.examples[place].is_none() {
                self.examples[place].clone_from(&other.examples[place]);
            }
        }
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        for (own, more) in [
            (&mut self.latency, &other.latency),
            (&mut self.service, &other.service),
            (&mut self.ttft, &other.ttft),
            (&mut self.tpot, &other.tpot),
            (&mut self.gap, &other.gap),
            (&mut self.stamped, &other.stamped),
            (&mut self.late, &other.late),
        ] {
            own.add(more);
        }
    }
}
