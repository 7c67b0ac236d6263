//! A new connection: resolution, TCP or a unix socket, a proxy, TLS.

use crate::connection::Connection;
use crate::egress::Egress;
use crate::guard;
use crate::http2::{self, Line};
use crate::lines::host_and_port;
use crate::pool::{Pool, Spoken};
use crate::pools::Connector;
use crate::proxy::{Proxy, Way};
use crate::resolve::{self, Target};
use crate::wire::Wire;
use bytes::BytesMut;
use fault::{Fault, Kind};
use plan::{HttpVersions, Scheme};
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// How long an address is given before the next one is tried beside it. Source: RFC 8305, 8.
const STAGGER: Duration = Duration::from_millis(250);

/// A connection that requests can be sent over.
pub(crate) enum Connected {
    Http1(Box<Connection>),
    Http2(Rc<Line>),
}

/// Connects, or fails with [`Kind::ConnectTimeout`] after `left`; `whole` is what the policy says.
pub(crate) async fn within(
    left: Duration,
    whole: Duration,
    pool: &Rc<Pool>,
    egress: &Egress,
) -> Result<Connected, Fault> {
    let late = |_| {
        let sentence = format!("did not take a connection within {} ms (timeouts.connect)", whole.as_millis());
        pool.fault(Kind::ConnectTimeout, &sentence).because(place(pool))
    };
    tokio::time::timeout(left, open_or_share(pool, egress)).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
}

/// While it is not known that every call needs a connection of its own, one call opens and the others wait for it.
async fn open_or_share(pool: &Rc<Pool>, egress: &Egress) -> Result<Connected, Fault> {
    if pool.spoken() == Spoken::Http1 {
        return open(pool, egress).await;
    }
    let permit = pool.first.acquire().await;
    if let Some(line) = pool.lines.pick() {
        return Ok(Connected::Http2(line));
    }
    if pool.spoken() == Spoken::Http1 {
        drop(permit);
    }
    open(pool, egress).await
}

async fn open(pool: &Rc<Pool>, egress: &Egress) -> Result<Connected, Fault> {
    let wire = dial(pool, egress).await?;
    let speaks_http2 = match &wire {
        Wire::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        Wire::Tcp(_) | Wire::Unix(_) | Wire::Memory(_) => pool.versions == HttpVersions::Http2,
    };
    if !speaks_http2 && pool.versions == HttpVersions::Http2 {
        return Err(pool.fault(Kind::TlsFailed, "does not offer HTTP/2 (ALPN); set its `http` to auto or http1"));
    }
    if speaks_http2 {
        let line = http2::start(wire, pool).await?;
        pool.learn(Spoken::Http2);
        return Ok(Connected::Http2(line));
    }
    pool.learn(Spoken::Http1);
    Ok(Connected::Http1(Box::new(Connection::new(wire, Rc::clone(&pool.counts)))))
}

async fn dial(pool: &Pool, egress: &Egress) -> Result<Wire, Fault> {
    let endpoint = &pool.endpoint;
    if let Some(connector) = pool.counts.connector() {
        return memory(connector, pool);
    }
    if endpoint.scheme == Scheme::Unix {
        return unix(pool).await;
    }
    let target = Target { host: &endpoint.host, port: endpoint.port, named: endpoint.named };
    let tcp = match &pool.way {
        Way::Broken(problem) => {
            return Err(pool
                .fault(Kind::ConnectFailed, "cannot be reached through the proxy that is set")
                .because(problem));
        }
        Way::Direct => tcp(target, pool).await?,
        Way::Proxy(proxy) => {
            check_unresolved(target, pool)?;
            let through = Target { host: &proxy.host, port: proxy.port, named: true };
            let mut tcp = tcp(through, pool).await?;
            if pool.absolute.is_empty() {
                tunnel(&mut tcp, proxy, pool).await?;
            }
            tcp
        }
    };
    if endpoint.scheme == Scheme::Https { tls(tcp, pool, egress).await } else { Ok(Wire::Tcp(tcp)) }
}

/// The guard for a host that a proxy resolves: what can be said without its address.
fn check_unresolved(target: Target<'_>, pool: &Pool) -> Result<(), Fault> {
    let refused = match target.host.parse::<IpAddr>() {
        Ok(address) => guard::refusal(address, target.named),
        Err(_) => guard::is_metadata_name(target.host).then_some("a metadata service"),
    };
    refused.map_or(Ok(()), |reason| Err(resolve::refusal(pool, target, &reason)))
}

/// What stands for the network, where something does. The guard has its say on what needs no address.
fn memory(connector: &Connector, pool: &Pool) -> Result<Wire, Fault> {
    let endpoint = &pool.endpoint;
    match endpoint.scheme {
        Scheme::Unix => check_socket(pool)?,
        Scheme::Http | Scheme::Https => {
            check_unresolved(Target { host: &endpoint.host, port: endpoint.port, named: endpoint.named }, pool)?;
        }
    }
    connector(endpoint).map(Wire::Memory).map_err(|e| unreachable(pool, &e))
}

/// The guard for a unix socket.
fn check_socket(pool: &Pool) -> Result<(), Fault> {
    if pool.endpoint.named {
        return Ok(());
    }
    Err(pool.fault(Kind::EgressRefused, "is a unix socket that the policy does not name"))
}

async fn unix(pool: &Pool) -> Result<Wire, Fault> {
    check_socket(pool)?;
    UnixStream::connect(&pool.endpoint.host).await.map(Wire::Unix).map_err(|e| unreachable(pool, &e))
}

