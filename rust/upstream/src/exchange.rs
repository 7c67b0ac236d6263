//! One exchange over one HTTP/1.1 connection.

use crate::answer::{Answer, AnswerBody};
use crate::connection::Connection;
use crate::outgoing::Outgoing;
use crate::pool::Pool;
use crate::receive::{Lost, Receiving};
use crate::send::{Sending, Stop};
use fault::{Fault, Kind};
use http1::{Framing, Response};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Why an exchange over one connection failed.
pub(crate) enum Failure {
    /// The provider has seen nothing of the request; says why.
    Untouched(Box<dyn std::fmt::Display>),
    Final(Fault),
}

impl Failure {
    /// The fault, where no other connection is tried.
    pub(crate) fn fault(self, pool: &Pool) -> Fault {
        match self {
            Self::Untouched(cause) => pool.fault(Kind::ConnectFailed, "did not take the call").because(cause),
            Self::Final(fault) => fault,
        }
    }
}

/// Sends a request and waits for the head of its answer. An answer that comes before the request has gone whole stops
/// the sending and is the answer; the connection is not used again then.
pub(crate) async fn over(
    mut connection: Box<Connection>,
    reused: bool,
    pool: &Rc<Pool>,
    outgoing: &mut Outgoing<'_>,
) -> Result<Answer, Failure> {
    let to_head_request = outgoing.method == b"HEAD";
    let mut talk = Talk {
        sending: Sending::new(pool.counts.borrow_scratch(), pool, outgoing),
        receiving: Receiving::new(to_head_request),
        progress: Progress::Sending,
    };
    let outcome = poll_fn(|cx| talk.poll(&mut connection, pool, cx)).await;
    let sent = matches!(talk.progress, Progress::Sent);
    pool.counts.return_scratch(talk.sending.into_scratch());
    let Response { head, framing, keep_alive } = outcome?;
    let length = match framing {
        Framing::Length(length) => Some(length),
        Framing::Empty if to_head_request => declared_length(&head),
        Framing::Empty => Some(0),
        Framing::Chunked | Framing::UntilClose => None,
    };
    let body = AnswerBody::http1(connection, framing, keep_alive && sent, Rc::clone(pool));
    Ok(Answer { head, body, length, reused, connect: Duration::ZERO })
}

/// What the head says of a body that is not there because HEAD asked for none.
fn declared_length(head: &http1::ResponseHead) -> Option<u64> {
    std::str::from_utf8(head.headers.get("content-length")?).ok()?.parse().ok()
}

/// Both directions of one exchange.
struct Talk<'a> {
    sending: Sending<'a>,
    receiving: Receiving,
    progress: Progress,
}

enum Progress {
    Sending,
    Sent,
    /// The connection takes no more; what the provider said before may still be readable.
    Broken(io::Error),
}

impl Talk<'_> {
    fn poll(
        &mut self,
        connection: &mut Connection,
        pool: &Pool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response, Failure>> {
        if let Progress::Sending = self.progress {
            match self.sending.poll(&mut connection.wire, cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.progress = Progress::Sent,
                Poll::Ready(Err(Stop::Source(fault))) => return Poll::Ready(Err(Failure::Final(fault))),
                Poll::Ready(Err(Stop::Wire { error, untouched: true })) => {
                    return Poll::Ready(Err(Failure::Untouched(Box::new(error))));
                }
                Poll::Ready(Err(Stop::Wire { error, untouched: false })) => self.progress = Progress::Broken(error),
            }
        }
        self.receiving.poll(connection, cx).map_err(|lost| Failure::Final(self.lost(lost, pool)))
    }

    fn lost(&self, lost: Lost, pool: &Pool) -> Fault {
        match (lost, &self.progress) {
            (Lost::Garbled(refusal), _) => refusal.as_upstream_fault(),
            (Lost::Begun, _) => {
                pool.fault(Kind::UpstreamGarbled, "closed the connection within the head of its answer")
            }
            (Lost::TooManyInterim, _) => pool.fault(Kind::UpstreamGarbled, "sent nothing but interim answers (1xx)"),
            (Lost::Closed(_), Progress::Broken(error)) => closed(pool).because(format_args!("write: {error}")),
            (Lost::Closed(Some(error)), _) => closed(pool).because(format_args!("read: {error}")),
            (Lost::Closed(None), _) => closed(pool).because("end of input"),
        }
    }
}

pub(crate) fn closed(pool: &Pool) -> Fault {
    pool.fault(Kind::UpstreamClosed, "closed the connection before it answered")
}
