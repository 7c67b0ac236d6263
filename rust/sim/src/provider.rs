//! The provider without its sockets: a request in, a reply out.

use crate::answer::{self, Call, Takes};
use crate::bill::Bill;
use crate::check::{self, Refusal};
use crate::clock;
use crate::faults::{self, Fault, Kind, Stage};
use crate::form;
use crate::knobs::Knobs;
use crate::options::Options;
use crate::reply::Reply;
use crate::rng::Rng;
use crate::scenario::{self, Credentials, Meeting, Rule, Scenario};
use crate::stores::Stores;
use bytes::Bytes;
use http1::RequestHead;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The provider: what it was told, what it remembers, what it has billed.
#[derive(Debug)]
pub struct Provider {
    /// What it was told.
    pub options: Options,
    /// What it has billed.
    pub bill: Bill,
    pub(crate) stores: Mutex<Stores>,
    calls: AtomicU64,
    scenario: Scenario,
    /// When the scenario began.
    began: Mutex<Instant>,
    credentials: Credentials,
}

/// A request that has arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its head.
    pub head: RequestHead,
    /// Its body, whole.
    pub body: Bytes,
}

impl Request {
    /// The path without query and without the `/v1` that may stand before it.
    pub fn path(&self) -> String {
        let path = String::from_utf8_lossy(self.head.path()).into_owned();
        match path.strip_prefix("/v1") {
            Some(rest) if rest.starts_with('/') => rest.to_owned(),
            _ => path,
        }
    }

    /// The method; GET for HEAD, which is answered like it.
    pub fn method(&self) -> &str {
        match self.head.method() {
            b"HEAD" => "GET",
            method => std::str::from_utf8(method).unwrap_or(""),
        }
    }

    fn header(&self, name: &'static str) -> String {
        String::from_utf8_lossy(self.head.headers.get(name).unwrap_or_default()).into_owned()
    }
}

/// An answer, and what the bill has to know of it.
#[derive(Debug)]
pub struct Answer {
    /// The answer.
    pub reply: Reply,
    /// For the bill; `None` for the simulator's own pages, which are not billed.
    pub note: Option<Note>,
}

/// What the bill has to know of a call before it is carried out.
#[derive(Debug, Clone, Default)]
pub struct Note {
    /// The `x-request-id` of the answer.
    pub id: String,
    /// The model's name as it came; empty when there is none.
    pub model: String,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Of these, tokens that were read from a cache.
    pub cached_tokens: u32,
    /// Tokens of thought in the whole answer; they come before all others.
    pub reasoning_tokens: u32,
    /// The names of the faults that were asked for.
    pub faults: Vec<&'static str>,
}

impl Provider {
    /// A provider; the sentence says which option does not hold together or which file cannot be opened.
    pub fn new(options: Options) -> Result<Self, String> {
        options.validate()?;
        let bill = Bill::new(options.bill_file.as_deref())?;
        Ok(Self {
            bill,
            stores: Mutex::new(Stores::default()),
            calls: AtomicU64::new(0),
            scenario: Scenario::new(options.scenario.clone()),
            began: Mutex::new(Instant::now()),
            credentials: Credentials::default(),
            options,
        })
    }

    /// Faults for a connection that was just accepted; `number` counts them from 0.
    pub fn at_accept(&self, number: u64) -> Vec<Fault> {
        let meeting = Meeting { stage: Stage::Accept, path: "", model: "", credential: None, elapsed: self.elapsed() };
        faults_of(self.scenario.pick(&meeting, &mut Rng::of(self.options.seed ^ 0xacce, number)))
    }

    /// Faults for a request of which only the head has arrived.
    pub fn at_request(&self, head: &RequestHead) -> Vec<Fault> {
        let asked = Knobs::read(&head.headers).map(|knobs| knobs.faults).unwrap_or_default();
        if !asked.is_empty() {
            return asked.into_iter().filter(|fault| fault.row().stage != Stage::Answer).collect();
        }
        let drawn = self.calls.load(Ordering::Relaxed);
        let rule = self.rule(Stage::Request, head, "", &mut Rng::of(self.options.seed ^ 0x4ead, drawn));
        faults_of(rule)
    }

