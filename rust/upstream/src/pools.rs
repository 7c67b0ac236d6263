//! One worker's connections to all endpoints.

use crate::answer::Answer;
use crate::connect::{self, Connected};
use crate::egress::Egress;
use crate::exchange::{self, Failure};
use crate::http2;
use crate::outgoing::Outgoing;
use crate::pool::Pool;
use fault::Fault;
use plan::{Endpoint, HttpVersions};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::{Rc, Weak};
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio::time::Instant;

/// How often resting connections are looked at. Ages are counted in these steps, so that no call reads a clock.
pub(crate) const EPOCH: Duration = Duration::from_secs(10);

/// One worker's connections to all endpoints; a clone shares them. They survive a reload: state is kept under the
/// endpoint's id, and starts anew where the endpoint, its versions of HTTP or the way out have changed.
#[derive(Clone)]
pub struct Pools(Rc<Inner>);

struct Inner {
    pools: RefCell<HashMap<Box<str>, Rc<Pool>>>,
    counts: Rc<Counts>,
    sweeping: Cell<bool>,
}

/// Stands for the network: a connection to an endpoint in place of name resolution, TCP or a unix socket, a proxy and
/// TLS. An error is what a refused connection would be.
pub type Connector = Rc<dyn Fn(&Endpoint) -> io::Result<DuplexStream>>;

/// How many connections a worker holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gauges {
    /// Open ones, busy or not.
    pub open: usize,
    /// Open ones that no call uses.
    pub idle: usize,
}

/// What all connections of a worker share.
#[derive(Default)]
pub(crate) struct Counts {
    open: Cell<usize>,
    epoch: Cell<u32>,
    /// A buffer to encode a head in. One is enough: it is free again once the head has been written, which hardly ever
    /// has to wait.
    scratch: Cell<Vec<u8>>,
    connector: Option<Connector>,
}

impl Pools {
    /// No connections yet.
    pub fn new() -> Self {
        Self::with(Counts::default())
    }

    /// No connections yet; all that will be opened come from `connector`.
    pub fn in_memory(connector: Connector) -> Self {
        Self::with(Counts { connector: Some(connector), ..Counts::default() })
    }

    fn with(counts: Counts) -> Self {
        Self(Rc::new(Inner { pools: RefCell::default(), counts: Rc::new(counts), sweeping: Cell::new(false) }))
    }

    /// Sends one request to one endpoint and waits for the head of its answer.
    ///
    /// `connect_timeout` bounds the way to a new connection: resolution, TCP, proxy and TLS. Nothing else is bounded
    /// here. Dropping the future cancels the call: the connection is closed, or the HTTP/2 stream reset.
    ///
    /// Fails with `ResolveFailed`, `EgressRefused`, `ConnectFailed`, `ConnectTimeout` or `TlsFailed` before anything was
    /// sent, with `UpstreamClosed` or `UpstreamGarbled` after, and with whatever the source of a streamed body fails with.
    pub async fn exchange(
        &self,
        egress: &Egress,
        endpoint: &Endpoint,
        versions: HttpVersions,
        mut outgoing: Outgoing<'_>,
        connect_timeout: Duration,
    ) -> Result<Answer, Fault> {
        let pool = self.pool(egress, endpoint, versions);
        if let Some(connection) = pool.take() {
            match exchange::over(connection, true, &pool, &mut outgoing).await {
                Err(Failure::Untouched(_)) => {} // the peer closed while the connection rested: a new one, once
                Err(Failure::Final(fault)) => return Err(fault),
                Ok(answer) => return Ok(answer),
            }
        }
        // Boxed: the usual call does not come here and should not carry this state.
        Box::pin(self.on_new_connection(pool, egress, outgoing, connect_timeout)).await
    }

