//! What one worker keeps for one endpoint.

use crate::connection::Connection;
use crate::egress::Egress;
use crate::http2::Lines;
use crate::lines::host_and_port;
use crate::pools::Counts;
use crate::proxy::Way;
use crate::resolve::Addresses;
use fault::{Fault, Kind};
use plan::{Endpoint, HttpVersions, Scheme};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tokio::sync::Semaphore;

/// Resting connections of one endpoint at one worker; more are closed.
const MOST_IDLE: usize = 256;
/// Sweeps that a connection may rest for. Providers' load balancers close after 60 s and more; we close first.
const MOST_EPOCHS: u32 = 5;

/// Which version of HTTP an endpoint speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// The first handshake will tell.
    Unknown,
    Http1,
    Http2,
}

/// Connections and knowledge of one endpoint.
pub(crate) struct Pool {
    pub(crate) endpoint: Endpoint,
    pub(crate) versions: HttpVersions,
    egress: u64,
    provider: Box<str>,
    pub(crate) way: Way,
    /// `http://host:port` where a proxy has to be told in each request; empty otherwise.
    pub(crate) absolute: Box<[u8]>,
    /// The newest last. Boxed: they are handed over whole.
    #[expect(clippy::vec_box, reason = "a connection moves between the pool and its call as one pointer")]
    resting: RefCell<Vec<Box<Connection>>>,
    /// HTTP/2 connections.
    pub(crate) lines: Lines,
    spoken: Cell<Spoken>,
    pub(crate) addresses: Addresses,
    /// Held while a connection is opened that others wait to share.
    pub(crate) first: Semaphore,
    retired: Cell<bool>,
    pub(crate) counts: Rc<Counts>,
}

impl Pool {
    pub(crate) fn new(egress: &Egress, endpoint: &Endpoint, versions: HttpVersions, counts: Rc<Counts>) -> Self {
        let way = egress.way(endpoint);
        let told = matches!(way, Way::Proxy(_)) && endpoint.scheme == Scheme::Http && versions != HttpVersions::Http2;
        let absolute =
            if told { format!("http://{}", host_and_port(&endpoint.host, endpoint.port)) } else { String::new() };
        let spoken = match versions {
            HttpVersions::Auto if endpoint.scheme == Scheme::Https => Spoken::Unknown,
            HttpVersions::Auto | HttpVersions::Http1 => Spoken::Http1,
            HttpVersions::Http2 => Spoken::Http2,
        };
        Self {
            endpoint: endpoint.clone(),
            versions,
            egress: egress.fingerprint(),
            provider: provider(&endpoint.id).into(),
            way,
            absolute: absolute.into_bytes().into(),
            resting: RefCell::default(),
            lines: Lines::default(),
            spoken: Cell::new(spoken),
            addresses: Addresses::default(),
            first: Semaphore::new(1),
            retired: Cell::new(false),
            counts,
        }
    }

    /// Whether this is still the state of that endpoint.
    pub(crate) fn fits(&self, egress: &Egress, endpoint: &Endpoint, versions: HttpVersions) -> bool {
        self.egress == egress.fingerprint() && self.versions == versions && self.endpoint == *endpoint
    }

    /// The connection that was used last and still lives.
    pub(crate) fn take(&self) -> Option<Box<Connection>> {
        let mut resting = self.resting.borrow_mut();
        while let Some(mut connection) = resting.pop() {
            if self.is_fresh(connection.epoch) && connection.is_alive() {
                return Some(connection);
            }
        }
        None
    }

    /// Takes a connection back that can be used again.
    pub(crate) fn put(&self, mut connection: Box<Connection>) {
        let mut resting = self.resting.borrow_mut();
        if !self.retired.get() && resting.len() < MOST_IDLE {
            connection.epoch = self.counts.epoch();
            resting.push(connection);
        }
    }

    pub(crate) fn is_fresh(&self, epoch: u32) -> bool {
        self.counts.epoch().wrapping_sub(epoch) < MOST_EPOCHS
    }

    /// Closes what is old or dead; what rested since the last sweep gives its buffer back.
    pub(crate) fn sweep(&self) {
        let now = self.counts.epoch();
        self.resting.borrow_mut().retain_mut(|connection| {
            if now.wrapping_sub(connection.epoch) > 1 {
                connection.slim();
            }
            self.is_fresh(connection.epoch) && connection.is_alive()
        });
        self.lines.sweep(|epoch| self.is_fresh(epoch));
    }

    /// Closes what rests, now and from now on.
    pub(crate) fn retire(&self) {
        self.retired.set(true);
        self.resting.borrow_mut().clear();
        self.lines.clear();
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.get()
    }

    /// How many connections no call uses.
    pub(crate) fn idle(&self) -> usize {
        self.resting.borrow().len() + self.lines.idle()
    }

    pub(crate) fn spoken(&self) -> Spoken {
        self.spoken.get()
    }

    /// Remembers what a handshake settled.
    pub(crate) fn learn(&self, spoken: Spoken) {
        self.spoken.set(spoken);
    }

    /// A fault whose sentence begins with the provider's name and holds no address.
    pub(crate) fn fault(&self, kind: Kind, what: &str) -> Fault {
        Fault::new(kind, format!("The provider `{}` {what}", self.provider))
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({})", self.endpoint.id)
    }
}

/// The provider's name at the front of an endpoint's id.
fn provider(id: &str) -> &str {
    let end = id.find(|c: char| !(c.is_alphanumeric() || "-_.".contains(c))).unwrap_or(id.len());
    &id[..end]
}
