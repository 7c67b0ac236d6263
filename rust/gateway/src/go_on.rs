//! A stream that its provider cut, gone on with by another attempt.
//!
//! What that needs of the call is kept while its answer streams, for aliases with `on_cut: continue` alone; whether the
//! call is one that can be continued is looked up in its body when a cut has happened, which is rare.

use crate::call::{Call, Named, Spelling};
use crate::exchange::{Ask, Exchange, Request};
use crate::limits::AtTargets;
use crate::overload::Kept;
use crate::reply::Provided;
use crate::serve::Server;
use crate::settle::{self, Settler};
use crate::snapshot::Snapshot;
use admission::Caller;
use attempt::{Class, Failure, Lost, Trail, Verdict, What, Won};
use bytes::Bytes;
use fault::{Fault, Kind};
use http1::RequestHead;
use plan::{Candidate, Label, Needs, Prefill, Route};
use protocol::openai::continuing::{self, Follow, Plain, Text};
use protocol::openai::paths::Endpoint;
use protocol::openai::usage::ask::Asking;
use record::{Continued, Record};
use std::fmt;
use std::rc::Rc;
use stream::{Begun, GoOn, Going, How, Next, Stopped};
use upstream::AnswerBody;

/// What it takes to go on with a call's answer.
pub(crate) struct Again {
    server: Rc<Server>,
    snapshot: Rc<Snapshot>,
    endpoint: &'static Endpoint,
    head: RequestHead,
    caller: Caller,
    named: Named,
    alias: usize,
    /// Where the call has been, and which places of its step can go on.
    from: (Trail, u64),
    opened_ns: u64,
    within_ms: Option<u64>,
    /// The first provider's name in the catalogue.
    kind: Rc<str>,
    /// The bytes of the body count as held as long as this lives.
    _kept: Kept,
}

impl fmt::Debug for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Again").field("alias", &self.alias).field("from", &self.from).finish_non_exhaustive()
    }
}

/// The body of the call that goes on.
pub(crate) struct Onward<'a> {
    pub(crate) named: &'a Named,
    plain: Plain,
    text: &'a Text,
}

impl Onward<'_> {
    /// The body with a candidate's name of the model, and in the form that its server takes.
    pub(crate) fn for_candidate(
        &self,
        candidate: &Candidate<'_>,
        snapshot: &Snapshot,
        asking: Option<&Asking>,
    ) -> Vec<Bytes> {
        let prefill = match candidate.deployment.map_or(Prefill::Off, |index| prefill(snapshot, index)) {
            Prefill::Off | Prefill::Assistant => continuing::Prefill::Assistant,
            Prefill::ContinueFinalMessage => continuing::Prefill::ContinueFinalMessage,
            Prefill::Prefix | Prefill::PrefixEcho => continuing::Prefill::Prefix,
        };
        let changes = self.named.changes(candidate, snapshot, asking).into_iter().flatten().collect();
        self.plain.continued(&self.named.pieces, changes, self.text, prefill)
    }
}

fn prefill(snapshot: &Snapshot, deployment: usize) -> Prefill {
    snapshot.compiled.plan.deployments.get(deployment).map_or(Prefill::Off, |deployment| deployment.prefill)
}

impl Call<'_> {
    /// What can go on with an answer that has just begun; none where nothing could, whatever the call is.
    pub(crate) fn again(
        &self,
        route: &Route<'_>,
        request: &Request<'_>,
        won: (&Provided, Trail),
        opened_ns: u64,
    ) -> Option<Box<Again>> {
        let (provided, trail) = won;
        let (Request::Named(named), Label::Alias(alias)) = (request, route.label()) else { return None };
        let is_chat = self.endpoint.name == "chat_completions" && matches!(named.spelling, Spelling::Json);
        if !is_chat || !named.peek.stream || !matches!(provided.begun, Begun::Stream(_)) {
            return None;
        }
        let places = places(route, &trail);
        if places == 0 {
            return None;
        }
        Some(Box::new(Again {
            server: self.server.me.upgrade()?,
            snapshot: Rc::clone(self.snapshot),
            endpoint: self.endpoint,
            head: self.head.clone(),
            caller: self.caller,
            named: Named::clone(named),
            alias,
            from: (trail, places),
            opened_ns,
            within_ms: self.within_ms,
            kind: Rc::clone(&provided.kind),
            _kept: Kept::new(&self.server.meters, named.pieces.iter().map(Bytes::len).sum()),
        }))
    }
}

/// The places of the step that answered which have the same model and can go on from a text, as a set.
fn places(route: &Route<'_>, trail: &Trail) -> u64 {
    let (step, answered) = trail.place();
    let Some(answered) = route.candidate(step, answered) else { return 0 };
    let can_go_on = |index: &usize| {
        let is_asked = route.deployment(step, *index).is_some_and(|(_, deployment)| deployment.prefill != Prefill::Off);
        is_asked && route.candidate(step, *index).is_some_and(|candidate| candidate.model == answered.model)
    };
    (0..route.places(step)).filter(can_go_on).fold(0, |set, index| set | 1 << index.min(63))
}

