//! Reading the head of one HTTP/1.1 answer.

use crate::connection::Connection;
use http1::{Limits, Refusal, Response};
use std::io;
use std::task::{Context, Poll, ready};

/// How large the head of an answer may be. Providers send more lines than callers do.
const LIMITS: Limits = Limits { head_bytes: 64 * 1024, lines: Limits::MAX_LINES, target_bytes: 0 };
/// Interim answers (1xx) before the final one.
const MOST_INTERIM: u32 = 16;

/// Why no answer could be read.
pub(crate) enum Lost {
    /// The connection ended, cleanly or not.
    Closed(Option<io::Error>),
    /// It ended within the head of an answer.
    Begun,
    Garbled(Refusal),
    TooManyInterim,
}

/// The wait for an answer.
#[derive(Debug)]
pub(crate) struct Receiving {
    to_head_request: bool,
    interim: u32,
}

impl Receiving {
    pub(crate) fn new(to_head_request: bool) -> Self {
        Self { to_head_request, interim: 0 }
    }

    /// Reads until the head of the final answer is there.
    pub(crate) fn poll(&mut self, connection: &mut Connection, cx: &mut Context<'_>) -> Poll<Result<Response, Lost>> {
        loop {
            if !connection.input.is_empty() {
                match http1::read_response(&mut connection.input, self.to_head_request, &LIMITS) {
                    Err(refusal) => return Poll::Ready(Err(Lost::Garbled(refusal))),
                    Ok(Some(answer)) if answer.head.status >= 200 => return Poll::Ready(Ok(answer)),
                    Ok(Some(_)) => {
                        self.interim += 1;
                        if self.interim > MOST_INTERIM {
                            return Poll::Ready(Err(Lost::TooManyInterim));
                        }
                        continue;
                    }
                    Ok(None) => {}
                }
            }
            match ready!(connection.poll_fill(None, cx)) {
                Ok(0) | Err(_) if !connection.input.is_empty() => return Poll::Ready(Err(Lost::Begun)),
                Ok(0) => return Poll::Ready(Err(Lost::Closed(None))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(Lost::Closed(Some(error)))),
            }
        }
    }
}
