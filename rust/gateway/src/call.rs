//! One call, from its body to the first byte of an answer: read, routed, attempted.

use crate::able;
use crate::affinity;
use crate::body::{self, Limited};
use crate::books::Opening;
use crate::coalesce;
use crate::exchange::{Ask, Exchange, Request};
use crate::limits::{Admitted, AtTargets};
use crate::reply::Answered;
use crate::resume;
use crate::serve::Server;
use crate::snapshot::Snapshot;
use crate::tariff::BYTES_PER_TOKEN;
use crate::together::Sharing;
use admission::Caller;
use attempt::hedge::Purse;
use attempt::{What, Won};
use bytes::Bytes;
use fault::{Fault, Kind};
use http1::RequestHead;
use listener::RequestBody;
use plan::{Balance, Candidate, Label, Needs, OnCut, Route, Scope, Step};
use protocol::openai::error;
use protocol::openai::paths::{Endpoint, Streams};
use protocol::openai::usage::ask::Asking;
use protocol::peek::Scanner;
use protocol::scan::Peek;
use protocol::{splice, top};
use record::Record;
use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use upstream::Answer;

/// A call that was let in, and whose row in the table of paths is known.
pub(crate) struct Call<'a> {
    pub(crate) server: &'a Server,
    pub(crate) snapshot: &'a Rc<Snapshot>,
    pub(crate) endpoint: &'static Endpoint,
    pub(crate) head: &'a RequestHead,
    /// How long the caller itself waits, where it says so.
    pub(crate) within_ms: Option<u64>,
    pub(crate) caller: Caller,
}

/// A body that goes on as it comes.
pub(crate) struct Upload<'a> {
    pub(crate) body: &'a mut RequestBody,
    pub(crate) length: Option<u64>,
    pub(crate) has_body: bool,
}

/// A body that names its model.
#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) peek: Peek,
    pub(crate) spelling: Spelling,
    pub(crate) pieces: Vec<Bytes>,
}

/// What a call asks of where it goes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Asked {
    pub(crate) streamed: bool,
    /// Of the body; 0 where it says nothing of the prompt.
    pub(crate) prompt_bytes: u64,
    pub(crate) names_tier: bool,
    needs: Needs,
    /// The step that it begins at, and what it is expected to use.
    first_step: usize,
    pub(crate) expects: admission::Ask,
    /// Whether a budget that must hold counts on it.
    is_budgeted: bool,
}

impl Asked {
    fn of(admitted: &Admitted<'_>, named: &Named, streamed: bool) -> Self {
        let Admitted { route, first_step, expects, is_budgeted, .. } = *admitted;
        let needs = if route.states_capabilities() { named.needs() } else { Needs::NONE };
        let (prompt_bytes, names_tier) = (named.prompt_bytes(), named.peek.asks.service_tier());
        Self { streamed, prompt_bytes, names_tier, needs, first_step, expects, is_budgeted }
    }
}

/// How a body spells the model's name.
#[derive(Clone, Copy)]
pub(crate) enum Spelling {
    /// As a JSON string.
    Json,
    /// As it is: the part of a form.
    Plain,
}

impl Named {
    /// The length of what holds the prompt; 0 of a form, which holds sound or pictures.
    pub(crate) fn prompt_bytes(&self) -> u64 {
        if matches!(self.spelling, Spelling::Json) { splice::length(&self.pieces) } else { 0 }
    }

    /// The name that the caller asks for.
    pub(crate) fn model(&self) -> &str {
        &self.peek.model.name
    }

    /// What the call needs of a model besides plain text. Of a form that is not known.
    pub(crate) fn needs(&self) -> Needs {
        match self.spelling {
            Spelling::Json => able::needs(&self.pieces, self.peek.asks),
            Spelling::Plain => Needs::NONE,
        }
    }

