//! What an attempt on sockets came to: good, or a failure with its class, its blame and the provider's own advice.

use crate::exchange::{Came, Exchange, ns};
use crate::reply::{self, Provided};
use crate::tariff::Tariff;
use crate::wall;
use attempt::classify::{self, Signal};
use attempt::{Attempt, Blame, Class, Failure, Good, What, pause};
use bytes::Bytes;
use fault::{Fault, Retry};
use http1::ResponseHead;
use plan::{OnDisconnect, Provider};
use protocol::openai::error;
use protocol::openai::paths::UsageAt;
use std::rc::Rc;
use std::sync::Arc;
use stream::{AfterLeave, Begun, Deadlines, Terms};
use upstream::Answer;

impl Exchange<'_> {
    /// Says what an attempt came to.
    #[expect(clippy::result_large_err, reason = "a failure may be an answer that is relayed")]
    pub(crate) fn judge(
        &self,
        attempt: &Attempt<'_>,
        deadlines: Deadlines,
        came: Result<Came, Fault>,
    ) -> Result<Good<Provided>, Failure<Provided>> {
        match came {
            Ok(Came::Good(answer, begun)) => {
                // Read where calls are steered by it.
                let quota_permille = self.ask.steers.then(|| pause::remaining_permille(&answer.head.headers)).flatten();
                let streamed = matches!(&begun, Begun::Stream(opening) if opening.has_content());
                let since_ns = || self.call.server.wheel.now().saturating_sub(attempt.started_ns);
                let status = answer.head.status;
                let answer = self.provided(attempt, answer, begun, deadlines);
                Ok(Good { answer, status, first_token_ns: streamed.then(since_ns), quota_permille })
            }
            Ok(Came::Error(answer, begun, body)) => Err(self.judge_error(attempt, deadlines, (answer, begun, body))),
            Ok(Came::Filtered(answer, opening)) => {
                let result = Ok(answer.head.status);
                let what = What::Answer(self.provided(attempt, answer, Begun::Stream(opening), deadlines));
                let (class, blame) = (Class::ContentFiltered, Blame::Nobody);
                Err(Failure { class, blame, pause_ns: None, advice: None, untouched: false, result, what })
            }
            Err(fault) => {
                let (class, blame) = classify::of_fault(fault.kind());
                let untouched = fault.kind().row().retry == Retry::Elsewhere;
                let (result, what) = (Err(fault.kind()), What::Fault(fault));
                Err(Failure { class, blame, pause_ns: None, advice: None, untouched, result, what })
            }
        }
    }

    /// Judges an error that the provider described.
    fn judge_error(
        &self,
        attempt: &Attempt<'_>,
        deadlines: Deadlines,
        came: (Answer, Begun, Bytes),
    ) -> Failure<Provided> {
        let (answer, begun, body) = came;
        let provider = &self.call.snapshot.compiled.plan.providers[attempt.candidate.provider];
        let head = &answer.head;
        let (class, blame) = match classified(provider, head, &body) {
            // A call that names no model asks for a file or a batch: what is not there is the caller's to know.
            (Class::ModelDenied, _) if attempt.candidate.model.is_empty() => (Class::Invalid, Blame::Nobody),
            known => known,
        };
        let (pause_ns, advice, result) = (pause_ns(head, class), advice(head), Ok(head.status));
        // The provider refused our credential. The caller's key is fine, so the provider's words would mislead it.
        let what = if head.status == 401 {
            What::Fault(reply::credential_rejected(&provider.id))
        } else {
            What::Answer(self.provided(attempt, answer, begun, deadlines))
        };
        Failure { class, blame, pause_ns, advice, untouched: false, result, what }
    }

    fn provided(&self, attempt: &Attempt<'_>, answer: Answer, begun: Begun, deadlines: Deadlines) -> Provided {
        let served_by = Arc::clone(self.call.snapshot.attempt_series(attempt.candidate));
        let resilience = self.ask.resilience;
        let after_leave = match resilience.on_disconnect {
            OnDisconnect::Cancel => None,
            OnDisconnect::Drain => Some(AfterLeave::DRAIN),
            OnDisconnect::Finish => Some(AfterLeave::FINISH),
        };
        let taps = self.call.endpoint.usage != UsageAt::Nowhere;
        let terms = Terms {
            deadlines,
            keep_alive_ns: resilience.keep_alive_ms.map(ns),
            after_leave,
            taps,
            reads_tier: self.ask.names_tier,
        };
        // An error is paid for already: by nothing.
        let tariff = (answer.head.status < 400).then(|| Tariff::new(self, attempt.candidate));
        let kind = Rc::clone(&self.call.snapshot.kinds[attempt.candidate.provider]);
        Provided { answer, begun, terms, served_by, kind, tariff, go_on: None }
    }
}

/// What a provider's error means: its status says it, or, inside an answer that began well, its words alone.
fn classified(provider: &Provider, head: &ResponseHead, body: &[u8]) -> (Class, Blame) {
    let said = error::read(body);
    let is_refusal = head.status >= 400;
    let status = if is_refusal { head.status } else { 0 };
    let signal =
        Signal { provider: &provider.kind, status, code: &said.code, kind: &said.kind, message: &said.message };
    if is_refusal { classify::of_answer(&signal) } else { classify::of_stream_error(&signal) }
}

/// How long the provider asks to wait, in nanoseconds. Limits stand on every answer; what they say counts where a limit
/// was the reason.
fn pause_ns(head: &ResponseHead, class: Class) -> Option<u64> {
    let pause = match class {
        Class::RateLimited | Class::QuotaSpent => pause::of(&head.headers, unix_ms()),
        _ => pause::asked(&head.headers, unix_ms()),
    };
    pause.map(|pause| u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX))
}

/// What the provider says of trying again.
fn advice(head: &ResponseHead) -> Option<bool> {
    match head.headers.get("x-should-retry")? {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

/// The date, for answers that say when to come back as a date, and for keys that end at some time.
pub(crate) fn unix_ms() -> u64 {
    u64::try_from(wall::since_1970().as_millis()).unwrap_or(u64::MAX)
}
