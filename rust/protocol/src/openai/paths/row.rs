//! How a row is written, matched and summed up.

use super::{Answer, Endpoint, Method, ModelAt, Streams, UsageAt};

impl Endpoint {
    /// A row for calls that name no model and whose bodies are not looked at.
    pub(super) const fn plain(name: &'static str, method: Method, path: &'static str) -> Self {
        Self {
            name,
            method,
            path,
            model: ModelAt::None,
            model_optional: false,
            streams: Streams::Never,
            usage: UsageAt::Nowhere,
            answer: Answer::Provider,
        }
    }

    /// A `POST` that names its model.
    pub(super) const fn call(name: &'static str, path: &'static str, model: ModelAt, usage: UsageAt) -> Self {
        Self { model, usage, ..Self::plain(name, Method::Post, path) }
    }

    /// The row, where the model may be left out.
    pub(super) const fn optional(self) -> Self {
        Self { model_optional: true, ..self }
    }

    /// The row, where the answer may be an event stream.
    pub(super) const fn streams(self, streams: Streams) -> Self {
        Self { streams, ..self }
    }

    /// The row, where we answer.
    pub(super) const fn ours(self, answer: Answer) -> Self {
        Self { answer, ..self }
    }

    /// Whether `path`, which follows `/v1/` and is clean, is this row's.
    pub(super) fn is_at(&self, path: &str) -> bool {
        let mut segments = path.split('/');
        self.path.split('/').all(|wanted| segments.next().is_some_and(|segment| wanted == "{}" || wanted == segment))
            && segments.next().is_none()
    }
}

impl Method {
    /// The method of a request, if the API has it.
    pub(super) const fn read(method: &[u8]) -> Option<Self> {
        match method {
            b"GET" | b"HEAD" => Some(Self::Get),
            b"POST" => Some(Self::Post),
            b"DELETE" => Some(Self::Delete),
            _ => None,
        }
    }
}

/// The methods of one path.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Offered {
    get: bool,
    post: bool,
    delete: bool,
}

impl Offered {
    pub(super) fn add(&mut self, method: Method) {
        match method {
            Method::Get => self.get = true,
            Method::Post => self.post = true,
            Method::Delete => self.delete = true,
        }
    }

    /// The value of `allow`; `None` when the path has no method.
    pub(super) const fn allow(self) -> Option<&'static str> {
        match (self.get, self.post, self.delete) {
            (false, false, false) => None,
            (true, false, false) => Some("GET, HEAD, OPTIONS"),
            (false, true, false) => Some("POST, OPTIONS"),
            (false, false, true) => Some("DELETE, OPTIONS"),
            (true, true, false) => Some("GET, HEAD, POST, OPTIONS"),
            (true, false, true) => Some("GET, HEAD, DELETE, OPTIONS"),
            (false, true, true) => Some("POST, DELETE, OPTIONS"),
            (true, true, true) => Some("GET, HEAD, POST, DELETE, OPTIONS"),
        }
    }
}
