//! One connection: requests in, scripts carried out, the bill kept.

use crate::bill::Entry;
use crate::check::Refusal;
use crate::encode;
use crate::faults::{Fault, Kind, errors};
use crate::provider::{Note, Provider, Request};
use crate::reply::{End, FOREVER, Framing, Reply, Script, Step};
use crate::wire::{Gone, Wire};
use bytes::{Bytes, BytesMut};
use http1::{Decoded, Decoder, write};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

/// What the provider takes as a head; more than any gateway sends.
pub(crate) const LIMITS: http1::Limits = http1::Limits { head_bytes: 256 * 1024, lines: 256, target_bytes: 64 * 1024 };

/// Serves one connection until either side ends it, or `stop` turns true between two calls.
pub(crate) async fn serve(socket: TcpStream, provider: &Provider, mut stop: watch::Receiver<bool>) {
    let number = provider.bill.connection();
    let mut wire = Wire::new(socket);
    match provider.at_accept(number).first().map(|fault| fault.kind) {
        None => {}
        Some(Kind::Refuse) => return wire.reset(),
        Some(_) => return wire.hold().await,
    }
    loop {
        let head = tokio::select! {
            head = head(&mut wire) => head,
            () = told_to_stop(&mut stop) => return wire.close().await,
        };
        let end = match head {
            Err(Unread::Gone) => return,
            Err(Unread::Refused(reply)) => carry_out(&mut wire, reply.script(false)).await.end,
            Ok(request) => exchange(&mut wire, provider, request, number).await,
        };
        let end = if *stop.borrow() && end == Some(End::Keep) { Some(End::Close) } else { end };
        match end {
            Some(End::Keep) => {}
            Some(End::Close) => return wire.close().await,
            Some(End::ResetAtNext) => {
                while wire.buffer.is_empty() && wire.fill().await.is_ok() {}
                return wire.reset();
            }
            Some(End::Reset) => return wire.reset(),
            Some(End::Silence) | None => return,
        }
    }
}

/// Returns once the provider is to stop; or is gone, which is the same.
pub(crate) async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Why there is no request.
enum Unread {
    Gone,
    Refused(Box<Reply>),
}

async fn head(wire: &mut Wire) -> Result<http1::Request, Unread> {
    loop {
        match http1::read_request(&mut wire.buffer, &LIMITS) {
            Ok(Some(request)) => return Ok(request),
            Ok(None) => wire.fill().await.map_err(|Gone| Unread::Gone)?,
            Err(refusal) => return Err(Unread::Refused(Box::new(refuse(refusal)))),
        }
    }
}

/// An answer to bytes that are not a request.
fn refuse(refusal: http1::Refusal) -> Reply {
    let refused = Refusal::with_status(refusal.kind().row().status, None, refusal.to_string());
    let mut reply = refused.reply();
    reply.set("connection", "close");
    reply.end = End::Close;
    reply
}

/// One call. `None`: the client has left.
async fn exchange(wire: &mut Wire, provider: &Provider, asked: http1::Request, connection: u64) -> Option<End> {
    let started = Instant::now();
    let mut entry = Entry { credential: provider.credential(&asked.head), ..open_entry(&asked, connection) };
    provider.bill.begin();
    let sent_before = wire.sent;
    let early = provider.at_request(&asked.head);
    let arrived = body(wire, provider, &asked, &early).await;
    let (mut reply, note) = match arrived {
        Ok(body) => {
            entry.bytes_in = u64::try_from(body.len()).unwrap_or(u64::MAX);
            entry.body_crc32 = encode::crc32(&body);
            let answer = provider.answer(&Request { head: asked.head.clone(), body });
            (answer.reply, answer.note)
        }
        Err(Broken::Answered(reply)) => (*reply, Some(Note::default())),
        Err(broken) => {
            entry.cancelled = matches!(broken, Broken::Gone);
            entry.faults = names(&early);
            finish(provider, entry, started);
            return matches!(broken, Broken::Reset).then_some(End::Reset);
        }
    };
    fit(&mut reply, &asked);
    let done = carry_out(wire, reply.script(asked.head.method() == b"HEAD")).await;
    let Some(note) = note else {
        provider.bill.forget();
        return done.end;
    };
    entry.bytes_out = wire.sent - sent_before;
    entry.status = done.status;
    entry.cancelled = done.end.is_none();
    let has_answer = done.status == 200;
    entry.prompt_tokens = if has_answer { note.prompt_tokens.into() } else { 0 };
    entry.cached_tokens = if has_answer { note.cached_tokens.into() } else { 0 };
    entry.completion_tokens = if has_answer { done.tokens } else { 0 };
    entry.reasoning_tokens = entry.completion_tokens.min(note.reasoning_tokens.into());
    entry.faults = if note.faults.is_empty() { names(&early) } else { note.faults };
    entry.whole = done.end.is_some() && entry.faults.is_empty();
    (entry.id, entry.model, entry.stream) = (note.id, short(&note.model), note.stream);
    finish(provider, entry, started);
    done.end
}

fn open_entry(asked: &http1::Request, connection: u64) -> Entry {
    let text = |bytes: &[u8]| short(&String::from_utf8_lossy(bytes));
    Entry {
        client_id: asked.head.headers.get("x-client-request-id").map(text),
        at_ms: crate::clock::now_ms(),
        connection,
        method: text(asked.head.method()),
        path: text(asked.head.path()),
        timeout_ms: asked.head.headers.get("headgate-timeout-ms").and_then(|value| text(value).parse().ok()),
        header_names: asked.head.headers.iter().map(|(name, _)| text(name)).collect(),
        ..Entry::default()
    }
}

