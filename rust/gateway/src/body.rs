//! Bodies: what is read of a caller's, and what it gets back.

use crate::settle::Settler;
use crate::together::Begins;
use bytes::Bytes;
use fault::{Fault, Kind};
use http1::Source;
use protocol::peek::Scanner;
use record::{Record, Wheel};
use std::task::{Context, Poll};
use stream::{Forward, Share};
use upstream::AnswerBody;

/// The body of a reply.
#[derive(Debug)]
pub(crate) enum Body {
    /// Ours, whole.
    Own(Bytes),
    /// A provider's.
    Forward(Forward<AnswerBody, Settler>),
    /// A provider's, which others get too, or which began with another call.
    Share(Box<Share<Begins>>),
}

impl Source for Body {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        match self {
            Self::Own(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            Self::Forward(forward) => forward.poll_piece(cx),
            Self::Share(share) => share.poll_piece(cx),
        }
    }
}

/// Refuses a body whose stated length is over `limit`, before a byte of it is read.
pub(crate) fn check_length(declared: Option<u64>, limit: u64, setting: &'static str) -> Result<(), Fault> {
    if declared.is_none_or(|length| length <= limit) { Ok(()) } else { Err(too_large(limit, setting)) }
}

fn too_large(limit: u64, setting: &'static str) -> Fault {
    Fault::new(
        Kind::BodyTooLarge,
        format!(
            "The body is larger than {limit} bytes, the limit `{setting}` of this gateway: send less, or have it raised"
        ),
    )
}

/// Reads a whole body, scanning it as it comes. The pieces are those that arrived; nothing is copied.
pub(crate) async fn read(
    body: &mut impl Source,
    scanner: &mut Scanner,
    limit: u64,
    record: &mut Record,
) -> Result<Vec<Bytes>, Fault> {
    let mut pieces = Vec::with_capacity(1);
    let mut length = 0;
    while let Some(piece) = next(body, record).await {
        let piece = piece?;
        length += piece.len() as u64;
        if length > limit {
            return Err(too_large(limit, "http.max_body"));
        }
        scanner.push(&piece)?;
        pieces.push(piece);
    }
    record.received(length);
    Ok(pieces)
}

/// Reads a whole body and keeps nothing of it.
pub(crate) async fn pass_over(body: &mut impl Source, limit: u64, record: &mut Record) -> Result<(), Fault> {
    let mut length = 0;
    while let Some(piece) = next(body, record).await {
        length += piece?.len() as u64;
        check_length(Some(length), limit, "http.max_body")?;
    }
    record.received(length);
    Ok(())
}

/// The next piece of the caller's body; the time that it kept us waiting is the caller's.
async fn next(body: &mut impl Source, record: &mut Record) -> Option<Result<Bytes, Fault>> {
    let wheel: std::rc::Rc<Wheel> = std::rc::Rc::clone(record.wheel());
    let mut since = None;
    let piece = std::future::poll_fn(|cx| {
        let polled = body.poll_piece(cx);
        if polled.is_pending() {
            since.get_or_insert_with(|| wheel.now());
        }
        polled
    })
    .await;
    if let Some(since) = since {
        record.waited(wheel.now().saturating_sub(since));
    }
    piece
}

/// A caller's body on its way through, never larger than its limit.
#[derive(Debug)]
pub(crate) struct Limited<'a, B> {
    body: &'a mut B,
    limit: u64,
    /// How much has passed.
    pub(crate) passed: u64,
}

impl<'a, B> Limited<'a, B> {
    pub(crate) fn new(body: &'a mut B, limit: u64) -> Self {
        Self { body, limit, passed: 0 }
    }
}

impl<B: Source> Source for Limited<'_, B> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        let polled = self.body.poll_piece(cx);
        if let Poll::Ready(Some(Ok(piece))) = &polled {
            self.passed += piece.len() as u64;
            if self.passed > self.limit {
                return Poll::Ready(Some(Err(too_large(self.limit, "http.max_upload"))));
            }
        }
        polled
    }
}
