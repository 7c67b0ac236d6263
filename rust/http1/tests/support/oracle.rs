//! hyper over a whole input. Its sockets are a byte slice to read from and nothing to write to.

use super::Message;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::{HeaderMap, Request, Response};
use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A connection whose peer has sent everything it will ever send.
struct Wire {
    input: Bytes,
    /// Whether the input waits until something has been written, as an answer does for its request.
    waits: bool,
    reader: Option<Waker>,
}

impl Read for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut room: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if self.waits {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let take = room.remaining().min(self.input.len());
        room.put_slice(&self.input.split_to(take));
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.waits = false;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn lines(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
}

/// All requests that hyper's server delivers whole.
pub(crate) async fn requests(input: &[u8]) -> Vec<Message> {
    let seen = RefCell::new(Vec::new());
    let service = hyper::service::service_fn(|request: Request<Incoming>| async {
        let (head, body) = request.into_parts();
        if let Ok(body) = body.collect().await {
            let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            let first = format!("{} {}{query}", head.method, head.uri.path());
            seen.borrow_mut().push(Message::new(first, lines(&head.headers), body.to_bytes().to_vec()));
        }
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let wire = Wire { input: Bytes::copy_from_slice(input), waits: false, reader: None };
    // How the connection ends does not matter, only what was delivered until then.
    let _ = hyper::server::conn::http1::Builder::new().half_close(true).serve_connection(wire, service).await;
    seen.into_inner()
}

/// The answer that hyper's client delivers; `None`: it gives none, or not its whole body.
pub(crate) async fn answer(input: &[u8], to_head: bool) -> Option<Message> {
    let wire = Wire { input: Bytes::copy_from_slice(input), waits: true, reader: None };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(wire).await.ok()?;
    let method = if to_head { "HEAD" } else { "GET" };
    let request = Request::builder().method(method).uri("/").header("host", "a").body(Empty::<Bytes>::new()).ok()?;
    let exchange = async move {
        let (head, body) = sender.send_request(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes().to_vec();
        Some(Message::new(head.status.as_u16().to_string(), lines(&head.headers), body))
    };
    let (_, message) = tokio::join!(connection, exchange);
    message
}
