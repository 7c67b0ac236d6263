//! The streams of one connection: their tasks, and what is known of each.

use crate::Live;
use crate::timer::Timer;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The streams of one connection.
#[derive(Debug)]
pub(crate) struct Streams {
    tasks: RefCell<JoinSet<()>>,
    /// The stream whose task hyper starts next: it asks the service first and the executor right after.
    next: RefCell<Option<Rc<Stream>>>,
    served: Cell<bool>,
    resting_since: Cell<Instant>,
}

impl Streams {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            tasks: RefCell::default(),
            next: RefCell::default(),
            served: Cell::new(false),
            resting_since: Cell::new(Instant::now()),
        })
    }

    /// A stream begins.
    pub(crate) fn begin(&self) -> Rc<Stream> {
        self.served.set(true);
        let stream = Rc::new(Stream::default());
        *self.next.borrow_mut() = Some(Rc::clone(&stream));
        stream
    }

    /// Whether a stream has ever begun.
    pub(crate) fn has_served(&self) -> bool {
        self.served.get()
    }

    /// Whether none is open.
    pub(crate) fn is_resting(&self) -> bool {
        self.tasks.borrow().is_empty()
    }

    /// Since when none is open, as far as that is known.
    pub(crate) fn resting_since(&self) -> Instant {
        self.resting_since.get()
    }

    /// One is open now.
    pub(crate) fn still_busy(&self) {
        self.resting_since.set(Instant::now());
    }

    /// Clears away the tasks that have ended.
    pub(crate) fn reap(&self, cx: &mut Context<'_>) {
        let mut tasks = self.tasks.borrow_mut();
        let mut ended = false;
        while let Poll::Ready(Some(_)) = tasks.poll_join_next(cx) {
            ended = true;
        }
        if ended {
            self.still_busy();
        }
    }
}

/// Starts the tasks of a connection's streams.
#[derive(Debug, Clone)]
pub(crate) struct Starter(pub(crate) Rc<Streams>);

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Starter {
    fn execute(&self, work: F) {
        let stream = self.0.next.borrow_mut().take();
        // In a box: a call is kilobytes of state, which the task would hold once for each place that it is moved to.
        let work = Box::pin(work);
        self.0.tasks.borrow_mut().spawn_local(async move {
            match stream {
                Some(stream) => stream.watch(work).await,
                None => work.await,
            }
        });
    }
}

/// One stream, as its answer and its task see it.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// Since when hyper has a piece of the answer and has not asked for the next.
    held: Cell<Option<Instant>>,
    limit: Cell<Duration>,
    live: RefCell<Option<Arc<Live>>>,
    timer: RefCell<Timer>,
}

impl Stream {
    /// The answer begins; its caller may leave it unread for so long.
    pub(crate) fn limit(&self, stall: Duration, live: Arc<Live>) {
        self.limit.set(stall);
        *self.live.borrow_mut() = Some(live);
    }

    /// hyper was given a piece.
    pub(crate) fn gave(&self) {
        self.held.set(Some(Instant::now()));
    }

    /// hyper asks for more: the caller took what there was.
    pub(crate) fn asked(&self) {
        self.held.set(None);
    }

    /// Runs the stream until it ends or its caller has stalled. Then it is dropped, which resets it.
    async fn watch(&self, mut work: impl Future<Output = ()> + Unpin) {
        poll_fn(|cx| match Pin::new(&mut work).poll(cx) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => self.poll_stalled(cx),
        })
        .await;
    }

    fn poll_stalled(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(since) = self.held.get() else { return Poll::Pending };
        if self.timer.borrow_mut().poll_until(cx, since + self.limit.get()).is_pending() {
            return Poll::Pending;
        }
        if let Some(live) = &*self.live.borrow() {
            live.count_stalled();
        }
        Poll::Ready(())
    }
}
