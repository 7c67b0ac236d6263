//! One socket: its bytes in, its bytes out, and whether the other side is still there.
//!
//! While anything is written or waited for, the socket is read as well: the end of the input means that the client has
//! left, whether it closed one direction or both (the two cannot be told apart). What a client sends ahead is kept.

use bytes::{BufMut, BytesMut};
use std::future::pending;
use std::io::{self, ErrorKind};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// More than this is not read ahead; then a leaving client is noticed by the next write.
const AHEAD: usize = 256 * 1024;

/// The client has left, or the connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// A connection.
#[derive(Debug)]
pub(crate) struct Wire {
    socket: TcpStream,
    /// What has arrived and is not read yet.
    pub(crate) buffer: BytesMut,
    /// Bytes written so far.
    pub(crate) sent: u64,
}

impl Wire {
    /// A connection over this socket.
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self { socket, buffer: BytesMut::with_capacity(16 * 1024), sent: 0 }
    }

    /// Reads at least one byte more. Dropping it loses nothing.
    pub(crate) async fn fill(&mut self) -> Result<(), Gone> {
        self.read(16 * 1024).await
    }

    /// The same, but at most about `most` bytes.
    pub(crate) async fn read(&mut self, most: usize) -> Result<(), Gone> {
        self.buffer.reserve(most);
        let mut room = (&mut self.buffer).limit(most);
        // Unlike `try_read`, this takes a short read as a sign that there is no more, and saves the read that says so.
        match self.socket.read_buf(&mut room).await {
            Ok(0) | Err(_) => Err(Gone),
            Ok(_) => Ok(()),
        }
    }

    /// Writes all of `bytes`, or finds the client gone.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let Self { socket, buffer, sent } = self;
        tokio::select! {
            biased;
            () = left(socket, buffer) => Err(Gone),
            result = send(socket, bytes, sent) => result.map_err(|_| Gone),
        }
    }

    /// Writes all of `bytes` without looking whether the client is there: cheaper, for answers that never wait.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        send(&self.socket, bytes, &mut self.sent).await.map_err(|_| Gone)
    }

    /// Both sides at once, for what writes more than once: a sender, and a future that ends when the client has left.
    pub(crate) fn split(&mut self) -> (Sender<'_>, impl Future<Output = ()> + '_) {
        let Self { socket, buffer, sent } = self;
        (Sender { socket, sent }, left(socket, buffer))
    }

    /// Waits, or finds the client gone.
    pub(crate) async fn wait(&mut self, time: Duration) -> Result<(), Gone> {
        let Self { socket, buffer, .. } = self;
        tokio::select! {
            biased;
            () = left(socket, buffer) => Err(Gone),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }

    /// Returns when the client has left.
    pub(crate) async fn until_gone(&mut self) {
        left(&self.socket, &mut self.buffer).await;
    }

    /// Holds the connection without reading from it, until the client has left. Looks every 100 ms, since a socket with
    /// unread bytes is always ready.
    pub(crate) async fn hold(&self) {
        let open = |ready: io::Result<tokio::io::Ready>| ready.is_ok_and(|ready| !ready.is_read_closed());
        while open(self.socket.ready(tokio::io::Interest::READABLE).await) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        let _ = self.socket.set_zero_linger();
    }

    /// Ends the connection so that everything sent is read: the input is read to its end before the socket goes, since
    /// closing with input unread is a reset.
    pub(crate) async fn close(mut self) {
        let _ = self.socket.shutdown().await;
        let drain = async {
            while self.read(64 * 1024).await.is_ok() {
                self.buffer.clear();
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), drain).await;
    }
}

/// The side of a connection that writes.
#[derive(Debug)]
pub(crate) struct Sender<'a> {
    socket: &'a TcpStream,
    sent: &'a mut u64,
}

impl Sender<'_> {
    /// Writes all of `bytes`.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        send(self.socket, bytes, self.sent).await.map_err(|_| Gone)
    }
}

/// Returns when the other side has closed, or the connection failed.
async fn left(socket: &TcpStream, buffer: &mut BytesMut) {
    loop {
        if buffer.len() > AHEAD {
            return pending().await;
        }
        if socket.readable().await.is_err() {
            return;
        }
        buffer.reserve(4096);
        match socket.try_read_buf(buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

async fn send(socket: &TcpStream, mut bytes: &[u8], sent: &mut u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match socket.try_write(bytes) {
            Ok(count) => {
                bytes = &bytes[count..];
                *sent += u64::try_from(count).unwrap_or(0);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => socket.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
