//! One connection to the target: bytes out, bytes in.

use crate::failure::{Failed, Failure};
use crate::target::Target;
use bytes::BytesMut;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Room for what one read may bring: at first, and at most, when reads keep filling it. A load may hold many thousand
/// connections, most of which never see a large answer.
const ROOM: (usize, usize) = (8 * 1024, 256 * 1024);

/// A connection.
#[derive(Debug)]
pub(crate) struct Wire {
    socket: Socket,
    /// What has come and is not read yet.
    pub(crate) buffer: BytesMut,
    /// Bytes that have come.
    pub(crate) received: u64,
    room: usize,
}

#[derive(Debug)]
enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// Connects to one of the target's addresses; `number` chooses which.
    pub(crate) async fn connect(target: &Target, number: usize) -> Result<Self, Failed> {
        let Some(address) = target.addresses.get(number % target.addresses.len().max(1)) else {
            return Err(Failed::new(Failure::Resolve, "the target has no address"));
        };
        let socket = TcpStream::connect(address).await.map_err(|error| connect_failed(&error))?;
        socket.set_nodelay(true).map_err(|error| connect_failed(&error))?;
        let socket = match &target.tls {
            None => Socket::Plain(socket),
            Some(tls) => {
                let connector = TlsConnector::from(std::sync::Arc::clone(&tls.config));
                let session = connector.connect(tls.name.clone(), socket).await;
                Socket::Tls(Box::new(session.map_err(|e| Failed::new(Failure::Tls, format!("TLS handshake: {e}")))?))
            }
        };
        Ok(Self { socket, buffer: BytesMut::with_capacity(ROOM.0), received: 0, room: ROOM.0 })
    }

    /// Sends all of `bytes`. While the target takes no more, what it says already is read: it may refuse before it has
    /// read all. Fails when it will take no more, in which case an answer may still have come.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut left = bytes;
        poll_fn(|cx| {
            while !left.is_empty() {
                match Pin::new(&mut self.socket).poll_write(cx, left) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(count)) => left = &left[count..],
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => match self.poll_fill(cx) {
                        Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                        Poll::Ready(Ok(_)) => {}
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        Poll::Pending => return Poll::Pending,
                    },
                }
            }
            Pin::new(&mut self.socket).poll_flush(cx)
        })
        .await
    }

    /// Reads more; 0: the input is over.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// Whether a connection that nothing is expected from can be used no more: it has ended, or something came.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.buffer.is_empty() { self.poll_fill(cx).map(drop) } else { Poll::Ready(()) }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Self { socket, buffer, received, room } = self;
        // A short rest of room is no use: the read would bring little, and there would have to be another.
        if buffer.capacity() - buffer.len() < *room / 2 {
            buffer.reserve(*room);
        }
        // Unlike `try_read`, this takes a short read as a sign that there is no more, and saves the read that says so.
        let read = pin!(socket.read_buf(buffer)).poll(cx);
        if let Poll::Ready(Ok(count)) = &read {
            *received += *count as u64;
            if buffer.len() == buffer.capacity() {
                *room = (*room * 2).min(ROOM.1);
            }
        }
        read
    }
}

/// Source: errno(3); 23 and 24 are ENFILE and EMFILE.
fn connect_failed(error: &io::Error) -> Failed {
    let class = if matches!(error.raw_os_error(), Some(23 | 24)) { Failure::Descriptors } else { Failure::Refused };
    Failed::new(class, format!("connect: {error}"))
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Tls(session) => Pin::new(session.as_mut()).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Tls(session) => Pin::new(session.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(session) => Pin::new(session.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(session) => Pin::new(session.as_mut()).poll_shutdown(cx),
        }
    }
}