    /// The number of the credential that a call shows, in the order of their first appearance.
    pub fn credential(&self, head: &RequestHead) -> Option<usize> {
        scenario::shown(head).and_then(|secret| self.credentials.number(secret))
    }

    /// The answer to a request.
    pub fn answer(&self, request: &Request) -> Answer {
        if let Some(reply) = self.own_page(request) {
            return Answer { reply, note: None };
        }
        let mut call = Call::new(self, request, self.calls.fetch_add(1, Ordering::Relaxed));
        let body = read_body(&mut call);
        call.note_model();
        let (faults, answered) = match Knobs::read(&request.head.headers) {
            Ok(knobs) => {
                call.knobs = knobs;
                let faults = self.faults(&mut call);
                let answered = self.respond(&mut call, body, &faults);
                (faults, answered)
            }
            Err(refusal) => (Vec::new(), Err(refusal)),
        };
        let mut reply = answered.unwrap_or_else(|refusal| refusal.reply());
        dress(&call, &mut reply);
        for fault in &faults {
            faults::apply(fault, &mut reply);
        }
        let mut note = call.note;
        note.faults = faults.iter().map(|fault| fault.row().name).collect();
        Answer { reply, note: Some(note) }
    }

    fn respond(&self, call: &mut Call, body: Result<(), Refusal>, faults: &[Fault]) -> Result<Reply, Refusal> {
        self.authorize(&call.request.head)?;
        if call.knobs.echo {
            return Ok(echo(call.request));
        }
        let (route, id) = answer::route(call.request.method(), &call.request.path())?;
        call.id = id;
        match route.takes {
            Takes::Nothing => {}
            Takes::Json(fields, whole) if self.options.strict => {
                media_type(call.request)?;
                body?;
                check::fields(&call.body, fields)?;
                whole(&call.body)?;
            }
            Takes::Form(fields) if self.options.strict => {
                body?;
                check::fields(&call.body, fields)?;
            }
            Takes::Json(..) | Takes::Form(_) => body?,
        }
        self.known_model(&call.note.model)?;
        for fault in faults {
            match fault.kind {
                Kind::JsonForStream => call.body["stream"] = json!(false),
                Kind::StreamForJson => call.body["stream"] = json!(true),
                _ => {}
            }
        }
        (route.answer)(call)
    }

    fn authorize(&self, head: &RequestHead) -> Result<(), Refusal> {
        let Some(credential) = &self.options.credential else { return Ok(()) };
        let shown = head.headers.get("authorization");
        if shown.is_some_and(|shown| credential.is_in(shown)) {
            return Ok(());
        }
        let message = match shown {
            Some(_) => "Incorrect API key provided.",
            None => "No API key was provided. Send it as 'Authorization: Bearer KEY'.",
        };
        Err(Refusal::with_status(401, Some("invalid_api_key"), message))
    }

    fn known_model(&self, model: &str) -> Result<(), Refusal> {
        let listed = self.options.models.is_empty() || self.options.models.iter().any(|name| name == model);
        if model.is_empty() || (listed && !model.starts_with("missing")) {
            return Ok(());
        }
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        Err(Refusal::with_status(404, Some("model_not_found"), message))
    }

    /// The faults of a call: those it asks for, else those of the scenario, else those of its model. A rule of the
    /// scenario sets the call's pace too.
    fn faults(&self, call: &mut Call) -> Vec<Fault> {
        if !call.knobs.faults.is_empty() {
            return call.knobs.faults.clone();
        }
        let rule = self.rule(Stage::Answer, &call.request.head, &call.note.model, &mut call.rng);
        call.tempo = rule.map(Rule::tempo).unwrap_or_default();
        let ruled = faults_of(rule);
        let flaky = answer::is_flaky(&call.note.model);
        if ruled.is_empty() && flaky { flaw(&mut call.rng) } else { ruled }
    }

