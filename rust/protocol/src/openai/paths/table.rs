//! The rows, by the first segment of their paths. Source: the openai Python library 3.52.0, whose calls are listed in
//! `sdk_paths.txt` and compared with this table by a test.
//!
//! Calls that make something the provider keeps under a model's name (assistants, agents, fine-tuning, evaluations,
//! voices) name no model as far as routing goes: what is kept can be used at that provider only, and the calls that use
//! it go to the provider of `passthrough`.

use super::{Answer, Endpoint, Method, ModelAt, Streams, UsageAt};

/// The row of a `POST` that most callers make, by its path.
pub(super) fn common(path: &[u8]) -> Option<&'static Endpoint> {
    [CHAT, RESPONSES, COMPLETIONS, EMBEDDINGS]
        .into_iter()
        .filter_map(|family| family.first())
        .find(|row| row.path.as_bytes() == path)
}

/// The rows whose paths begin like `path`, which follows `/v1/`.
pub(super) fn family(path: &str) -> &'static [Endpoint] {
    match path.split('/').next().unwrap_or_default() {
        "chat" => CHAT,
        "responses" => RESPONSES,
        "completions" => COMPLETIONS,
        "embeddings" => EMBEDDINGS,
        "models" => MODELS,
        "images" => IMAGES,
        "audio" => AUDIO,
        "moderations" => MODERATIONS,
        "decisions" => DECISIONS,
        "videos" => VIDEOS,
        "files" => FILES,
        "batches" => BATCHES,
        "uploads" => UPLOADS,
        "vector_stores" => VECTOR_STORES,
        "conversations" => CONVERSATIONS,
        "fine_tuning" => FINE_TUNING,
        "evals" => EVALS,
        "containers" => CONTAINERS,
        "skills" => SKILLS,
        "threads" => THREADS,
        "assistants" => ASSISTANTS,
        "agents" => AGENTS,
        "vaults" => VAULTS,
        "chatkit" => CHATKIT,
        "realtime" => REALTIME,
        "live" => LIVE,
        "safety" => SAFETY,
        "content_provenance_checks" => CONTENT_PROVENANCE_CHECKS,
        _ => &[],
    }
}

/// A stream of named events, ended by one of `ends`.
const fn ends(ends: &'static [&'static str]) -> Streams {
    Streams::Typed { ends }
}

/// Rows of calls that name no model: a name, then methods and paths.
macro_rules! plain {
    ($name:literal: $($method:ident $path:literal),+ $(,)?) => {
        &[$(Endpoint::plain($name, Method::$method, $path)),+]
    };
}

/// `GET models/{}`: found by [`super::model_id`], whose model may span segments.
pub(super) static MODEL: Endpoint = Endpoint::plain("models", Method::Get, "models/{}").ours(Answer::Model);

static CHAT: &[Endpoint] = &[
    Endpoint::call("chat_completions", "chat/completions", ModelAt::Json, UsageAt::PromptCompletion)
        .streams(Streams::Chat),
    Endpoint::plain("chat_stored", Method::Get, "chat/completions"),
    Endpoint::plain("chat_stored", Method::Delete, "chat/completions/{}"),
    Endpoint::plain("chat_stored", Method::Get, "chat/completions/{}"),
    Endpoint::plain("chat_stored", Method::Post, "chat/completions/{}"),
    Endpoint::plain("chat_stored", Method::Get, "chat/completions/{}/messages"),
];

static RESPONSES: &[Endpoint] = &[
    Endpoint::call("responses", "responses", ModelAt::Json, UsageAt::InputOutput)
        .optional()
        .streams(Streams::Responses),
    Endpoint::call("responses_compact", "responses/compact", ModelAt::Json, UsageAt::InputOutput).optional(),
    Endpoint::call("responses_input_tokens", "responses/input_tokens", ModelAt::Json, UsageAt::Nowhere).optional(),
    Endpoint::plain("responses_stored", Method::Get, "responses/{}").streams(Streams::Responses),
    Endpoint::plain("responses_stored", Method::Delete, "responses/{}"),
    Endpoint::plain("responses_stored", Method::Post, "responses/{}/cancel"),
    Endpoint::plain("responses_stored", Method::Get, "responses/{}/input_items"),
];

static COMPLETIONS: &[Endpoint] =
    &[Endpoint::call("completions", "completions", ModelAt::Json, UsageAt::PromptCompletion).streams(Streams::Chat)];

