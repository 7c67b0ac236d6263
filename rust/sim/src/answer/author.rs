//! Who writes the texts: from what a request asks for to what the answer says, whatever the dialect.

use super::{schema, tokens};
use crate::rng::{self, Rng};
use serde_json::{Value, json};

/// What a request asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prompt {
    /// How the model behaves.
    pub(crate) model: Behaviour,
    /// What the user said last.
    pub(crate) said: String,
    /// The last message is the result of a tool.
    pub(crate) answers_tool: bool,
    /// The tools that may be called.
    pub(crate) tools: Vec<Tool>,
    /// Whether one must be.
    pub(crate) choice: Choice,
    /// How many calls to make.
    pub(crate) calls: usize,
    /// The form of the text.
    pub(crate) format: Format,
    /// The most output tokens.
    pub(crate) limit: Option<u32>,
    /// Texts at which the answer stops.
    pub(crate) stops: Vec<String>,
    /// The length of a generated text, in tokens.
    pub(crate) length: u32,
    /// Whether to reason before answering.
    pub(crate) thinks: bool,
    /// The beginning of the answer, which was said before: what is written goes on from it.
    pub(crate) begun: String,
}

/// How a model behaves, by the last part of its name; `chat` for every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Behaviour {
    /// Pseudo text, the same for the same seed and prompt.
    #[default]
    Chat,
    /// Says what it was told.
    Echo,
    /// Calls a tool whenever there is one.
    Tools,
    /// Refuses.
    Refuse,
    /// Reasons first.
    Think,
    /// Takes its time.
    Slow,
    /// Fails now and then.
    Flaky,
}

impl Behaviour {
    pub(crate) fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let rows = [
            ("echo", Self::Echo),
            ("tools", Self::Tools),
            ("refuse", Self::Refuse),
            ("think", Self::Think),
            ("slow", Self::Slow),
            ("flaky", Self::Flaky),
        ];
        rows.into_iter().find(|(start, _)| name.starts_with(start)).map_or(Self::Chat, |(_, behaviour)| behaviour)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) custom: bool,
    pub(crate) parameters: Value,
}

#[derive(Debug, Clone, Default)]
pub(crate) enum Choice {
    Forbidden,
    #[default]
    Auto,
    Required,
    Named(String),
}

#[derive(Debug, Clone, Default)]
pub(crate) enum Format {
    #[default]
    Text,
    AnyJson,
    Schema(Value),
}

/// What an answer says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Output {
    pub(crate) thought: String,
    pub(crate) text: String,
    pub(crate) refusal: String,
    pub(crate) calls: Vec<ToolCall>,
    pub(crate) ending: Ending,
}

#[derive(Debug, Clone)]
pub(crate) struct ToolCall {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) custom: bool,
    /// JSON of a function's arguments, text of a custom tool's input.
    pub(crate) arguments: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Ending {
    #[default]
    Stop,
    Length,
    ToolCalls,
}

impl Ending {
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
        }
    }
}

impl Output {
    /// All tokens: reasoning, text, and of calls the names and arguments.
    pub(crate) fn tokens(&self) -> u32 {
        let calls = self.calls.iter().map(|call| tokens::count(&call.name) + tokens::count(&call.arguments));
        tokens::count(&self.thought) + tokens::count(&self.text) + tokens::count(&self.refusal) + calls.sum::<u32>()
    }
}

/// Writes the answer to a prompt.
pub(crate) fn write(prompt: &Prompt, rng: &mut Rng) -> Output {
    let mut output = Output::default();
    if prompt.thinks || prompt.model == Behaviour::Think {
        output.thought = format!("The user wants: {}", words(rng, 6));
    }
    output.calls = calls(prompt, rng);
    if !output.calls.is_empty() {
        output.ending = Ending::ToolCalls;
    } else if prompt.model == Behaviour::Refuse {
        "I cannot help with that.".clone_into(&mut output.refusal);
    } else {
        output.text = text(prompt, rng);
        // Somebody else's beginning is followed by the text as it is.
        if let Some(rest) = output.text.strip_prefix(&*prompt.begun) {
            output.text = rest.to_owned();
        }
    }
    if let Some(at) =
        prompt.stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| output.text.find(stop)).min()
    {
        output.text.truncate(at);
    }
    limit(prompt, &mut output);
    output
}

fn text(prompt: &Prompt, rng: &mut Rng) -> String {
    match &prompt.format {
        Format::Schema(schema) => schema::value(schema, rng).to_string(),
        Format::AnyJson => json!({"answer": words(rng, 4)}).to_string(),
        Format::Text if prompt.model == Behaviour::Echo => prompt.said.clone(),
        Format::Text => sentence(rng, prompt.length),
    }
}

fn calls(prompt: &Prompt, rng: &mut Rng) -> Vec<ToolCall> {
    let wanted: Vec<&Tool> = match &prompt.choice {
        Choice::Named(name) => prompt.tools.iter().filter(|tool| tool.name == *name).take(1).collect(),
        Choice::Required => prompt.tools.iter().cycle().take(prompt.calls).collect(),
        Choice::Auto if prompt.model == Behaviour::Tools && !prompt.answers_tool => {
            prompt.tools.iter().cycle().take(prompt.calls).collect()
        }
        Choice::Forbidden | Choice::Auto => Vec::new(),
    };
    let call = |tool: &Tool| ToolCall {
        id: format!("call_{}", rng.hex(24)),
        name: tool.name.clone(),
        custom: tool.custom,
        arguments: if tool.custom { words(rng, 4) } else { schema::value(&tool.parameters, rng).to_string() },
    };
    wanted.into_iter().map(call).collect()
}

