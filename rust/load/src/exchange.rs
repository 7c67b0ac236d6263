//! A request out, an answer in.

use crate::answer::Answer;
use crate::clock;
use crate::failure::{Failed, Failure, printable};
use crate::seat::Seat;
use crate::tally::Arrival;
use crate::wire::Wire;
use crate::worker::Worker;
use http1::{Decoded, Decoder, Limits, Response, read_response};
use std::io;

/// What is known of a call while it runs; it outlives the future that is dropped when time is up.
pub(crate) struct Exchange<'a> {
    worker: &'a Worker,
    seat: &'a Seat,
    arrival: Arrival,
    request: &'a [u8],
    /// When it has to be over, once it is sent; to be sent, it may have less.
    pub(crate) deadline: u64,
    /// When its first byte was handed to the kernel.
    pub(crate) sent: Option<u64>,
    /// When the last byte of a whole answer came.
    pub(crate) ended: Option<u64>,
    pub(crate) bytes_in: u64,
    /// Whether the connection can be used again.
    pub(crate) is_reusable: bool,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(worker: &'a Worker, seat: &'a Seat, arrival: Arrival, request: &'a [u8]) -> Self {
        let deadline = clock::now() + worker.plan.timeout_ns;
        Self { worker, seat, arrival, request, deadline, sent: None, ended: None, bytes_in: 0, is_reusable: false }
    }

    /// What a call was waiting for when its time was up.
    pub(crate) fn given_up(&self) -> Failed {
        let (class, what) = match (self.sent, self.bytes_in) {
            (None, _) if self.deadline > self.worker.last_sending() => {
                (Failure::Unsent, "the load was over before there was a connection")
            }
            (None, _) => (Failure::Timeout, "time was up before there was a connection"),
            (_, 0) => (Failure::Timeout, "time was up before the first byte of the answer"),
            _ => (Failure::Timeout, "time was up before the end of the answer"),
        };
        Failed::new(class, what)
    }
}

/// Runs one call, over the connection that is there or a new one. What is wrong with a whole answer is a failure as
/// well, but leaves the connection usable.
pub(crate) async fn run(
    exchange: &mut Exchange<'_>,
    wire: &mut Option<Wire>,
    answer: &mut Answer,
    number: usize,
) -> Result<(), Failed> {
    let worker = exchange.worker;
    let is_new = wire.is_none();
    if is_new {
        *wire = Some(Wire::connect(&worker.plan.target, number).await?);
        worker.tally.borrow_mut().connections += 1;
    }
    let Some(open) = wire else { return Err(Failed::new(Failure::Closed, "")) };
    let before = open.received;
    let at = clock::now();
    exchange.sent = Some(at);
    exchange.seat.deadline.set(exchange.deadline);
    worker.tally.borrow_mut().send(&exchange.arrival, at, is_new, worker.plan.has_schedule);
    let mut reader = Reader { wire: open, before, at, is_over: false };
    // A target that refuses before it has read all closes then; its answer may be there all the same.
    let cut = reader.wire.send(exchange.request).await.err();
    if !reader.wire.buffer.is_empty() {
        reader.at = clock::now();
    }
    let outcome = reader.read(exchange, answer).await;
    let keeps = exchange.is_reusable && cut.is_none() && reader.wire.buffer.is_empty();
    exchange.bytes_in = reader.wire.received - before;
    exchange.is_reusable = keeps;
    if !keeps {
        *wire = None;
    }
    outcome
}

/// The reading half of a call.
struct Reader<'a> {
    wire: &'a mut Wire,
    /// What the connection had received before this call.
    before: u64,
    /// When the last bytes came.
    at: u64,
    /// Whether the target said that it sends no more.
    is_over: bool,
}

impl Reader<'_> {
    async fn read(&mut self, exchange: &mut Exchange<'_>, answer: &mut Answer) -> Result<(), Failed> {
        let worker = exchange.worker;
        let plan = &worker.plan;
        let head = self.head(exchange).await?;
        let content_type = head.head.headers.get("content-type").unwrap_or_default();
        answer.begin(head.head.status, content_type, &plan.expected);
        let (framing, keep_alive) = (head.framing, head.keep_alive);
        // The head holds on to the buffer, which is to be filled again without a new one.
        drop(head);
        if let Err(failed) = self.body(exchange, answer, Decoder::new(framing)).await {
            // What the target said before it left tells more than how it left.
            return Err(answer.events.take_error().unwrap_or(failed));
        }
        exchange.ended = Some(self.at);
        exchange.is_reusable = keep_alive;
        answer.finish(&plan.expected)
    }

    /// The first head that is not interim.
    async fn head(&mut self, exchange: &mut Exchange<'_>) -> Result<Response, Failed> {
        loop {
            match read_response(&mut self.wire.buffer, false, &Limits::default()) {
                Ok(Some(response)) if response.head.status < 200 => {}
                Ok(Some(response)) => return Ok(response),
                Ok(None) => self.more(exchange).await?,
                Err(refusal) => {
                    let start = &self.wire.buffer[..self.wire.buffer.len().min(300)];
                    return Err(Failed::new(Failure::Garbled, format!("{refusal} It began: {}", printable(start))));
                }
            }
        }
    }

    async fn body(
        &mut self,
        exchange: &mut Exchange<'_>,
        answer: &mut Answer,
        mut decoder: Decoder,
    ) -> Result<(), Failed> {
        let worker = exchange.worker;
        let expected = &worker.plan.expected;
        loop {
            match decoder.decode(&mut self.wire.buffer) {
                Ok(Decoded::Piece(piece)) => {
                    let mut tally = worker.tally.borrow_mut();
                    let tally = if tally.counts(exchange.arrival.intended) { Some(&mut *tally) } else { None };
                    answer.piece(&piece, decoder.is_done(), self.at, (expected, tally));
                }
                Ok(Decoded::Done) => return Ok(()),
                Ok(Decoded::More) => {
                    let more = self.more(exchange).await;
                    if self.is_over && decoder.at_eof() {
                        return Ok(());
                    }
                    more?;
                }
                Err(refusal) => return Err(Failed::new(Failure::Garbled, refusal.to_string())),
            }
        }
    }

    /// Waits for more bytes. Fails when there are none: before the first of the answer, or within it.
    async fn more(&mut self, exchange: &mut Exchange<'_>) -> Result<(), Failed> {
        let read = self.wire.fill().await;
        self.is_over = matches!(read, Ok(0));
        self.at = clock::now();
        exchange.bytes_in = self.wire.received - self.before;
        let why = match read {
            Ok(0) => "the connection ended".to_owned(),
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                "the connection ended without TLS's end".to_owned()
            }
            Err(error) => error.to_string(),
        };
        match exchange.bytes_in {
            0 => Err(Failed::new(Failure::Closed, format!("{why} before the first byte of the answer"))),
            bytes => Err(Failed::new(Failure::Cut, format!("{why} after {bytes} bytes of the answer"))),
        }
    }
}