fn finish(provider: &Provider, mut entry: Entry, started: Instant) {
    entry.took_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    provider.bill.enter(entry);
}

/// A thousand entries are kept, so each has to be small whatever a client sends.
fn short(text: &str) -> String {
    text[..text.floor_char_boundary(512)].to_owned()
}

fn names(faults: &[Fault]) -> Vec<&'static str> {
    faults.iter().map(|fault| fault.row().name).collect()
}

/// Makes the answer fit the client's version and its wish to keep the connection.
fn fit(reply: &mut Reply, asked: &http1::Request) {
    if asked.minor == 0 && reply.framing == Framing::Chunked {
        reply.framing = Framing::UntilClose;
        reply.end = if reply.end == End::Keep { End::Close } else { reply.end };
    }
    if !asked.keep_alive && reply.end == End::Keep {
        reply.set("connection", "close");
        reply.end = End::Close;
    } else if asked.minor == 0 && reply.end == End::Keep {
        reply.set("connection", "keep-alive");
    }
}

/// Why there is no body.
enum Broken {
    Gone,
    Reset,
    Answered(Box<Reply>),
}

/// Reads the body, in whatever way the faults want it read.
async fn body(wire: &mut Wire, provider: &Provider, asked: &http1::Request, early: &[Fault]) -> Result<Bytes, Broken> {
    let find = |kind| early.iter().find(|fault| fault.kind == kind);
    if let Some(fault) = find(Kind::EarlyAnswer) {
        return Err(early_answer(u16::try_from(fault.number("code")).unwrap_or(413)));
    }
    if find(Kind::Refuse).is_some() {
        return Err(Broken::Reset);
    }
    if find(Kind::Silence).is_some() {
        wire.until_gone().await;
        return Err(Broken::Gone);
    }
    let most = provider.options.max_body_bytes;
    if matches!(asked.framing, Framing1::Length(length) if length > most) {
        return Err(early_answer(413));
    }
    if asked.expects_continue && find(Kind::NoContinue).is_none() && wire.buffer.is_empty() {
        wire.write(write::CONTINUE).await.map_err(|Gone| Broken::Gone)?;
    }
    let reset_at = find(Kind::ResetRequest).map(|fault| fault.size("at"));
    let slowly = find(Kind::SlowRead).map(|fault| (fault.size("bytes").max(1), fault.time("every_ms")));
    collect(wire, asked.framing, &Reading { most, reset_at, slowly }).await
}

use http1::Framing as Framing1;

/// How a body is read.
struct Reading {
    most: u64,
    reset_at: Option<usize>,
    slowly: Option<(usize, Duration)>,
}

async fn collect(wire: &mut Wire, framing: Framing1, reading: &Reading) -> Result<Bytes, Broken> {
    let mut decoder = Decoder::new(framing);
    let mut body = BytesMut::new();
    loop {
        if reading.reset_at.is_some_and(|at| body.len() >= at) {
            return Err(Broken::Reset);
        }
        match decoder.decode(&mut wire.buffer) {
            Ok(Decoded::Piece(piece)) => body.extend_from_slice(&piece),
            Ok(Decoded::Done) => return Ok(body.freeze()),
            Ok(Decoded::More) => match reading.slowly {
                None => wire.read(256 * 1024).await.map_err(|Gone| Broken::Gone)?,
                Some((bytes, pause)) => {
                    tokio::time::sleep(pause).await;
                    wire.read(bytes).await.map_err(|Gone| Broken::Gone)?;
                }
            },
            Err(refusal) => return Err(Broken::Answered(Box::new(refuse(refusal)))),
        }
        if u64::try_from(body.len()).unwrap_or(u64::MAX) > reading.most {
            return Err(early_answer(413));
        }
    }
}

/// An answer before the body has been read; the connection cannot be used again.
fn early_answer(status: u16) -> Broken {
    let mut reply = errors::by_status(status.clamp(400, 599)).reply();
    reply.set("connection", "close");
    reply.end = End::Close;
    Broken::Answered(Box::new(reply))
}

/// What became of a script.
struct Done {
    /// `None`: the client left before its end.
    end: Option<End>,
    /// The status that was sent; 0 when no head was.
    status: u16,
    /// Output tokens that were sent.
    tokens: u64,
}

async fn carry_out(wire: &mut Wire, script: Script) -> Done {
    let mut done = Done { end: Some(script.end), status: 0, tokens: 0 };
    for step in script.steps {
        let result = match step {
            Step::Wait(FOREVER) => {
                wire.until_gone().await;
                Err(Gone)
            }
            Step::Wait(time) => wire.wait(time).await,
            Step::Write(bytes, tokens) => {
                done.status = script.status.unwrap_or(0);
                done.tokens += u64::from(tokens);
                wire.write(&bytes).await
            }
        };
        if result == Err(Gone) {
            done.end = None;
            return done;
        }
    }
    if done.end == Some(End::Silence) {
        // The call is open until its client gives it up, and is billed then.
        wire.until_gone().await;
        done.end = None;
    }
    done
}
