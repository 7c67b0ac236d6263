//! Errors as providers send them, from bytes to class: what was recorded by those who met them, and the examples of the
//! providers' own pages.

use attempt::classify::{Signal, of_answer, of_stream_error};
use attempt::{Blame, Class};
use protocol::openai::error;

/// Provider, status, body, class, blame.
type Case = (&'static str, u16, &'static str, Class, Blame);

fn check(cases: &[Case], look_up: fn(&Signal<'_>) -> (Class, Blame)) {
    for (provider, status, body, class, blame) in cases {
        let read = error::read(body.as_bytes());
        let (code, kind, message) = (&*read.code, &*read.kind, &*read.message);
        let signal = Signal { provider, status: *status, code, kind, message };
        assert_eq!(look_up(&signal), (*class, *blame), "{provider} {status} {body}");
    }
}

use Blame::{Credential as OfCredential, CredentialModel, EndpointModel, Nobody, ProviderModel};
use Class::{
    ContentFiltered, ContextTooLong, Credential, Invalid, ModelDenied, Overloaded, QuotaSpent, RateLimited, Unavailable,
};

#[test]
fn a_429_is_a_limit_a_spent_account_or_a_call_that_never_fits() {
    #[rustfmt::skip]
    check(&[
        ("openai", 429, r#"{"error":{"message":"Rate limit reached for requests per minute.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#, RateLimited, CredentialModel),
        ("openai", 429, r#"{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#, QuotaSpent, OfCredential),
        ("openai", 429, r#"{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","param":null,"code":null}}"#, QuotaSpent, OfCredential),
        ("openai", 429, r#"{"error":{"message":"The limit is reached.","type":"insufficient_quota","param":null,"code":"project_spend_limit_exceeded"}}"#, QuotaSpent, OfCredential),
        ("openai", 429, r#"{"error":{"message":"Request too large for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Requested 31538.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#, QuotaSpent, Nobody),
        ("groq", 413, r#"{"error":{"message":"Request too large for model `llama-3.1-70b-versatile` in organization `org_1` on tokens per minute (TPM): Limit 6000, Requested 14368","type":"tokens","code":"rate_limit_exceeded"}}"#, QuotaSpent, Nobody),
        ("azure_openai", 429, r#"{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation have exceeded the token rate limit."}}"#, RateLimited, CredentialModel),
        ("azure_openai", 429, r#"{"error":{"code":"429","message":"System is experiencing high demand."}}"#, Overloaded, ProviderModel),
        ("anthropic", 429, r#"{"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed the rate limit of your organization."}}"#, RateLimited, CredentialModel),
        ("anthropic", 429, r#"{"type":"error","error":{"type":"rate_limit_error","message":"The monthly spend limit of this organization is reached.","details":{"error_code":"enforced_spend_limit_reached"}}}"#, QuotaSpent, OfCredential),
        ("gemini", 429, r#"[{"error":{"code":429,"message":"You exceeded your current quota.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"37s"}]}}]"#, RateLimited, CredentialModel),
        ("vertex", 429, r#"[{"error":{"code":429,"message":"Resource exhausted. Please try again later.","status":"RESOURCE_EXHAUSTED"}}]"#, Overloaded, ProviderModel),
        ("vertex", 429, r#"{"error":{"code":429,"message":"Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_minute.","status":"RESOURCE_EXHAUSTED"}}"#, RateLimited, CredentialModel),
        ("bedrock", 429, r#"{"message":"Too many requests, please wait before trying again."}"#, RateLimited, CredentialModel),
        ("bedrock", 429, r#"{"message":"Too many tokens per day, please wait before trying again."}"#, QuotaSpent, CredentialModel),
        ("mistral", 429, r#"{"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300","raw_status_code":429}"#, RateLimited, CredentialModel),
        ("mistral", 429, r#"{"object":"error","message":"Service tier capacity exceeded for this model.","type":"invalid_request_error","param":null,"code":null}"#, Overloaded, ProviderModel),
        ("xai", 429, r#"{"code":"resource-exhausted","error":"Your team 1 has either used all available credits or reached its monthly spending limit. To continue making API requests, please purchase more credits."}"#, QuotaSpent, OfCredential),
        ("openrouter", 429, r#"{"error":{"message":"Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day","code":429}}"#, QuotaSpent, CredentialModel),
        ("nvidia", 429, r#"{"status":429,"title":"Too Many Requests"}"#, RateLimited, CredentialModel),
    ], of_answer);
}

#[test]
fn a_dead_credential_is_known_by_what_it_says_whatever_the_status() {
    #[rustfmt::skip]
    check(&[
        ("openai", 401, r#"{"error":{"message":"Incorrect API key provided.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#, Credential, OfCredential),
        ("gemini", 400, r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#, Credential, OfCredential),
        ("gemini", 403, r#"{"error":{"code":403,"message":"Your API key was reported as leaked. Please use another API key.","status":"PERMISSION_DENIED"}}"#, Credential, OfCredential),
        ("xai", 400, r#"{"code":"invalid-argument","error":"Incorrect API key provided: sk***YA. You can obtain an API key from https://console.x.ai."}"#, Credential, OfCredential),
        ("anthropic", 400, r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."}}"#, QuotaSpent, OfCredential),
        ("deepseek", 402, r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}"#, QuotaSpent, OfCredential),
        ("fireworks", 412, r#"{"error":{"message":"Account a is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices.","param":null,"code":"PRECONDITION_FAILED","type":"error"}}"#, QuotaSpent, OfCredential),
        ("together", 402, r#"{"id":"o","error":{"message":"Credit limit exceeded.","type":"credit_limit","param":null,"code":null}}"#, QuotaSpent, OfCredential),
        ("openrouter", 402, r#"{"error":{"message":"Insufficient credits. Add more using https://openrouter.ai/settings/credits","code":402,"metadata":{"limit_source":"openrouter_credits"}}}"#, QuotaSpent, OfCredential),
        ("openrouter", 402, r#"{"error":{"message":"This request requires more credits, or fewer max_tokens. You requested up to 4096 tokens, but can only afford 222.","code":402}}"#, QuotaSpent, Nobody),
        ("bedrock", 403, r#"{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"The security token included in the request is invalid."}"#, Credential, OfCredential),
        ("nvidia", 403, r#"{"status":403,"title":"Forbidden","detail":"Authorization failed"}"#, Credential, OfCredential),
    ], of_answer);
}

#[test]
fn a_model_that_is_not_there_is_told_from_a_call_that_is_wrong() {
    #[rustfmt::skip]
    check(&[
        ("openai", 404, r#"{"error":{"message":"The model `nope` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#, ModelDenied, CredentialModel),
        ("openai", 404, r#"{"error":{"message":"Response with id 'resp_1' not found.","type":"invalid_request_error","param":null,"code":null}}"#, Invalid, Nobody),
        ("openai", 400, r#"{"error":{"message":"Unsupported value: 'temperature' does not support 5 with this model.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}"#, Invalid, Nobody),
        ("vllm", 404, r#"{"object":"error","message":"The model `Qwen1.5-14B` does not exist.","type":"NotFoundError","param":null,"code":404}"#, ModelDenied, CredentialModel),
        ("", 404, r#"{"error":{"message":"The model `x` does not exist.","type":"NotFoundError","param":"model","code":404}}"#, ModelDenied, CredentialModel),
        ("ollama", 404, r#"{"error":{"message":"model \"x\" not found, try pulling it first","type":"api_error","param":null,"code":null}}"#, ModelDenied, CredentialModel),
        ("anthropic", 404, r#"{"type":"error","error":{"type":"not_found_error","message":"model: nope"}}"#, ModelDenied, CredentialModel),
        ("gemini", 404, r#"{"error":{"code":404,"message":"models/nope is not found for API version v1beta","status":"NOT_FOUND"}}"#, ModelDenied, CredentialModel),
        ("cohere", 404, r#"{"id":"2","message":"model 'nope' not found"}"#, ModelDenied, CredentialModel),
        ("deepseek", 400, r#"{"error":{"message":"Model Not Exist","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#, ModelDenied, CredentialModel),
        ("azure_openai", 404, r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#, ModelDenied, CredentialModel),
        ("openrouter", 404, r#"{"error":{"message":"No endpoints found for x/y:free.","code":404}}"#, ModelDenied, CredentialModel),
        ("nvidia", 404, r#"{"status":404,"title":"Not Found","detail":"Function '23d4f03a': Not found for account 'Q'"}"#, ModelDenied, CredentialModel),
        ("nvidia", 400, r#"{"status":400,"title":"Bad Request","detail":"Function id '87ea0ddc': DEGRADED function cannot be invoked"}"#, Unavailable, EndpointModel),
        ("bedrock", 403, r#"{"message":"You do not have access to the model with the specified model ID."}"#, ModelDenied, CredentialModel),
        ("bedrock", 424, r#"{"message":"The model returned an error.","originalStatusCode":500}"#, Unavailable, EndpointModel),
        ("mistral", 422, r#"{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs are not permitted"}]}"#, Invalid, Nobody),
        ("openai", 403, "<html><title>Attention Required!</title></html>", Unavailable, EndpointModel),
    ], of_answer);
}

#[test]
fn a_prompt_that_is_too_long_is_nobodys_fault() {
    #[rustfmt::skip]
    let bodies = [
        ("openai", 400, r#"{"error":{"message":"The input is longer than the context window of this model.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#),
        ("anthropic", 400, r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 207791 tokens > 200000 maximum"}}"#),
        ("anthropic", 400, r#"{"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000, decrease input length or `max_tokens` and try again"}}"#),
        ("anthropic", 413, r#"{"type":"error","error":{"type":"invalid_request_error","message":"Request size exceeds model context window"}}"#),
        ("gemini", 400, r#"{"error":{"code":400,"message":"The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#),
        ("bedrock", 400, r#"{"message":"Input is too long for requested model."}"#),
        ("bedrock", 400, r#"{"message":"The model returned the following errors: prompt is too long: 200049 tokens > 200000 maximum"}"#),
        ("cohere", 400, r#"{"message":"too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292."}"#),
        ("mistral", 400, r#"{"object":"error","message":"Prompt contains 66385 tokens, too large for model with 32768 maximum context length","type":"invalid_request_error","param":null,"code":null}"#),
        ("groq", 400, r#"{"error":{"message":"Please reduce the length of the messages or completion.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#),
        ("together", 400, r#"{"error":{"message":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 5013 `inputs` tokens and 128 `max_new_tokens`","type":"invalid_request_error"}}"#),
        ("openrouter", 400, r#"{"error":{"message":"This endpoint's maximum context length is 262000 tokens. However, you requested about 263390 tokens","code":400,"metadata":{"provider_name":null}}}"#),
        ("deepseek", 400, r#"{"error":{"message":"This model's maximum context length is 131072 tokens. However, you requested 131134 tokens","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#),
        ("xai", 400, r#"{"code":"invalid-argument","error":"This model's maximum prompt length is 131072 but the request contains 136973 tokens."}"#),
        ("vllm", 400, r#"{"error":{"message":"You passed 1015 input tokens and requested 10 output tokens. However, the model's context length is only 1024 tokens","type":"BadRequestError","param":"input_tokens","code":400}}"#),
        ("ollama", 400, r#"{"error":"the input length exceeds the context length"}"#),
        ("house", 400, r#"{"error":{"code":400,"message":"request (4390 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error"}}"#),
    ];
    let cases = bodies.map(|(provider, status, body)| (provider, status, body, ContextTooLong, Nobody));
    check(&cases, of_answer);
}

#[test]
fn refused_content_is_nobodys_fault() {
    #[rustfmt::skip]
    let bodies = [
        ("openai", 400, r#"{"error":{"message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy.","type":"invalid_request_error","param":null,"code":"invalid_prompt"}}"#),
        ("azure_openai", 400, r#"{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#),
        ("openai", 400, r#"{"error":{"message":"Your request was rejected by the safety system.","type":"image_generation_user_error","param":null,"code":"content_policy_violation"}}"#),
        ("anthropic", 400, r#"{"type":"error","error":{"details":null,"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}"#),
        ("openrouter", 403, r#"{"error":{"message":"a/b requires moderation on Azure. Your input was flagged for \"violence\".","code":403,"metadata":{"reasons":["violence"]}}}"#),
        ("deepseek", 400, r#"{"error":{"message":"Content Exists Risk","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#),
        ("xai", 403, r#"{"code":"permission-denied","error":"Content violates usage guidelines. Team: t, API key ID: k, Model: m, Failed check: SAFETY_CHECK_TYPE_BIO"}"#),
    ];
    let cases = bodies.map(|(provider, status, body)| (provider, status, body, ContentFiltered, Nobody));
    check(&cases, of_answer);
}

#[test]
fn a_provider_without_capacity_is_told_from_one_that_failed() {
    #[rustfmt::skip]
    check(&[
        ("anthropic", 529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, Overloaded, ProviderModel),
        ("openai", 503, r#"{"error":{"message":"The server is overloaded, try again later.","type":"server_error","param":null,"code":null}}"#, Overloaded, ProviderModel),
        ("openai", 503, r#"{"error":{"message":"The model is busy.","type":"service_unavailable_error","code":"server_is_overloaded"}}"#, Overloaded, ProviderModel),
        ("sim", 503, r#"{"error":{"message":"The server is overloaded, try again later.","type":"server_error","param":null,"code":"slow_down"}}"#, RateLimited, CredentialModel),
        ("openai", 500, r#"{"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":null}}"#, Unavailable, EndpointModel),
        ("gemini", 503, r#"{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}"#, Overloaded, ProviderModel),
        ("gemini", 503, r#"{"error":{"code":503,"message":"No capacity available for model x on the server","status":"UNAVAILABLE"}}"#, Overloaded, ProviderModel),
        ("deepseek", 503, "", Overloaded, ProviderModel),
        ("ollama", 503, r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#, Overloaded, ProviderModel),
        ("groq", 498, r#"{"error":{"message":"capacity_exceeded","type":"capacity"}}"#, Overloaded, ProviderModel),
        ("bedrock", 503, r#"{"message":"Bedrock is unable to process your request."}"#, Unavailable, EndpointModel),
        ("", 502, "<html><h1>502 Bad Gateway</h1></html>", Unavailable, EndpointModel),
    ], of_answer);
}

#[test]
fn errors_within_streams_are_told_as_well() {
    #[rustfmt::skip]
    check(&[
        ("openai", 200, r#"{"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":"server_error"}}"#, Unavailable, EndpointModel),
        ("openai", 200, r#"{"type":"error","sequence_number":2,"code":"server_error","message":"The server had an error.","param":null}"#, Unavailable, EndpointModel),
        ("openai", 200, r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow"}}}"#, RateLimited, CredentialModel),
        ("openai", 200, r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"invalid_image_url","message":"no"}}}"#, Invalid, Nobody),
        ("anthropic", 200, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}"#, Overloaded, ProviderModel),
        ("gemini", 200, r#"{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}"#, Overloaded, ProviderModel),
        ("openrouter", 200, r#"{"id":"g","error":{"code":502,"message":"Provider returned error"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#, Unavailable, EndpointModel),
        ("openrouter", 200, r#"{"error":{"code":429,"message":"x is temporarily rate-limited upstream"}}"#, RateLimited, CredentialModel),
        ("vllm", 200, r#"{"object":"error","message":"This model's maximum context length is 8192 tokens.","type":"BadRequestError","param":null,"code":400}"#, ContextTooLong, Nobody),
        ("bedrock", 200, r#"{"__type":"throttlingException","message":"m"}"#, RateLimited, CredentialModel),
    ], of_stream_error);
}
