//! The world as the gateway sees it: its clock, its dice, and what becomes of an attempt.

use crate::book::{Book, Page};
use crate::caller::Want;
use crate::executor::{Entered, First, race};
use crate::fleet::{Fleet, Replica};
use crate::planted::Planted;
use crate::provider::errors::{self, ErrorRow};
use crate::provider::{Asked, Opening, Script, Served};
use crate::reply::{Content, Reply};
use crate::rng::Stream;
use crate::scenario::fault::Reaction;
use crate::time::{MS, of_ms};
use crate::visit::{Cause, Ending, Place};
use attempt::classify::{self, Signal};
use attempt::{Against, Attempt, Blame, Class, Failure, Good, Transition, Tried, What, World};
use fault::{Fault, Kind};
use plan::Timeouts;
use std::rc::Rc;

/// How long a refusal takes: there and back.
pub(crate) const ROUND_TRIP_NS: u64 = 10 * MS;
/// Attempts of one call have numbers of their own among those of its caller.
const MOST_ATTEMPTS: u32 = 64;

/// One call's view of the world.
pub(crate) struct View<'a> {
    pub(crate) fleet: &'a Rc<Fleet>,
    pub(crate) replica: &'a Replica,
    pub(crate) book: &'a Rc<Book>,
    pub(crate) want: &'a Want,
    pub(crate) resend: u32,
    pub(crate) timeouts: Timeouts,
    pub(crate) total_by_ns: u64,
    pub(crate) streamed: bool,
}

/// An attempt that failed: what was wrong, and what the gateway is told.
struct Failed {
    cause: Cause,
    told: Told,
    pause_ns: Option<u64>,
    advice: Option<bool>,
}

/// What the gateway sees of a failure.
#[derive(Clone, Copy)]
enum Told {
    Fault(Kind),
    Answer(&'static ErrorRow),
    Event(&'static ErrorRow),
}

impl Failed {
    const fn fault(cause: Cause, kind: Kind) -> Self {
        Self { cause, told: Told::Fault(kind), pause_ns: None, advice: None }
    }

    const fn event(error: &'static ErrorRow) -> Self {
        Self { cause: error.cause, told: Told::Event(error), pause_ns: None, advice: None }
    }
}

impl World for View<'_> {
    type Answer = Reply;

    fn now(&self) -> u64 {
        self.fleet.now()
    }

    fn draw(&self, n: u64) -> u64 {
        self.replica.draw(n)
    }

    fn sleep_until(&self, at_ns: u64) -> impl Future<Output = ()> {
        self.fleet.executor.sleep_until(at_ns)
    }

    async fn exchange(&self, attempt: &Attempt<'_>) -> Result<Good<Reply>, Failure<Reply>> {
        let place = Place {
            provider: attempt.candidate.provider,
            deployment: attempt.candidate.deployment,
            endpoint: attempt.endpoint,
            credential: attempt.credential,
        };
        let mut page = self.book.open(place, attempt.number, attempt.is_hedge);
        match self.reach(attempt, place, &mut page).await {
            Ok((served, script)) if !self.fleet.plants(Planted::SecondAnswer) => Ok(self.good(page, served, &script)),
            Ok(_) => {
                page.commit();
                Err(self.failure(page, &Failed::fault(Cause::Cut, Kind::StreamCut), &place))
            }
            Err(failed) => Err(self.failure(page, &failed, &place)),
        }
    }

    fn tried(&self, tried: &Tried<'_>) {
        let index = usize::try_from(tried.attempt.number).unwrap_or(0).wrapping_sub(1);
        let times = if self.fleet.plants(Planted::ToldTwice) { 2 } else { 1 };
        self.book.with(index, |visit| {
            visit.told += times;
            if tried.class == Class::HedgeLost {
                visit.class = tried.class.name();
            }
        });
    }

    /// Callers of a simulation want answers and nothing else.
    fn acts_at_provider(&self) -> bool {
        false
    }

    fn not_hedged(&self, against: Against) {
        *self.fleet.tally.borrow_mut().not_hedged.entry(against.name()).or_default() += 1;
    }

    fn changed(&self, key: &str, transition: Transition) {
        self.fleet.changed(self.replica.number, key, transition);
    }
}

impl View<'_> {
    /// What becomes of an attempt up to its first content.
    async fn reach(&self, attempt: &Attempt<'_>, place: Place, page: &mut Page) -> Result<(Served, Script), Failed> {
        let unknown = Failed::fault(Cause::Unreachable, Kind::ConnectFailed);
        let Some(provider) = self.fleet.providers.get(place.provider) else { return Err(unknown) };
        let began_ns = self.fleet.now();
        let asked = Asked {
            at_ns: began_ns,
            model: &attempt.candidate.model,
            endpoint: place.endpoint,
            credential: place.credential,
            input_tokens: self.want.input_tokens,
        };
        let number = self.resend * MOST_ATTEMPTS + attempt.number;
        let mut script = provider.script(&asked, &mut Stream::Visit(self.want.caller, number).rng(self.fleet.seed));
        if script.effect.reaction == Reaction::Serve && !self.fits(place) {
            script.effect.reaction =
                errors::by_name("context_length_exceeded").map_or(Reaction::Serve, Reaction::Error);
        }
        let patience = self.patience(began_ns);
        let late_ns = script.late_ns();
        self.refused(&script, began_ns.saturating_add(late_ns), &patience).await?;
        page.slot = match provider.enter() {
            None => None,
            Some(Entered::Now(slot)) => Some(slot),
            Some(Entered::Wait(wait)) => match race(wait, self.fleet.executor.sleep_until(patience.by_ns())).await {
                First::Left(slot) => Some(slot),
                First::Right(()) => return Err(patience.over()),
            },
            Some(Entered::Full) => {
                self.until(began_ns.saturating_add(ROUND_TRIP_NS), &patience).await?;
                return Err(error(errors::FULL, &script));
            }
        };
        let served = self.content(&script, &patience).await?;
        Ok((served, script))
    }

