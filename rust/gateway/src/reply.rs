//! What the caller gets: a provider's answer with our header lines, an answer of our own, or a refusal.

use crate::body::Body;
use crate::call::Lost;
use crate::go_on::Again;
use crate::local::Local;
use crate::settle::Settler;
use crate::tariff::Tariff;
use crate::together::Begins;
use attempt::Held;
use bytes::Bytes;
use fault::{Fault, Kind};
use http1::{RequestHead, write};
use listener::{Reply, ReplyHead};
use plan::{Plan, Scope};
use protocol::openai::paths::{self, Endpoint, Lookup};
use protocol::openai::{error, models};
use record::{AttemptSeries, Borrowed, Record, Wheel};
use std::rc::Rc;
use std::sync::Arc;
use stream::{Begun, Forward, Share, Terms};
use upstream::Answer;

/// A provider's answer up to its commit.
pub(crate) struct Provided {
    pub(crate) answer: Answer,
    pub(crate) begun: Begun,
    pub(crate) terms: Terms,
    pub(crate) served_by: Arc<AttemptSeries>,
    /// The provider's name in the catalogue.
    pub(crate) kind: Rc<str>,
    /// What its attempt is charged by; none of an error.
    pub(crate) tariff: Option<Tariff>,
    /// What goes on with it when it is cut, where the policy says so.
    pub(crate) go_on: Option<Box<Again>>,
}

/// An answer whose first byte is there.
#[expect(clippy::large_enum_variant, reason = "nearly all are a provider's, and one is made for each call")]
pub(crate) enum Answered {
    /// A provider's.
    Provider {
        provided: Provided,
        /// What its attempt holds; none of an error, whose attempt is over.
        held: Option<Held>,
        /// Of an error: whether it is of use that the caller tries again.
        again: Option<bool>,
    },
    /// One that several callers get; its record goes with it or with the work.
    Shared { head: ReplyHead, length: Option<u64>, body: Share<Begins> },
    /// Ours: JSON, or nothing but lines.
    Own { status: u16, lines: Vec<u8>, body: Bytes },
}

impl Answered {
    /// The reply; the record goes with it and is closed behind its last byte.
    pub(crate) fn reply(self, mut record: Record, local: &Rc<Local>) -> Reply<Body> {
        match self {
            Self::Own { status, mut lines, body } => {
                ours(&mut lines, &record);
                write::line(&mut lines, b"x-request-id", record.id().as_bytes());
                record.answers(status);
                record.delivered(body.len() as u64);
                record.close();
                let length = (status != 204).then_some(body.len() as u64);
                Reply { head: ReplyHead { status, lines }, length, body: Body::Own(body), closes: false }
            }
            Self::Shared { head, length, body } => {
                Reply { head, length, body: Body::Share(Box::new(body)), closes: false }
            }
            Self::Provider { provided, held, again } => {
                let lines = provided.lines(again, &mut record);
                let Provided { answer, begun, terms, kind, tariff, go_on, .. } = provided;
                // A stream may end in an error event that the provider did not send: its length is not known.
                let length = if matches!(begun, Begun::Stream(_)) { None } else { answer.length };
                let head = ReplyHead { status: answer.head.status, lines };
                let settle = Settler { local: Rc::clone(local), held, provider: kind, tariff };
                let mut forward = Forward::new(answer.body, begun, &terms, record, settle);
                if let Some(go_on) = go_on {
                    forward = forward.continued_by(go_on);
                }
                Reply { head, length, body: Body::Forward(forward), closes: false }
            }
        }
    }
}

impl Provided {
    /// The header lines of the reply.
    pub(crate) fn lines(&self, again: Option<bool>, record: &mut Record) -> Vec<u8> {
        let head = &self.answer.head;
        let mut lines = Vec::with_capacity(512);
        upstream::forward_lines(head, record.hold().is_some_and(record::Hold::tells), &mut lines);
        let has_id = head.headers.get("x-request-id").is_some();
        add_lines(&mut lines, record, head.status, (has_id, again, &self.served_by));
        lines
    }
}

/// Our lines behind those of the provider. `of`: whether one of these is `x-request-id`; of an error, whether it is of
/// use to try again; and who sent it.
pub(crate) fn add_lines(
    lines: &mut Vec<u8>,
    record: &mut Record,
    status: u16,
    of: (bool, Option<bool>, &AttemptSeries),
) {
    let (has_id, again, served_by) = of;
    if !has_id {
        write::line(lines, b"x-request-id", record.id().as_bytes());
    }
    if let Some(again) = again {
        should_retry(lines, again);
    }
    ours(lines, record);
    write::line(lines, b"headgate-provider", served_by.provider.as_bytes());
    write::line(lines, b"headgate-deployment", served_by.deployment.as_bytes());
    let overhead_us = record.answers(status) / 1_000;
    write::number(lines, b"headgate-overhead-us", overhead_us);
}

fn should_retry(lines: &mut Vec<u8>, again: bool) {
    write::line(lines, b"x-should-retry", if again { b"true" } else { b"false" });
}

