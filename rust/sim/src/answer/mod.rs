//! What the provider answers: one file per endpoint, and the table of routes.
#![allow(clippy::unnecessary_wraps, reason = "the rows of one table have one signature")]

mod audio;
pub(crate) mod author;
mod batches;
mod chat;
mod chat_stream;
mod completions;
mod embeddings;
mod files;
mod images;
mod models;
mod moderations;
mod responses;
mod responses_items;
mod responses_stream;
mod schema;
mod tokens;

use crate::check::{self, Field, Refusal};
use crate::form;
use crate::knobs::Knobs;
use crate::options::Distribution;
use crate::provider::{Note, Provider, Request};
use crate::reply::{FOREVER, Reply, Step};
use crate::rng::Rng;
use crate::scenario::Tempo;
use crate::stores::Stores;
use author::Behaviour;
use serde_json::{Value, json};
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

/// One call on its way through the provider.
pub(crate) struct Call<'a> {
    pub(crate) provider: &'a Provider,
    pub(crate) request: &'a Request,
    /// The body: JSON, or a form as JSON; an empty object when there is none.
    pub(crate) body: Value,
    /// The files of a form.
    pub(crate) files: Vec<form::File>,
    /// The id in the path.
    pub(crate) id: String,
    /// Randomness of this call alone.
    pub(crate) rng: Rng,
    /// What the request asks of the simulator.
    pub(crate) knobs: Knobs,
    /// What a rule of the scenario sets.
    pub(crate) tempo: Tempo,
    /// For the bill.
    pub(crate) note: Note,
    /// Seconds since 1970.
    pub(crate) created: u64,
}

impl<'a> Call<'a> {
    pub(crate) fn new(provider: &'a Provider, request: &'a Request, number: u64) -> Self {
        let mut rng = Rng::of(provider.options.seed, number);
        let note = Note { id: format!("req_{}", rng.hex(32)), ..Note::default() };
        let created = crate::clock::now_ms() / 1000;
        Self {
            provider,
            request,
            body: json!({}),
            files: Vec::new(),
            id: String::new(),
            rng,
            knobs: Knobs::default(),
            tempo: Tempo::default(),
            note,
            created,
        }
    }

    /// Takes what the bill has to know out of the body.
    pub(crate) fn note_model(&mut self) {
        self.note.model = self.text("model").to_owned();
        self.note.stream = self.streams();
    }

    /// Notes the tokens of the prompt, and those of them that were read from a cache.
    fn read(&mut self, prompt_tokens: u32) {
        self.note.prompt_tokens = prompt_tokens;
        self.note.cached_tokens = self.knobs.cached_tokens.unwrap_or(0).min(prompt_tokens);
    }

    fn streams(&self) -> bool {
        self.body["stream"] == true
    }

    fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }

    /// How the call is served: as it asks to be, where it names a tier that there is.
    fn service_tier(&self) -> &'static str {
        match self.text("service_tier") {
            "flex" => "flex",
            "priority" | "fast" => "priority",
            _ => "default",
        }
    }

    fn count(&self, field: &str) -> Option<u32> {
        self.body[field].as_u64().map(|count| u32::try_from(count).unwrap_or(u32::MAX))
    }

    fn new_id(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", self.rng.hex(24))
    }

    fn stores(&self) -> MutexGuard<'_, Stores> {
        self.provider.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pace(&mut self) -> Pace {
        let options = &self.provider.options;
        let slow = Behaviour::of(&self.note.model) == Behaviour::Slow;
        let usual = |set: Distribution, slowly| {
            if slow && set == Distribution::Fixed(0.0) { Distribution::Fixed(slowly) } else { set }
        };
        let asked = |knob: Option<f64>, ruled| knob.map(Distribution::Fixed).or(ruled);
        let first = asked(self.knobs.ttft_ms, self.tempo.ttft_ms);
        let first = first.unwrap_or_else(|| usual(options.ttft_ms, 1000.0));
        let gap = asked(self.knobs.gap_ms, self.tempo.gap_ms);
        let gap = gap.unwrap_or_else(|| usual(options.gap_ms, 100.0));
        let mut rng = Rng::of(self.rng.bits(), 1);
        Pace { first: Some(rng.time(first)), gap, rng }
    }

    fn wanted_tokens(&mut self) -> u32 {
        let usual = self.tempo.tokens.unwrap_or(self.provider.options.tokens);
        self.knobs.tokens.unwrap_or_else(|| self.rng.count(usual)).clamp(1, 100_000)
    }

    /// A whole answer that took as long as `tokens` tokens take.
    fn whole(&mut self, body: &Value, tokens: u32) -> Reply {
        let mut reply = Reply::json(200, body);
        self.delay(&mut reply, tokens);
        reply
    }

    fn delay(&mut self, reply: &mut Reply, tokens: u32) {
        let mut pace = self.pace();
        let wait = (0..tokens.max(1)).fold(Duration::ZERO, |all, _| all.saturating_add(pace.next()));
        if !wait.is_zero() {
            reply.oddities.before.push(Step::Wait(wait.min(FOREVER)));
        }
        if let Some(piece) = reply.pieces.first_mut() {
            piece.tokens = tokens;
        }
    }
}

/// The waits before tokens: the first, then the gaps.
struct Pace {
    first: Option<Duration>,
    gap: Distribution,
    rng: Rng,
}

impl Pace {
    fn next(&mut self) -> Duration {
        self.first.take().unwrap_or_else(|| self.rng.time(self.gap))
    }
}