    /// Waits out what the provider does instead of an answer.
    async fn refused(&self, script: &Script, from_ns: u64, patience: &Patience) -> Result<(), Failed> {
        let failed = match script.effect.reaction {
            Reaction::Serve => return Ok(()),
            Reaction::Silence => {
                self.until(u64::MAX, patience).await?;
                return Err(patience.over());
            }
            Reaction::Refuse => Failed::fault(Cause::Unreachable, Kind::ConnectFailed),
            Reaction::Close => Failed::fault(Cause::Unreachable, Kind::UpstreamClosed),
            Reaction::Garble => Failed::fault(Cause::Unreachable, Kind::UpstreamGarbled),
            Reaction::Error(row) => error(row, script),
        };
        self.until(from_ns.saturating_add(ROUND_TRIP_NS), patience).await?;
        Err(failed)
    }

    /// Waits for the first content of a stream, or for a whole answer.
    async fn content(&self, script: &Script, patience: &Patience) -> Result<Served, Failed> {
        let first_ns = self.fleet.now().saturating_add(script.late_ns()).saturating_add(script.ttft_ns);
        if !self.streamed {
            let made_ns = script.gap_ns.saturating_mul(script.tokens - 1);
            self.until(first_ns.saturating_add(made_ns), patience).await?;
            return Ok(script.answer());
        }
        match script.stream() {
            Opening::Content(served) => {
                self.until(first_ns, patience).await?;
                Ok(served)
            }
            Opening::Ends(after_ns) => {
                self.until(first_ns.saturating_add(after_ns), patience).await?;
                Err(Failed::fault(Cause::Cut, Kind::StreamCut))
            }
            Opening::Error(row) => {
                self.until(first_ns, patience).await?;
                Err(Failed::event(row))
            }
            Opening::Silence => {
                self.until(u64::MAX, patience).await?;
                Err(patience.over())
            }
        }
    }

