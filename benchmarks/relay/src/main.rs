//! The floor of a proxy's cost: a layer-4 relay, `relay LISTEN UPSTREAM [BURN_NS]`.
//!
//! One thread, one epoll, one connection upstream for each connection accepted, and no look at the bytes. Per request
//! that is two reads and two writes: what any proxy on sockets has to pay. Whatever a gateway costs above this, it
//! costs for knowing HTTP.
//!
//! `BURN_NS` makes it slower on purpose: so many nanoseconds of work, spent spinning, for each read from a client that
//! had bytes. A harness that compares two builds can be judged by it: it has to find a regression of a known size, and
//! none where this is 0 or not given.

mod burn;
mod pair;

use burn::Burn;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use pair::{Pair, Ready};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// The listener's token; pair `n` has the tokens `2n` (client) and `2n + 1` (upstream).
const LISTENER: Token = Token(usize::MAX - 1);

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut address = || arguments.next()?.parse::<SocketAddr>().ok();
    let (listen, upstream) = (address(), address());
    let burn = arguments
        .next()
        .map_or(Some(0), |nanoseconds| nanoseconds.parse().ok());
    let (Some(listen), Some(upstream), Some(burn), None) =
        (listen, upstream, burn, arguments.next())
    else {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "usage: relay LISTEN UPSTREAM [BURN_NS] (each ADDRESS:PORT; nanoseconds of work per read)",
        ));
    };
    Relay::new(listen, upstream, Burn::new(burn))?.run()
}

struct Relay {
    poll: Poll,
    listener: TcpListener,
    upstream: SocketAddr,
    burn: Burn,
    pairs: Vec<Option<Pair>>,
    free: Vec<usize>,
}

impl Relay {
    fn new(listen: SocketAddr, upstream: SocketAddr, burn: Burn) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(listen)?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            upstream,
            burn,
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
        self.pairs[index] = Some(Pair::new(client, upstream, self.burn));
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
        let (listen, burn) = ("127.0.0.1:0".parse().unwrap(), Burn::new(1000));
        let mut relay = Relay::new(listen, upstream, burn).unwrap();
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
