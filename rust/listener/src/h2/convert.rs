//! Heads: hyper's on one side, ours on the other.

use super::download::Download;
use super::streams::Stream;
use super::upload::Answer;
use crate::{Incoming, Limits, Peer, Reply, RequestBody, Version};
use fault::{Fault, Kind};
use http1::{RequestHead, Source};
use hyper::body::{Body, Incoming as HyperBody};
use hyper::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use std::rc::Rc;

/// A request in our terms: as it would have come in HTTP/1.1.
pub(super) fn request(asked: Request<HyperBody>, limits: &Limits, peer: Peer) -> Result<Incoming, Fault> {
    let (parts, body) = asked.into_parts();
    let head = request_head(&parts, limits)?;
    let has_body = !body.is_end_stream();
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let body = if has_body { RequestBody::http2(Download::new(body, limits.read_gap)) } else { RequestBody::EMPTY };
    Ok(Incoming { head, body, length, has_body, peer, version: Version::Http2 })
}

fn request_head(parts: &Parts, limits: &Limits) -> Result<RequestHead, Fault> {
    if parts.method == Method::CONNECT {
        return Err(http1::Refusal::Connect.into());
    }
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    if target.len() > limits.head.target_bytes {
        return Err(http1::Refusal::TargetTooLong(limits.head.target_bytes).into());
    }
    if parts.headers.len() > limits.head.lines {
        return Err(http1::Refusal::TooManyLines(limits.head.lines).into());
    }
    let host = host(parts)?;
    let cookies = join_cookies(&parts.headers);
    let others = parts.headers.iter().filter(|(name, _)| *name != HOST && *name != COOKIE);
    let lines = std::iter::once((b"host".as_slice(), host))
        .chain(others.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())))
        .chain(cookies.as_deref().map(|cookies| (b"cookie".as_slice(), cookies)));
    Ok(RequestHead::from_parts(parts.method.as_str().as_bytes(), target.as_bytes(), lines))
}

/// The one host that the request is for. Source: RFC 9113, 8.3.1: `:authority` and `host` must not disagree.
fn host(parts: &Parts) -> Result<&[u8], Fault> {
    let mut lines = parts.headers.get_all(HOST).iter().map(HeaderValue::as_bytes);
    let (line, more) = (lines.next(), lines.next());
    if more.is_some() {
        return Err(http1::Refusal::ManyHosts.into());
    }
    match (parts.uri.authority().map(|authority| authority.as_str().as_bytes()), line) {
        (Some(authority), _) if authority.contains(&b'@') => Err(http1::Refusal::BadHost.into()),
        (Some(authority), Some(line)) if !authority.eq_ignore_ascii_case(line) => {
            Err(Fault::new(Kind::BadFraming, "`:authority` and `host` name different hosts; make them equal."))
        }
        (Some(host), _) | (None, Some(host)) => Ok(host),
        (None, None) => Err(http1::Refusal::NoHost.into()),
    }
}

/// Cookies may come on several lines; HTTP/1.1 has one. Source: RFC 9113, 8.2.3.
fn join_cookies(headers: &HeaderMap) -> Option<Vec<u8>> {
    let cookies: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    (!cookies.is_empty()).then(|| cookies.join(&b"; "[..]))
}

/// An answer in hyper's terms.
pub(super) fn response<B: Source>(reply: Reply<B>, head_only: bool, stream: Rc<Stream>) -> Response<Answer<B>> {
    let status = StatusCode::from_u16(reply.head.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let without = head_only || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let headers = response_lines(&reply.head.lines, reply.length.filter(|_| head_only || !without));
    let body = (!without).then_some(reply.body);
    let mut response = Response::new(Answer::new(body, reply.length, stream));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn response_lines(lines: &[u8], length: Option<u64>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) =
            (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(line[colon + 1..].trim_ascii()));
        // What HTTP/2 cannot carry is left out; our own lines always can be carried.
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    headers
}
