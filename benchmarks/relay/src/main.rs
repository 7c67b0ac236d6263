//! The floor of a proxy's cost: a layer-4 relay, `relay LISTEN UPSTREAM`.
//!
//! One thread, one epoll, one connection upstream for each connection accepted, and no look at the bytes. Per request
//! that is two reads and two writes: what any proxy on sockets has to pay. Whatever a gateway costs above this, it
//! costs for knowing HTTP.

mod pair;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use pair::{Pair, Ready};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// The listener's token; pair `n` has the tokens `2n` (client) and `2n + 1` (upstream).
const LISTENER: Token = Token(usize::MAX - 1);

fn main() -> io::Result<()> {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<SocketAddr>());
    let (Some(Ok(listen)), Some(Ok(upstream)), None) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "usage: relay LISTEN UPSTREAM (each ADDRESS:PORT)",
        ));
    };
    Relay::new(listen, upstream)?.run()
}

struct Relay {
    poll: Poll,
    listener: TcpListener,
    upstream: SocketAddr,
    pairs: Vec<Option<Pair>>,
    free: Vec<usize>,
}

impl Relay {
    fn new(listen: SocketAddr, upstream: SocketAddr) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(listen)?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            upstream,
            pairs: Vec::new(),
            free: Vec::new(),
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                let (readable, closing) = (event.is_readable(), event.is_read_closed());
                match event.token() {
                    LISTENER => self.accept()?,
                    token => self.turn(
                        token,
                        Ready {
                            readable,
                            closing,
                            writable: event.is_writable(),
                        },
                    ),
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((client, _)) => self.pair_up(client)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn pair_up(&mut self, mut client: TcpStream) -> io::Result<()> {
        let mut upstream = TcpStream::connect(self.upstream)?;
        client.set_nodelay(true)?;
        upstream.set_nodelay(true)?;
        let index = self.free.pop().unwrap_or_else(|| {
            self.pairs.push(None);
            self.pairs.len() - 1
        });
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut client, Token(2 * index), both)?;
        self.poll
            .registry()
            .register(&mut upstream, Token(2 * index + 1), both)?;
        self.pairs[index] = Some(Pair::new(client, upstream));
        Ok(())
    }

    /// Moves what can be moved after an event; a pair that is through, or that failed, is closed by being dropped.
    fn turn(&mut self, token: Token, ready: Ready) {
        let (index, is_client) = (token.0 / 2, token.0.is_multiple_of(2));
        let Some(pair) = self.pairs[index].as_mut() else {
            return;
        }; // closed earlier in this batch of events
        let lives = if is_client {
            pair.client_ready(ready)
        } else {
            pair.upstream_ready(ready)
        };
        if !lives.unwrap_or(false) {
            self.pairs[index] = None;
            self.free.push(index);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net;
    use std::thread;

    /// Sends back what it gets, and ends when its peer does.
    fn echo() -> SocketAddr {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                thread::spawn(move || io::copy(&mut &stream, &mut &stream).unwrap());
            }
        });
        address
    }

    fn relay(upstream: SocketAddr) -> SocketAddr {
        let mut relay = Relay::new("127.0.0.1:0".parse().unwrap(), upstream).unwrap();
        let address = relay.listener.local_addr().unwrap();
        thread::spawn(move || relay.run());
        address
    }

    #[test]
    fn every_byte_arrives_both_ways_and_the_end_too() {
        let address = relay(echo());
        let sent: Vec<u8> = (0..=250).cycle().take(3_000_000).collect();
        let stream = net::TcpStream::connect(address).unwrap();
        let (mut writer, bytes) = (stream.try_clone().unwrap(), sent.clone());
        let writing = thread::spawn(move || {
            writer.write_all(&bytes).unwrap();
            writer.shutdown(net::Shutdown::Write).unwrap();
        });
        let mut got = Vec::new();
        (&stream).read_to_end(&mut got).unwrap();
        writing.join().unwrap();
        assert!(got == sent, "{} bytes of {}", got.len(), sent.len());
    }

    #[test]
    fn a_connection_ends_when_the_upstream_refuses() {
        let closed = net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let mut stream = net::TcpStream::connect(relay(closed)).unwrap();
        stream.write_all(b"hello").unwrap();
        assert!(matches!(stream.read(&mut [0; 8]), Ok(0) | Err(_)));
    }
}