static EMBEDDINGS: &[Endpoint] =
    &[Endpoint::call("embeddings", "embeddings", ModelAt::Json, UsageAt::PromptCompletion)];

static MODELS: &[Endpoint] = &[
    Endpoint::plain("models", Method::Get, "models").ours(Answer::ModelsList),
    Endpoint::plain("models", Method::Delete, "models/{}"),
];

static IMAGES: &[Endpoint] = &[
    Endpoint::call("images_edits", "images/edits", ModelAt::Either, UsageAt::InputOutput)
        .optional()
        .streams(ends(&["image_edit.completed"])),
    Endpoint::call("images_variations", "images/variations", ModelAt::Multipart, UsageAt::Nowhere).optional(),
    Endpoint::call("images_generations", "images/generations", ModelAt::Json, UsageAt::InputOutput)
        .optional()
        .streams(ends(&["image_generation.completed"])),
];

static AUDIO: &[Endpoint] = &[
    Endpoint::call("audio_speech", "audio/speech", ModelAt::Json, UsageAt::InputOutput)
        .streams(ends(&["speech.audio.done"])),
    Endpoint::call("audio_translations", "audio/translations", ModelAt::Multipart, UsageAt::Nowhere),
    Endpoint::call("audio_transcriptions", "audio/transcriptions", ModelAt::Multipart, UsageAt::InputOutput)
        .streams(ends(&["transcript.text.done"])),
    Endpoint::plain("audio_voices", Method::Get, "audio/voice_consents"),
    Endpoint::plain("audio_voices", Method::Post, "audio/voice_consents"),
    Endpoint::plain("audio_voices", Method::Delete, "audio/voice_consents/{}"),
    Endpoint::plain("audio_voices", Method::Get, "audio/voice_consents/{}"),
    Endpoint::plain("audio_voices", Method::Post, "audio/voice_consents/{}"),
    Endpoint::plain("audio_voices", Method::Post, "audio/voices"),
    Endpoint::plain("audio_voices", Method::Delete, "audio/voices/{}"),
];

static MODERATIONS: &[Endpoint] =
    &[Endpoint::call("moderations", "moderations", ModelAt::Json, UsageAt::Nowhere).optional()];

static DECISIONS: &[Endpoint] = &[Endpoint::call("decisions", "decisions", ModelAt::Json, UsageAt::InputOutput)];

static VIDEOS: &[Endpoint] = &[
    Endpoint::call("videos_create", "videos", ModelAt::Either, UsageAt::Nowhere).optional(),
    Endpoint::plain("videos", Method::Get, "videos"),
    Endpoint::plain("videos", Method::Post, "videos/characters"),
    Endpoint::plain("videos", Method::Get, "videos/characters/{}"),
    Endpoint::plain("videos", Method::Post, "videos/edits"),
    Endpoint::plain("videos", Method::Post, "videos/extensions"),
    Endpoint::plain("videos", Method::Delete, "videos/{}"),
    Endpoint::plain("videos", Method::Get, "videos/{}"),
    Endpoint::plain("videos", Method::Get, "videos/{}/content"),
    Endpoint::plain("videos", Method::Post, "videos/{}/remix"),
];

static FILES: &[Endpoint] = plain!["files":
    Get "files",
    Post "files",
    Delete "files/{}",
    Get "files/{}",
    Get "files/{}/content",
];

static BATCHES: &[Endpoint] = plain!["batches":
    Get "batches",
    Post "batches",
    Get "batches/{}",
    Post "batches/{}/cancel",
];

static UPLOADS: &[Endpoint] = plain!["uploads":
    Post "uploads",
    Post "uploads/{}/cancel",
    Post "uploads/{}/complete",
    Post "uploads/{}/parts",
];

static VECTOR_STORES: &[Endpoint] = plain!["vector_stores":
    Get "vector_stores",
    Post "vector_stores",
    Delete "vector_stores/{}",
    Get "vector_stores/{}",
    Post "vector_stores/{}",
    Post "vector_stores/{}/file_batches",
    Get "vector_stores/{}/file_batches/{}",
    Post "vector_stores/{}/file_batches/{}/cancel",
    Get "vector_stores/{}/file_batches/{}/files",
    Get "vector_stores/{}/files",
    Post "vector_stores/{}/files",
    Delete "vector_stores/{}/files/{}",
    Get "vector_stores/{}/files/{}",
    Post "vector_stores/{}/files/{}",
    Get "vector_stores/{}/files/{}/content",
    Post "vector_stores/{}/search",
];

