//! Why a model stopped.

use super::look;

/// Why a model stopped, as its stream says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Finish {
    /// It has not said that it has.
    #[default]
    None,
    /// It was at its end.
    Stop,
    /// It had said as much as it may.
    Length,
    /// It wants tools to be called.
    ToolCalls,
    /// A filter of the provider stopped it.
    ContentFilter,
    /// For a reason that only some providers know.
    Other,
}

impl Finish {
    /// What an event of [`Streams::Chat`](crate::openai::paths::Streams::Chat) says; of several choices, the first that
    /// says something.
    pub(super) fn of_chat(data: &[u8]) -> Self {
        match look::finish_reason(data) {
            None => Self::None,
            Some(b"stop") => Self::Stop,
            Some(b"length") => Self::Length,
            Some(b"tool_calls" | b"function_call") => Self::ToolCalls,
            Some(b"content_filter") => Self::ContentFilter,
            Some(_) => Self::Other,
        }
    }

    /// What `response.incomplete` says.
    pub(super) fn of_incomplete(data: &[u8]) -> Self {
        match look::text_in(data, b"incomplete_details", b"reason") {
            b"max_output_tokens" => Self::Length,
            b"content_filter" => Self::ContentFilter,
            _ => Self::Other,
        }
    }
}
