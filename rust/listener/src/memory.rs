//! Connections without sockets: bytes handed over within one thread.
//!
//! A [`Door`] stands where the kernel's listening socket would: it makes connected pairs and queues one end of each for
//! the accept loop, which serves it like any other connection. What differs from a socket: there is no reset, so an
//! answer that must not look whole ends like one that does; the peer has no address and counts as local; and a door
//! has no limit of its own to how many connections wait to be accepted.

use crate::bind::{Share, ShareSocket};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a connection holds in each direction; about what a kernel's socket does.
const BUFFER_BYTES: usize = 256 * 1024;

/// Where connections come from that need no socket.
#[derive(Debug, Clone)]
pub struct Door {
    inside: UnboundedSender<DuplexStream>,
}

/// A door, and the share that [`serve`](fn@crate::serve) takes its connections from.
pub fn in_memory() -> (Door, Share) {
    let (inside, arriving) = unbounded_channel();
    (Door { inside }, Share { socket: ShareSocket::Memory(arriving) })
}

impl Door {
    /// A caller's end of a new connection. It ends at once where nobody accepts any more.
    pub fn connect(&self) -> DuplexStream {
        let (callers, ours) = duplex(BUFFER_BYTES);
        // Refused by a closed door: dropping our end is what tells the caller.
        drop(self.inside.send(ours));
        callers
    }
}

/// Connections that wait to be accepted.
pub(crate) type Arriving = UnboundedReceiver<DuplexStream>;

/// The listener's end of a connection. Its methods are cold, so that a connection over a socket does not pay for them.
#[derive(Debug)]
pub(crate) struct Memory {
    stream: DuplexStream,
    /// Read ahead, since only a read tells whether there is anything to read.
    ahead: Option<u8>,
}

impl Memory {
    pub(crate) fn new(stream: DuplexStream) -> Self {
        Self { stream, ahead: None }
    }

    /// Ready when a read would not wait, as a socket tells it. Without this, buffers would be held while a connection
    /// rests, which over a socket they are not.
    #[cold]
    pub(crate) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ahead.is_none() {
            let mut byte = [0];
            let mut buffer = ReadBuf::new(&mut byte);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            self.ahead = buffer.filled().first().copied();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Memory {
    #[cold]
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let Some(byte) = this.ahead.take() else { return Pin::new(&mut this.stream).poll_read(cx, buf) };
        buf.put_slice(&[byte]);
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Pending => Poll::Ready(Ok(())), // the one byte is all there is
            rest @ Poll::Ready(_) => rest,
        }
    }
}

impl AsyncWrite for Memory {
    #[cold]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    #[cold]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    #[cold]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    #[cold]
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn what_was_looked_at_is_read_and_the_end_stays_the_end() {
        let (mut other, ours) = duplex(64);
        let mut memory = Memory::new(ours);
        let looked = poll_fn(|cx| Poll::Ready(memory.poll_readable(cx).is_ready())).await;
        assert!(!looked);
        other.write_all(b"abc").await.unwrap();
        poll_fn(|cx| memory.poll_readable(cx)).await.unwrap();
        poll_fn(|cx| memory.poll_readable(cx)).await.unwrap();
        let mut read = [0; 8];
        assert_eq!(memory.read(&mut read).await.unwrap(), 3);
        assert_eq!(&read[..3], b"abc");
        other.write_all(b"d").await.unwrap();
        poll_fn(|cx| memory.poll_readable(cx)).await.unwrap();
        assert_eq!((memory.read(&mut read).await.unwrap(), read[0]), (1, b'd'));
        drop(other);
        poll_fn(|cx| memory.poll_readable(cx)).await.unwrap();
        assert_eq!(memory.read(&mut read).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_door_that_nobody_stands_behind_ends_connections_at_once() {
        let (door, share) = in_memory();
        let mut before = door.connect();
        drop(share);
        let mut after = door.connect();
        assert_eq!(before.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(after.read(&mut [0]).await.unwrap(), 0);
    }
}
