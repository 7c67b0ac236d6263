//! The ops listener: probes, metrics, the profile of stages, drain. Its own thread and its own port, so that it answers while workers are
//! busy and while Python is stuck.

mod limits;
mod metrics;
mod process;
mod stages;
mod targets;

pub(crate) use limits::{accounts, families as limit_families};
pub(crate) use process::families as process_families;
pub(crate) use stages::StageSwitch;
pub(crate) use targets::families as target_families;

use crate::drain::Stop;
use crate::shared::Shared;
use crate::start_error::display;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// What probes and scrapes may take to send their head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The listening socket of ops.
#[derive(Debug)]
pub(crate) enum OpsSocket {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener, PathBuf),
}

impl OpsSocket {
    /// Binds; an address that is taken, by whomever, is an error.
    pub(crate) fn bind(address: &plan::Address) -> io::Result<Self> {
        match address {
            plan::Address::Tcp(address) => {
                let socket = std::net::TcpListener::bind(address)?;
                socket.set_nonblocking(true)?;
                Ok(Self::Tcp(socket))
            }
            plan::Address::Unix(path) => {
                if std::os::unix::net::UnixStream::connect(path).is_ok() {
                    return Err(io::ErrorKind::AddrInUse.into());
                }
                drop(std::fs::remove_file(path));
                let socket = std::os::unix::net::UnixListener::bind(path)?;
                socket.set_nonblocking(true)?;
                Ok(Self::Unix(socket, path.clone()))
            }
        }
    }

    /// The address as callers write it.
    pub(crate) fn address(&self) -> io::Result<String> {
        match self {
            Self::Tcp(socket) => socket.local_addr().map(|address| address.to_string()),
            Self::Unix(_, path) => Ok(display(&plan::Address::Unix(path.clone()))),
        }
    }
}

/// Serves ops until the future is dropped. Runs on a `LocalSet`.
pub(crate) async fn serve(socket: OpsSocket, shared: Arc<Shared>) -> io::Result<()> {
    match socket {
        OpsSocket::Tcp(socket) => {
            let socket = tokio::net::TcpListener::from_std(socket)?;
            loop {
                match socket.accept().await {
                    Ok((stream, peer)) => spawn(stream, peer.ip().to_canonical().is_loopback(), &shared),
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        }
        OpsSocket::Unix(socket, _) => {
            let socket = tokio::net::UnixListener::from_std(socket)?;
            loop {
                match socket.accept().await {
                    Ok((stream, _)) => spawn(stream, true, &shared),
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        }
    }
}

/// Serves one connection. `local`: it came from this machine.
fn spawn(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, local: bool, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer(&request, local, &shared);
        async move { Ok::<_, Infallible>(answer) }
    });
    tokio::task::spawn_local(async move {
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        // A probe that breaks off is nobody's concern.
        drop(connection.await);
    });
}

fn answer(request: &Request<Incoming>, local: bool, shared: &Shared) -> Response<Full<Bytes>> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match request.uri().path() {
        "/livez" if reads => probe(shared.is_live(), "live", "a worker's event loop has stopped turning"),
        "/readyz" if reads => probe(shared.is_ready(), "ready", "draining"),
        "/metrics" if reads => metrics::render(shared.families()).map_or_else(
            |_| text(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "metrics cannot be written\n".to_owned()),
            |body| text(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", body),
        ),
        "/stats" if reads => text(StatusCode::OK, "application/json", shared.stats().to_string()),
        "/stages" if reads => text(StatusCode::OK, "application/json", stages::page(shared).to_string()),
        path @ ("/drain" | "/stages") if *request.method() == Method::POST => {
            refuse_far(path, local).unwrap_or_else(|| act(path, request.uri().query(), shared))
        }
        "/livez" | "/readyz" | "/metrics" | "/stats" => not_allowed("GET, HEAD"),
        "/stages" => not_allowed("GET, HEAD, POST"),
        "/drain" => not_allowed("POST"),
        _ => text(
            StatusCode::NOT_FOUND,
            "text/plain",
            "here are /livez, /readyz, /metrics, /stats, /stages and POST /drain; calls go to the data listener\n"
                .to_owned(),
        ),
    }
}

/// The refusal of an act that somebody on another machine asks for.
fn refuse_far(path: &str, local: bool) -> Option<Response<Full<Bytes>>> {
    let name = path.trim_start_matches('/');
    let refusal = format!("{name}: only from this machine, by loopback or unix socket\n");
    (!local).then(|| text(StatusCode::FORBIDDEN, "text/plain", refusal))
}

/// Does what somebody on this machine asks for.
fn act(path: &str, query: Option<&str>, shared: &Shared) -> Response<Full<Bytes>> {
    match (path, query) {
        ("/drain", _) => {
            shared.stop.ask(Stop::Planned);
            text(StatusCode::ACCEPTED, "text/plain", "draining\n".to_owned())
        }
        (_, Some(word @ ("on" | "off"))) => {
            stages::switch(shared, word == "on");
            text(StatusCode::OK, "text/plain", format!("stages: {word}\n"))
        }
        _ => text(StatusCode::BAD_REQUEST, "text/plain", "stages: POST /stages?on or /stages?off\n".to_owned()),
    }
}

fn probe(good: bool, yes: &str, no: &str) -> Response<Full<Bytes>> {
    let (status, word) = if good { (StatusCode::OK, yes) } else { (StatusCode::SERVICE_UNAVAILABLE, no) };
    text(status, "text/plain", format!("{word}\n"))
}

fn not_allowed(allow: &'static str) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", format!("use {allow}\n"));
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allow));
    response
}

fn text(status: StatusCode, media: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media));
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_drain_or_switch_stages() {
        for path in ["/drain", "/stages"] {
            assert!(refuse_far(path, true).is_none());
            assert_eq!(refuse_far(path, false).unwrap().status(), StatusCode::FORBIDDEN);
        }
    }
}