    /// The body with a candidate's name of the model in it, and made to ask for usage where it does not: slices, nothing
    /// is copied.
    pub(crate) fn for_candidate(
        &self,
        candidate: &Candidate<'_>,
        snapshot: &Snapshot,
        asking: Option<&Asking>,
    ) -> Cow<'_, [Bytes]> {
        if asking.is_none() && self.peek.model.name == candidate.model {
            return Cow::Borrowed(&self.pieces);
        }
        let changes = self.changes(candidate, snapshot, asking);
        let change = |pieces: Cow<'_, [Bytes]>, (range, value): (Range<u64>, Bytes)| -> Cow<'_, [Bytes]> {
            Cow::Owned(splice::splice(&pieces, range, &value))
        };
        changes.into_iter().flatten().fold(Cow::Borrowed(&self.pieces), change)
    }

    /// What is changed for a candidate; what stands further behind comes first, so that the rest stays where it is.
    pub(crate) fn changes(
        &self,
        candidate: &Candidate<'_>,
        snapshot: &Snapshot,
        asking: Option<&Asking>,
    ) -> [Option<(Range<u64>, Bytes)>; 2] {
        let name = match (self.spelling, asking) {
            (Spelling::Json, Some(Asking::Silent)) => snapshot.model_asking(candidate),
            (Spelling::Json, _) => snapshot.model_json(candidate),
            (Spelling::Plain, _) => Bytes::copy_from_slice(candidate.model.as_bytes()),
        };
        let model = (self.peek.model.range.clone(), name);
        match asking {
            Some(Asking::Otherwise(range, options)) if range.start > model.0.start => {
                [Some((range.clone(), options.clone())), Some(model)]
            }
            Some(Asking::Otherwise(range, options)) => [Some(model), Some((range.clone(), options.clone()))],
            Some(Asking::Asks | Asking::Silent | Asking::Odd) | None => [Some(model), None],
        }
    }

    /// How the call stands to usage; none of one whose answer is no stream of chunks.
    pub(crate) fn asking(&self, endpoint: &Endpoint) -> Option<Asking> {
        let is_chat = self.peek.stream && endpoint.streams == Streams::Chat;
        let is_chat = is_chat && matches!(self.spelling, Spelling::Json);
        is_chat.then(|| Asking::read(&self.pieces, self.peek.stream_options))
    }

    /// Whether a second run of the call could do something at the provider. A form makes an answer and nothing else.
    pub(crate) fn acts_at_provider(&self) -> bool {
        matches!(self.spelling, Spelling::Json) && top::acts_at_provider(&self.pieces)
    }
}

impl<'c> Call<'c> {
    /// Reads a body, and what routing needs of it.
    pub(crate) async fn read(
        &self,
        body: &mut RequestBody,
        length: Option<u64>,
        scanner: &mut Scanner,
        record: &mut Record,
    ) -> Result<Vec<Bytes>, Fault> {
        if let Some(coding) = self.head.headers.get("content-encoding")
            && !coding.eq_ignore_ascii_case(b"identity")
        {
            return Err(Fault::new(
                Kind::EncodingUnsupported,
                "Compressed request bodies are not taken: send the body as it is, without `content-encoding`",
            ));
        }
        let limit = self.snapshot.compiled.plan.http.max_body_bytes;
        body::check_length(length, limit, "http.max_body")?;
        body::read(body, scanner, limit, record).await
    }

    /// Sends a call whose model is known along its route.
    pub(crate) async fn route(&self, named: &Named, scope: Scope<'_>, record: &mut Record) -> Result<Answered, Lost> {
        let route = self.snapshot.compiled.plan.route(&named.peek.model.name, scope)?;
        record.routed(self.snapshot.call_series(route.label(), self.endpoint.name, named.peek.stream));
        let streamed = named.peek.stream && self.endpoint.streams != Streams::Never;
        let http = &self.snapshot.compiled.plan.http;
        self.server.has_room_for(http, streamed, route.resilience().priority)?;
        let admitted = self.reserve(route, Some(named), record)?;
        let (route, asked) = (admitted.route, Asked::of(&admitted, named, streamed));
        let resilience = route.resilience();
        let advised = |lost| able::advised(lost, (&self.snapshot.compiled.plan, scope), asked.needs);
        if resilience.coalesce && !admitted.is_rerouted && coalesce::is_repeatable(self.endpoint, named) {
            let sharing = Sharing { call: self, route, named, asked };
            return Box::pin(sharing.run(record)).await.map_err(advised);
        }
        let answered = self.attempt(route, Request::Named(named), asked, record).await;
        if let Some(bytes) = resilience.resume_bytes {
            return answered.map(|answered| resume::keep(self, answered, bytes, record)).map_err(advised);
        }
        answered.map_err(advised)
    }

