//! One attempt on sockets: what the engine of `attempt` calls an exchange.

use crate::call::{Call, Media, Named};
use crate::go_on::Onward;
use crate::open::{Open, Opens, Seen};
use crate::reply::{self, Provided};
use crate::tariff::Tariff;
use attempt::hedge::Purse;
use attempt::{Against, Attempt, Blame, Class, Failure, Good, Transition, Tried, What};
use bytes::Bytes;
use fault::{Fault, Kind};
use http1::Source;
use plan::{Candidate, Resilience, StreamUsage};
use protocol::openai::stream::Finish;
use protocol::openai::usage::ask::Asking;
use record::{Hold, Record, Stage};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use stream::{Begun, Deadlines, Opening, Unopened};
use upstream::{Answer, AnswerBody, Outgoing, OutgoingBody};

/// How much of a provider's error is read before it is judged.
const ERROR_CAP: usize = 64 << 10;

/// What a call asks of its attempts.
#[expect(clippy::struct_excessive_bools, reason = "each is a property of the call that stands alone")]
pub(crate) struct Ask<'a> {
    pub(crate) resilience: &'a Resilience,
    pub(crate) streamed: bool,
    /// How many bytes the prompt has, and what stands around it.
    pub(crate) prompt_bytes: u64,
    /// Whether the call says how it is to be served.
    pub(crate) names_tier: bool,
    /// What the call is expected to use.
    pub(crate) expects: admission::Ask,
    /// Whether a balance looks at what is left of the providers' quotas.
    pub(crate) steers: bool,
    pub(crate) opened_ns: u64,
    /// How long the caller itself waits, where it says so.
    pub(crate) within_ms: Option<u64>,
    /// Whether a budget that must hold counts on it.
    pub(crate) is_budgeted: bool,
    /// What second attempts of such calls may cost; none where there are none.
    pub(crate) purse: Option<&'a Arc<Purse>>,
}

/// What is sent.
pub(crate) enum Request<'a> {
    /// A body with a model's name in it.
    Named(&'a Named),
    /// The same, to go on from what was answered.
    Onward(&'a Onward<'a>),
    /// A body as it was read.
    Pieces(&'a [Bytes]),
    /// A body as it comes, and how long it is.
    Upload { source: Cell<Option<&'a mut dyn Source>>, length: Option<u64> },
    /// None.
    Empty,
}

impl Request<'_> {
    /// The name that the caller asks for; empty where it names none.
    pub(crate) fn model(&self) -> &str {
        match self {
            Self::Named(named) | Self::Onward(Onward { named, .. }) => named.model(),
            Self::Pieces(_) | Self::Upload { .. } | Self::Empty => "",
        }
    }
}

/// The attempts of one call on sockets.
pub(crate) struct Exchange<'a> {
    pub(crate) call: &'a Call<'a>,
    pub(crate) ask: Ask<'a>,
    pub(crate) request: Request<'a>,
    pub(crate) record: RefCell<&'a mut Record>,
    open: Opens,
    /// How a streamed chat stands to usage.
    asking: Option<Asking>,
}

/// What came of an attempt before it is judged.
pub(crate) enum Came {
    /// A good answer up to its commit.
    Good(Answer, Begun),
    /// An answer that says of itself that it is an error, with what of its body was read.
    Error(Answer, Begun, Bytes),
    /// A stream that ended without content because the provider refuses it.
    Filtered(Answer, Opening),
}

impl Came {
    fn answer(&self) -> &Answer {
        match self {
            Self::Good(answer, _) | Self::Error(answer, ..) | Self::Filtered(answer, _) => answer,
        }
    }
}