    /// Over a connection that is opened for it, or over an HTTP/2 connection that others use too.
    async fn on_new_connection(
        &self,
        pool: Rc<Pool>,
        egress: &Egress,
        mut outgoing: Outgoing<'_>,
        connect_timeout: Duration,
    ) -> Result<Answer, Fault> {
        let mut waited = Duration::ZERO;
        let mut retried = false;
        let left_ms = outgoing.left_ms;
        loop {
            let (line, reused) = if let Some(line) = pool.lines.pick() {
                (line, true)
            } else {
                let started = Instant::now();
                let connected =
                    connect::within(connect_timeout.saturating_sub(waited), connect_timeout, &pool, egress).await?;
                waited += started.elapsed();
                let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                outgoing.left_ms = left_ms.saturating_sub(waited_ms).max(1);
                self.sweep();
                match connected {
                    Connected::Http1(connection) => {
                        let answer = exchange::over(connection, false, &pool, &mut outgoing).await;
                        return answer
                            .map(|answer| Answer { connect: waited, ..answer })
                            .map_err(|failure| failure.fault(&pool));
                    }
                    Connected::Http2(line) => (line, false),
                }
            };
            match http2::exchange(&line, &pool, &mut outgoing).await {
                Ok(answer) => return Ok(Answer { connect: waited, reused, ..answer }),
                Err(Failure::Untouched(_)) if !retried => {
                    retried = true;
                    pool.lines.forget(&line);
                }
                Err(failure) => return Err(failure.fault(&pool)),
            }
        }
    }

    /// The state of an endpoint; a new one where it has changed.
    fn pool(&self, egress: &Egress, endpoint: &Endpoint, versions: HttpVersions) -> Rc<Pool> {
        let mut pools = self.0.pools.borrow_mut();
        if let Some(pool) = pools.get(&*endpoint.id)
            && pool.fits(egress, endpoint, versions)
        {
            return Rc::clone(pool);
        }
        let pool = Rc::new(Pool::new(egress, endpoint, versions, Rc::clone(&self.0.counts)));
        if let Some(old) = pools.insert(endpoint.id.as_str().into(), Rc::clone(&pool)) {
            old.retire();
        }
        pool
    }

    /// Forgets endpoints that a reload took away. Their open calls go on; their connections close after that.
    pub fn retain(&self, stays: impl Fn(&str) -> bool) {
        self.0.pools.borrow_mut().retain(|id, pool| {
            let stays = stays(id);
            if !stays {
                pool.retire();
            }
            stays
        });
    }

    /// How many connections there are now.
    pub fn gauges(&self) -> Gauges {
        let idle = self.0.pools.borrow().values().map(|pool| pool.idle()).sum();
        Gauges { open: self.0.counts.open.get(), idle }
    }

    /// Looks after resting connections for as long as there is an open one.
    fn sweep(&self) {
        if self.0.sweeping.replace(true) {
            return;
        }
        let inner = Rc::downgrade(&self.0);
        tokio::task::spawn_local(async move { while_open(inner).await });
    }
}

impl Default for Pools {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Pools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pools").field(&self.gauges()).finish()
    }
}

async fn while_open(pools: Weak<Inner>) {
    loop {
        tokio::time::sleep(EPOCH).await;
        let Some(inner) = pools.upgrade() else { return };
        let counts = &inner.counts;
        counts.epoch.set(counts.epoch.get().wrapping_add(1));
        for pool in inner.pools.borrow().values() {
            pool.sweep();
        }
        if counts.open.get() == 0 {
            inner.sweeping.set(false);
            return;
        }
    }
}

impl Counts {
    pub(crate) fn opened(&self) {
        self.open.set(self.open.get() + 1);
    }

    pub(crate) fn closed(&self) {
        self.open.set(self.open.get().saturating_sub(1));
    }

    /// What stands for the network, if anything does.
    pub(crate) fn connector(&self) -> Option<&Connector> {
        self.connector.as_ref()
    }

    /// The number of sweeps so far.
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch.get()
    }

    /// An empty buffer.
    pub(crate) fn borrow_scratch(&self) -> Vec<u8> {
        let mut scratch = self.scratch.take();
        scratch.clear();
        scratch
    }

    /// Gives it back for the next call, unless it grew beyond what heads need.
    pub(crate) fn return_scratch(&self, scratch: Vec<u8>) {
        if scratch.capacity() <= 16 * 1024 {
            self.scratch.set(scratch);
        }
    }
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Counts({} open)", self.open.get())
    }
}
