//! SIGTERM, SIGINT and SIGHUP, heard by the ops thread whatever the rest of the process does.

use crate::drain::{Asked, obey};
use crate::lifecycle::Event;
use crate::shared::Shared;
use plan::Level;
use serde_json::json;
use std::sync::mpsc;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears signals for as long as it is polled.
pub(crate) async fn hear(shared: &Shared, events: &mpsc::Sender<Event>) {
    let (mut terminate, mut interrupt, mut hangup) = match listen() {
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

fn listen() -> std::io::Result<(Signal, Signal, Signal)> {
    Ok((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?))
}
