//! Two sockets and what is on its way between them.

use crate::burn::Burn;
use mio::net::TcpStream;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

/// As much as one read takes; large, so that a large body costs few calls.
const BUFFER_BYTES: usize = 64 * 1024;

/// What an event said of a socket.
#[derive(Clone, Copy)]
pub(crate) struct Ready {
    /// There may be bytes to read.
    pub(crate) readable: bool,
    /// Bytes may be written again.
    pub(crate) writable: bool,
    /// The other end sends no more: the last bytes are there.
    pub(crate) closing: bool,
}

/// Two sockets that are joined.
pub(crate) struct Pair {
    client: TcpStream,
    upstream: TcpStream,
    up: Way,
    down: Way,
}

impl Pair {
    /// Joins two sockets; `burn` is spent for each read from the client.
    pub(crate) fn new(client: TcpStream, upstream: TcpStream, burn: Burn) -> Self {
        Self {
            client,
            upstream,
            up: Way::new(burn),
            down: Way::new(Burn::NONE),
        }
    }

    /// Moves what an event of the client's socket allows; `false` when both ways have ended.
    pub(crate) fn client_ready(&mut self, ready: Ready) -> io::Result<bool> {
        if ready.readable {
            self.up.may_read(ready);
            self.up.advance(&mut self.client, &mut self.upstream)?;
        }
        if ready.writable {
            self.down.advance(&mut self.upstream, &mut self.client)?;
        }
        Ok(!self.is_through())
    }

    /// The same for the socket to the upstream.
    pub(crate) fn upstream_ready(&mut self, ready: Ready) -> io::Result<bool> {
        if ready.readable {
            self.down.may_read(ready);
            self.down.advance(&mut self.upstream, &mut self.client)?;
        }
        if ready.writable {
            self.up.advance(&mut self.client, &mut self.upstream)?;
        }
        Ok(!self.is_through())
    }

    const fn is_through(&self) -> bool {
        self.up.ended && self.down.ended
    }
}

/// One direction.
struct Way {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    readable: bool,
    closing: bool,
    ended: bool,
    burn: Burn,
}

impl Way {
    fn new(burn: Burn) -> Self {
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Self {
            buffer,
            start: 0,
            end: 0,
            readable: false,
            closing: false,
            ended: false,
            burn,
        }
    }

    const fn may_read(&mut self, ready: Ready) {
        self.readable = true;
        self.closing |= ready.closing;
    }

    /// Writes what is held, then reads and writes until one of the sockets would block.
    fn advance(&mut self, from: &mut TcpStream, to: &mut TcpStream) -> io::Result<()> {
        loop {
            while self.start < self.end {
                match to.write(&self.buffer[self.start..self.end]) {
                    Ok(written) => self.start += written,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
            if !self.readable || self.ended {
                return Ok(());
            }
            match from.read(&mut self.buffer) {
                Ok(0) => {
                    self.ended = true;
                    return to.shutdown(Shutdown::Write);
                }
                Ok(read) => {
                    self.burn.spend();
                    (self.start, self.end) = (0, read);
                    // A short read has emptied the socket, unless its end stands behind (epoll(7), edge-triggered).
                    self.readable = read == self.buffer.len() || self.closing;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(error) => return Err(error),
            }
        }
    }
}