impl attempt::World for Exchange<'_> {
    type Answer = Provided;

    fn now(&self) -> u64 {
        self.call.server.wheel.now()
    }

    fn draw(&self, n: u64) -> u64 {
        self.call.server.local.draw(n)
    }

    async fn sleep_until(&self, at_ns: u64) {
        let alarm = self.call.server.wheel.alarm();
        alarm.set(Some(at_ns));
        poll_fn(|cx| alarm.poll(cx)).await;
    }

    async fn exchange(&self, attempt: &Attempt<'_>) -> Result<Good<Provided>, Failure<Provided>> {
        // A second attempt is chosen while the first is waited for.
        if !attempt.is_hedge {
            self.record.borrow_mut().mark(Stage::Route);
        }
        let begun = self.begins(attempt)?;
        let wheel = &self.call.server.wheel;
        let deadlines = self.ask.deadlines(attempt.started_ns);
        if let Err(fault) = begun {
            return self.judge(attempt, deadlines, Err(fault));
        }
        let alarm = wheel.alarm();
        let (by_ns, kind) = commit_by(&deadlines);
        alarm.set(Some(by_ns));
        let left_ns = deadlines.whole.0.saturating_sub(attempt.started_ns);
        let mut exchange = pin!(self.up_to_commit(attempt, left_ns));
        let turns = poll_fn(|cx| self.record.borrow_mut().exchanges(|| exchange.as_mut().poll(cx)));
        let came = alarm.limit(turns).await.unwrap_or_else(|| Err(reply::too_late(wheel, kind)));
        let connect = came.as_ref().map_or(Duration::ZERO, |came| came.answer().connect);
        self.record.borrow_mut().exchanged(connect);
        self.judge(attempt, deadlines, came)
    }

    fn acts_at_provider(&self) -> bool {
        matches!(self.request, Request::Named(named) if named.acts_at_provider())
    }

    fn not_hedged(&self, against: Against) {
        let reason = Against::ALL.iter().position(|known| *known == against).unwrap_or_default();
        self.record.borrow_mut().not_hedged(reason, against.name());
    }

    fn tried(&self, tried: &Tried<'_>) {
        if let Some(open) = self.open.end(tried.attempt.number) {
            self.record.borrow_mut().tried(open.tried(tried));
        }
    }

    fn changed(&self, key: &str, transition: Transition) {
        self.call.server.local.changed(key, transition);
    }
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(call: &'a Call<'a>, ask: Ask<'a>, request: Request<'a>, record: &'a mut Record) -> Self {
        let asking = match &request {
            Request::Named(named) | Request::Onward(Onward { named, .. }) => named.asking(call.endpoint),
            Request::Pieces(_) | Request::Upload { .. } | Request::Empty => None,
        };
        Self { call, ask, request, record: RefCell::new(record), open: Opens::default(), asking }
    }

    /// What makes a call ask for usage that did not, where its provider is asked.
    fn asking(&self, attempt: &Attempt<'_>) -> Option<&Asking> {
        let provider = &self.call.snapshot.compiled.plan.providers[attempt.candidate.provider];
        self.asking.as_ref().filter(|asking| asking.withholds() && provider.stream_usage == StreamUsage::Ask)
    }

    /// Notes an attempt, also where it cannot be written down, unless its target's own limits are used up.
    #[expect(clippy::result_large_err, reason = "a failure may be an answer that is relayed")]
    fn begins(&self, attempt: &Attempt<'_>) -> Result<Result<(), Fault>, Failure<Provided>> {
        let Attempt { number, candidate, endpoint, credential, started_ns, is_hedge, reason } = *attempt;
        let series = Arc::clone(self.call.snapshot.attempt_series(candidate));
        let (tariff, target) = (Tariff::new(self, candidate), (endpoint, credential));
        let reason = reason.map(|reason| (reason as usize, reason.name()));
        let (step, seen, hold) = (candidate.step, Seen::Nothing, self.takes(candidate)?);
        let written = self.sends(attempt, &tariff);
        self.open.begin(Open { number, series, tariff, step, reason, target, started_ns, is_hedge, seen, hold });
        Ok(written)
    }

    /// What an attempt at a candidate takes of the candidate's own limits. That there is room was asked a moment ago;
    /// another worker may have taken it since.
    #[expect(clippy::result_large_err, reason = "a failure may be an answer that is relayed")]
    fn takes(&self, candidate: &Candidate<'_>) -> Result<Option<Box<dyn Hold>>, Failure<Provided>> {
        if !self.call.has_own_limits() {
            return Ok(None);
        }
        let at = (candidate.deployment, candidate.provider);
        match self.call.take_at(at, self.ask.expects, &self.record.borrow()) {
            Ok(spending) => Ok(spending.map(|spending| Box::new(spending) as Box<dyn Hold>)),
            Err(_) => Err(no_room()),
        }
    }

    /// `left_ns`: how long its whole answer may take.
    async fn up_to_commit(&self, attempt: &Attempt<'_>, left_ns: u64) -> Result<Came, Fault> {
        let mut answer = self.send(attempt, left_ns).await?;
        if answer.head.status >= 400 {
            let body = error_body(&mut answer.body).await;
            return Ok(Came::Error(answer, Begun::Plain(Some(body.clone()).filter(|body| !body.is_empty())), body));
        }
        self.open.saw(attempt.number, Seen::Head);
        let media = self.call.media(&answer);
        if let Media::Events(streams) = media {
            let mut opening = Opening::new(streams);
            if self.asking(attempt).is_some() {
                opening = opening.withholding();
            }
            if self.ask.names_tier {
                opening = opening.reading_tier();
            }
            let opened = opening.commit(&mut answer.body).await;
            let is_filtered = opening.finish() == Finish::ContentFilter && !opening.has_content();
            if opened.is_err() || is_filtered {
                self.open.saw(attempt.number, Seen::Part(Box::new(opening.metered())));
            }
            return match opened {
                Ok(()) if is_filtered => Ok(Came::Filtered(answer, opening)),
                Ok(()) => Ok(Came::Good(answer, Begun::Stream(opening))),
                Err(Unopened::Failed(error)) => Ok(Came::Error(answer, Begun::Stream(opening), error)),
                Err(Unopened::Cut(fault)) => Err(fault),
            };
        }
        let first = AnswerBody::piece(&mut answer.body).await.transpose()?;
        match first {
            // A file that a call asks for by its id may be one.
            Some(page) if matches!(media, Media::Page) && !attempt.candidate.model.is_empty() => {
                drop(page);
                Err(Fault::new(Kind::UpstreamGarbled, "The provider answered with a web page"))
            }
            Some(first) if first.starts_with(b"{\"error\":{") => {
                let error = first.clone();
                Ok(Came::Error(answer, Begun::Plain(Some(first)), error))
            }
            first => Ok(Came::Good(answer, Begun::Plain(first))),
        }
    }

    async fn send(&self, attempt: &Attempt<'_>, left_ns: u64) -> Result<Answer, Fault> {
        let call = self.call;
        let compiled = &call.snapshot.compiled;
        let Attempt { candidate, endpoint, credential, .. } = *attempt;
        let at = &compiled.plan.providers[candidate.provider];
        let pieces;
        let mut upload = None;
        let body = match &self.request {
            Request::Empty => OutgoingBody::None,
            Request::Pieces(pieces) => OutgoingBody::Pieces(pieces),
            Request::Named(named) => {
                pieces = named.for_candidate(candidate, call.snapshot, self.asking(attempt));
                OutgoingBody::Pieces(&pieces)
            }
            Request::Onward(onward) => {
                pieces = Cow::Owned(onward.for_candidate(candidate, call.snapshot, self.asking(attempt)));
                OutgoingBody::Pieces(&pieces)
            }
            Request::Upload { source, length } => {
                upload = source.take(); // attempts of such a call follow each other
                upload
                    .as_deref_mut()
                    .map_or(OutgoingBody::None, |source| OutgoingBody::Stream { source, length: *length })
            }
        };
        let target = call.head.target();
        let outgoing = Outgoing {
            method: call.head.method(),
            path: target.strip_prefix(b"/v1").unwrap_or(target),
            head: call.head,
            provider: &compiled.providers[candidate.provider][endpoint],
            credential,
            // Up to the next whole one: whoever is asked does not give up before we do.
            left_ms: left_ns.div_ceil(1_000_000).max(1),
            body,
        };
        let connect = Duration::from_millis(self.ask.resilience.timeouts.connect_ms);
        let endpoint = &at.endpoints[endpoint];
        let answer = call.server.pools.exchange(&compiled.egress, endpoint, at.http, outgoing, connect).await;
        if let Request::Upload { source, .. } = &self.request {
            source.set(upload);
        }
        answer
    }
}