    fn rule(&self, stage: Stage, head: &RequestHead, model: &str, rng: &mut Rng) -> Option<&Rule> {
        let path = String::from_utf8_lossy(head.path());
        let credential = scenario::shown(head).map(|secret| (secret, self.credentials.number(secret)));
        self.scenario.pick(&Meeting { stage, path: &path, model, credential, elapsed: self.elapsed() }, rng)
    }

    fn elapsed(&self) -> Duration {
        self.began.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Plays the scenario from its beginning.
    fn start_scenario(&self) {
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.scenario.reset();
    }

    /// Pages that no provider has.
    fn own_page(&self, request: &Request) -> Option<Reply> {
        match (request.method(), request.path().as_str()) {
            ("GET", "/bill") => Some(Reply::json(200, &self.bill.page())),
            ("POST", "/bill/reset") => {
                self.bill.reset();
                Some(Reply::json(200, &json!({"reset": true})))
            }
            ("POST", "/scenario/start") => {
                self.start_scenario();
                Some(Reply::json(200, &json!({"started": true})))
            }
            ("GET", "/faults") => Some(Reply::json(200, &faults::list())),
            ("GET", "/healthz") => Some(Reply::json(200, &json!({"status": "ok"}))),
            _ => None,
        }
    }
}

fn faults_of(rule: Option<&Rule>) -> Vec<Fault> {
    rule.map(|rule| rule.fault.clone()).unwrap_or_default()
}

/// A third of the calls of the model `flaky` fail, in one of several ways.
fn flaw(rng: &mut Rng) -> Vec<Fault> {
    const FLAWS: [&str; 6] = [
        "status;code=500",
        "status;code=503, retry-after",
        "error;name=rate_limit_exceeded, retry-after;as=ms",
        "cut;at=200",
        "reset-before-head",
        "stall;ms=2000",
    ];
    if !rng.bits().is_multiple_of(3) {
        return Vec::new();
    }
    rng.pick(&FLAWS).and_then(|flaw| Fault::parse_list(flaw).ok()).unwrap_or_default()
}

/// Reads the body as JSON or as a form, whichever it says it is.
fn read_body(call: &mut Call) -> Result<(), Refusal> {
    let content_type = call.request.header("content-type");
    if content_type.to_ascii_lowercase().starts_with("multipart/form-data") {
        let form = form::read(&content_type, &call.request.body)?;
        call.body = form.fields;
        call.files = form.files;
        return Ok(());
    }
    let parsed: Result<Value, _> = serde_json::from_slice(&call.request.body);
    match parsed {
        Ok(body) if body.is_object() => {
            call.body = body;
            Ok(())
        }
        Ok(_) => Err(Refusal::with_status(400, None, "The body must be one JSON object.")),
        Err(error) => Err(Refusal::with_status(400, None, format!("The body could not be read as JSON: {error}."))),
    }
}

fn media_type(request: &Request) -> Result<(), Refusal> {
    let given = request.header("content-type");
    let kind = given.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = format!("This path takes 'application/json', the request says '{kind}'.");
    Err(Refusal::with_status(415, Some("unsupported_content_type"), message))
}

/// The request as it arrived, so that a test can compare every byte.
fn echo(request: &Request) -> Reply {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let lines: Vec<[String; 2]> = request.head.headers.iter().map(|(name, value)| [text(name), text(value)]).collect();
    Reply::json(
        200,
        &json!({
            "method": text(request.head.method()),
            "target": text(request.head.target()),
            "path": text(request.head.path()),
            "headers": lines,
            "body": std::str::from_utf8(&request.body).ok(),
            "body_base64": crate::encode::base64(&request.body),
        }),
    )
}

/// The header lines that the provider sends with everything.
fn dress(call: &Call, reply: &mut Reply) {
    reply.set("date", faults::head::date(clock::now()));
    reply.set("x-request-id", call.note.id.clone());
    reply.set("openai-organization", "sim");
    reply.set("openai-version", "2020-10-01");
    reply.set("openai-processing-ms", "1");
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    pub(super) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
        let lines = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let head = RequestHead::from_parts(method.as_bytes(), target.as_bytes(), lines);
        Request { head, body: Bytes::from(body.to_owned()) }
    }

