//! Start and stop: the socket, the threads, one runtime on each.

use crate::connection;
use crate::fast::{self, Fast};
use crate::options::Options;
use crate::provider::Provider;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// A simulated provider that is running. Dropping it stops it and waits, for at most the grace of its options.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Running {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections; open calls may end within the grace. Returns at once.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Blocks until it has stopped.
    pub fn wait(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        self.wait();
    }
}

/// Starts a provider on threads of its own. Errors: `InvalidInput` for options that do not hold together, and whatever
/// binding the address gives.
pub fn start(options: Options) -> io::Result<Running> {
    let invalid = |problem| io::Error::new(io::ErrorKind::InvalidInput, problem);
    let listener = listen(&options.address)?;
    let address = listener.local_addr()?;
    let provider = Arc::new(Provider::new(options).map_err(invalid)?);
    let fast = Arc::new(Fast::new(&provider.options));
    let (stop, stopped) = watch::channel(false);
    let mut threads = Vec::new();
    for number in 0..provider.options.threads {
        let share = Share {
            listener: listener.try_clone()?,
            provider: Arc::clone(&provider),
            fast: Arc::clone(&fast),
            stop: stopped.clone(),
        };
        // A runtime that cannot be made is an error of the start, so it is made here.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name(format!("sim-{number}"));
        threads.push(thread.spawn(move || runtime.block_on(share.accept()))?);
    }
    Ok(Running { address, stop, threads: Mutex::new(threads) })
}

fn listen(address: &str) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, format!("{address}: no such address"));
    for address in address.to_socket_addrs()? {
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        match socket.bind(&address.into()).and_then(|()| socket.listen(BACKLOG)) {
            Ok(()) => return Ok(socket.into()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What one thread works with.
struct Share {
    listener: TcpListener,
    provider: Arc<Provider>,
    fast: Arc<Fast>,
    stop: watch::Receiver<bool>,
}

impl Share {
    async fn accept(self) {
        let Self { listener, provider, fast, mut stop } = self;
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(_) = connections.join_next() => continue,
                () = connection::told_to_stop(&mut stop) => break,
            };
            let Ok((socket, _)) = accepted else {
                // Out of descriptors, most likely: give the open connections time to end.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            let _ = socket.set_nodelay(true);
            let provider = Arc::clone(&provider);
            if provider.options.fast {
                let fast = Arc::clone(&fast);
                connections.spawn(async move { fast::serve(socket, &fast, &provider).await });
            } else {
                let stop = stop.clone();
                connections.spawn(async move { connection::serve(socket, &provider, stop).await });
            }
        }
        drop(listener);
        if provider.options.fast {
            return;
        }
        let grace = Duration::from_millis(provider.options.grace_ms);
        let ended = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(grace, ended).await;
    }
}
