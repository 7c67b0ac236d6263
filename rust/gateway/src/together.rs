//! One answer for several callers: the call that brings it, and those that wait for it.
//!
//! A call that others may join is made by a task of its own, which writes the answer on a tape. All who asked read it,
//! the one who came first like the others, so that anybody may leave and nobody else notices. The record of the first
//! goes with the work: what the provider did stands there, whoever is still there to see it.

use crate::call::{Asked, Call, Lost, Named};
use crate::coalesce::{Entered, SHARED, Same};
use crate::exchange::{Ask, Request};
use crate::local::Local;
use crate::overload;
use crate::reply::{self, Answered, Provided};
use crate::resume::{self, Registered};
use crate::serve::Server;
use crate::settle::Settler;
use crate::snapshot::Snapshot;
use admission::Caller;
use attempt::Held;
use bytes::Bytes;
use fault::{Fault, Kind};
use http1::RequestHead;
use listener::ReplyHead;
use plan::{Route, Scope};
use protocol::openai::paths::{Endpoint, Streams};
use record::{AttemptSeries, Borrowed, Record, RequestId};
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use stream::{Begun, Cast, Forward, Keeping, Lead, Reader, Share, Tape, Telling, Terms, To, Writer};

/// What stands before the pieces of an answer.
#[derive(Debug)]
pub(crate) enum Begins {
    /// A head.
    Answer(Told),
    /// There is no answer.
    Lost(Lost),
}

/// What all who get an answer are told in its head.
#[derive(Debug)]
pub(crate) struct Told {
    status: u16,
    /// The provider's own lines.
    forwarded: Vec<u8>,
    /// One of them is `x-request-id`.
    has_id: bool,
    again: Option<bool>,
    served_by: Arc<AttemptSeries>,
    length: Option<u64>,
    streams: Option<Streams>,
}

impl Told {
    pub(crate) fn of(provided: &Provided, again: Option<bool>, streams: Option<Streams>, is_limited: bool) -> Self {
        let head = &provided.answer.head;
        let mut forwarded = Vec::with_capacity(512);
        upstream::forward_lines(head, is_limited, &mut forwarded);
        Self {
            status: head.status,
            forwarded,
            has_id: head.headers.get("x-request-id").is_some(),
            again,
            served_by: Arc::clone(&provided.served_by),
            length: if streams.is_some() { None } else { provided.answer.length },
            streams,
        }
    }

    /// The reply to a caller that did not begin the call.
    pub(crate) fn to_another(&self, reader: Reader<Begins>, mut record: Record, deadline_ns: Option<u64>) -> Answered {
        let mut lines = self.forwarded.clone();
        reply::add_lines(&mut lines, &mut record, self.status, (self.has_id, self.again, &self.served_by));
        let body = Share::of_another(reader, self.streams, record, deadline_ns);
        Answered::Shared { head: ReplyHead { status: self.status, lines }, length: self.length, body }
    }

    /// The reply to the one who did, whose lines tell of the attempts too.
    pub(crate) fn to_lead(&self, reader: Reader<Begins>, lines: Vec<u8>, lead: (Lead, RequestId)) -> Answered {
        let body = Share::of_lead(reader, self.streams, lead.0, lead.1);
        Answered::Shared { head: ReplyHead { status: self.status, lines }, length: self.length, body }
    }
}

/// A call that may share its answer.
pub(crate) struct Sharing<'a> {
    pub(crate) call: &'a Call<'a>,
    pub(crate) route: Route<'a>,
    pub(crate) named: &'a Named,
    pub(crate) asked: Asked,
}

