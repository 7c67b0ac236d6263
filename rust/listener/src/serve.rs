//! One worker's accept loop, and its end.

use crate::accept::Listener;
use crate::greet::{Doorman, greet};
use crate::worker::{LEAVING_REST, Worker};
use crate::{Limits, Live, Phase, Service, Share, TlsHandle};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long accepting rests when the process or the system has no file descriptor left.
const NO_DESCRIPTOR: Duration = Duration::from_millis(75);
/// How long connections whose handshake had begun may take to complete it, once no new ones are let in.
const LATE_HANDSHAKES: Duration = Duration::from_millis(100);

/// Serves one worker's share of a listener until it is drained: returns when every connection has ended.
///
/// Runs on a current-thread runtime, within a `LocalSet` (or a local runtime). Fails only when the runtime cannot take
/// the socket. Dropping the future drops all its connections. A `phase` whose sender is gone stands for `Close`.
pub async fn serve<S: Service>(
    share: Share,
    tls: Option<TlsHandle>,
    service: Rc<S>,
    limits: Rc<Limits>,
    mut phase: watch::Receiver<Phase>,
    live: Arc<Live>,
) -> io::Result<()> {
    let first = *phase.borrow_and_update();
    let worker = Worker::new(service, limits, live, first);
    let doorman = Doorman::new(worker, tls.as_ref());
    let mut connections = JoinSet::new();
    let mut listener = Listener::new(share)?;
    accept_until_close(&mut listener, &doorman, &mut connections, &mut phase).await;
    if doorman.worker.stage.phase() < Phase::Cut {
        empty_backlog(listener, &doorman, &mut connections).await;
    }
    finish(&doorman, &mut connections, &mut phase).await;
    Ok(())
}

/// Accepts while the phase allows it.
async fn accept_until_close<S: Service>(
    listener: &mut Listener,
    doorman: &Doorman<S>,
    connections: &mut JoinSet<()>,
    phase: &mut watch::Receiver<Phase>,
) {
    let mut resting = false;
    while doorman.worker.stage.phase() < Phase::Close {
        tokio::select! {
            biased;
            next = next_phase(phase, doorman.worker.stage.phase()) => doorman.worker.stage.enter(next),
            Some(_) = connections.join_next() => {}
            () = sleep(NO_DESCRIPTOR), if resting => resting = false,
            accepted = listener.accept(), if !resting => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn_local(greet(doorman.clone(), stream, peer));
                }
                Err(error) => {
                    doorman.worker.live.count_accept_failed();
                    resting = !is_of_one_connection(&error);
                }
            },
        }
    }
}

/// Whether the failure is that of one connection that ended before we took it. All others, for want of descriptors or
/// memory in particular, would come again at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// Lets no new connection in, then takes all that the kernel has let in already: they have been promised an answer.
async fn empty_backlog<S: Service>(listener: Listener, doorman: &Doorman<S>, connections: &mut JoinSet<()>) {
    let Ok(mut closing) = listener.close() else { return };
    for wait in [LATE_HANDSHAKES, Duration::ZERO] {
        loop {
            match closing.accept() {
                Ok((stream, peer)) => {
                    connections.spawn_local(greet(doorman.clone(), stream, peer));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    doorman.worker.live.count_accept_failed();
                    break;
                }
            }
        }
        if !wait.is_zero() && closing.has_handshakes() {
            sleep(wait).await;
        }
    }
}

/// Waits for the connections; once cut, a moment and no longer.
async fn finish<S: Service>(doorman: &Doorman<S>, connections: &mut JoinSet<()>, phase: &mut watch::Receiver<Phase>) {
    while doorman.worker.stage.phase() < Phase::Cut {
        tokio::select! {
            biased;
            next = next_phase(phase, doorman.worker.stage.phase()) => doorman.worker.stage.enter(next),
            ended = connections.join_next() => if ended.is_none() { return },
        }
    }
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(LEAVING_REST, all).await.is_err() {
        connections.shutdown().await;
    }
}

/// The next phase. When nobody can announce one any more it is `Close`, and no other follows.
async fn next_phase(phase: &mut watch::Receiver<Phase>, current: Phase) -> Phase {
    match phase.changed().await {
        Ok(()) => *phase.borrow_and_update(),
        Err(_) if current < Phase::Close => Phase::Close,
        Err(_) => std::future::pending().await,
    }
}