/// Shortens the answer to the limit: reasoning counts first, then the text, then the calls.
fn limit(prompt: &Prompt, output: &mut Output) {
    let Some(mut left) = prompt.limit else { return };
    let mut shortened = false;
    for text in [&mut output.thought, &mut output.text, &mut output.refusal] {
        shortened |= tokens::cut(text, left);
        left -= tokens::count(text).min(left);
    }
    for call in &mut output.calls {
        left = left.saturating_sub(tokens::count(&call.name));
        shortened |= tokens::cut(&mut call.arguments, left);
        left -= tokens::count(&call.arguments).min(left);
    }
    if shortened {
        output.ending = Ending::Length;
    }
}

const WORDS: &[&str] = &[
    "water", "gate", "canal", "river", "flows", "slowly", "under", "the", "old", "bridge", "and", "a", "keeper",
    "opens", "it", "at", "dawn", "while", "boats", "wait", "for", "level", "to", "rise", "until", "every", "lock",
    "is", "full", "again",
];

/// So many words.
pub(crate) fn words(rng: &mut Rng, count: usize) -> String {
    (0..count).filter_map(|_| rng.pick(WORDS).copied()).collect::<Vec<_>>().join(" ")
}

/// A text of exactly so many tokens.
fn sentence(rng: &mut Rng, length: u32) -> String {
    let bytes = usize::try_from(length).unwrap_or(usize::MAX).saturating_mul(4);
    let mut text = String::with_capacity(bytes + 8);
    while text.len() < bytes {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(rng.pick(WORDS).copied().unwrap_or("water"));
    }
    text.truncate(bytes);
    if text.ends_with(' ') {
        text.pop();
        text.push('.');
    }
    text
}

/// A generator for the text of one prompt: the same prompt under the same seeds gets the same text.
pub(crate) fn muse(seed: u64, asked: Option<i64>, said: &str, choice: u64) -> Rng {
    let asked = asked.map_or(0, |asked| u64::from_ne_bytes(asked.to_ne_bytes()));
    Rng::of(seed ^ rng::hash(said.as_bytes()) ^ asked.rotate_left(17), choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt() -> Prompt {
        Prompt { said: "abcdefgh ijkl".to_owned(), length: 8, calls: 1, ..Prompt::default() }
    }

    #[test]
    fn a_text_has_the_length_that_was_asked_for_and_repeats() {
        let write = |seed| write(&prompt(), &mut muse(seed, None, "hi", 0));
        assert_eq!(write(1).tokens(), 8);
        assert_eq!(write(1).text, write(1).text);
        assert_ne!(write(1).text, write(2).text);
    }

    #[test]
    fn a_text_goes_on_from_its_own_beginning_wherever_that_ends() {
        let write = |begun: &str, limit| {
            let prompt = Prompt { begun: begun.to_owned(), limit, ..prompt() };
            let output = write(&prompt, &mut muse(1, None, "hi", 0));
            (output.text, output.ending)
        };
        let (whole, _) = write("", None);
        for at in 0..=whole.len() {
            assert_eq!(write(&whole[..at], None), (whole[at..].to_owned(), Ending::Stop));
        }
        assert_eq!(
            write(&whole[..8], Some(2)),
            (whole[8..16].to_owned(), Ending::Length),
            "the limit is of what is new"
        );
        assert_eq!(write("Sure: ", None).0, whole);
    }

    #[test]
    fn echo_stops_and_limits_apply() {
        let echo = Prompt { model: Behaviour::of("sim/echo"), ..prompt() };
        let mut rng = Rng::of(0, 0);
        assert_eq!(write(&echo, &mut rng).text, echo.said);
        let stopped = write(&Prompt { stops: vec!["ij".to_owned()], ..echo.clone() }, &mut rng);
        assert_eq!((stopped.text.as_str(), stopped.ending), ("abcdefgh ", Ending::Stop));
        let limited = write(&Prompt { limit: Some(2), ..echo }, &mut rng);
        assert_eq!((limited.text.as_str(), limited.ending), ("abcdefgh", Ending::Length));
    }

    #[test]
    fn tools_are_called_when_wanted_and_not_after_their_results() {
        let tool = Tool { name: "f".to_owned(), custom: false, parameters: json!({"type": "object"}) };
        let with = Prompt { model: Behaviour::Tools, tools: vec![tool], ..prompt() };
        let mut rng = Rng::of(0, 0);
        assert_eq!(write(&with, &mut rng).ending, Ending::ToolCalls);
        assert!(write(&Prompt { answers_tool: true, ..with.clone() }, &mut rng).calls.is_empty());
        assert!(write(&Prompt { choice: Choice::Forbidden, ..with.clone() }, &mut rng).calls.is_empty());
        let named = Choice::Named("f".to_owned());
        assert_eq!(write(&Prompt { model: Behaviour::Chat, choice: named, ..with }, &mut rng).calls.len(), 1);
    }
}
