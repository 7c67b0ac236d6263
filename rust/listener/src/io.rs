//! The two ends of a connection's bytes: a plain socket, or TLS over one.

use crate::memory::Memory;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// A socket, or what stands for one.
#[derive(Debug)]
pub(crate) enum Plain {
    Tcp(TcpStream),
    Unix(UnixStream),
    Memory(Memory),
}

/// A socket, with or without TLS.
#[derive(Debug)]
pub(crate) enum Io {
    Plain(Plain),
    Tls(Box<TlsStream<Plain>>),
}

impl Io {
    /// Ready when a read is worth a try, so that no buffer need be held while there is nothing to read.
    pub(crate) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(Plain::Tcp(stream)) => stream.poll_read_ready(cx),
            Self::Plain(Plain::Unix(stream)) => stream.poll_read_ready(cx),
            Self::Plain(Plain::Memory(stream)) => stream.poll_readable(cx),
            // What came may be decrypted already; only a read can tell.
            Self::Tls(_) => Poll::Ready(Ok(())),
        }
    }

    /// Makes the end of this connection an error for the caller: a reset, or TLS without its closing message.
    pub(crate) fn spoil(&self) {
        if let Self::Plain(Plain::Tcp(stream)) = self {
            // A socket that cannot be told ends in the ordinary way; there is nobody to report to.
            drop(stream.set_zero_linger());
        }
    }
}

/// Passes a call on to whatever the stream is.
macro_rules! each {
    ($self:expr, $($variant:path)|+, $stream:ident => $call:expr) => {
        match $self.get_mut() { $($variant($stream) => $call),+ }
    };
}

impl AsyncRead for Plain {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self, Self::Tcp | Self::Unix | Self::Memory, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Plain {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, Self::Tcp | Self::Unix | Self::Memory, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, Self::Tcp | Self::Unix | Self::Memory, stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, Self::Tcp | Self::Unix | Self::Memory, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self, Self::Plain | Self::Tls, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, Self::Plain | Self::Tls, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, Self::Plain | Self::Tls, stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, Self::Plain | Self::Tls, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, Self::Plain | Self::Tls, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