/// A target has no room for an attempt, by the policy's own limits.
fn no_room() -> Failure<Provided> {
    let kind = Kind::ProviderBusy;
    let what = What::Fault(Fault::new(kind, "This model is asked as much as this gateway's policy allows"));
    let (class, blame) = (Class::RateLimited, Blame::Nobody);
    Failure { class, blame, pause_ns: None, advice: None, untouched: true, result: Err(kind), what }
}

/// A call that ends while attempts are open has lost its caller.
impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        while let Some(open) = self.open.rest() {
            self.record.borrow_mut().tried(open.left(self.call.server.wheel.now()));
        }
    }
}

impl Ask<'_> {
    /// When the call must have its answer, at the latest.
    pub(crate) fn total_by(&self) -> u64 {
        let timeouts = &self.resilience.timeouts;
        let total_ms = if self.streamed { timeouts.stream_total_ms } else { timeouts.total_ms };
        let total_ms = self.within_ms.map_or(total_ms, |within_ms| within_ms.min(total_ms));
        self.opened_ns.saturating_add(ns(total_ms))
    }

    /// The deadlines of an attempt that starts now.
    pub(crate) fn deadlines(&self, now_ns: u64) -> Deadlines {
        let timeouts = &self.resilience.timeouts;
        let total = (self.total_by(), Kind::TotalTimeout);
        let attempt = (now_ns.saturating_add(ns(timeouts.attempt_ms)), Kind::AttemptTimeout);
        let whole = if !self.streamed && attempt.0 < total.0 { attempt } else { total };
        let first_token = now_ns.saturating_add(ns(timeouts.first_token_ms));
        // A stream that was not asked for may begin as late as any answer.
        let first_token = if self.streamed { first_token } else { whole.0 };
        Deadlines { whole, first_token, idle_ns: ns(timeouts.idle_ms) }
    }
}

pub(crate) const fn ns(ms: u64) -> u64 {
    ms.saturating_mul(1_000_000)
}

/// When the answer must have committed, and what it is when it has not.
pub(crate) fn commit_by(deadlines: &Deadlines) -> (u64, Kind) {
    let first_token = (deadlines.first_token, Kind::FirstTokenTimeout);
    if first_token.0 < deadlines.whole.0 { first_token } else { deadlines.whole }
}

/// What of a provider's error is there to judge: all of it, in nearly every case in one piece.
async fn error_body(body: &mut AnswerBody) -> Bytes {
    let mut whole = Bytes::new();
    while let Some(Ok(piece)) = AnswerBody::piece(body).await {
        whole = if whole.is_empty() { piece } else { [&whole[..], &piece[..]].concat().into() };
        if whole.len() >= ERROR_CAP {
            break;
        }
    }
    whole
}
