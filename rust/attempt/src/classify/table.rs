//! The table: what each provider is known to send, where that was read, and when.
//!
//! `docs/failures.py` reads this file, so its rows keep one form.

use super::Signal;
use crate::{Blame, Class};
use By::{Mute, Opens, Says, Status, Word};

/// A class and who is to blame.
pub(super) type Verdict = (Class, Blame);

/// Too many in a while, by this credential of this model.
const LIMITED: Verdict = (Class::RateLimited, Blame::CredentialModel);
/// The account's money or quota is used up, for whatever model.
const SPENT: Verdict = (Class::QuotaSpent, Blame::Credential);
/// A day's or month's quota of this model is used up.
const SPENT_HERE: Verdict = (Class::QuotaSpent, Blame::CredentialModel);
/// This one call is larger than what is left or allowed; smaller ones pass, so nobody is set aside for it.
const OVER: Verdict = (Class::QuotaSpent, Blame::Nobody);
/// The credential is refused.
pub(super) const KEY: Verdict = (Class::Credential, Blame::Credential);
/// No such model, or not for this credential.
const MODEL: Verdict = (Class::ModelDenied, Blame::CredentialModel);
/// The provider has no capacity for this model.
const BUSY: Verdict = (Class::Overloaded, Blame::ProviderModel);
/// It failed, or the way to it did.
pub(super) const DOWN: Verdict = (Class::Unavailable, Blame::EndpointModel);
/// It took too long.
pub(super) const SLOW: Verdict = (Class::Timeout, Blame::EndpointModel);
/// The prompt is longer than the model's context.
const LONG: Verdict = (Class::ContextTooLong, Blame::Nobody);
/// The content was refused.
const FILTERED: Verdict = (Class::ContentFiltered, Blame::Nobody);
/// Worth one more try.
const WEAK: Verdict = (Class::Weak, Blame::EndpointModel);
/// The call is wrong, wherever it goes.
const INVALID: Verdict = (Class::Invalid, Blame::Nobody);
/// Nothing to do with the provider.
pub(super) const OURS: Verdict = (Class::Ours, Blame::Nobody);

/// What one source says of some providers.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "where a row comes from is for readers, and for the documentation"))]
pub(super) struct Page {
    /// Names in the catalogue; none: whoever sends it, an operator's own servers among them.
    pub(super) of: &'static [&'static str],
    /// Where it was read.
    pub(super) source: &'static str,
    /// The day of it: of a thread when it was written, of a page when it was read.
    pub(super) seen: &'static str,
    pub(super) rows: &'static [Row],
}

/// One thing that a provider sends.
#[derive(Debug)]
pub(super) struct Row {
    status: u16,
    by: By,
    verdict: Verdict,
}

