//! What one of several callers gets of an answer.

use crate::cast::Lead;
use crate::deadlines::{drain_cut, total_timeout};
use crate::forward::provider_failed;
use crate::tape::{End, Read, Reader};
use bytes::Bytes;
use fault::{Fault, Kind};
use http1::Source;
use protocol::openai::error;
use protocol::openai::paths::Streams;
use record::{Alarm, Record, RequestId};
use std::task::{Context, Poll};

/// One caller's body of an answer that several get.
///
/// Dropping it before its end is that caller's leave, and nobody else's.
#[derive(Debug)]
pub struct Share<H> {
    /// None once the body has ended.
    reader: Option<Reader<H>>,
    whose: Whose,
    /// What kind of event stream it is, if it is one.
    streams: Option<Streams>,
    /// How many events the caller has got.
    events: u64,
    /// The fault that follows the last words of a stream.
    cut: Option<Box<Fault>>,
}

/// Whose record tells of the call.
#[derive(Debug)]
enum Whose {
    /// That which goes with the work, until this caller has left; and the call's id.
    Lead(Option<Lead>, RequestId),
    /// This caller's own, with an alarm for its deadline. None once it is closed.
    Own(Option<Box<(Record, Alarm)>>),
}

impl<H> Share<H> {
    /// The share of the caller who began the call.
    pub fn of_lead(reader: Reader<H>, streams: Option<Streams>, lead: Lead, id: RequestId) -> Self {
        Self { reader: Some(reader), whose: Whose::Lead(Some(lead), id), streams, events: 0, cut: None }
    }

    /// The share of another, whose answer must be whole by `deadline_ns` of the record's wheel, if that is said.
    pub fn of_another(
        reader: Reader<H>,
        streams: Option<Streams>,
        mut record: Record,
        deadline_ns: Option<u64>,
    ) -> Self {
        let alarm = record.wheel().alarm();
        alarm.set(deadline_ns);
        if streams.is_some() {
            record.streams();
        }
        let whose = Whose::Own(Some(Box::new((record, alarm))));
        Self { reader: Some(reader), whose, streams, events: 0, cut: None }
    }

    /// It goes no further because of something that concerns this caller alone.
    fn fail(&mut self, fault: Fault) -> Result<Bytes, Fault> {
        let words = self.streams.map(|streams| error::event_numbered(streams, &fault, self.id(), self.events));
        self.close(|record| record.close_cut(&fault));
        if let Whose::Lead(lead, _) = &mut self.whose {
            *lead = None;
        }
        let Some(words) = words else { return Err(fault) };
        self.cut = Some(Box::new(fault));
        Ok(words)
    }

    fn end(&mut self, end: End) -> Option<Result<Bytes, Fault>> {
        match end {
            End::Whole => self.close(Record::close),
            End::Failed => self.close(|record| record.close_cut(&provider_failed())),
            End::Cut(fault) => {
                self.close(|record| record.close_cut(&fault));
                return Some(Err(fault));
            }
        }
        None
    }

    fn close(&mut self, close: impl FnOnce(Record)) {
        self.reader = None;
        if let Whose::Own(own) = &mut self.whose
            && let Some(own) = own.take()
        {
            close(own.0);
        }
    }

    fn id(&self) -> &str {
        match &self.whose {
            Whose::Lead(_, id) => id.as_str(),
            Whose::Own(own) => own.as_ref().map_or("", |own| own.0.id()),
        }
    }

    /// Why this caller must wait no longer.
    fn poll_late(&self, cx: &mut Context<'_>) -> Poll<Fault> {
        let Whose::Own(Some(own)) = &self.whose else { return Poll::Pending };
        let alarm = &own.1;
        alarm.poll(cx).map(|()| if alarm.wheel().is_cut() { drain_cut() } else { total_timeout() })
    }
}

impl<H> Source for Share<H> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        let Some(reader) = &mut self.reader else {
            return Poll::Ready(self.cut.take().map(|fault| Err(*fault)));
        };
        match reader.poll_next(cx) {
            Poll::Ready(Read::Piece(piece, events)) => {
                self.events = events;
                if let Whose::Own(Some(own)) = &mut self.whose {
                    own.0.delivered(piece.len() as u64);
                }
                Poll::Ready(Some(Ok(piece)))
            }
            Poll::Ready(Read::End(end)) => Poll::Ready(self.end(end)),
            Poll::Ready(Read::Outrun) => Poll::Ready(Some(self.fail(outrun()))),
            Poll::Pending => self.poll_late(cx).map(|fault| Some(self.fail(fault))),
        }
    }
}

fn outrun() -> Fault {
    Fault::new(
        Kind::StreamOutrun,
        "This stream was taken up on another connection, and this one fell behind what is kept of it",
    )
}