    fn provider(options: Options) -> Provider {
        Provider::new(options).unwrap()
    }

    const HI: &str = r#"{"model":"chat","messages":[{"role":"user","content":"hi"}]}"#;
    const JSON: (&str, &str) = ("content-type", "application/json");

    #[test]
    fn a_wrong_or_missing_credential_is_401() {
        let provider = provider(Options { credential: Some("sk-1".into()), ..Options::default() });
        let status = |headers: &[(&str, &str)]| {
            provider.answer(&request("POST", "/v1/chat/completions", headers, HI)).reply.status
        };
        assert_eq!(status(&[JSON]), 401);
        assert_eq!(status(&[JSON, ("authorization", "Bearer sk-2")]), 401);
        assert_eq!(status(&[JSON, ("authorization", "Bearer sk-1")]), 200);
    }

    #[test]
    fn the_scenario_picks_the_nth_call_of_a_model() {
        let options = r#"{"scenario": [{"match": {"model": "chat", "nth": 2}, "fault": "status;code=529"}]}"#;
        let provider = provider(serde_json::from_str(options).unwrap());
        let statuses: Vec<u16> = (0..3)
            .map(|_| provider.answer(&request("POST", "/v1/chat/completions", &[JSON], HI)).reply.status)
            .collect();
        assert_eq!(statuses, [200, 529, 200]);
    }

    #[test]
    fn a_scenario_that_is_started_counts_anew() {
        let options = r#"{"scenario": [{"match": {"first": 1}, "fault": "status;code=503"}]}"#;
        let provider = provider(serde_json::from_str(options).unwrap());
        let ask = |path: &str| provider.answer(&request("POST", path, &[JSON], HI)).reply.status;
        let paths = ["/v1/chat/completions", "/v1/chat/completions", "/scenario/start", "/v1/chat/completions"];
        assert_eq!(paths.map(ask), [503, 200, 200, 503]);
    }

    #[test]
    fn a_rule_without_a_fault_sets_the_pace_alone() {
        let options =
            r#"{"scenario": [{"match": {"model": "chat"}, "ttft_ms": {"fixed": 70}, "tokens": {"fixed": 3}}]}"#;
        let provider = provider(serde_json::from_str(options).unwrap());
        let answer = |body: &str| provider.answer(&request("POST", "/v1/chat/completions", &[JSON], body));
        let paced = answer(HI);
        assert_eq!(paced.reply.oddities.before, [crate::reply::Step::Wait(Duration::from_millis(70))]);
        assert_eq!(paced.reply.pieces[0].tokens, 3);
        assert!(paced.note.unwrap().faults.is_empty());
        assert!(answer(&HI.replace("chat", "echo")).reply.oddities.before.is_empty());
    }

    #[test]
    fn a_dead_credential_is_told_from_another() {
        let options = r#"{"scenario": [{"match": {"credential": "dead"}, "fault": "status;code=401"}]}"#;
        let provider = provider(serde_json::from_str(options).unwrap());
        let ask = |key: &str| {
            let call = request("POST", "/v1/chat/completions", &[JSON, ("authorization", key)], HI);
            (provider.credential(&call.head), provider.answer(&call).reply.status)
        };
        assert_eq!(ask("Bearer sk-dead"), (Some(0), 401));
        assert_eq!(ask("Bearer sk-live"), (Some(1), 200));
        assert_eq!(ask("Bearer sk-dead"), (Some(0), 401));
    }