static CONVERSATIONS: &[Endpoint] = plain!["conversations":
    Post "conversations",
    Delete "conversations/{}",
    Get "conversations/{}",
    Post "conversations/{}",
    Get "conversations/{}/items",
    Post "conversations/{}/items",
    Delete "conversations/{}/items/{}",
    Get "conversations/{}/items/{}",
];

static FINE_TUNING: &[Endpoint] = plain!["fine_tuning":
    Post "fine_tuning/alpha/graders/run",
    Post "fine_tuning/alpha/graders/validate",
    Get "fine_tuning/checkpoints/{}/permissions",
    Post "fine_tuning/checkpoints/{}/permissions",
    Delete "fine_tuning/checkpoints/{}/permissions/{}",
    Get "fine_tuning/jobs",
    Post "fine_tuning/jobs",
    Get "fine_tuning/jobs/{}",
    Post "fine_tuning/jobs/{}/cancel",
    Get "fine_tuning/jobs/{}/checkpoints",
    Get "fine_tuning/jobs/{}/events",
    Post "fine_tuning/jobs/{}/pause",
    Post "fine_tuning/jobs/{}/resume",
];

static EVALS: &[Endpoint] = plain!["evals":
    Get "evals",
    Post "evals",
    Delete "evals/{}",
    Get "evals/{}",
    Post "evals/{}",
    Get "evals/{}/runs",
    Post "evals/{}/runs",
    Delete "evals/{}/runs/{}",
    Get "evals/{}/runs/{}",
    Post "evals/{}/runs/{}/cancel",
    Get "evals/{}/runs/{}/output_items",
    Get "evals/{}/runs/{}/output_items/{}",
];

static CONTAINERS: &[Endpoint] = plain!["containers":
    Get "containers",
    Post "containers",
    Delete "containers/{}",
    Get "containers/{}",
    Get "containers/{}/files",
    Post "containers/{}/files",
    Delete "containers/{}/files/{}",
    Get "containers/{}/files/{}",
    Get "containers/{}/files/{}/content",
];

static SKILLS: &[Endpoint] = plain!["skills":
    Get "skills",
    Post "skills",
    Delete "skills/{}",
    Get "skills/{}",
    Post "skills/{}",
    Get "skills/{}/content",
    Get "skills/{}/versions",
    Post "skills/{}/versions",
    Delete "skills/{}/versions/{}",
    Get "skills/{}/versions/{}",
    Get "skills/{}/versions/{}/content",
];

static THREADS: &[Endpoint] = &[
    Endpoint::plain("threads", Method::Post, "threads/runs").streams(Streams::Chat),
    Endpoint::plain("threads", Method::Post, "threads/{}/runs").streams(Streams::Chat),
    Endpoint::plain("threads", Method::Post, "threads/{}/runs/{}/submit_tool_outputs").streams(Streams::Chat),
    Endpoint::plain("threads", Method::Post, "threads"),
    Endpoint::plain("threads", Method::Delete, "threads/{}"),
    Endpoint::plain("threads", Method::Get, "threads/{}"),
    Endpoint::plain("threads", Method::Post, "threads/{}"),
    Endpoint::plain("threads", Method::Get, "threads/{}/messages"),
    Endpoint::plain("threads", Method::Post, "threads/{}/messages"),
    Endpoint::plain("threads", Method::Delete, "threads/{}/messages/{}"),
    Endpoint::plain("threads", Method::Get, "threads/{}/messages/{}"),
    Endpoint::plain("threads", Method::Post, "threads/{}/messages/{}"),
    Endpoint::plain("threads", Method::Get, "threads/{}/runs"),
    Endpoint::plain("threads", Method::Get, "threads/{}/runs/{}"),
    Endpoint::plain("threads", Method::Post, "threads/{}/runs/{}"),
    Endpoint::plain("threads", Method::Post, "threads/{}/runs/{}/cancel"),
    Endpoint::plain("threads", Method::Get, "threads/{}/runs/{}/steps"),
    Endpoint::plain("threads", Method::Get, "threads/{}/runs/{}/steps/{}"),
];

static ASSISTANTS: &[Endpoint] = plain!["assistants":
    Get "assistants",
    Post "assistants",
    Delete "assistants/{}",
    Get "assistants/{}",
    Post "assistants/{}",
];

