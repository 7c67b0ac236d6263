//! Both ends of a call, as cheap as they can be: they compare what comes with what must come, and allocate nothing.
//!
//! Whoever reads a profile tells their share from the gateway's by the name of this crate: the tasks of both ends are
//! of it, and so is whoever calls a stream for them.

use crate::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// Room for what one read yields.
const READ_BYTES: usize = 64 * 1024;
/// How much of the end of what came is kept.
const TAIL_BYTES: usize = 512;

/// One end of a connection.
struct End(DuplexStream);

impl End {
    /// Reads once; fails at the end of the input.
    async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match poll_fn(|cx| self.poll_read(cx, into)).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(count),
        }
    }

    async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = poll_fn(|cx| self.poll_write(cx, bytes)).await?;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Never inlined, so that a profile has it as the one who calls the stream.
    #[inline(never)]
    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(into);
        Pin::new(&mut self.0)
            .poll_read(cx, &mut buffer)
            .map_ok(|()| buffer.filled().len())
    }

    #[inline(never)]
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }
}

/// A caller with one connection.
pub(crate) struct Caller {
    end: End,
    cell: Rc<Cell>,
    read: Vec<u8>,
}

impl Caller {
    pub(crate) fn new(stream: DuplexStream, cell: Rc<Cell>) -> Self {
        Self {
            end: End(stream),
            cell,
            read: vec![0; READ_BYTES],
        }
    }

    /// Makes calls, one after the other; fails with what was answered instead.
    pub(crate) async fn calls(&mut self, count: usize) -> io::Result<()> {
        for _ in 0..count {
            self.end.write_all(&self.cell.request).await?;
            self.answer().await?;
        }
        Ok(())
    }

    async fn answer(&mut self) -> io::Result<()> {
        let mut tail = Tail::new();
        let mut begun = false;
        while !tail.ends_with(&self.cell.end) {
            let count = self.end.read(&mut self.read).await?;
            let came = &self.read[..count];
            if !(begun || came.starts_with(b"HTTP/1.1 200 OK\r\n")) {
                return Err(io::Error::other(format!(
                    "not the answer: {}",
                    String::from_utf8_lossy(came)
                )));
            }
            begun = true;
            tail.push(came);
        }
        Ok(())
    }
}

/// The last bytes of what came, however it was cut into reads.
struct Tail {
    bytes: [u8; TAIL_BYTES],
    length: usize,
}

impl Tail {
    fn new() -> Self {
        Self {
            bytes: [0; TAIL_BYTES],
            length: 0,
        }
    }

    fn push(&mut self, came: &[u8]) {
        let came = &came[came.len().saturating_sub(TAIL_BYTES)..];
        let kept = self.length.min(TAIL_BYTES - came.len());
        self.bytes.copy_within(self.length - kept..self.length, 0);
        self.bytes[kept..kept + came.len()].copy_from_slice(came);
        self.length = kept + came.len();
    }

    fn ends_with(&self, end: &[u8]) -> bool {
        self.bytes[..self.length].ends_with(end)
    }
}

/// A provider's connection: reads a request, writes the answer, again and again.
///
/// What goes wrong here shows at the caller, who gets another answer then.
pub(crate) async fn provide(stream: DuplexStream, cell: Rc<Cell>) {
    drop(answer_all(End(stream), &cell).await);
}

async fn answer_all(mut end: End, cell: &Cell) -> io::Result<()> {
    let mut read = vec![0; READ_BYTES];
    let whole_bytes = first_request(&mut end, &mut read, cell).await?;
    loop {
        answer(&mut end, cell).await?;
        let mut came = 0;
        while came < whole_bytes {
            came += end.read(&mut read).await?;
        }
    }
}

/// Reads the first request and looks at every byte of its body; those that follow have as many bytes.
async fn first_request(end: &mut End, read: &mut [u8], cell: &Cell) -> io::Result<usize> {
    let mut came = Vec::new();
    loop {
        let count = end.read(read).await?;
        came.extend_from_slice(&read[..count]);
        if let Some(body) = whole_body(&came) {
            return if body == cell.provided {
                Ok(came.len())
            } else {
                Err(io::ErrorKind::InvalidData.into())
            };
        }
    }
}

/// The body of a request, once all that its head announces is there.
fn whole_body(request: &[u8]) -> Option<&[u8]> {
    const LENGTH: &str = "content-length: ";
    let end = request.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&request[..end]).ok()?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix(LENGTH))?
        .parse()
        .ok()?;
    let body = &request[end + 4..];
    (body.len() >= length).then_some(body)
}

/// Writes the pieces of an answer, each once the gateway had its turn with the one before.
async fn answer(end: &mut End, cell: &Cell) -> io::Result<()> {
    for piece in &cell.answer {
        end.write_all(piece).await?;
        behind_all_others().await;
    }
    Ok(())
}

/// Lets every task run that is ready.
async fn behind_all_others() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