/// Tells the caller of a fault, in its dialect.
pub(crate) fn refuse(lost: &Lost, record: Record) -> Reply<Body> {
    let fault = &lost.fault;
    let row = fault.kind().row();
    let body = Bytes::from(error::body(fault, record.id()));
    let mut lines = Vec::with_capacity(256);
    write::line(&mut lines, b"content-type", b"application/json");
    write::line(&mut lines, b"x-request-id", record.id().as_bytes());
    should_retry(&mut lines, lost.should_retry());
    if let Some(seconds) = lost.retry_after_s() {
        write::number(&mut lines, b"retry-after", seconds);
    }
    if let Some(allow) = fault.allow() {
        write::line(&mut lines, b"allow", allow.as_bytes());
    }
    if fault.kind() == Kind::KeyRejected {
        write::line(&mut lines, b"www-authenticate", b"Bearer");
    }
    ours(&mut lines, &record);
    record.close_refused(fault);
    let head = ReplyHead { status: row.status, lines };
    Reply { head, length: Some(body.len() as u64), body: Body::Own(body), closes: row.closes }
}

/// The lines that every reply of ours has.
fn ours(lines: &mut Vec<u8>, record: &Record) {
    write::line(lines, b"headgate-request-id", record.id().as_bytes());
    write::number(lines, b"headgate-attempts", record.attempts().len() as u64);
    if let Some(hold) = record.hold() {
        hold.lines(lines);
    }
    for attempt in record.attempts().iter().filter(|attempt| attempt.failed()) {
        write::line(lines, b"headgate-failed", attempt.to_string().as_bytes());
    }
    for attempt in record.attempts().iter().filter(|attempt| attempt.was_outrun()) {
        write::line(lines, b"headgate-hedged", attempt.to_string().as_bytes());
    }
    match record.borrowed() {
        None => {}
        Some(Borrowed::Shared(id)) => write::line(lines, b"headgate-coalesced", id.as_str().as_bytes()),
        Some(Borrowed::Resumed(id, event)) => {
            write::line(lines, b"headgate-resumed", format!("{}:{event}", id.as_str()).as_bytes());
        }
    }
}

/// What `OPTIONS` gets: the methods of the path, for a web page too.
pub(crate) fn options(head: &RequestHead) -> Result<Answered, Fault> {
    let methods = match paths::find(b"OPTIONS", head.path()) {
        Lookup::WrongMethod { allow } => allow,
        Lookup::Found(_) | Lookup::Unknown if head.target() == b"*" => "GET, POST, DELETE",
        Lookup::Found(_) | Lookup::Unknown => {
            return Err(Fault::new(Kind::UnknownPath, paths::why_unknown(head.path())));
        }
    };
    let mut lines = Vec::with_capacity(256);
    let allow = format!("{methods}, OPTIONS");
    write::line(&mut lines, b"allow", allow.as_bytes());
    if head.headers.get("origin").is_some() {
        write::line(&mut lines, b"access-control-allow-methods", allow.as_bytes());
        let asked = head.headers.get("access-control-request-headers").unwrap_or(b"authorization, content-type");
        write::line(&mut lines, b"access-control-allow-headers", asked);
        write::line(&mut lines, b"access-control-max-age", b"600");
    }
    Ok(Answered::Own { status: 204, lines, body: Bytes::new() })
}

/// Lets the page of a listed origin read the reply.
pub(crate) fn allow_origin(reply: &mut Reply<Body>, origin: &[u8]) {
    write::line(&mut reply.head.lines, b"access-control-allow-origin", origin);
    write::line(&mut reply.head.lines, b"access-control-expose-headers", b"*");
    write::line(&mut reply.head.lines, b"vary", b"origin");
}

/// The answer to calls that no provider is asked for; none for all others.
pub(crate) fn own(
    endpoint: &Endpoint,
    head: &RequestHead,
    plan: &Plan,
    scope: Scope<'_>,
) -> Option<Result<Answered, Fault>> {
    if endpoint.answer == paths::Answer::Provider {
        return None; // nearly every call: the names below are only listed for the others
    }
    // A pattern cannot be asked for as it is written.
    let mut known: Vec<_> = plan.names(scope).filter(|name| !name.contains('*')).collect();
    known.sort_unstable();
    known.dedup();
    let entry = |id| models::Entry { id, owned_by: "headgate" };
    let anthropic = head.headers.get("anthropic-version").is_some();
    let body = match endpoint.answer {
        paths::Answer::Provider => return None,
        paths::Answer::ModelsList => models::list(known.into_iter().map(entry), anthropic),
        paths::Answer::Model => {
            let id = paths::model_id(head.path()).unwrap_or_default();
            match plan.route(&id, scope) {
                Ok(_) => models::one(entry(&id), anthropic),
                Err(fault) => return Some(Err(fault)),
            }
        }
    };
    let mut lines = Vec::with_capacity(256);
    write::line(&mut lines, b"content-type", b"application/json");
    Some(Ok(Answered::Own { status: 200, lines, body: Bytes::from(body) }))
}

/// The provider's first byte did not come in time; or the gateway's own time is over.
pub(crate) fn too_late(wheel: &Wheel, kind: Kind) -> Fault {
    if wheel.is_cut() {
        return stream::drain_cut();
    }
    out_of_time(kind)
}

/// A deadline has passed before anything of an answer had come.
pub(crate) fn out_of_time(kind: Kind) -> Fault {
    Fault::new(
        kind,
        match kind {
            Kind::FirstTokenTimeout => "The provider sent nothing within `timeouts.first_token`",
            Kind::TotalTimeout => {
                "No answer within `timeouts.total` (`timeouts.stream_total` of a stream), or within what the caller said"
            }
            _ => "The provider did not answer within `timeouts.attempt`",
        },
    )
}

/// The provider refused our credential. The caller's key is fine, so the provider's 401 would mislead it.
pub(crate) fn credential_rejected(provider: &str) -> Fault {
    Fault::new(
        Kind::CredentialRejected,
        format!("The provider `{provider}` refused this gateway's credential: tell its operator"),
    )
}
