//! Streams that can be taken up again: by whoever began one, on any worker, after its connection broke.
//!
//! The last bytes of such a stream stay on its tape, and each event says in its `id` which one it is. While nobody reads,
//! the provider's answer is read on for a minute, and what has ended stays for a minute. A caller that comes back with
//! `last-event-id` gets the rest: what has come already at once, and what comes as it comes.
//!
//! Only calls whose alias says `resume` come here.

mod table;

pub(crate) use table::{Registered, Streams};

use crate::body;
use crate::books::Opening;
use crate::call::{Call, Lost};
use crate::reply::Answered;
use crate::serve::Server;
use crate::snapshot::Snapshot;
use crate::together::{self, Begins, Given, Told};
use fault::{Fault, Kind};
use http1::RequestHead;
use listener::Incoming;
use plan::{Key, Priority};
use record::{Borrowed, Record, RequestId};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use stream::{AfterLeave, Keeping, Lead, Missed, Pace, Tape, To};
use table::{KEPT_NS, KeptStream};

/// How far the provider may be ahead of a caller that reads.
const AHEAD: usize = 64 << 10;

/// How far a stream is read on when nobody reads it, where the alias says `leave`.
pub(crate) fn reads_on(leave: Option<AfterLeave>) -> AfterLeave {
    leave.filter(|limits| limits.ns > KEPT_NS).unwrap_or(AfterLeave { ns: KEPT_NS, bytes: u64::MAX })
}

/// A setting as a size.
pub(crate) fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Lets a stream be taken up again, of which `bytes` are kept. Other answers, and those that the table has no place for,
/// go on as they are.
pub(crate) fn keep(call: &Call<'_>, answered: Answered, bytes: u64, record: &mut Record) -> Answered {
    let Answered::Provider { provided, held: Some(held), again } = answered else { return answered };
    let streams = together::streams_of(call.endpoint, &provided.begun);
    let keeping = Keeping { whole: 0, last: size(bytes), ahead: AHEAD, pace: Pace::Latest };
    let (tape, writer) = Tape::new(keeping, Arc::clone(&call.server.shared.stock));
    let registered = streams.and_then(|_| register(call, record, &tape));
    let (Some(registered), Some(reader)) = (registered, tape.join()) else {
        return Answered::Provider { provided, held: Some(held), again };
    };
    let told = Told::of(&provided, again, streams, record.hold().is_some_and(record::Hold::tells));
    let lines = provided.lines(again, record);
    let lead = Lead::default();
    let local = Rc::clone(&call.server.local);
    let to = To { writer, lead: lead.watch(), alarm: local.alarm() };
    let answered = told.to_lead(reader, lines, (lead, record.request_id()));
    to.writer.begin(Begins::Answer(told));
    let given = Given { provided, held: Some(held), record: record.hand_over() };
    let host = Rc::clone(&local);
    local.cast(async move { together::cast(given, to, &host, Some(registered)).await });
    answered
}

/// Enters the stream that a call has begun among those that can be taken up again, if there is a place for it.
pub(crate) fn register(call: &Call<'_>, record: &Record, tape: &Tape<Begins>) -> Option<Registered> {
    call.server.shared.streams.register(record.request_id(), KeptStream::of(call, record, tape)?)
}

/// What a caller wants to take up again: a stream, and the event that it got last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked(Result<(RequestId, u64), ()>);

/// What a call takes up again, if it says so; lines of another form are none of ours.
pub(crate) fn asked(head: &RequestHead) -> Option<Asked> {
    let value = head.headers.get("last-event-id")?;
    if !value.starts_with(b"req_") || !matches!(head.method(), b"GET" | b"POST") {
        return None;
    }
    let read = || {
        let colon = value.iter().position(|byte| *byte == b':')?;
        let number = std::str::from_utf8(&value[colon + 1..]).ok()?;
        let is_number = number.bytes().all(|digit| digit.is_ascii_digit());
        Some((RequestId::read(&value[..colon])?, number.parse().ok().filter(|_| is_number)?))
    };
    Some(Asked(read().ok_or(())))
}

impl Server {
    /// Goes on with a stream that an earlier call began. The body of this one is read, and goes nowhere.
    pub(crate) async fn take_up(
        &self,
        snapshot: &Snapshot,
        incoming: &mut Incoming,
        by: (Asked, Option<&Key>),
        record: &mut Record,
    ) -> Result<Answered, Lost> {
        let (Asked(asked), key) = by;
        let http = &snapshot.compiled.plan.http;
        self.has_room_for(http, true, Priority::Normal)?;
        body::check_length(incoming.length, http.max_body_bytes, "http.max_body")?;
        body::pass_over(&mut incoming.body, http.max_body_bytes, record).await?;
        let (id, event) = asked.map_err(|()| not_found("`last-event-id` is not one that a stream from here has"))?;
        let may = |kept: &Arc<KeptStream>| kept.is_of(key.map(|key| &*key.name), incoming.head.path());
        let kept = self.shared.streams.find(id, self.wheel.now()).filter(may).ok_or_else(|| {
            not_found("No stream of this key and path has that id, or it has been over for longer than a minute")
        })?;
        let mut reader = kept.tape.after(event).map_err(|missed| match missed {
            Missed::FallenOff => Fault::new(
                Kind::StreamOutrun,
                "What followed that event is no longer kept (`resume.buffer`): send the call again",
            ),
            Missed::NotYet => not_found("That stream has not had this event"),
        })?;
        record.routed(self.meters.calls(&kept.alias, kept.operation, true));
        record.borrows(Borrowed::Resumed(id, event));
        let team = key.and_then(|key| key.team.as_deref());
        self.opens(snapshot, Opening { team, model: "", is_budgeted: false }, record)?;
        match poll_fn(|cx| reader.poll_head(cx)).await.as_deref() {
            Some(Begins::Answer(told)) => Ok(told.to_another(reader, record.hand_over(), None)),
            Some(Begins::Lost(lost)) => Err(lost.clone()),
            None => Err(not_found("That stream has no beginning").into()),
        }
    }
}

fn not_found(what: &'static str) -> Fault {
    Fault::new(Kind::StreamNotFound, format!("{what}: send the call again without `last-event-id`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::RequestIds;

    #[test]
    fn what_a_caller_asks_for_is_a_request_and_a_number() {
        let id = RequestIds::new(7).next();
        let asked = |method: &str, value: &str| {
            let lines = [(&b"last-event-id"[..], value.as_bytes())];
            asked(&RequestHead::from_parts(method.as_bytes(), b"/v1/responses", lines.into_iter())).map(|asked| asked.0)
        };
        let of = |rest: &str| format!("{}{rest}", id.as_str());
        assert_eq!(asked("POST", &of(":12")), Some(Ok((id, 12))));
        assert_eq!(asked("GET", &of(":0")), Some(Ok((id, 0))));
        for wrong in ["", ":", ":x", ":-1", ":+1", ":1:2", ":99999999999999999999"] {
            assert_eq!(asked("GET", &of(wrong)), Some(Err(())), "{wrong}");
        }
        assert_eq!(asked("POST", "42"), None, "an id of somebody else");
        assert_eq!(asked("DELETE", &of(":1")), None);
    }
}