    #[test]
    fn unknown_paths_methods_models_and_sim_headers_are_refused() {
        let provider = provider(Options::default());
        let status = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
            provider.answer(&request(method, path, headers, body)).reply.status
        };
        assert_eq!(status("GET", "/v1/nothing", &[], ""), 404);
        assert_eq!(status("GET", "/v1/chat/completions", &[], ""), 405);
        assert_eq!(status("POST", "/v1/chat/completions", &[JSON, ("x-sim-speed", "1")], HI), 400);
        assert_eq!(status("POST", "/v1/chat/completions", &[JSON, ("x-sim-fault", "x")], HI), 400);
        assert_eq!(status("POST", "/v1/chat/completions", &[JSON], &HI.replace("chat", "missing-1")), 404);
        assert_eq!(status("POST", "/v1/chat/completions", &[JSON], "{"), 400);
        assert_eq!(status("POST", "/v1/chat/completions", &[], HI), 415);
        assert_eq!(status("POST", "/chat/completions", &[JSON], HI), 200);
    }

    #[test]
    fn a_request_is_echoed_byte_for_byte() {
        let provider = provider(Options::default());
        let body = "{ \"a\":\u{1}1 }";
        let answer = provider.answer(&request("POST", "/v1/x?y=1", &[("X-Sim-Echo-Request", "1"), ("A", "b")], body));
        let echoed: Value = serde_json::from_slice(&answer.reply.pieces[0].bytes).unwrap();
        assert_eq!(echoed["body"], body);
        assert_eq!(echoed["target"], "/v1/x?y=1");
        assert_eq!(echoed["headers"][1], json!(["A", "b"]));
    }

    #[test]
    fn usage_equals_the_tokens_that_are_sent_whatever_is_asked() {
        let tools = r#""tools":[{"type":"function","function":{"name":"look_up","parameters":{"type":"object",
            "properties":{"city":{"type":"string"}}}}}]"#;
        for model in ["chat", "echo", "refuse", "think", "tools"] {
            for more in ["", r#","max_completion_tokens":3"#, r#","n":3"#, r#","stop":"a""#] {
                let body = format!(
                    r#"{{"model":"{model}",{tools},"messages":[{{"role":"user","content":"hé banana"}}]{more}}}"#
                );
                let stream = body.replacen('{', r#"{"stream":true,"stream_options":{"include_usage":true},"#, 1);
                for body in [body, stream] {
                    let answer =
                        provider(Options::default()).answer(&request("POST", "/v1/chat/completions", &[JSON], &body));
                    let sent: u64 = answer.reply.pieces.iter().map(|piece| u64::from(piece.tokens)).sum();
                    let text: String = answer
                        .reply
                        .pieces
                        .iter()
                        .map(|piece| String::from_utf8_lossy(&piece.bytes).into_owned())
                        .collect();
                    assert!(text.contains(&format!(r#""completion_tokens":{sent},"#)), "{sent}: {text}");
                    let total = sent + u64::from(answer.note.unwrap().prompt_tokens);
                    assert!(text.contains(&format!(r#""total_tokens":{total}}}"#)), "{total}: {text}");
                }
            }
        }
    }

    /// The steps of an answer without its date, so that two can be compared.
    fn steps(body: &str, path: &str, fault: Option<&str>) -> String {
        let provider = provider(Options::default());
        let mut headers = vec![JSON];
        headers.extend(fault.map(|fault| ("x-sim-fault", fault)));
        let mut reply = provider.answer(&request("POST", path, &headers, body)).reply;
        reply.headers.retain(|(name, _)| name != "date");
        format!("{:?}", reply.script(false))
    }

    #[test]
    fn every_fault_of_the_answer_changes_what_is_sent() {
        let tools = r#""tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object",
            "properties":{"city":{"type":"string"}}}}}]"#;
        let chat = "/v1/chat/completions";
        let cells = [
            (chat, HI.to_owned()),
            (chat, HI.replace("\"model\"", "\"stream\":true,\"stream_options\":{\"include_usage\":true},\"model\"")),
            ("/v1/responses", r#"{"model":"chat","input":"hi","stream":true}"#.to_owned()),
            (chat, HI.replace("\"model\":\"chat\"", &format!("\"stream\":true,{tools},\"model\":\"tools\""))),
        ];
        let answers = |kind: &&Kind| kind.row().stage == Stage::Answer && **kind != Kind::StreamForJson;
        for kind in Kind::ALL.iter().filter(answers) {
            let name = kind.row().name;
            let changed = |(path, body): &(&str, String)| steps(body, path, None) != steps(body, path, Some(name));
            assert!(cells.iter().any(changed), "{name}");
        }
        assert!(steps(HI, chat, Some("stream-for-json")).contains("[DONE]"));
    }
}
