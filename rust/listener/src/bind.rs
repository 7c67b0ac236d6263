//! Binding: one socket per worker, and no other gateway on the same address.
//!
//! Workers share a TCP port by `SO_REUSEPORT`, and the kernel spreads connections over them. That option alone would
//! let a second gateway of the same user bind the port too and take half of the traffic. So the first socket binds and
//! listens without it, which fails when anybody listens there, and gets it only then; the others follow.

use crate::memory::Arriving;
use plan::Address;
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// Connections that the kernel may complete ahead of us; it takes at most `net.core.somaxconn`.
const BACKLOG: i32 = 4096;
/// How long a connection is silent before the kernel asks whether the other end still lives, and between asking again.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_mins(1)).with_interval(Duration::from_secs(15)).with_retries(4);
/// Who may connect to a unix socket: its owner and group.
const UNIX_MODE: u32 = 0o660;

/// Bound sockets, one share per worker.
#[derive(Debug)]
pub struct Listening {
    address: Address,
    shares: Vec<Share>,
}

impl Listening {
    /// Where it listens; with the port that the system chose, where port 0 was asked for.
    pub fn local_address(&self) -> &Address {
        &self.address
    }

    /// One share per worker.
    pub fn into_shares(self) -> Vec<Share> {
        self.shares
    }
}

/// One worker's share of a listener: `Send`, to be moved to the worker's thread.
#[derive(Debug)]
pub struct Share {
    pub(crate) socket: ShareSocket,
}

#[derive(Debug)]
pub(crate) enum ShareSocket {
    Tcp(std::net::TcpListener),
    /// All workers accept from one socket; its file goes with the first of them that stops.
    Unix(UnixListener, Arc<SocketFile>),
    Memory(Arriving),
}

/// Binds and listens. Connections wait in the kernel until [`serve`](fn@crate::serve) takes them.
///
/// `AddrInUse` when anybody listens there, another headgate included. The file of a unix socket that nobody listens on
/// any more is replaced; a file that is not a socket is left alone, and that is `AddrInUse` too.
pub fn bind(address: &Address, workers: usize) -> io::Result<Listening> {
    let workers = workers.max(1);
    match address {
        Address::Tcp(address) => bind_tcp(*address, workers),
        Address::Unix(path) => bind_unix(path, workers),
    }
}

fn bind_tcp(address: SocketAddr, workers: usize) -> io::Result<Listening> {
    let first = tcp_socket(address)?;
    first.bind(&address.into())?;
    first.listen(BACKLOG)?;
    first.set_reuse_port(true)?;
    let address = first.local_addr()?.as_socket().unwrap_or(address);
    let mut sockets = vec![first];
    for _ in 1..workers {
        let socket = tcp_socket(address)?;
        socket.set_reuse_port(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        sockets.push(socket);
    }
    let shares = sockets.into_iter().map(|socket| Share { socket: ShareSocket::Tcp(socket.into()) }).collect();
    Ok(Listening { address: Address::Tcp(address), shares })
}

/// A socket with what accepted connections inherit: no delay, keep-alive.
fn tcp_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&KEEPALIVE)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    Ok(socket)
}

fn bind_unix(path: &Path, workers: usize) -> io::Result<Listening> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = Arc::new(SocketFile::new(path)?);
    fs::set_permissions(path, fs::Permissions::from_mode(UNIX_MODE))?;
    socket.listen(BACKLOG)?;
    let listener = UnixListener::from(socket);
    let shares = (0..workers)
        .map(|_| Ok(Share { socket: ShareSocket::Unix(listener.try_clone()?, Arc::clone(&file)) }))
        .collect::<io::Result<_>>()?;
    Ok(Listening { address: Address::Unix(path.to_path_buf()), shares })
}

/// Removes the file of a socket that nobody listens on.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => Err(io::Error::from(io::ErrorKind::AddrInUse)),
        Ok(_) => match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            // Taken by somebody who listens, or cannot listen just now.
            _ => Err(io::Error::from(io::ErrorKind::AddrInUse)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// The file of our unix socket; removed by name when a worker stops, and at the latest when the last share goes.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and inode: whoever replaced the file keeps theirs.
    identity: (u64, u64),
    removed: AtomicBool,
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        Ok(Self { path: path.to_path_buf(), identity: (found.dev(), found.ino()), removed: AtomicBool::new(false) })
    }

    /// No more connections by this name. Done once, whoever comes first; a file that is no longer ours stays.
    pub(crate) fn remove(&self) {
        if self.removed.swap(true, Relaxed) {
            return;
        }
        let ours = |found: &fs::Metadata| (found.dev(), found.ino()) == self.identity;
        if fs::symlink_metadata(&self.path).is_ok_and(|found| ours(&found)) {
            drop(fs::remove_file(&self.path));
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.remove();
    }
}
