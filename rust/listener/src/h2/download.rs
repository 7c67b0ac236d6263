//! The body of a request over HTTP/2.

use crate::h1::too_slow;
use crate::pace::Pace;
use crate::timer::Timer;
use bytes::Bytes;
use fault::{Fault, Kind};
use http1::Source;
use hyper::body::{Body, Incoming as HyperBody};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// A body that hyper receives. Trailers are dropped.
#[derive(Debug)]
pub(crate) struct Download {
    body: Option<HyperBody>,
    gap: Duration,
    pace: Pace,
    timer: Timer,
}

impl Download {
    pub(crate) fn new(body: HyperBody, gap: Duration) -> Self {
        Self { body: Some(body), gap, pace: Pace::default(), timer: Timer::default() }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        loop {
            let Some(body) = &mut self.body else { return Poll::Ready(None) };
            match Pin::new(body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) if !piece.is_empty() => {
                        self.pace.came(piece.len());
                        return Poll::Ready(Some(Ok(piece)));
                    }
                    _ => {}
                },
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(broken(&error)))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    let late = self.timer.poll_until(cx, self.pace.deadline(self.gap));
                    return late.map(|()| Some(Err(too_slow("body"))));
                }
            }
        }
    }
}

/// A reset by the caller, the end of the connection, or lengths that do not agree.
fn broken(error: &hyper::Error) -> Fault {
    Fault::new(Kind::ClientGone, "The caller went away.").because(error)
}

impl Source for Download {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        let polled = self.poll(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }
}
