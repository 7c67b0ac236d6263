//! A listening socket within a worker's runtime.

use crate::Peer;
use crate::bind::{Share, ShareSocket, SocketFile};
use crate::io::Plain;
use crate::memory::{Arriving, Memory};
use socket2::{SockFilter, SockRef};
use std::io;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A share that is being accepted from.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, Arc<SocketFile>),
    Memory(Arriving),
}

impl Listener {
    pub(crate) fn new(share: Share) -> io::Result<Self> {
        Ok(match share.socket {
            ShareSocket::Tcp(socket) => Self::Tcp(TcpListener::from_std(socket)?),
            ShareSocket::Unix(socket, file) => Self::Unix(UnixListener::from_std(socket)?, file),
            ShareSocket::Memory(arriving) => Self::Memory(arriving),
        })
    }

    /// The next connection.
    pub(crate) async fn accept(&mut self) -> io::Result<(Plain, Peer)> {
        match self {
            Self::Tcp(listener) => {
                listener.accept().await.map(|(stream, address)| (Plain::Tcp(stream), Peer::at(address)))
            }
            Self::Unix(listener, _) => listener.accept().await.map(|(stream, _)| (Plain::Unix(stream), Peer::UNIX)),
            Self::Memory(arriving) => match arriving.recv().await {
                Some(stream) => Ok((Plain::Memory(Memory::new(stream)), Peer::UNIX)),
                None => std::future::pending().await,
            },
        }
    }

    /// Lets no new connection in.
    pub(crate) fn close(self) -> io::Result<Closing> {
        match self {
            Self::Tcp(listener) => {
                // Where the filter cannot be set, a connection that comes just now is lost, as it would be without it.
                drop(SockRef::from(&listener).attach_filter(&NO_SYN));
                Ok(Closing::Tcp(listener.into_std()?))
            }
            Self::Unix(listener, file) => {
                file.remove();
                Ok(Closing::Unix(listener.into_std()?))
            }
            Self::Memory(mut arriving) => {
                arriving.close();
                Ok(Closing::Memory(arriving))
            }
        }
    }
}

/// A packet filter that drops what asks for a new connection (SYN) and lets all else pass: handshakes that have begun
/// complete, so that they can be accepted. A caller whose SYN was dropped tries again within a second and is refused,
/// or finds another replica. Without it, connections that complete between the last `accept` and `close` are reset.
///
/// On a TCP socket the filter sees the segment from its header on: byte 13 holds the flags, 2 is SYN.
const NO_SYN: [SockFilter; 4] = [
    SockFilter::new(0x30, 0, 0, 13),     // load the byte at 13
    SockFilter::new(0x45, 0, 1, 0x02),   // SYN set?
    SockFilter::new(0x06, 0, 0, 0),      // drop
    SockFilter::new(0x06, 0, 0, 0xffff), // pass
];

/// A listening socket that lets no new connection in. Out of the runtime, since the runtime only knows of connections
/// that it was told of, and there may be others.
#[derive(Debug)]
pub(crate) enum Closing {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
    Memory(Arriving),
}

impl Closing {
    /// The next connection that was let in before; `WouldBlock` when there is none.
    pub(crate) fn accept(&mut self) -> io::Result<(Plain, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok((Plain::Tcp(TcpStream::from_std(stream)?), Peer::at(address)))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok((Plain::Unix(UnixStream::from_std(stream)?), Peer::UNIX))
            }
            Self::Memory(arriving) => {
                let stream = arriving.try_recv().map_err(|_| io::ErrorKind::WouldBlock)?;
                Ok((Plain::Memory(Memory::new(stream)), Peer::UNIX))
            }
        }
    }

    /// Whether connections may still be completing.
    pub(crate) fn has_handshakes(&self) -> bool {
        matches!(self, Self::Tcp(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bind;
    use plan::Address;

    #[tokio::test]
    async fn accepted_connections_send_without_delay() {
        let listening = bind(&Address::Tcp("127.0.0.1:0".parse().unwrap()), 1).unwrap();
        let Address::Tcp(address) = *listening.local_address() else { panic!("not TCP") };
        let mut listener = Listener::new(listening.into_shares().remove(0)).unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (Plain::Tcp(stream), peer) = listener.accept().await.unwrap() else { panic!("not TCP") };
        assert!(stream.nodelay().unwrap());
        assert!(SockRef::from(&stream).keepalive().unwrap());
        assert_eq!(peer, Peer { address: Some(client.local_addr().unwrap()), local: true });
    }

    #[tokio::test]
    async fn a_closing_listener_serves_who_is_in_and_lets_nobody_else_in() {
        let listening = bind(&Address::Tcp("127.0.0.1:0".parse().unwrap()), 1).unwrap();
        let Address::Tcp(address) = *listening.local_address() else { panic!("not TCP") };
        let listener = Listener::new(listening.into_shares().remove(0)).unwrap();
        let inside = std::net::TcpStream::connect(address).unwrap();
        let mut closing = listener.close().unwrap();
        let wait = std::time::Duration::from_millis(100);
        let outside = std::net::TcpStream::connect_timeout(&address, wait).unwrap_err();
        assert_eq!(outside.kind(), io::ErrorKind::TimedOut, "it was let in, and nobody would have served it");
        let (_, peer) = closing.accept().unwrap();
        assert_eq!(peer.address, Some(inside.local_addr().unwrap()));
        assert_eq!(closing.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