    /// Waits until then, or fails with the deadline that comes first.
    async fn until(&self, at_ns: u64, patience: &Patience) -> Result<(), Failed> {
        if at_ns <= patience.by_ns() {
            self.fleet.executor.sleep_until(at_ns).await;
            return Ok(());
        }
        self.fleet.executor.sleep_until(patience.by_ns()).await;
        Err(patience.over())
    }

    fn patience(&self, began_ns: u64) -> Patience {
        let (ms, kind) = if self.streamed {
            (self.timeouts.first_token_ms, Kind::FirstTokenTimeout)
        } else {
            (self.timeouts.attempt_ms, Kind::AttemptTimeout)
        };
        Patience { try_by_ns: began_ns.saturating_add(of_ms(ms)), total_by_ns: self.total_by_ns, kind }
    }

    /// A provider's name in the catalogue.
    pub(crate) fn kind_of(&self, provider: usize) -> &str {
        self.fleet.plan.providers.get(provider).map_or("", |provider| &provider.kind)
    }

    /// Whether the prompt fits into the model's context.
    fn fits(&self, place: Place) -> bool {
        let deployment = place.deployment.and_then(|deployment| self.fleet.plan.deployments.get(deployment));
        let context = deployment.and_then(|deployment| deployment.context_tokens);
        context.is_none_or(|context| self.want.input_tokens <= context)
    }

    fn good(&self, page: Page, served: Served, script: &Script) -> Good<Reply> {
        page.commit();
        page.judged("good");
        let now_ns = self.fleet.now();
        let first_token_ns = self.streamed.then(|| now_ns - page.began_ns());
        Good {
            answer: Reply::Good(Content { page, served, gap_ns: script.gap_ns, committed_ns: now_ns }),
            status: 200,
            first_token_ns,
            quota_permille: script.remaining_permille,
        }
    }

    fn failure(&self, page: Page, failed: &Failed, place: &Place) -> Failure<Reply> {
        let provider = self.kind_of(place.provider);
        let signal = |row: &'static ErrorRow| Signal {
            provider,
            status: row.status,
            code: row.code,
            kind: row.kind,
            message: row.message,
        };
        let (class, blame) = match failed.told {
            Told::Fault(kind) => classify::of_fault(kind),
            Told::Answer(row) => classify::of_answer(&signal(row)),
            Told::Event(row) => classify::of_stream_error(&signal(row)),
        };
        let blame = if self.fleet.plants(Planted::WrongBlame) { Blame::Credential } else { blame };
        self.fleet.oracle.judged(self.fleet.now(), failed.cause, class.name(), blame.name());
        page.judged(class.name());
        page.end(Ending::Failed(failed.cause));
        let untouched = matches!(failed.told, Told::Fault(Kind::ConnectFailed));
        let (result, what) = match failed.told {
            Told::Fault(kind) => (Err(kind), What::Fault(Fault::new(kind, "simulated"))),
            Told::Answer(row) => (Ok(row.status), What::Answer(Reply::Error)),
            Told::Event(_) => (Ok(200), What::Answer(Reply::Error)),
        };
        Failure { class, blame, pause_ns: failed.pause_ns, advice: failed.advice, untouched, result, what }
    }
}

fn error(row: &'static ErrorRow, script: &Script) -> Failed {
    let effect = &script.effect;
    Failed { cause: row.cause, told: Told::Answer(row), pause_ns: effect.pause_ns, advice: effect.advice }
}

/// How long an attempt may take to its first content.
struct Patience {
    try_by_ns: u64,
    total_by_ns: u64,
    kind: Kind,
}

impl Patience {
    fn by_ns(&self) -> u64 {
        self.try_by_ns.min(self.total_by_ns)
    }

    /// It is over.
    fn over(&self) -> Failed {
        if self.total_by_ns < self.try_by_ns {
            return Failed::fault(Cause::NoTimeLeft, Kind::TotalTimeout);
        }
        Failed::fault(Cause::Silent, self.kind)
    }
}