impl Sharing<'_> {
    /// Joins an identical call that is open, or begins one.
    pub(crate) async fn run(&self, record: &mut Record) -> Result<Answered, Lost> {
        let same = Same::of(self.call, self.named);
        match self.call.server.local.flights.join(&same) {
            Some((reader, id)) => {
                record.borrows(Borrowed::Shared(id));
                self.call.server.opens(self.call.snapshot, self.call.opening(self.named.model(), false), record)?;
                self.follow(reader, record).await
            }
            None => self.lead(same, record).await,
        }
    }

    /// Waits for what another call brings.
    async fn follow(&self, mut reader: Reader<Begins>, record: &mut Record) -> Result<Answered, Lost> {
        let wheel = &self.call.server.wheel;
        let resilience = self.route.resilience();
        let within_ms = self.call.within_ms;
        let Asked { streamed, prompt_bytes, names_tier, expects, .. } = self.asked;
        let (opened_ns, steers, is_budgeted) = (record.opened_ns(), false, false);
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
            purse: None,
        };
        let deadline_ns = ask.total_by();
        let alarm = wheel.alarm();
        alarm.set(Some(deadline_ns));
        let since_ns = wheel.now();
        let head = alarm.limit(poll_fn(|cx| record.exchanges(|| reader.poll_head(cx)))).await;
        record.exchanged(Duration::ZERO);
        record.waited_for_another(wheel.now().saturating_sub(since_ns));
        let head = head.ok_or_else(|| reply::too_late(wheel, Kind::TotalTimeout))?;
        match head.as_deref() {
            Some(Begins::Answer(told)) => Ok(told.to_another(reader, record.hand_over(), Some(deadline_ns))),
            Some(Begins::Lost(lost)) => Err(lost.clone()),
            None => Err(given_up().into()),
        }
    }

    /// Begins a call that others may join.
    async fn lead(&self, same: Same, record: &mut Record) -> Result<Answered, Lost> {
        let Self { call, named, .. } = *self;
        let Some(server) = call.server.me.upgrade() else { return Err(given_up().into()) };
        let resilience = self.route.resilience();
        let kept = resilience.resume_bytes.map_or(0, resume::size);
        let (tape, writer) = Tape::new(Keeping { last: kept, ..SHARED }, Arc::clone(&call.server.shared.stock));
        let Some(mut reader) = tape.join() else { return Err(given_up().into()) };
        let local = Rc::clone(&server.local);
        let (id, length) = (record.request_id(), named.pieces.iter().map(Bytes::len).sum());
        let body = overload::Kept::new(&call.server.meters, length);
        let (lead, back) = (Lead::default(), Rc::new(Back::default()));
        let work = Work {
            _entered: local.flights.enter(same, id, tape.clone(), body),
            resumable: resilience.resume_bytes.is_some(),
            server,
            snapshot: Rc::clone(call.snapshot),
            endpoint: call.endpoint,
            head: call.head.clone(),
            caller: call.caller,
            within_ms: call.within_ms,
            named: named.clone(),
            asked: self.asked,
            tape,
            back: Rc::clone(&back),
        };
        let lead_watch = lead.watch();
        local.cast(work.run(writer, lead_watch, record.hand_over()));
        let head = poll_fn(|cx| reader.poll_head(cx)).await;
        if let Some(own) = back.record.take() {
            *record = own;
        }
        match head.as_deref() {
            Some(Begins::Answer(told)) => Ok(told.to_lead(reader, back.lines.take(), (lead, id))),
            Some(Begins::Lost(lost)) => Err(lost.clone()),
            None => Err(given_up().into()),
        }
    }
}

/// What the work gives back to the caller who began it.
#[derive(Default)]
struct Back {
    /// The header lines of its reply.
    lines: Cell<Vec<u8>>,
    /// Its record, where there is no answer.
    record: Cell<Option<Record>>,
}

/// A call that is made for all who asked.
struct Work {
    server: Rc<Server>,
    snapshot: Rc<Snapshot>,
    endpoint: &'static Endpoint,
    head: RequestHead,
    caller: Caller,
    within_ms: Option<u64>,
    named: Named,
    asked: Asked,
    /// The alias lets its streams be taken up again.
    resumable: bool,
    tape: Tape<Begins>,
    _entered: Entered,
    back: Rc<Back>,
}