/// What a route reads before it answers.
pub(crate) enum Takes {
    /// No body.
    Nothing,
    /// JSON with these fields, and a check of the whole.
    Json(&'static [Field], fn(&Value) -> Result<(), Refusal>),
    /// A form with these fields.
    Form(&'static [Field]),
}

/// One row of the table of routes.
pub(crate) struct Route {
    method: &'static str,
    /// Without `/v1`; `{}` stands for one segment, a last `{+}` for all the rest.
    path: &'static str,
    /// What is read before.
    pub(crate) takes: Takes,
    /// Who answers.
    pub(crate) answer: fn(&mut Call) -> Result<Reply, Refusal>,
}

const fn get(path: &'static str, answer: fn(&mut Call) -> Result<Reply, Refusal>) -> Route {
    Route { method: "GET", path, takes: Takes::Nothing, answer }
}

const fn delete(path: &'static str, answer: fn(&mut Call) -> Result<Reply, Refusal>) -> Route {
    Route { method: "DELETE", path, takes: Takes::Nothing, answer }
}

const fn post(path: &'static str, takes: Takes, answer: fn(&mut Call) -> Result<Reply, Refusal>) -> Route {
    Route { method: "POST", path, takes, answer }
}

const fn json(fields: &'static [Field]) -> Takes {
    Takes::Json(fields, |_| Ok(()))
}

const ROUTES: &[Route] = &[
    post("/chat/completions", Takes::Json(check::chat::FIELDS, check::chat::whole), chat::create),
    post("/completions", json(check::small::COMPLETIONS), completions::create),
    post("/embeddings", json(check::small::EMBEDDINGS), embeddings::create),
    post("/moderations", json(check::small::MODERATIONS), moderations::create),
    post("/responses", Takes::Json(check::responses::FIELDS, check::responses::whole), responses::create),
    post("/responses/input_tokens", Takes::Json(check::responses::FIELDS, |_| Ok(())), responses::count_input),
    post("/responses/{}/cancel", Takes::Nothing, responses::cancel),
    get("/responses/{}", responses::find),
    get("/responses/{}/input_items", responses::input_items),
    delete("/responses/{}", responses::remove),
    get("/models", models::list),
    get("/models/{+}", models::find),
    post("/images/generations", json(check::media::IMAGES), images::create),
    post("/images/edits", Takes::Form(check::media::IMAGE_EDITS), images::create),
    post("/images/variations", Takes::Form(check::media::IMAGE_VARIATIONS), images::create),
    post("/audio/speech", json(check::media::SPEECH), audio::speech),
    post("/audio/transcriptions", Takes::Form(check::media::TRANSCRIPTIONS), audio::transcription),
    post("/audio/translations", Takes::Form(check::media::TRANSCRIPTIONS), audio::transcription),
    post("/files", Takes::Form(check::media::FILES), files::create),
    get("/files", files::list),
    get("/files/{}", files::find),
    get("/files/{}/content", files::content),
    delete("/files/{}", files::remove),
    post("/batches", json(check::small::BATCHES), batches::create),
    get("/batches", batches::list),
    get("/batches/{}", batches::find),
    post("/batches/{}/cancel", Takes::Nothing, batches::cancel),
];

/// The route of a call and the id in its path; 404 and 405 in the provider's words.
pub(crate) fn route(method: &str, path: &str) -> Result<(&'static Route, String), Refusal> {
    let mut known = false;
    for route in ROUTES {
        if let Some(id) = matches(route.path, path) {
            if route.method == method {
                return Ok((route, id));
            }
            known = true;
        }
    }
    let (status, message) = if known {
        (405, format!("Not allowed to {method} on {path}."))
    } else {
        (404, format!("Invalid URL ({method} {path})."))
    };
    Err(Refusal::with_status(status, None, message))
}

fn matches(pattern: &str, path: &str) -> Option<String> {
    let mut id = String::new();
    let mut rest = path.split('/');
    for part in pattern.split('/') {
        match part {
            "{+}" => {
                id = rest.by_ref().collect::<Vec<_>>().join("/");
                return (!id.is_empty()).then_some(id);
            }
            "{}" => id = rest.next().filter(|id| !id.is_empty()).map(str::to_owned)?,
            part => rest.next().filter(|found| *found == part).map(drop)?,
        }
    }
    rest.next().is_none().then_some(id)
}

/// Whether calls for this model fail now and then.
pub(crate) fn is_flaky(model: &str) -> bool {
    Behaviour::of(model) == Behaviour::Flaky
}

/// A thing that was asked for by its id and is not there.
fn no_such(what: &str, id: &str) -> Refusal {
    Refusal { param: Some("id".to_owned()), ..Refusal::with_status(404, None, format!("No such {what}: '{id}'.")) }
}

/// All texts of a content: a string, or parts with `text` or `refusal`.
fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().map(|part| part["text"].as_str().or(part["refusal"].as_str()).unwrap_or_default());
            texts.collect::<Vec<_>>().join("")
        }
        _ => String::new(),
    }
}

/// Tokens of a content: its text, and 85 for every part that is none.
fn content_tokens(content: &Value) -> u32 {
    let parts = content.as_array().into_iter().flatten();
    let others = parts.filter(|part| !part["text"].is_string() && !part["refusal"].is_string()).count();
    tokens::count(&content_text(content)) + 85 * u32::try_from(others).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_find_ids_and_tell_unknown_from_forbidden() {
        let id = |method, path| route(method, path).map(|(_, id)| id).map_err(|refusal| refusal.status);
        assert_eq!(id("GET", "/files/file-1/content"), Ok("file-1".to_owned()));
        assert_eq!(id("GET", "/models/a/b"), Ok("a/b".to_owned()));
        assert_eq!(id("DELETE", "/models"), Err(405));
        assert_eq!(id("GET", "/files/"), Err(404));
        assert_eq!(id("GET", "/nothing"), Err(404));
    }
}
