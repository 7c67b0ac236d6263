//! What each fault of the answer does.

use super::{Fault, Kind, errors, events, head};
use crate::encode;
use crate::reply::{Chunks, Dialect, End, FOREVER, Framing, Reply, Step};
use bytes::Bytes;
use std::time::Duration;

/// Bends `reply`. Faults of an earlier stage leave it as it is: the connection has carried them out.
pub fn apply(fault: &Fault, reply: &mut Reply) {
    match fault.kind {
        Kind::Refuse | Kind::ResetBeforeHead => end_before_head(reply, End::Reset),
        Kind::CloseBeforeHead => end_before_head(reply, End::Close),
        Kind::Silence | Kind::NeverHead => end_before_head(reply, End::Silence),
        Kind::SlowHead => reply.oddities.head_pace = Some((fault.size("bytes"), fault.time("every_ms"))),
        Kind::LateHead => reply.oddities.before.push(Step::Wait(fault.time("ms"))),
        Kind::CutHead => cut_head(fault, reply),
        Kind::GarbageHead => instead_of_head(reply, head::garbage(fault.text("as"))),
        Kind::Flood1xx => flood(fault, reply),
        Kind::HugeHead => reply.set("x-sim-padding", "a".repeat(fault.size("bytes"))),
        Kind::ManyLines => many_lines(fault, reply),
        Kind::AmbiguousHead => ambiguous(fault, reply),
        Kind::BadChunkSize => {
            reply.framing = Framing::Chunked;
            reply.oddities.chunks = Chunks::BadSize;
            reply.end = End::Close;
        }
        Kind::ShortBody => {
            reply.framing = Framing::Length(Some(reply.length() + fault.number("by")));
            close_quietly(reply);
        }
        Kind::LongBody => reply.framing = Framing::Length(Some(reply.length().saturating_sub(fault.number("by")))),
        Kind::UntilClose => {
            reply.framing = Framing::UntilClose;
            close_quietly(reply);
        }
        Kind::ConnectionClose => {
            reply.set("connection", "close");
            reply.end = End::Close;
        }
        Kind::CloseAfter => close_quietly(reply),
        Kind::DeadOnReuse => reply.end = End::ResetAtNext,
        Kind::Html | Kind::NoContent | Kind::EmptyBody | Kind::Redirect | Kind::Status | Kind::Error => {
            replace(fault, reply);
        }
        // Of the request, carried out by the connection; or a choice of what is answered, which the provider has made.
        Kind::ResetRequest
        | Kind::EarlyAnswer
        | Kind::NoContinue
        | Kind::SlowRead
        | Kind::JsonForStream
        | Kind::StreamForJson => {}
        Kind::Gzip => gzip(reply),
        Kind::WrongType => reply.set("content-type", fault.text("as")),
        Kind::RetryAfter => head::retry_after(fault, reply),
        Kind::ShouldRetry => reply.set("x-should-retry", fault.text("as")),
        Kind::Cut => cut(reply, fault.number("at"), fault.text("how")),
        Kind::ResetMidBody => cut(reply, fault.number("at"), "reset"),
        Kind::Drip => drip(fault, reply),
        Kind::Split => {
            reply.framing = Framing::Chunked;
            reply.oddities.chunks = Chunks::PerByte;
        }
        Kind::NoTerminator
        | Kind::DoubleTerminator
        | Kind::DataAfterDone
        | Kind::ErrorEvent
        | Kind::PingsOnly
        | Kind::EmptyDeltas
        | Kind::Stall
        | Kind::BigEvent
        | Kind::InvalidUtf8
        | Kind::Spelling
        | Kind::ToolJsonCut
        | Kind::Usage => events::bend(fault, reply),
    }
}

fn end_before_head(reply: &mut Reply, end: End) {
    reply.oddities.headless = true;
    reply.pieces.clear();
    reply.end = end;
}

fn instead_of_head(reply: &mut Reply, bytes: Bytes) {
    reply.oddities.raw_head = Some(bytes);
    reply.pieces.clear();
    reply.framing = Framing::UntilClose;
    reply.end = End::Close;
}

fn cut_head(fault: &Fault, reply: &mut Reply) {
    let mut headers_only = reply.clone();
    headers_only.pieces.clear();
    let script = headers_only.script(true);
    let whole = script.steps.iter().find_map(|step| match step {
        Step::Write(bytes, _) => Some(bytes.clone()),
        Step::Wait(_) => None,
    });
    let whole = whole.unwrap_or_default();
    instead_of_head(reply, whole.slice(..fault.size("at").min(whole.len())));
}