    /// Sends a call that names no model, its body as it comes, to the provider of `passthrough`.
    pub(crate) async fn pass(&self, upload: Upload<'_>, record: &mut Record) -> Result<Answered, Lost> {
        let route = self.passthrough(record)?;
        let limit = self.snapshot.compiled.plan.http.max_upload_bytes;
        let Upload { body, length, has_body } = upload;
        body::check_length(length, limit, "http.max_upload")?;
        let is_budgeted = self.reserve(route, None, record)?.is_budgeted;
        let asked = Asked { is_budgeted, ..Asked::default() };
        let mut limited = Limited::new(body, limit);
        let upload = Request::Upload { source: Cell::new(Some(&mut limited)), length };
        let request = if has_body { upload } else { Request::Empty };
        let answered = self.attempt(route, request, asked, record).await;
        record.received(limited.passed);
        answered
    }

    /// The same for a body that was read in search of a model.
    pub(crate) async fn pass_pieces(&self, pieces: &[Bytes], record: &mut Record) -> Result<Answered, Lost> {
        let route = self.passthrough(record)?;
        let is_budgeted = self.reserve(route, None, record)?.is_budgeted;
        let asked = Asked { is_budgeted, ..Asked::default() };
        self.attempt(route, Request::Pieces(pieces), asked, record).await
    }

