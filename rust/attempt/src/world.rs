//! What an attempt is, and what time is: given to the engine from outside.

use crate::decide::Stop;
use crate::health::{Refused, Transition};
use crate::hedge::Against;
use crate::held::Held;
use crate::targets::Targets;
use crate::walk::Trail;
use crate::{Blame, Class, Reason};
use fault::{Fault, Kind};
use plan::{Candidate, Hedge, Needs, Route};
use std::fmt;

/// What runs an attempt, and what time is: sockets and the wheel in the gateway, a virtual world in the simulator.
pub trait World {
    /// What a provider answered, up to its commit.
    type Answer;

    /// The time, in nanoseconds since some fixed moment; never goes back.
    fn now(&self) -> u64;

    /// A number below `n` (at least 1), uniform.
    fn draw(&self, n: u64) -> u64;

    /// Waits until a moment.
    fn sleep_until(&self, at_ns: u64) -> impl Future<Output = ()>;

    /// Makes one attempt and waits for its commit: the first content of a stream, the first byte of another good answer.
    /// Dropping the future cancels it. Of a call with a hedge two may be open at once.
    fn exchange(
        &self,
        attempt: &Attempt<'_>,
    ) -> impl Future<Output = Result<Good<Self::Answer>, Failure<Self::Answer>>>;

    /// Whether a second run of the call could do something at the provider, such as a search. Asked when a second attempt
    /// is due, which is seldom.
    fn acts_at_provider(&self) -> bool;

    /// Hears why a second attempt was not sent.
    fn not_hedged(&self, against: Against);

    /// Hears of each attempt, once it is known what follows. The one that is answered from is the last.
    fn tried(&self, tried: &Tried<'_>);

    /// Hears of each breaker that opened or closed, by the id of its health key.
    fn changed(&self, key: &str, transition: Transition);
}

/// One try of a call at one target.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// From 1.
    pub number: u32,
    /// The deployment, or the provider's model.
    pub candidate: &'a Candidate<'a>,
    /// An index into the provider's endpoints.
    pub endpoint: usize,
    /// An index into the provider's credentials; 0 where it has none.
    pub credential: usize,
    /// When it begins, in nanoseconds.
    pub started_ns: u64,
    /// Whether it was sent while another was open.
    pub is_hedge: bool,
    /// Of a later step: why the call went there.
    pub reason: Option<Reason>,
}

/// A good answer, committed.
#[derive(Debug)]
pub struct Good<A> {
    /// The answer.
    pub answer: A,
    /// Its status.
    pub status: u16,
    /// Of a stream: the time to its first content, in nanoseconds.
    pub first_token_ns: Option<u64>,
    /// The share of its quota that the provider says is left, per mille.
    pub quota_permille: Option<u32>,
}

/// A failed attempt, of which the caller has seen nothing.
#[derive(Debug)]
pub struct Failure<A> {
    /// What became of it.
    pub class: Class,
    /// Whose health it counts against.
    pub blame: Blame,
    /// How long the provider asked to wait, in nanoseconds.
    pub pause_ns: Option<u64>,
    /// What the provider said of trying again.
    pub advice: Option<bool>,
    /// Whether nothing of the request reached the provider.
    pub untouched: bool,
    /// The provider's status, or why there is none.
    pub result: Result<u16, Kind>,
    /// What the caller gets if nothing better comes.
    pub what: What<A>,
}

/// What a failed attempt left for the caller.
#[derive(Debug)]
pub enum What<A> {
    /// The provider's own error.
    Answer(A),
    /// Ours.
    Fault(Fault),
}

/// An attempt with what follows it.
#[derive(Debug)]
pub struct Tried<'a> {
    /// The attempt.
    pub attempt: Attempt<'a>,
    /// What became of it.
    pub class: Class,
    /// Whose health it counts against.
    pub blame: Blame,
    /// How long was waited before it, in nanoseconds.
    pub waited_ns: u64,
    /// How long it took up to its commit or its failure, in nanoseconds.
    pub took_ns: u64,
    /// What is left of the provider's retry budget, per mille.
    pub budget_permille: u32,
    /// The provider's status, or why there is none; nothing of an attempt that was cancelled.
    pub result: Option<Result<u16, Kind>>,
    /// The word for what follows; empty after a good answer, and of what was cancelled.
    pub then: &'static str,
}

/// A call to be attempted.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Where it may go.
    pub route: Route<'a>,
    /// The plan's targets with their state.
    pub targets: &'a Targets,
    /// When it must have committed, in nanoseconds.
    pub total_by_ns: u64,
    /// An estimate of the prompt's tokens; 0 where nothing is known.
    pub prompt_tokens: u64,
    /// What it needs of a model besides plain text.
    pub needs: Needs,
    /// Whether the request can be sent more than once.
    pub replayable: bool,
    /// Whether the caller asked for a stream.
    pub streamed: bool,
    /// A second attempt while the first is open; none for what may do something but answer.
    pub hedge: Option<&'a Hedge>,
    /// A [`hash`](crate::hash) of what keeps calls at one place; none where they may go anywhere.
    pub affinity: Option<u64>,
    /// The step that it begins at: those before it cost more than there is money for.
    pub first_step: usize,
    /// How much targets may be asked by the policy's own word; none where it says nothing of that.
    pub rooms: Option<&'a dyn Rooms>,
}

/// How much targets may be asked by the policy's own word.
pub trait Rooms: fmt::Debug {
    /// Why a deployment, or a provider's model that is named outright, may not be asked now; nothing where it may.
    fn refusal(&self, deployment: Option<usize>, provider: usize) -> Option<Refused>;
}

/// A call that was answered.
#[derive(Debug)]
pub struct Won<A> {
    /// The answer.
    pub answer: A,
    /// What the attempt holds until its answer is over.
    pub held: Held,
    /// Where the call has been; see [`go_on`](crate::go_on).
    pub trail: Trail,
}

/// A call that was not.
#[derive(Debug)]
pub struct Lost<A> {
    /// What the caller gets.
    pub what: What<A>,
    /// Why there was no further attempt.
    pub why: Stop,
    /// Whether it is of use that the caller tries again.
    pub again: bool,
    /// When a target may be in service again, in nanoseconds from now.
    pub pause_ns: Option<u64>,
}