fn flood(fault: &Fault, reply: &mut Reply) {
    let interim = head::interim(u16::try_from(fault.number("code")).unwrap_or(103));
    match fault.size("count") {
        0 => {
            // As good as for ever: a hundred million of them take longer than any test.
            let many = Bytes::from(interim.repeat(1000));
            reply.oddities.before.extend(std::iter::repeat_n(Step::Write(many, 0), 100_000));
        }
        count => reply.oddities.before.push(Step::Write(Bytes::from(interim.repeat(count)), 0)),
    }
}

fn many_lines(fault: &Fault, reply: &mut Reply) {
    for line in 0..fault.number("count") {
        reply.headers.push((format!("x-sim-line-{line}").into(), line.to_string()));
    }
}

fn ambiguous(fault: &Fault, reply: &mut Reply) {
    let length = reply.length();
    reply.oddities.raw_head = Some(head::ambiguous(fault.text("as"), length));
    reply.framing = if fault.text("as") == "length-and-chunked" { Framing::Chunked } else { Framing::Length(None) };
    reply.end = End::Close;
}

/// Closes after the body without having said so.
fn close_quietly(reply: &mut Reply) {
    reply.set("connection", "keep-alive");
    reply.end = End::Close;
}

fn replace(fault: &Fault, reply: &mut Reply) {
    let code = u16::try_from(fault.number("code")).unwrap_or(500).clamp(200, 599);
    let mut other = match fault.kind {
        Kind::Html => Reply::whole(code, "text/html", "<!doctype html><title>Welcome</title><h1>It works</h1>\n"),
        Kind::Redirect => Reply::whole(code, "text/plain", "moved\n").with("location", fault.text("to")),
        Kind::Error => errors::by_name(fault.text("name")).reply(),
        Kind::Status => errors::by_status(code).reply(),
        Kind::EmptyBody => Reply::whole(200, "application/json", Bytes::new()),
        _ => Reply { framing: Framing::Nothing, ..Reply::whole(204, "application/json", Bytes::new()) },
    };
    for (name, value) in reply.headers.drain(..) {
        if !other.headers.iter().any(|(line, _)| *line == name) {
            other.headers.push((name, value));
        }
    }
    other.oddities = std::mem::take(&mut reply.oddities);
    *reply = other;
}

fn gzip(reply: &mut Reply) {
    if reply.dialect == Dialect::Whole {
        for piece in &mut reply.pieces {
            piece.bytes = encode::gzip(&piece.bytes);
        }
    } else {
        // One member per event: members may follow each other, so each event can be read when it comes.
        reply.pieces.iter_mut().for_each(|piece| piece.bytes = encode::gzip(&piece.bytes));
    }
    reply.set("content-encoding", "gzip");
}

/// Ends the body at byte `at`, whatever is there.
pub(super) fn cut(reply: &mut Reply, at: u64, how: &str) {
    let stated = reply.length();
    let mut left = usize::try_from(at).unwrap_or(usize::MAX);
    for piece in &mut reply.pieces {
        let kept = left.min(piece.bytes.len());
        piece.bytes.truncate(kept);
        left -= kept;
    }
    reply.pieces.retain(|piece| !piece.bytes.is_empty());
    if how == "clean" {
        return;
    }
    if let Framing::Length(length) = &mut reply.framing {
        *length = Some(length.unwrap_or(stated));
    }
    reply.oddities.chunks = Chunks::Unfinished;
    match how {
        "reset" => reply.end = End::Reset,
        "silence" => reply.end = End::Silence,
        _ => close_quietly(reply),
    }
}

fn drip(fault: &Fault, reply: &mut Reply) {
    let (size, pause) = (fault.size("bytes").max(1), fault.time("every_ms"));
    let pieces = std::mem::take(&mut reply.pieces);
    for piece in pieces {
        for start in (0..piece.bytes.len()).step_by(size) {
            let end = piece.bytes.len().min(start.saturating_add(size));
            let mut part = piece.clone();
            part.bytes = piece.bytes.slice(start..end);
            part.tokens = if start == 0 { piece.tokens } else { 0 };
            part.wait = if start == 0 { piece.wait.saturating_add(pause) } else { pause };
            reply.pieces.push(part);
        }
    }
}

/// The pause of a stall: 0 means for ever.
pub(super) fn stall(pause: Duration) -> Duration {
    if pause.is_zero() { FOREVER } else { pause }
}