    fn passthrough(&self, record: &mut Record) -> Result<Route<'c>, Fault> {
        let plan = &self.snapshot.compiled.plan;
        let Some(provider) = plan.passthrough else {
            return Err(Fault::new(
                Kind::UnknownPath,
                "Calls to this path name no model, and the policy names no provider for them: set `passthrough: PROVIDER`",
            ));
        };
        record.routed(self.snapshot.call_series(Label::Direct(provider), self.endpoint.name, false));
        Ok(plan.passing(provider))
    }

    /// Makes attempts until one has committed.
    pub(crate) async fn attempt<'a>(
        &'a self,
        route: Route<'a>,
        request: Request<'a>,
        asked: Asked,
        record: &'a mut Record,
    ) -> Result<Answered, Lost> {
        let Asked { streamed, prompt_bytes, names_tier, needs, first_step, expects, is_budgeted } = asked;
        let by_quota =
            |step: &Step| matches!(step.balance, Balance::Fastest | Balance::Cheapest) && step.shares.len() > 1;
        let steers = route.chain().iter().any(by_quota);
        let (resilience, opened_ns) = (route.resilience(), record.opened_ns());
        self.server.opens(self.snapshot, self.opening(request.model(), is_budgeted), record)?;
        let within_ms = self.within_ms;
        let ask = Ask {
            resilience,
            streamed,
            prompt_bytes,
            names_tier,
            expects,
            steers,
            opened_ns,
            within_ms,
            is_budgeted,
            purse: self.purse(&route),
        };
        let (hedge, affinity) = match &request {
            Request::Named(named) => {
                let key = || record.key().map(|key| &**key);
                (resilience.hedge.as_ref(), affinity::of(resilience.affinity, self.head, named, key))
            }
            // What names no model may do anything, and what goes on with an answer has its place.
            Request::Pieces(_) | Request::Upload { .. } | Request::Empty | Request::Onward(_) => (None, None),
        };
        let at_targets = AtTargets { call: self, expects };
        let call = attempt::Call {
            route,
            targets: &self.snapshot.targets,
            total_by_ns: ask.total_by(),
            prompt_tokens: self.tokens(&route, prompt_bytes),
            needs,
            replayable: self.is_replayable(&request),
            streamed,
            hedge,
            affinity,
            first_step,
            rooms: self.has_own_limits().then_some(&at_targets),
        };
        let world = Exchange::new(self, ask, request, record);
        match attempt::run(&call, &world).await {
            Ok(Won { answer: mut provided, held, trail }) => {
                if route.resilience().on_cut == OnCut::Continue {
                    let Exchange { ask, request, .. } = &world;
                    provided.go_on = self.again(&route, request, (&provided, trail), ask.opened_ns);
                }
                Ok(Answered::Provider { provided, held: Some(held), again: None })
            }
            Err(lost) => match lost.what {
                What::Answer(answer) => {
                    Ok(Answered::Provider { provided: answer, held: None, again: Some(lost.again) })
                }
                What::Fault(fault) => Err(Lost { fault, again: Some(lost.again), pause_ns: lost.pause_ns }),
            },
        }
    }

    /// What second attempts of calls along a route may cost, where there are any.
    pub(crate) fn purse(&self, route: &Route<'_>) -> Option<&'c Arc<Purse>> {
        route.resilience().hedge.as_ref()?;
        self.snapshot.targets.purse(route.label())
    }

    /// About how many tokens the prompt of a call along a route has, whose body has so many bytes: by what was learnt at
    /// its first place.
    pub(crate) fn tokens(&self, route: &Route<'_>, bytes: u64) -> u64 {
        let targets = &self.snapshot.targets;
        let first = route.first();
        let learnt = first.and_then(|(provider, deployment)| targets.estimate(provider, deployment).prompt.of(bytes));
        learnt.unwrap_or(bytes / BYTES_PER_TOKEN)
    }

    /// What the journal is to know of the call.
    pub(crate) fn opening<'a>(&self, model: &'a str, is_budgeted: bool) -> Opening<'a>
    where
        'c: 'a,
    {
        Opening { team: self.plan_key().and_then(|key| key.team.as_deref()), model, is_budgeted }
    }

    /// Whether targets have limits of their own.
    pub(crate) fn has_own_limits(&self) -> bool {
        self.snapshot.compiled.limits.has_targets()
    }

    /// Whether a request may be sent twice. What names a model makes an answer and nothing else; a call that names none
    /// may create a file or a batch, and creates it again.
    fn is_replayable(&self, request: &Request<'_>) -> bool {
        match request {
            Request::Named(_) | Request::Onward(_) => true,
            Request::Pieces(_) | Request::Empty => matches!(self.head.method(), b"GET" | b"HEAD" | b"DELETE"),
            Request::Upload { .. } => false,
        }
    }

    /// What an answer that is no refusal consists of.
    pub(crate) fn media(&self, answer: &Answer) -> Media {
        let media = answer.head.headers.get("content-type").unwrap_or_default();
        if starts_with(media, b"text/html") {
            return Media::Page;
        }
        let is_events = self.endpoint.streams != Streams::Never
            && starts_with(media, b"text/event-stream")
            && answer.head.status < 300
            && is_plain(answer);
        if is_events { Media::Events(self.endpoint.streams) } else { Media::Other }
    }
}

/// What an answer consists of, as far as it matters.
pub(crate) enum Media {
    /// Events of some kind.
    Events(Streams),
    /// A web page.
    Page,
    Other,
}

/// A call that got no answer of a provider.
#[derive(Debug, Clone)]
pub(crate) struct Lost {
    pub(crate) fault: Fault,
    /// Whether to try again, where it is not the kind of the fault that says so.
    pub(crate) again: Option<bool>,
    /// After how long, in nanoseconds.
    pub(crate) pause_ns: Option<u64>,
}

impl Lost {
    /// What `x-should-retry` says.
    pub(crate) fn should_retry(&self) -> bool {
        self.again.unwrap_or_else(|| error::should_retry(&self.fault))
    }

    /// What `retry-after` says, if it is said.
    pub(crate) fn retry_after_s(&self) -> Option<u64> {
        Some(self.pause_ns?.div_ceil(1_000_000_000).max(1))
    }
}

impl From<Fault> for Lost {
    fn from(fault: Fault) -> Self {
        Self { fault, again: None, pause_ns: None }
    }
}

fn is_plain(answer: &Answer) -> bool {
    answer.head.headers.get("content-encoding").is_none_or(|coding| coding.eq_ignore_ascii_case(b"identity"))
}

fn starts_with(media: &[u8], name: &[u8]) -> bool {
    media.get(..name.len()).is_some_and(|media| media.eq_ignore_ascii_case(name))
}
