//! One call, from its body to the first byte of an answer: read, routed, attempted.

use crate::body::{self, Limited};
use crate::reply::{self, Answered};
use crate::serve::Server;
use crate::snapshot::Snapshot;
use bytes::Bytes;
use fault::{Fault, Kind};
use http1::{RequestHead, Source};
use listener::RequestBody;
use plan::{Candidate, Label, Scope, Timeouts};
use protocol::openai::paths::{Endpoint, Streams};
use protocol::peek::Scanner;
use protocol::scan::Peek;
use protocol::splice;
use record::{Record, Stage};
use std::borrow::Cow;
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use stream::Deadlines;
use upstream::{Answer, AnswerBody, Outgoing, OutgoingBody};

/// A call that was let in, and whose row in the table of paths is known.
pub(crate) struct Call<'a> {
    pub(crate) server: &'a Server,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) endpoint: &'static Endpoint,
    pub(crate) head: &'a RequestHead,
}

/// A body that goes on as it comes.
pub(crate) struct Upload<'a> {
    pub(crate) body: &'a mut RequestBody,
    pub(crate) length: Option<u64>,
    pub(crate) has_body: bool,
}

/// A body that names its model.
pub(crate) struct Named {
    pub(crate) peek: Peek,
    pub(crate) spelling: Spelling,
    pub(crate) pieces: Vec<Bytes>,
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
    /// The body with a candidate's name of the model in it: slices, nothing is copied.
    fn for_candidate(&self, candidate: &Candidate<'_>, snapshot: &Snapshot) -> Cow<'_, [Bytes]> {
        if self.peek.model.name == candidate.model {
            return Cow::Borrowed(&self.pieces);
        }
        let value = match self.spelling {
            Spelling::Json => snapshot.model_json(candidate),
            Spelling::Plain => Bytes::copy_from_slice(candidate.model.as_bytes()),
        };
        Cow::Owned(splice::splice(&self.pieces, self.peek.model.range.clone(), &value))
    }
}

/// What a call asks of its attempts.
struct Ask<'a> {
    timeouts: &'a Timeouts,
    streamed: bool,
    opened_ns: u64,
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
    pub(crate) async fn route(&self, named: &Named, scope: Scope<'_>, record: &mut Record) -> Result<Answered, Fault> {
        let plan = &self.snapshot.compiled.plan;
        let peek = &named.peek;
        let route = plan.route(&peek.model.name, scope)?;
        record.routed(self.snapshot.call_series(route.label(), self.endpoint.name, peek.stream));
        let streamed = peek.stream && self.endpoint.streams != Streams::Never;
        let ask = Ask { timeouts: route.timeouts(), streamed, opened_ns: record.opened_ns() };
        let record = RefCell::new(record);
        let candidates = route.candidates(|n| self.server.draw(n));
        attempt::run(
            candidates,
            |candidate| self.snapshot.endpoints(candidate.provider),
            async |candidate, endpoint| {
                let body = named.for_candidate(candidate, self.snapshot);
                self.exchange(&ask, candidate, endpoint, OutgoingBody::Pieces(&body), &record).await
            },
        )
        .await
    }

    /// Sends a call that names no model, its body as it comes, to the provider of `passthrough`.
    pub(crate) async fn pass(&self, upload: Upload<'_>, record: &mut Record) -> Result<Answered, Fault> {
        let (candidate, ask) = self.passthrough(record)?;
        let limit = self.snapshot.compiled.plan.http.max_upload_bytes;
        let Upload { body, length, has_body } = upload;
        body::check_length(length, limit, "http.max_upload")?;
        let mut limited = Limited::new(body, limit);
        let record = RefCell::new(record);
        let answered = attempt::run(
            [candidate],
            |candidate| self.snapshot.endpoints(candidate.provider),
            async |candidate, endpoint| {
                let body =
                    if has_body { OutgoingBody::Stream { source: &mut limited, length } } else { OutgoingBody::None };
                self.exchange(&ask, candidate, endpoint, body, &record).await
            },
        )
        .await;
        record.into_inner().received(limited.passed);
        answered
    }

    /// The same for a body that was read in search of a model.
    pub(crate) async fn pass_pieces(&self, pieces: &[Bytes], record: &mut Record) -> Result<Answered, Fault> {
        let (candidate, ask) = self.passthrough(record)?;
        let record = RefCell::new(record);
        attempt::run(
            [candidate],
            |candidate| self.snapshot.endpoints(candidate.provider),
            async |candidate, endpoint| {
                self.exchange(&ask, candidate, endpoint, OutgoingBody::Pieces(pieces), &record).await
            },
        )
        .await
    }

