//! What completions, embeddings, moderations and batches take.

use super::Shape::{Bool, Either, Int, List, Map, Metadata, Number, Object, Tagged, Word};
use super::{COUNT, Field, Shape, TEXT, may, must};

const TOKENS: Shape = List(&COUNT, 1, usize::MAX);

/// Source: OpenAI, `CreateCompletionRequest`.
pub(crate) const COMPLETIONS: &[Field] = &[
    must("model", TEXT),
    must("prompt", Either(&[TEXT, List(&TEXT, 1, usize::MAX), TOKENS, List(&TOKENS, 1, usize::MAX)])),
    may("best_of", Int(0, 20)),
    may("echo", Bool),
    may("frequency_penalty", Number(-2.0, 2.0)),
    may("logit_bias", Map),
    may("logprobs", Int(0, 5)),
    may("max_tokens", COUNT),
    may("n", Int(1, 128)),
    may("presence_penalty", Number(-2.0, 2.0)),
    may("seed", Int(i64::MIN, i64::MAX)),
    may("stop", Either(&[TEXT, List(&TEXT, 1, 4)])),
    may("stream", Bool),
    may("stream_options", Object(&[may("include_usage", Bool), may("include_obfuscation", Bool)])),
    may("suffix", TEXT),
    may("temperature", Number(0.0, 2.0)),
    may("top_p", Number(0.0, 1.0)),
    may("user", TEXT),
];

/// Source: OpenAI, `CreateEmbeddingRequest`.
pub(crate) const EMBEDDINGS: &[Field] = &[
    must("model", TEXT),
    must("input", Either(&[TEXT, List(&TEXT, 1, 2048), List(&COUNT, 1, 2048), List(&TOKENS, 1, 2048)])),
    may("dimensions", Int(1, 8192)),
    may("encoding_format", Word(&["float", "base64"])),
    may("user", TEXT),
];

/// Source: OpenAI, `CreateModerationRequest`.
pub(crate) const MODERATIONS: &[Field] =
    &[must("input", Either(&[TEXT, List(&Either(&[TEXT, MODERATION_PART]), 1, usize::MAX)])), may("model", TEXT)];

const MODERATION_PART: Shape = Tagged(
    "type",
    &[
        ("text", &[must("type", TEXT), must("text", TEXT)]),
        ("image_url", &[must("type", TEXT), must("image_url", Object(&[must("url", TEXT)]))]),
    ],
);

/// Source: OpenAI, `CreateBatchRequest`.
pub(crate) const BATCHES: &[Field] = &[
    must("input_file_id", TEXT),
    must(
        "endpoint",
        Word(&[
            "/v1/responses",
            "/v1/chat/completions",
            "/v1/embeddings",
            "/v1/completions",
            "/v1/moderations",
            "/v1/images/generations",
            "/v1/images/edits",
            "/v1/videos",
        ]),
    ),
    must("completion_window", Word(&["24h"])),
    may("metadata", Metadata),
    may("output_expires_after", Object(&[must("anchor", Word(&["created_at"])), must("seconds", COUNT)])),
];
