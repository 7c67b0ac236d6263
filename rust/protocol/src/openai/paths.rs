//! The one closed table of what may be called: (method, path) -> where the model stands, what streams, where usage is.
//!
//! A path is compared as it came, segment by segment; one that a provider could normalise into another (empty and dot
//! segments, `;`, escaped separators) is none of ours, since what was looked up must be what is asked for. Account
//! administration and whatever mints credentials of the provider is left out on purpose, see [`REFUSED`]: who may call
//! models through the gateway must not come away with the means to call them without it.

mod row;
mod table;
#[cfg(test)]
mod tests;

use row::Offered;
use std::borrow::Cow;

/// One row: a method and a path, and what is known of its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// A stable word for metrics and logs, `snake_case`.
    pub name: &'static str,
    /// `GET`, `POST` or `DELETE`.
    pub method: Method,
    /// The path after `/v1/`; `{}` stands for one segment.
    pub path: &'static str,
    /// Where the model's name stands.
    pub model: ModelAt,
    /// Whether a call without a model is one all the same: it goes where calls go that name no model.
    pub model_optional: bool,
    /// What an event stream from here looks like.
    pub streams: Streams,
    /// Where the answer tells its usage.
    pub usage: UsageAt,
    /// Who answers.
    pub answer: Answer,
}

/// The methods that the API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`, and with it `HEAD`.
    Get,
    /// `POST`.
    Post,
    /// `DELETE`.
    Delete,
}

/// Where the model's name stands in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelAt {
    /// The top-level key `model` of a JSON object.
    Json,
    /// The part `model` of a form.
    Multipart,
    /// In JSON or in a form, as the content type says.
    Either,
    /// Nowhere that we look: the call goes to the provider of `passthrough`.
    None,
}

/// What an event stream looks like. An answer is one only if its content type says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// Never an event stream.
    Never,
    /// Unnamed events, ended by `data: [DONE]`.
    Chat,
    /// Named and numbered events, ended by `response.completed`, `.incomplete` or `.failed`.
    Responses,
    /// Named events, ended by one of these.
    Typed {
        /// The names that end the stream well.
        ends: &'static [&'static str],
    },
    /// An event stream whose end only its framing tells.
    Framed,
}

/// Where a JSON answer tells its usage; a stream tells it in the event that its kind says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageAt {
    /// Nowhere.
    Nowhere,
    /// `usage.{prompt,completion,total}_tokens`; in a stream only when `stream_options.include_usage` asked for it.
    PromptCompletion,
    /// `usage.{input,output,total}_tokens`; in a stream within the event that ends it.
    InputOutput,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A provider.
    Provider,
    /// We do: the models that this caller may ask for.
    ModelsList,
    /// We do: one of them, see [`model_id`].
    Model,
}

/// What the table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// The row.
    Found(&'static Endpoint),
    /// The path exists, with other methods.
    WrongMethod {
        /// The value of `allow`.
        allow: &'static str,
    },
    /// No such path; [`why_unknown`] has the sentence.
    Unknown,
}

/// Looks a call up. `path` is the target as it came, with or without its query, which is not looked at.
pub fn find(method: &[u8], path: &[u8]) -> Lookup {
    let method = Method::read(method);
    let path = without_query(path);
    // Most calls are for a path that stands in the table letter for letter, and so needs no second look.
    if let Some(endpoint) = table::common(path.strip_prefix(BASE).unwrap_or_default())
        && method == Some(endpoint.method)
    {
        return Lookup::Found(endpoint);
    }
    if method == Some(Method::Get) && model_id(path).is_some() {
        return Lookup::Found(&table::MODEL);
    }
    let Some(path) = clean(path) else { return Lookup::Unknown };
    let mut offered = Offered::default();
    for endpoint in table::family(path).iter().filter(|endpoint| endpoint.is_at(path)) {
        if method == Some(endpoint.method) {
            return Lookup::Found(endpoint);
        }
        offered.add(endpoint.method);
    }
    offered.allow().map_or(Lookup::Unknown, |allow| Lookup::WrongMethod { allow })
}