    fn passthrough(&self, record: &mut Record) -> Result<(Candidate<'static>, Ask<'c>), Fault> {
        let plan = &self.snapshot.compiled.plan;
        let Some(provider) = plan.passthrough else {
            return Err(Fault::new(
                Kind::UnknownPath,
                "Calls to this path name no model, and the policy names no provider for them: set `passthrough: PROVIDER`",
            ));
        };
        record.routed(self.snapshot.call_series(Label::Direct(provider), self.endpoint.name, false));
        let candidate = Candidate { provider, deployment: None, model: Cow::Borrowed(""), step: 0 };
        Ok((candidate, Ask { timeouts: &plan.timeouts, streamed: false, opened_ns: record.opened_ns() }))
    }

    /// One attempt: from an endpoint's address to the first byte of its answer, within its deadlines.
    async fn exchange<'b>(
        &'b self,
        ask: &Ask<'_>,
        candidate: &Candidate<'_>,
        endpoint: usize,
        body: OutgoingBody<'b>,
        record: &RefCell<&mut Record>,
    ) -> Result<Answered, Fault> {
        record.borrow_mut().mark(Stage::Route);
        let wheel = Rc::clone(record.borrow().wheel());
        let started_ns = wheel.now();
        let deadlines = ask.deadlines(started_ns);
        let alarm = wheel.alarm();
        alarm.set(Some(first_byte_by(&deadlines).0));
        let mut exchange = pin!(self.first_byte(ask, candidate.provider, endpoint, body));
        let turns = poll_fn(|cx| record.borrow_mut().exchanges(|| exchange.as_mut().poll(cx)));
        let first_byte = alarm.limit(turns).await;
        let result = first_byte.unwrap_or_else(|| Err(reply::too_late(&wheel, first_byte_by(&deadlines).1)));
        let status = result.as_ref().map(|(answer, _)| answer.head.status).map_err(Fault::kind);
        let series = self.snapshot.attempt_series(candidate);
        record.borrow_mut().tried(series, candidate.step, started_ns, status);
        record.borrow_mut().exchanged(result.as_ref().map_or(Duration::ZERO, |(answer, _)| answer.connect));
        let (answer, first) = result?;
        if answer.head.status == 401 {
            return Err(reply::credential_rejected(&self.snapshot.compiled.plan.providers[candidate.provider].id));
        }
        let streams = is_event_stream(&answer).then_some(self.endpoint.streams);
        let streams = streams.filter(|streams| *streams != Streams::Never);
        Ok(Answered::Provider { answer, first, streams, deadlines, served_by: Arc::clone(series) })
    }

    async fn first_byte<'b>(
        &'b self,
        ask: &Ask<'_>,
        provider: usize,
        endpoint: usize,
        body: OutgoingBody<'b>,
    ) -> Result<(Answer, Option<Bytes>), Fault> {
        let compiled = &self.snapshot.compiled;
        let target = self.head.target();
        let outgoing = Outgoing {
            method: self.head.method(),
            path: target.strip_prefix(b"/v1").unwrap_or(target),
            head: self.head,
            provider: &compiled.providers[provider][endpoint],
            body,
        };
        let at = &compiled.plan.providers[provider];
        let connect = Duration::from_millis(ask.timeouts.connect_ms);
        let mut answer =
            self.server.pools.exchange(&compiled.egress, &at.endpoints[endpoint], at.http, outgoing, connect).await?;
        let first = AnswerBody::piece(&mut answer.body).await.transpose()?;
        Ok((answer, first))
    }
}

impl Ask<'_> {
    /// The deadlines of an attempt that starts now.
    fn deadlines(&self, now_ns: u64) -> Deadlines {
        let ns = |ms: u64| ms.saturating_mul(1_000_000);
        let total = if self.streamed { self.timeouts.stream_total_ms } else { self.timeouts.total_ms };
        let total = (self.opened_ns.saturating_add(ns(total)), Kind::TotalTimeout);
        let attempt = (now_ns.saturating_add(ns(self.timeouts.attempt_ms)), Kind::AttemptTimeout);
        let whole = if !self.streamed && attempt.0 < total.0 { attempt } else { total };
        let first_token = now_ns.saturating_add(ns(self.timeouts.first_token_ms));
        // A stream that was not asked for may begin as late as any answer.
        let first_token = if self.streamed { first_token } else { whole.0 };
        Deadlines { whole, first_token, idle_ns: ns(self.timeouts.idle_ms) }
    }
}

/// When the first byte must be there, and what it is when it is not.
fn first_byte_by(deadlines: &Deadlines) -> (u64, Kind) {
    let first_token = (deadlines.first_token, Kind::FirstTokenTimeout);
    if first_token.0 < deadlines.whole.0 { first_token } else { deadlines.whole }
}

fn is_event_stream(answer: &Answer) -> bool {
    let media = answer.head.headers.get("content-type").unwrap_or_default();
    let plain =
        answer.head.headers.get("content-encoding").is_none_or(|coding| coding.eq_ignore_ascii_case(b"identity"));
    let named = media.get(..17).is_some_and(|media| media.eq_ignore_ascii_case(b"text/event-stream"));
    (200..300).contains(&answer.head.status) && plain && named
}
