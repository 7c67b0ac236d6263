//! What images, audio and files take. The fields of a form are checked as the JSON that they stand for: numbers and
//! booleans are read from their text, and a part with a file name is an object.

use super::Shape::{Any, Bool, Either, Int, List, Map, Number, Object, Text, Word};
use super::{COUNT, Field, Shape, TEXT, may, must};

const FILE: Shape = Map;

/// Source: OpenAI, `CreateImageRequest`.
pub(crate) const IMAGES: &[Field] = &[
    must("prompt", Text(32_000)),
    may("model", TEXT),
    may("background", Word(&["transparent", "opaque", "auto"])),
    may("moderation", Word(&["low", "auto"])),
    may("n", Int(1, 10)),
    may("output_compression", Int(0, 100)),
    may("output_format", Word(&["png", "jpeg", "webp"])),
    may("partial_images", Int(0, 3)),
    may("quality", Word(&["standard", "hd", "low", "medium", "high", "auto"])),
    may("response_format", Word(&["url", "b64_json"])),
    may("size", TEXT),
    may("stream", Bool),
    may("style", Word(&["vivid", "natural"])),
    may("user", TEXT),
];

/// Source: OpenAI, `CreateImageEditRequest`.
pub(crate) const IMAGE_EDITS: &[Field] = &[
    must("image", Either(&[FILE, List(&FILE, 1, 16)])),
    must("prompt", Text(32_000)),
    may("background", Word(&["transparent", "opaque", "auto"])),
    may("input_fidelity", Word(&["high", "low"])),
    may("mask", FILE),
    may("model", TEXT),
    may("n", Int(1, 10)),
    may("output_compression", Int(0, 100)),
    may("output_format", Word(&["png", "jpeg", "webp"])),
    may("partial_images", Int(0, 3)),
    may("quality", Word(&["standard", "low", "medium", "high", "auto"])),
    may("response_format", Word(&["url", "b64_json"])),
    may("size", TEXT),
    may("stream", Bool),
    may("user", TEXT),
];

/// Source: OpenAI, `CreateImageVariationRequest`.
pub(crate) const IMAGE_VARIATIONS: &[Field] = &[
    must("image", FILE),
    may("model", TEXT),
    may("n", Int(1, 10)),
    may("response_format", Word(&["url", "b64_json"])),
    may("size", TEXT),
    may("user", TEXT),
];

/// Source: OpenAI, `CreateSpeechRequest`.
pub(crate) const SPEECH: &[Field] = &[
    must("model", TEXT),
    must("input", Text(4096)),
    must("voice", Either(&[TEXT, Object(&[must("id", TEXT)])])),
    may("instructions", Text(4096)),
    may("response_format", Word(&["mp3", "opus", "aac", "flac", "wav", "pcm"])),
    may("speed", Number(0.25, 4.0)),
    may("stream_format", Word(&["sse", "audio"])),
];

/// Source: OpenAI, `CreateTranscriptionRequest`.
pub(crate) const TRANSCRIPTIONS: &[Field] = &[
    must("file", FILE),
    must("model", TEXT),
    may("chunking_strategy", Any),
    may("include", Any),
    may("keywords", Any),
    may("known_speaker_names", Any),
    may("known_speaker_references", Any),
    may("language", TEXT),
    may("languages", Any),
    may("prompt", TEXT),
    may("response_format", Word(&["json", "text", "srt", "verbose_json", "vtt", "diarized_json"])),
    may("stream", Bool),
    may("temperature", Number(0.0, 1.0)),
    may("timestamp_granularities", Any),
];

/// Source: OpenAI, `CreateFileRequest`.
pub(crate) const FILES: &[Field] = &[
    must("file", FILE),
    must("purpose", Word(&["assistants", "batch", "fine-tune", "vision", "user_data", "evals"])),
    may("expires_after", Object(&[must("anchor", TEXT), must("seconds", COUNT)])),
];
