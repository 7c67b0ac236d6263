//! SIGTERM, SIGINT and SIGHUP, heard by the ops thread whatever the rest of the process does.

use crate::drain::{Asked, obey};
use crate::lifecycle::Event;
use crate::shared::Shared;
use plan::Level;
use serde_json::json;
use std::io;
use std::sync::mpsc;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that are heard.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// Hears signals for as long as it is polled.
pub(crate) async fn hear(shared: &Shared, events: &mpsc::Sender<Event>, signals: io::Result<Signals>) {
    let Signals { mut terminate, mut interrupt, mut hangup } = match signals {
        Ok(signals) => signals,
        Err(error) => {
            shared.log(Level::Error, "signals_unheard", json!({"message": error.to_string()}));
            return std::future::pending().await;
        }
    };
    loop {
        let asked = tokio::select! {
            _ = terminate.recv() => Asked::Drain,
            _ = interrupt.recv() => Asked::Interrupt,
            _ = hangup.recv() => Asked::Reload,
        };
        obey(shared, asked, events);
    }
}

/// Takes signals from their default, which ends the process. To be called within the runtime that will hear them.
pub(crate) fn listen() -> io::Result<Signals> {
    Ok(Signals {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
        hangup: signal(SignalKind::hangup())?,
    })
}