/// How a failure is told. Letters count alike, large and small.
#[derive(Debug)]
pub(super) enum By {
    /// The code or the type is this word.
    Word(&'static str),
    /// The sentence begins so.
    Opens(&'static str),
    /// The sentence has this in it.
    Says(&'static str),
    /// The status alone.
    Status,
    /// The status, with no code, type or sentence that could be read: perhaps not the provider's own answer.
    Mute,
}

/// For a row that holds whatever the status.
pub(super) const ANY: u16 = 1;

/// For a row that holds only within a stream, where there is no status.
pub(super) const STREAM: u16 = 0;

/// How much of a sentence is looked at, in bytes.
const LOOKED_AT: usize = 1024;

impl Row {
    /// Whether this is what was sent. Within a stream the rows of every status count, but for those that would cost a
    /// credential by words within a sentence: there is no status then to say that nothing in it is quoted.
    pub(super) fn fits(&self, signal: &Signal<'_>) -> bool {
        let in_stream = signal.status == STREAM;
        if !in_stream && self.status != ANY && self.status != signal.status {
            return false;
        }
        match self.by {
            By::Word(word) => is_word(signal.code, word) || is_word(signal.kind, word),
            By::Opens(text) => opens(looked_at(signal.message), text),
            By::Says(_) if in_stream && self.costs_a_credential() => false,
            By::Says(text) => looked_at(signal.message).windows(text.len()).any(|window| opens(window, text)),
            By::Status => !in_stream,
            By::Mute => !in_stream && [signal.code, signal.kind, signal.message].iter().all(|text| text.is_empty()),
        }
    }

    pub(super) const fn verdict(&self) -> Verdict {
        self.verdict
    }

    const fn costs_a_credential(&self) -> bool {
        matches!(self.verdict.1, Blame::Credential | Blame::CredentialModel)
    }

    #[cfg(test)]
    pub(super) const fn status(&self) -> u16 {
        self.status
    }

    #[cfg(test)]
    pub(super) const fn by(&self) -> &By {
        &self.by
    }
}

/// Whether `text` is the word, without the namespace and the address that AWS puts around it.
fn is_word(text: &str, word: &str) -> bool {
    let text = text.rsplit('#').next().unwrap_or(text);
    text.split(':').next().unwrap_or(text).eq_ignore_ascii_case(word)
}

fn looked_at(message: &str) -> &[u8] {
    let bytes = message.as_bytes();
    bytes.get(..LOOKED_AT).unwrap_or(bytes)
}

fn opens(message: &[u8], text: &str) -> bool {
    message.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes()))
}

const fn on(status: u16, by: By, verdict: Verdict) -> Row {
    Row { status, by, verdict }
}

/// Every page; those of named providers stand before those of any.
pub(super) const TABLE: &[Page] = &[
    Page {
        of: &["openai", "azure_openai"],
        source: "https://github.com/openai/codex/issues/7250",
        seen: "2026-09-05",
        rows: &[on(400, Opens("Invalid prompt: your prompt was flagged"), FILTERED)],
    },
    Page {
        of: &["azure_openai"],
        source: "https://learn.microsoft.com/azure/foundry/openai/how-to/troubleshoot-errors",
        seen: "2026-11-21",
        rows: &[
            on(429, Says("high demand"), BUSY),
            on(429, Says("temporarily unable to process"), BUSY),
            on(403, Says("temporarily blocked"), KEY),
        ],
    },
    Page {
        of: &["azure_openai"],
        source: "https://github.com/Azure-Samples/azure-sql-db-chatbot/issues/3",
        seen: "2025-04-23",
        rows: &[on(403, Says("Virtual Network"), DOWN)],
    },
    Page {
        of: &["azure_openai"],
        source: "https://github.com/rashadphz/farfalle/issues/79",
        seen: "2024-07-29",
        rows: &[on(404, Word("DeploymentNotFound"), MODEL)],
    },
    Page {
        of: &["anthropic"],
        source: "https://platform.claude.com/docs/en/api/errors",
        seen: "2026-11-21",
        rows: &[
            on(429, Word("enforced_spend_limit_reached"), SPENT),
            on(429, Word("contract_spend_limit_reached"), SPENT),
            on(400, Opens("You have reached your specified"), SPENT),
        ],
    },
    Page {
        of: &["anthropic"],
        source: "https://github.com/anthropics/claude-code/issues/4207",
        seen: "2025-07-23",
        rows: &[on(400, Opens("Your credit balance is too low"), SPENT)],
    },
    Page {
        of: &["anthropic", "vertex", "bedrock"],
        source: "https://github.com/continuedev/continue/issues/6080",
        seen: "2025-06-11",
        rows: &[on(400, Says("exceed context limit"), LONG)],
    },
    Page {
        of: &["anthropic"],
        source: "https://github.com/anthropics/claude-code/issues/6368",
        seen: "2025-08-22",
        rows: &[on(413, Says("exceeds model context window"), LONG)],
    },
    Page {
        of: &["anthropic", "vertex", "bedrock"],
        source: "https://github.com/anthropics/claude-code/issues/28205",
        seen: "2026-02-24",
        rows: &[on(400, Says("blocked by content filtering policy"), FILTERED)],
    },
    Page {
        of: &["gemini"],
        source: "https://ai.google.dev/gemini-api/docs/troubleshooting",
        seen: "2026-11-21",
        rows: &[on(400, Opens("API key not valid"), KEY), on(400, Word("FAILED_PRECONDITION"), KEY)],
    },
    Page {
        of: &["gemini"],
        source: "https://github.com/continuedev/continue/issues/11336",
        seen: "2026-03-12",
        rows: &[on(400, Opens("API key expired"), KEY)],
    },
    Page {
        of: &["gemini"],
        source: "https://github.com/google-gemini/gemini-cli/issues/25198",
        seen: "2026-11-21",
        rows: &[on(400, Opens("API key not found"), KEY)],
    },
    Page {
        of: &["gemini"],
        source: "https://github.com/continuedev/continue/issues/11541",
        seen: "2026-03-17",
        rows: &[on(403, Opens("Your API key was reported as leaked"), KEY)],
    },
    Page {
        of: &["gemini"],
        source: "https://ai.google.dev/gemini-api/docs/api-errors",
        seen: "2026-11-21",
        rows: &[on(429, Word("quota_exceeded"), SPENT_HERE)],
    },
    Page {
        of: &["gemini", "vertex"],
        source: "https://github.com/google-gemini/gemini-cli/issues/4231",
        seen: "2025-07-15",
        rows: &[on(400, Says("exceeds the maximum number of tokens allowed"), LONG)],
    },
    Page {
        of: &["vertex"],
        source: "https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/api-errors",
        seen: "2026-11-21",
        rows: &[on(400, Word("FAILED_PRECONDITION"), MODEL)],
    },
    Page {
        of: &["vertex"],
        source: "https://docs.cloud.google.com/vertex-ai/generative-ai/docs/error-code-429",
        seen: "2026-11-21",
        rows: &[on(429, Opens("Resource exhausted"), BUSY)],
    },
    Page {
        of: &["bedrock"],
        source: "https://github.com/minorun365/agent-book/issues/29",
        seen: "2026-01-08",
        rows: &[on(429, Says("tokens per day"), SPENT_HERE)],
    },
    Page {
        of: &["bedrock"],
        source: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
        seen: "2026-11-21",
        rows: &[
            on(429, Word("ModelNotReadyException"), DOWN),
            on(429, Word("ThrottlingException"), LIMITED),
            on(400, Word("ServiceQuotaExceededException"), SPENT_HERE),
            on(404, Word("ResourceNotFoundException"), MODEL),
            on(408, Status, SLOW),
            on(424, Status, DOWN),
        ],
    },
    Page {
        of: &["bedrock"],
        source: "https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html",
        seen: "2026-11-21",
        rows: &[
            on(400, Word("IncompleteSignature"), KEY),
            on(403, Word("InvalidClientTokenId"), KEY),
            on(400, Word("NotAuthorized"), MODEL),
            on(404, Word("FTUFormNotFilled"), MODEL),
        ],
    },
    Page {
        of: &["bedrock"],
        source: "https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html",
        seen: "2026-11-21",
        rows: &[
            on(403, Word("UnrecognizedClientException"), KEY),
            on(403, Word("InvalidSignatureException"), KEY),
            on(403, Word("ExpiredTokenException"), KEY),
            on(403, Word("MissingAuthenticationTokenException"), KEY),
        ],
    },
    Page {
        of: &["bedrock"],
        source: "https://repost.aws/knowledge-center/bedrock-validation-exception-errors",
        seen: "2026-11-21",
        rows: &[
            on(400, Opens("The provided model identifier is invalid"), MODEL),
            on(400, Opens("Your AWS account is not authorized"), MODEL),
        ],
    },
    Page {
        of: &["bedrock"],
        source: "https://github.com/anthropics/claude-code/issues/1466",
        seen: "2025-06-03",
        rows: &[on(400, Opens("Invocation of model ID"), MODEL)],
    },
    Page {
        of: &["bedrock"],
        source: "https://github.com/aws-samples/assessment-generator/issues/2",
        seen: "2024-06-15",
        rows: &[on(400, Says("Input is too long for requested model"), LONG)],
    },
    Page {
        of: &["bedrock"],
        source: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html",
        seen: "2026-11-21",
        rows: &[on(STREAM, Word("ValidationException"), INVALID), on(STREAM, Word("ModelTimeoutException"), SLOW)],
    },
    Page {
        of: &["cohere"],
        source: "https://docs.cohere.com/errors-reference",
        seen: "2026-11-21",
        rows: &[
            on(400, Opens("too many tokens: total number of tokens"), LONG),
            on(400, Opens("too many tokens: size limit exceeded"), LONG),
        ],
    },
    Page {
        of: &["cohere"],
        source: "https://docs.cohere.com/reference/chat",
        seen: "2026-08-20",
        rows: &[on(498, Status, FILTERED)],
    },
    Page {
        of: &["mistral"],
        source: "https://docs.mistral.ai/resources/error-glossary",
        seen: "2026-11-21",
        rows: &[on(400, Word("unknown_model"), MODEL)],
    },
    Page {
        of: &["mistral"],
        source: "https://github.com/continuedev/continue/issues/6185",
        seen: "2025-06-18",
        rows: &[on(429, Opens("Service tier capacity exceeded"), BUSY)],
    },
    Page {
        of: &["mistral"],
        source: "https://portkey.ai/error-library/context-length-exceeded-error-13710000",
        seen: "2026-11-21",
        rows: &[on(400, Says("too large for model with"), LONG)],
    },
    Page {
        of: &["groq"],
        source: "https://console.groq.com/docs/errors",
        seen: "2026-11-21",
        rows: &[on(498, Status, BUSY)],
    },
    Page {
        of: &["groq"],
        source: "https://github.com/assafelovic/gpt-researcher/issues/985",
        seen: "2024-11-12",
        rows: &[on(413, Opens("Request too large for model"), OVER)],
    },
    Page {
        of: &["groq"],
        source: "https://kerlig.com/help/groq/troubleshooting",
        seen: "2026-11-21",
        rows: &[on(ANY, Word("organization_restricted"), KEY)],
    },
    Page {
        of: &["together"],
        source: "https://docs.together.ai/docs/error-codes",
        seen: "2026-11-21",
        rows: &[on(503, Status, BUSY), on(403, Says("context length"), LONG)],
    },
    Page {
        of: &["together"],
        source: "https://portkey.ai/error-library/input-validation-error-10151",
        seen: "2026-11-21",
        rows: &[
            on(400, Says("`max_new_tokens` must be <="), LONG),
            on(403, Says("`max_new_tokens` must be <="), LONG),
            on(422, Says("`max_new_tokens` must be <="), LONG),
        ],
    },
    Page {
        of: &["fireworks"],
        source: "https://github.com/pollinations/pollinations/issues/12136",
        seen: "2026-07-01",
        rows: &[on(412, Says("is suspended"), SPENT)],
    },
    Page {
        of: &["fireworks"],
        source: "https://docs.fireworks.ai/guides/inference-error-codes",
        seen: "2026-11-21",
        rows: &[on(412, Status, DOWN)],
    },
    Page {
        of: &["openrouter"],
        source: "https://openrouter.ai/docs/api/reference/errors-and-debugging",
        seen: "2026-11-21",
        rows: &[on(403, Says("requires moderation"), FILTERED)],
    },
    Page {
        of: &["openrouter"],
        source: "https://openrouter.ai/docs/client-sdks/python/components/apierrortype",
        seen: "2026-11-21",
        rows: &[
            on(ANY, Word("provider_overloaded"), BUSY),
            on(ANY, Word("payment_required"), SPENT),
            on(ANY, Word("token_limit_exceeded"), OVER),
            on(ANY, Word("refusal"), FILTERED),
            on(STREAM, Word("authentication"), KEY),
            on(STREAM, Word("permission_denied"), MODEL),
            on(STREAM, Word("invalid_request"), INVALID),
        ],
    },
    Page {
        of: &["openrouter"],
        source: "https://github.com/continuedev/continue/issues/11154",
        seen: "2026-03-07",
        rows: &[on(402, Says("fewer max_tokens"), OVER)],
    },
    Page {
        of: &["openrouter"],
        source: "https://github.com/RooCodeInc/Roo-Code/issues/515",
        seen: "2025-01-23",
        rows: &[on(403, Opens("Key limit exceeded"), SPENT)],
    },
    Page {
        of: &["openrouter"],
        source: "https://github.com/cline/cline/issues/5301",
        seen: "2025-08-02",
        rows: &[on(429, Says("free-models-per-day"), SPENT_HERE)],
    },
    Page {
        of: &["openrouter"],
        source: "https://github.com/vyancharuk/nodejs-api-boilerplate/issues/16",
        seen: "2025-05-06",
        rows: &[on(404, Opens("No endpoints"), MODEL)],
    },
    Page {
        of: &["deepseek"],
        source: "https://api-docs.deepseek.com/quick_start/error_codes",
        seen: "2026-11-21",
        rows: &[on(503, Status, BUSY)],
    },
    Page {
        of: &["deepseek"],
        source: "https://github.com/langbot-app/LangBot/issues/1643",
        seen: "2025-09-02",
        rows: &[on(400, Opens("Model Not Exist"), MODEL)],
    },
    Page {
        of: &["deepseek"],
        source: "https://github.com/666ghj/BettaFish/issues/691",
        seen: "2026-06-12",
        rows: &[on(400, Opens("Content Exists Risk"), FILTERED)],
    },
    Page {
        of: &["xai"],
        source: "https://github.com/continuedev/continue/issues/10778",
        seen: "2026-02-24",
        rows: &[on(400, Opens("Incorrect API key provided"), KEY)],
    },
    Page {
        of: &["xai"],
        source: "https://github.com/continuedev/continue/issues/10740",
        seen: "2026-02-23",
        rows: &[on(429, Says("used all available credits"), SPENT)],
    },
    Page {
        of: &["xai"],
        source: "https://github.com/Anantys-oss/koan/issues/2412",
        seen: "2026-07-16",
        rows: &[on(403, Says("used all available credits"), SPENT)],
    },
    Page {
        of: &["xai"],
        source: "https://github.com/Wei-Shaw/sub2api/issues/4069",
        seen: "2026-07-11",
        rows: &[on(403, Says("run out of credits"), SPENT)],
    },
    Page {
        of: &["xai"],
        source: "https://github.com/continuedev/continue/issues/12670",
        seen: "2026-06-16",
        rows: &[on(403, Says("doesn't have any credits"), SPENT)],
    },
    Page {
        of: &["xai"],
        source: "https://github.com/cline/cline/issues/3120",
        seen: "2025-04-25",
        rows: &[on(400, Says("maximum prompt length is"), LONG)],
    },
    Page {
        of: &["xai"],
        source: "https://github.com/GulLabs/any-llm",
        seen: "2026-11-21",
        rows: &[on(403, Says("violates usage guidelines"), FILTERED)],
    },
    Page {
        of: &["nvidia"],
        source: "https://github.com/tashfeenahmed/freellmapi/issues/522",
        seen: "2026-07-11",
        rows: &[on(400, Opens("Function id '"), DOWN), on(400, Opens("DEGRADED function"), DOWN)],
    },
    Page {
        of: &["nvidia"],
        source: "https://github.com/Alishahryar1/free-claude-code/issues/1021",
        seen: "2026-07-08",
        rows: &[on(404, Opens("Function '"), MODEL)],
    },
    Page {
        of: &["nvidia"],
        source: "https://github.com/dmMaze/BallonsTranslator/issues/1233",
        seen: "2026-07-03",
        rows: &[on(403, Opens("Authorization failed"), KEY)],
    },
    Page {
        of: &["ollama"],
        source: "https://github.com/valentinfrlch/ha-llmvision/issues/648",
        seen: "2026-05-29",
        rows: &[on(503, Opens("server busy"), BUSY)],
    },
    // Of any provider, from here on.
    Page {
        of: &[],
        source: "https://github.com/TheR1D/shell_gpt/issues/653",
        seen: "2024-12-10",
        rows: &[on(429, Opens("Request too large for"), OVER)],
    },
    Page {
        of: &[],
        source: "https://developers.openai.com/api/docs/guides/error-codes",
        seen: "2026-11-21",
        rows: &[
            on(ANY, Word("insufficient_quota"), SPENT),
            on(ANY, Word("credit_balance_exhausted"), SPENT),
            on(ANY, Word("organization_spend_limit_exceeded"), SPENT),
            on(ANY, Word("project_spend_limit_exceeded"), SPENT),
            on(ANY, Word("organization_usage_limit_exceeded"), SPENT),
            on(ANY, Word("slow_down"), LIMITED),
            on(ANY, Word("rate_limit_exceeded"), LIMITED),
            on(ANY, Word("server_is_overloaded"), BUSY),
            on(ANY, Word("unsupported_country_region_territory"), DOWN),
            on(ANY, Word("invalid_api_key"), KEY),
            on(ANY, Word("model_not_found"), MODEL),
            on(ANY, Word("context_length_exceeded"), LONG),
            on(ANY, Word("content_filter"), FILTERED),
            on(ANY, Word("content_policy_violation"), FILTERED),
        ],
    },
    Page {
        of: &[],
        source: "https://github.com/dfinke/PowerShellAI/issues/127",
        seen: "2023-05-02",
        rows: &[on(400, Word("billing_hard_limit_reached"), SPENT)],
    },
    Page {
        of: &[],
        source: "https://github.com/openai/openai-python/blob/main/src/openai/types/responses/response_error.py",
        seen: "2026-11-21",
        rows: &[
            on(ANY, Word("bio_policy"), FILTERED),
            on(ANY, Word("misalignment_policy_violation"), FILTERED),
            on(ANY, Word("image_content_policy_violation"), FILTERED),
            on(STREAM, Word("invalid_prompt"), INVALID),
            on(STREAM, Word("data_residency_mismatch"), INVALID),
            on(STREAM, Word("invalid_image"), INVALID),
            on(STREAM, Word("invalid_image_format"), INVALID),
            on(STREAM, Word("invalid_base64_image"), INVALID),
            on(STREAM, Word("invalid_image_url"), INVALID),
            on(STREAM, Word("invalid_image_mode"), INVALID),
            on(STREAM, Word("image_too_large"), INVALID),
            on(STREAM, Word("image_too_small"), INVALID),
            on(STREAM, Word("image_parse_error"), INVALID),
            on(STREAM, Word("image_file_too_large"), INVALID),
            on(STREAM, Word("image_file_not_found"), INVALID),
            on(STREAM, Word("empty_image_file"), INVALID),
            on(STREAM, Word("failed_to_download_image"), INVALID),
            on(STREAM, Word("unsupported_image_media_type"), INVALID),
        ],
    },
    Page {
        of: &[],
        source: "https://github.com/evalstate/fast-agent/issues/621",
        seen: "2026-01-19",
        rows: &[on(400, Says("maximum context length"), LONG)],
    },
    Page {
        of: &[],
        source: "https://github.com/harbor-framework/harbor/pull/996",
        seen: "2026-03-04",
        rows: &[on(400, Says("context length is only"), LONG)],
    },
    Page {
        of: &[],
        source: "https://github.com/daisuke-awaji/moca/issues/254",
        seen: "2026-03-09",
        rows: &[on(400, Says("prompt is too long"), LONG)],
    },
    Page {
        of: &[],
        source: "https://github.com/nano-step/nano-brain/issues/208",
        seen: "2026-05-30",
        rows: &[on(400, Says("exceeds the context length"), LONG)],
    },
    Page {
        of: &[],
        source: "https://github.com/ggml-org/llama.cpp/issues/19774",
        seen: "2026-02-21",
        rows: &[on(ANY, Word("exceed_context_size_error"), LONG)],
    },
    Page {
        of: &[],
        source: "https://github.com/continuedev/continue/issues/11567",
        seen: "2026-03-17",
        rows: &[on(404, Opens("The model "), MODEL)],
    },
    Page {
        of: &[],
        source: "https://github.com/MaartenGr/BERTopic/issues/1864",
        seen: "2024-03-11",
        rows: &[on(404, Opens("model "), MODEL)],
    },
    Page {
        of: &[],
        source: "https://github.com/wwardaww/gnome-gemini-ai/issues/21",
        seen: "2025-03-06",
        rows: &[on(404, Opens("models/"), MODEL)],
    },
    Page {
        of: &[],
        source: "https://github.com/anthropics/anthropic-sdk-typescript/issues/616",
        seen: "2024-11-22",
        rows: &[on(ANY, Word("overloaded_error"), BUSY)],
    },
    Page {
        of: &[],
        source: "https://github.com/ollama/ollama/issues/15934",
        seen: "2026-05-02",
        rows: &[on(503, Says("overloaded"), BUSY)],
    },
    Page {
        of: &[],
        source: "https://github.com/google-gemini/gemini-cli/issues/23520",
        seen: "2026-03-23",
        rows: &[on(503, Says("capacity"), BUSY)],
    },
    Page {
        of: &[],
        source: "https://platform.claude.com/docs/en/api/errors",
        seen: "2026-11-21",
        rows: &[
            on(404, Opens("model: "), MODEL),
            on(STREAM, Word("rate_limit_error"), LIMITED),
            on(STREAM, Word("billing_error"), SPENT),
            on(STREAM, Word("authentication_error"), KEY),
            on(STREAM, Word("permission_error"), MODEL),
            on(STREAM, Word("timeout_error"), SLOW),
            on(STREAM, Word("not_found_error"), INVALID),
            on(STREAM, Word("request_too_large"), INVALID),
            on(STREAM, Word("invalid_request_error"), INVALID),
        ],
    },
    Page { of: &[], source: "", seen: "2026-11-21", rows: &[on(403, Mute, DOWN)] },
];

/// What a range of statuses means where no row knows more.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) verdict: Verdict,
}

const fn span(first: u16, last: u16, verdict: Verdict) -> Span {
    Span { first, last, verdict }
}

/// The first span with the status in it counts. What is in none of them is not an answer that a provider should give,
/// and counts as a failure.
pub(super) const BY_STATUS: &[Span] = &[
    span(300, 399, INVALID),
    span(401, 401, KEY),
    span(402, 402, SPENT),
    span(403, 403, MODEL),
    span(408, 408, WEAK),
    span(409, 409, WEAK),
    span(429, 429, LIMITED),
    span(499, 499, WEAK),
    span(400, 499, INVALID),
    span(501, 501, INVALID),
    span(529, 529, BUSY),
    span(500, 599, DOWN),
];