impl GoOn<AnswerBody, Settler> for Again {
    fn go_on(
        self: Box<Self>,
        how: &How,
        text: Option<Text>,
        mut record: Record,
    ) -> Result<Going<AnswerBody, Settler>, Record> {
        let Some(verdict) = settle::verdict(how, &self.kind) else { return Err(record) };
        let is_cut = matches!(verdict.class, Class::Unavailable | Class::Overloaded | Class::Timeout);
        let Some((text, plain)) = text.filter(|_| is_cut).zip(Plain::read(&self.named.pieces)) else {
            record.was_continued(Continued::Unfit);
            return Err(record);
        };
        Ok(Box::pin(self.run(verdict, (text, plain), record)))
    }
}

impl Again {
    /// Makes the attempt.
    async fn run(
        self: Box<Self>,
        cut: Verdict,
        from: (Text, Plain),
        mut record: Record,
    ) -> Result<Next<AnswerBody, Settler>, Stopped> {
        let (text, plain) = from;
        let Self { server, snapshot, endpoint, head, caller, named, alias, from, opened_ns, within_ms, .. } = *self;
        let Some(route) = snapshot.compiled.plan.through(alias, &named.peek.model.name) else {
            return Err(Stopped { record, fault: None });
        };
        let call = Call { server: &server, snapshot: &snapshot, endpoint, head: &head, caller, within_ms };
        let onward = Onward { named: &named, plain, text: &text };
        // Said now for a caller that leaves meanwhile; the end of the attempt corrects it.
        record.continues(cut.class.name(), cut.blame.name(), "continue");
        record.was_continued(Continued::Failed);
        let before = record.attempts().len();
        let ask = Ask {
            resilience: route.resilience(),
            streamed: true,
            prompt_bytes: named.prompt_bytes() + text.length() as u64,
            names_tier: named.peek.asks.service_tier(),
            expects: call.expects(route, 0, Some(&named)),
            steers: false,
            opened_ns,
            within_ms,
            is_budgeted: record.hold().is_some(),
            purse: call.purse(&route),
        };
        match attempt(&call, (route, ask), (&onward, from, cut), &mut record).await {
            Ok(Won { answer: provided, held, trail }) => {
                let (step, index) = trail.place();
                let Some((number, deployment)) = route.deployment(step, index) else {
                    return Err(Stopped { record, fault: None });
                };
                let Provided { answer, begun: Begun::Stream(opening), terms, kind, tariff, .. } = provided else {
                    return Err(Stopped { record, fault: None }); // an answer of another kind than was asked for
                };
                let mark = format!("headgate-continued by={} after={}", deployment.id, text.length());
                let follow = Follow::new(text, prefill(&snapshot, number) == Prefill::PrefixEcho);
                let settle = Settler { local: Rc::clone(&server.local), held: Some(held), provider: kind, tariff };
                Ok(Next { body: answer.body, opening, follow, terms, record, settle, mark })
            }
            Err(Lost { what, why, .. }) => {
                if record.attempts().len() == before {
                    record.continues(cut.class.name(), cut.blame.name(), why.name());
                    record.was_continued(Continued::Refused);
                }
                let fault = match what {
                    What::Fault(fault) if fault.kind() == Kind::DrainCut => Some(fault),
                    What::Fault(_) | What::Answer(_) => None,
                };
                Err(Stopped { record, fault })
            }
        }
    }
}

async fn attempt(
    call: &Call<'_>,
    rules: (Route<'_>, Ask<'_>),
    from: (&Onward<'_>, (Trail, u64), Verdict),
    record: &mut Record,
) -> Result<Won<Provided>, Lost<Provided>> {
    let (route, ask) = rules;
    let (onward, trail, cut) = from;
    let at_targets = AtTargets { call, expects: ask.expects };
    let asked = attempt::Call {
        route,
        targets: &call.snapshot.targets,
        total_by_ns: ask.total_by(),
        prompt_tokens: call.tokens(&route, ask.prompt_bytes),
        needs: if route.states_capabilities() { onward.named.needs() } else { Needs::NONE },
        replayable: true,
        streamed: ask.streamed,
        hedge: None,
        affinity: None,
        first_step: 0,
        rooms: call.has_own_limits().then_some(&at_targets),
    };
    let world = Exchange::new(call, ask, Request::Onward(onward), record);
    let what = What::Fault(Fault::new(Kind::StreamCut, "The provider ended the stream before it was whole"));
    let Verdict { class, blame, pause_ns } = cut;
    let result = Err(Kind::StreamCut);
    let failure = Failure { class, blame, pause_ns, advice: None, untouched: false, result, what };
    attempt::go_on(&asked, trail, failure, &world).await
}