impl Work {
    /// Makes the call and writes its answer; gives up before that when nobody is left.
    async fn run(self, writer: Writer<Begins>, lead: Weak<()>, mut record: Record) {
        let answered = {
            let mut attempt = pin!(self.attempt(&mut record));
            let mut abandoned = pin!(writer.abandoned());
            poll_fn(|cx| match abandoned.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => attempt.as_mut().poll(cx).map(Some),
            })
            .await
        };
        let Some(answered) = answered else { return };
        let (provided, held, again) = match answered {
            Ok(Answered::Provider { provided, held, again }) => (provided, held, again),
            Ok(Answered::Own { .. } | Answered::Shared { .. }) => return self.lose(&writer, record, given_up().into()),
            Err(lost) => return self.lose(&writer, record, lost),
        };
        let streams = streams_of(self.endpoint, &provided.begun);
        let told = Told::of(&provided, again, streams, record.hold().is_some_and(record::Hold::tells));
        self.back.lines.set(provided.lines(again, &mut record));
        let can_be_kept = self.resumable && held.is_some() && streams.is_some();
        let kept = can_be_kept.then(|| resume::register(&self.call(), &record, &self.tape)).flatten();
        writer.begin(Begins::Answer(told));
        let local = &self.server.local;
        cast(Given { provided, held, record }, To { writer, lead, alarm: local.alarm() }, local, kept).await;
    }

    async fn attempt(&self, record: &mut Record) -> Result<Answered, Lost> {
        let plan = &self.snapshot.compiled.plan;
        let scope = match self.caller {
            Caller::Anyone => Scope::Everything,
            Caller::Key(index) => Scope::of(&plan.keys[index]),
        };
        let route = plan.route(&self.named.peek.model.name, scope)?;
        self.call().attempt(route, Request::Named(&self.named), self.asked, record).await
    }

    fn call(&self) -> Call<'_> {
        Call {
            server: &self.server,
            snapshot: &self.snapshot,
            endpoint: self.endpoint,
            head: &self.head,
            caller: self.caller,
            within_ms: self.within_ms,
        }
    }

    /// There is no answer: who began the call gets its record back, if it is still there.
    fn lose(&self, writer: &Writer<Begins>, record: Record, lost: Lost) {
        self.back.record.set(Some(record));
        writer.begin(Begins::Lost(lost));
    }
}

/// A provider's answer, what its attempt holds, and the record of its call.
pub(crate) struct Given {
    pub(crate) provided: Provided,
    pub(crate) held: Option<Held>,
    pub(crate) record: Record,
}

/// Writes an answer on a tape, to its end or until it is given up.
pub(crate) async fn cast(given: Given, to: To<Begins>, local: &Rc<Local>, kept: Option<Registered>) {
    let Given { provided: Provided { answer, begun, terms, kind, tariff, go_on, .. }, held, record } = given;
    let id = record.request_id();
    let settler = Settler { local: Rc::clone(local), held, provider: kind, tariff };
    let bare = Terms { after_leave: None, ..terms };
    let forward = |telling: Telling<Settler>| {
        let again = go_on.map(|go_on| telling.around(go_on));
        let forward = Forward::new(answer.body, begun, &bare, record, telling);
        match again {
            Some(again) => forward.continued_by(again),
            None => forward,
        }
    };
    let cast = Cast::new(Telling::new(settler), forward, to);
    let Some(kept) = kept else {
        cast.reading_on(terms.after_leave).run(&**local).await;
        return;
    };
    let ran = cast.reading_on(Some(resume::reads_on(terms.after_leave))).numbered(id.as_str()).run(&**local).await;
    kept.over(ran, local.now());
}

/// What kind of event stream an answer is that is one.
pub(crate) fn streams_of(endpoint: &Endpoint, begun: &Begun) -> Option<Streams> {
    matches!(begun, Begun::Stream(_)).then_some(endpoint.streams)
}

fn given_up() -> Fault {
    Fault::new(Kind::Internal, "The call that this one shares an answer with was given up")
}