/// Why a path is unknown, and what to do about it: a sentence for the caller.
pub fn why_unknown(path: &[u8]) -> &'static str {
    let path = without_query(path);
    let Some(behind) = path.strip_prefix(BASE) else {
        return "paths of the OpenAI API begin with `/v1/`: let the client's base URL end in `/v1`";
    };
    if behind.starts_with(b"v1/") {
        return "the path has `/v1` twice: let the client's base URL end in one `/v1`";
    }
    let Some(path) = clean(path) else {
        return "the path has an empty or dot segment, a `;`, or an escape that hides a separator: send it in its plain form";
    };
    if REFUSED
        .iter()
        .any(|refused| path.strip_prefix(refused).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    {
        return "this part of the OpenAI API administers the provider's account or hands out its credentials, and is not offered \
                through the gateway: use the provider directly";
    }
    "the OpenAI API has no such path"
}

/// Parts of the API that are left out on purpose: the beginnings of their paths, after `/v1/`.
///
/// The first four administer an account (keys, users, limits, where events go to); the others answer with a credential
/// that is good at the provider itself.
pub static REFUSED: &[&str] = &[
    "organization",
    "projects",
    "webhook_endpoints",
    "webhook_event_types",
    "chatkit/sessions",
    "realtime/client_secrets",
    "realtime/sessions",
    "realtime/transcription_sessions",
    "realtime/translations/client_secrets",
];

/// The model that the path of an [`Answer::Model`] names, decoded.
///
/// Since such a path goes nowhere, its model may hold slashes, escaped or not: libraries escape the one in
/// `meta/llama`, people do not. `None` for any other path, for wrong escapes, and for what no model is called: more than
/// 256 bytes, control characters, empty or dot segments.
pub fn model_id(path: &[u8]) -> Option<Cow<'_, str>> {
    let raw = without_query(path).strip_prefix(BASE)?.strip_prefix(b"models/")?;
    let raw = std::str::from_utf8(raw).ok()?;
    let id = if raw.contains('%') { Cow::Owned(unescape(raw)?) } else { Cow::Borrowed(raw) };
    let good = id.len() <= crate::scan::MAX_MODEL
        && !id.contains(|character: char| character.is_ascii_control())
        && !id.split('/').any(|segment| matches!(segment, "" | "." | ".."));
    good.then_some(id)
}

/// What every path of the API begins with.
const BASE: &[u8] = b"/v1/";

fn without_query(target: &[u8]) -> &[u8] {
    memchr::memchr(b'?', target).map_or(target, |query| &target[..query])
}

/// The path after `/v1/`, if nobody could take it for another one.
fn clean(path: &[u8]) -> Option<&str> {
    let path = std::str::from_utf8(path.strip_prefix(BASE)?).ok()?;
    path.split('/').all(is_clean).then_some(path)
}

/// Whether a segment is one under any reading. Source: RFC 3986, section 3.3, less `;`, and less escapes of what has a
/// meaning in paths.
fn is_clean(segment: &str) -> bool {
    if matches!(segment, "" | "." | "..") {
        return false;
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte);
    if segment.bytes().all(plain) {
        return true;
    }
    let hides = |escape: &str| match escape.get(..2).map(|digits| u8::from_str_radix(digits, 16)) {
        Some(Ok(byte)) => byte.is_ascii_control() || b"/\\.%;?#".contains(&byte),
        Some(Err(_)) | None => true,
    };
    segment.bytes().all(|byte| plain(byte) || byte == b'%')
        && unescape(segment).is_some()
        && !segment.split('%').skip(1).any(hides)
}

/// `text` with its percent escapes decoded, if they are right and make UTF-8.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            decoded.push(u8::try_from(high << 4 | low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}