fn unreachable(pool: &Pool, error: &io::Error) -> Fault {
    if is_our_lack(error) {
        return exhausted().because(format_args!("{}: {error}", place(pool)));
    }
    pool.fault(Kind::ConnectFailed, "cannot be reached").because(format_args!("{}: {error}", place(pool)))
}

/// Whether there was nothing left here to open a connection with, which says nothing of the other side. Source: errno(3);
/// ENOMEM, ENFILE, EMFILE and ENOBUFS.
pub(crate) fn is_our_lack(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(12 | 23 | 24 | 105))
}

/// Nothing was left to open a connection with.
pub(crate) fn exhausted() -> Fault {
    let sentence = "The gateway has no file descriptor or memory left for a connection to a provider; tell its operator \
                    to raise the limit (ulimit -n), or to lower http.max_connections";
    Fault::new(Kind::Overloaded, sentence)
}

/// Where the connection goes; for causes alone.
fn place(pool: &Pool) -> String {
    match &pool.way {
        Way::Proxy(proxy) => format!("connect {} via {}", pool.endpoint.host, proxy.shown()),
        Way::Direct | Way::Broken(_) => format!("connect {}", host_and_port(&pool.endpoint.host, pool.endpoint.port)),
    }
}

async fn tcp(target: Target<'_>, pool: &Pool) -> Result<TcpStream, Fault> {
    let addresses = pool.addresses.of(target, pool).await?;
    race(&addresses).await.map_err(|e| unreachable(pool, &e))
}

/// The first address that connects. Each next one is tried once the one before has failed, or after [`STAGGER`].
async fn race(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    if let [only] = addresses {
        return connect_to(*only).await;
    }
    let mut waiting = addresses.iter();
    let mut running: Vec<Attempt> = Vec::new();
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        match waiting.next() {
            Some(address) => running.push(Box::pin(connect_to(*address))),
            None if running.is_empty() => return Err(failed),
            None => {}
        }
        let more = waiting.len() > 0;
        tokio::select! {
            biased;
            done = poll_fn(|cx| poll_any(&mut running, cx)) => match done {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            },
            () = tokio::time::sleep(STAGGER), if more => {}
        }
    }
}

type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>;

fn poll_any(running: &mut Vec<Attempt>, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
    for index in 0..running.len() {
        if let Poll::Ready(done) = running[index].as_mut().poll(cx) {
            drop(running.swap_remove(index));
            return Poll::Ready(done);
        }
    }
    Poll::Pending
}

async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // A head and its body leave in one write; waiting for more would only delay them.
    stream.set_nodelay(true)?;
    // A long answer can be silent for minutes; a peer that vanished is noticed after two.
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_mins(1)).with_interval(Duration::from_secs(15)).with_retries(4);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

/// Asks a proxy for a tunnel to the endpoint. Source: RFC 9110, 9.3.6.
async fn tunnel(stream: &mut TcpStream, proxy: &Proxy, pool: &Pool) -> Result<(), Fault> {
    let failed = |cause: &dyn std::fmt::Display| {
        pool.fault(Kind::ConnectFailed, "cannot be reached: the proxy opens no tunnel to it")
            .because(format_args!("{}: {cause}", place(pool)))
    };
    let target = host_and_port(&pool.endpoint.host, pool.endpoint.port);
    let mut head = Vec::new();
    http1::write::request_line(&mut head, b"CONNECT", &[target.as_bytes()]);
    http1::write::line(&mut head, b"host", target.as_bytes());
    head.extend_from_slice(&proxy.authorization);
    http1::write::end(&mut head);
    stream.write_all(&head).await.map_err(|e| failed(&e))?;
    let mut input = BytesMut::with_capacity(4096);
    loop {
        match http1::read_response(&mut input, false, &http1::Limits::default()) {
            Err(refusal) => return Err(failed(&refusal)),
            Ok(Some(answer)) if answer.head.status < 200 => {}
            Ok(Some(answer)) if answer.head.status >= 300 => {
                return Err(failed(&format_args!("it answered {}", answer.head.status)));
            }
            // A server of TLS says nothing first: whatever follows the head comes from the proxy.
            Ok(Some(_)) if !input.is_empty() => return Err(failed(&"it sent more than the head of its answer")),
            Ok(Some(_)) => return Ok(()),
            Ok(None) => match stream.read_buf(&mut input).await {
                Ok(0) => return Err(failed(&"it closed the connection")),
                Ok(_) => {}
                Err(error) => return Err(failed(&error)),
            },
        }
    }
}

async fn tls(stream: TcpStream, pool: &Pool, egress: &Egress) -> Result<Wire, Fault> {
    let host = &pool.endpoint.host;
    let name = ServerName::try_from(host.clone()).map_err(|e| {
        pool.fault(Kind::TlsFailed, "has a host that no certificate can name").because(format_args!("{host}: {e}"))
    })?;
    let config = Arc::clone(egress.tls().offering(pool.versions));
    match tokio_rustls::TlsConnector::from(config).connect(name, stream).await {
        Ok(stream) => Ok(Wire::Tls(Box::new(stream))),
        Err(error) => {
            let sentence = match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(rustls::Error::InvalidCertificate(_)) => {
                    "has a certificate that is not trusted; if its authority is your own, add its file to egress.roots"
                }
                _ => "broke off the TLS handshake",
            };
            Err(pool.fault(Kind::TlsFailed, sentence).because(format_args!("tls {host}: {error}")))
        }
    }
}