static AGENTS: &[Endpoint] = &[
    Endpoint::plain("agents", Method::Post, "agents/sessions").streams(Streams::Framed),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}/events").streams(Streams::Framed),
    Endpoint::plain("agents", Method::Get, "agents"),
    Endpoint::plain("agents", Method::Post, "agents"),
    Endpoint::plain("agents", Method::Get, "agents/automations"),
    Endpoint::plain("agents", Method::Post, "agents/automations"),
    Endpoint::plain("agents", Method::Delete, "agents/automations/{}"),
    Endpoint::plain("agents", Method::Get, "agents/automations/{}"),
    Endpoint::plain("agents", Method::Post, "agents/automations/{}"),
    Endpoint::plain("agents", Method::Get, "agents/automations/{}/invocations"),
    Endpoint::plain("agents", Method::Post, "agents/automations/{}/invocations"),
    Endpoint::plain("agents", Method::Get, "agents/automations/{}/invocations/{}"),
    Endpoint::plain("agents", Method::Post, "agents/automations/{}/pause"),
    Endpoint::plain("agents", Method::Post, "agents/automations/{}/resume"),
    Endpoint::plain("agents", Method::Get, "agents/environments"),
    Endpoint::plain("agents", Method::Post, "agents/environments"),
    Endpoint::plain("agents", Method::Get, "agents/environments/templates"),
    Endpoint::plain("agents", Method::Post, "agents/environments/templates"),
    Endpoint::plain("agents", Method::Delete, "agents/environments/templates/{}"),
    Endpoint::plain("agents", Method::Get, "agents/environments/templates/{}"),
    Endpoint::plain("agents", Method::Post, "agents/environments/templates/{}"),
    Endpoint::plain("agents", Method::Get, "agents/environments/{}"),
    Endpoint::plain("agents", Method::Get, "agents/environments/{}/files"),
    Endpoint::plain("agents", Method::Post, "agents/environments/{}/files"),
    Endpoint::plain("agents", Method::Get, "agents/sessions"),
    Endpoint::plain("agents", Method::Delete, "agents/sessions/{}"),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}"),
    Endpoint::plain("agents", Method::Post, "agents/sessions/{}"),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}/artifacts"),
    Endpoint::plain("agents", Method::Delete, "agents/sessions/{}/artifacts/{}"),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}/artifacts/{}"),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}/artifacts/{}/content"),
    Endpoint::plain("agents", Method::Post, "agents/sessions/{}/events"),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}/items"),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}/subagents"),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}/subagents/{}"),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}/subagents/{}/items"),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}/subagents/{}/turns"),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}/subagents/{}/turns/{}"),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}/subagents/{}/turns/{}/items"),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}/traces"),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}/turns"),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}/turns/{}"),
    Endpoint::plain("agents", Method::Get, "agents/sessions/{}/turns/{}/items"),
    Endpoint::plain("agents", Method::Delete, "agents/{}"),
    Endpoint::plain("agents", Method::Get, "agents/{}"),
    Endpoint::plain("agents", Method::Post, "agents/{}"),
];

static VAULTS: &[Endpoint] = plain!["vaults":
    Get "vaults",
    Post "vaults",
    Delete "vaults/{}",
    Get "vaults/{}",
    Post "vaults/{}",
    Get "vaults/{}/credentials",
    Post "vaults/{}/credentials",
    Delete "vaults/{}/credentials/{}",
    Get "vaults/{}/credentials/{}",
    Post "vaults/{}/credentials/{}",
];

static CHATKIT: &[Endpoint] = plain!["chatkit":
    Get "chatkit/threads",
    Delete "chatkit/threads/{}",
    Get "chatkit/threads/{}",
    Get "chatkit/threads/{}/items",
];

static REALTIME: &[Endpoint] = plain!["realtime":
    Post "realtime/calls",
    Post "realtime/calls/{}/accept",
    Post "realtime/calls/{}/hangup",
    Post "realtime/calls/{}/refer",
    Post "realtime/calls/{}/reject",
];

static LIVE: &[Endpoint] = plain!["live":
    Post "live/sessions",
    Post "live/sessions/{}/accept",
    Get "live/sessions/{}/content",
    Post "live/sessions/{}/fork",
    Post "live/sessions/{}/hangup",
    Post "live/sessions/{}/refer",
    Post "live/sessions/{}/reject",
];

static SAFETY: &[Endpoint] = plain!["safety":
    Get "safety/alerts/{}",
    Get "safety/cases/{}",
];

static CONTENT_PROVENANCE_CHECKS: &[Endpoint] = plain!["content_provenance_checks":
    Post "content_provenance_checks",
];
