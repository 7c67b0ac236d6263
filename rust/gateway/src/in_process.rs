//! A gateway without threads or sockets, for whoever wants to see what a call does rather than how long it takes.
//!
//! [`InProcess`] is one worker on the runtime of the one who starts it. From the first byte that is read of a caller to
//! the last that is written, and on the way to the provider and back, it is the code that serves: the accept loop,
//! the connection, the stages, the pool, the record, the wheel and the worker's rounds. Two things are in memory instead
//! of in the kernel: callers come through a [`Door`], and the provider's end of a connection is handed to a function.
//! So a call can be counted in instructions and allocations, and under a paused clock an hour of calls takes seconds.
//!
//! What stands for the network stands for all of it: no name is resolved, no TLS is spoken and no proxy asked, whatever
//! the plan says. Nothing listens: `listen` and `workers` of the plan mean nothing here. There is no ops listener, no
//! signal is heard, and log lines go nowhere. A broken connection ends like one that was closed, since memory knows no
//! reset.

use crate::compiled::Compiled;
use crate::drain::{Stop, drain};
use crate::shared::Shared;
use crate::start_error::StartError;
use crate::worker;
use listener::Door;
use plan::{Endpoint, Plan};
use record::Style;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinSet;
use upstream::Pools;

/// What a connection to a provider holds in each direction; about what a kernel's socket does.
const BUFFER_BYTES: usize = 256 * 1024;

/// One worker, served from memory. Dropping it ends all of its calls at once.
#[derive(Debug)]
pub struct InProcess {
    shared: Arc<Shared>,
    door: Door,
    _worker: JoinSet<()>,
}

impl InProcess {
    /// Serves a plan on the current runtime, which must be a local one, or within a `LocalSet`.
    ///
    /// `provider` is called for each new connection to a provider, with the endpoint and the provider's end; an error
    /// is what a refused connection would be. Fails as [`Gateway::start`](crate::Gateway::start) does, less what only
    /// sockets and certificates fail with.
    pub fn start(
        plan: Plan,
        provider: impl Fn(&Endpoint, DuplexStream) -> io::Result<()> + 'static,
    ) -> Result<Self, StartError> {
        let shared = Arc::new(Shared::new(Compiled::new(plan, None)?, 1, Style::Json, None)?);
        let connect = move |endpoint: &Endpoint| {
            let (ours, providers) = duplex(BUFFER_BYTES);
            provider(endpoint, providers)?;
            Ok(ours)
        };
        let (log, _) = sync_channel(1);
        let server = worker::server(0, &shared, log, Pools::in_memory(Rc::new(connect)))?;
        let (door, share) = listener::in_memory();
        let mut running = JoinSet::new();
        let whole = Arc::clone(&shared);
        running.spawn_local(async move {
            // Only a socket can be refused by the runtime, and there is none.
            drop(worker::work(0, share, server).await);
            whole.workers[0].ended.send_replace(true);
        });
        Ok(Self { shared, door, _worker: running })
    }

    /// A caller's end of a new connection. It ends at once after a drain has closed the door.
    pub fn connect(&self) -> DuplexStream {
        self.door.connect()
    }

    /// Stops as the plan describes it; returns when the last call has ended.
    pub async fn drain(&self) {
        self.shared.stop.ask(Stop::Planned);
        drain(&self.shared).await;
    }

    /// The state in one JSON object, as [`Gateway::stats`](crate::Gateway::stats) gives it.
    pub fn stats(&self) -> String {
        self.shared.stats().to_string()
    }
}
