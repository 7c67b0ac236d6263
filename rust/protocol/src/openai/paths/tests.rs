#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use super::*;
use proptest::prelude::*;

fn found(method: &str, path: &str) -> &'static Endpoint {
    match find(method.as_bytes(), path.as_bytes()) {
        Lookup::Found(endpoint) => endpoint,
        other @ (Lookup::WrongMethod { .. } | Lookup::Unknown) => panic!("{method} {path}: {other:?}"),
    }
}

fn is_unknown(path: &str) -> bool {
    find(b"GET", path.as_bytes()) == Lookup::Unknown && find(b"POST", path.as_bytes()) == Lookup::Unknown
}

/// The calls of the official library: method, path.
fn calls_of_the_library() -> Vec<(&'static str, &'static str)> {
    let lines = include_str!("sdk_paths.txt").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap()).collect()
}

fn is_refused(path: &str) -> bool {
    REFUSED.iter().any(|refused| format!("{path}/").starts_with(&format!("/{refused}/")))
}

#[test]
fn every_call_of_the_official_library_is_in_the_table_or_refused_on_purpose() {
    let calls = calls_of_the_library();
    assert!(calls.len() > 350, "{} calls", calls.len());
    for (method, path) in calls {
        let real = format!("/v1{}", path.replace("{}", "id_1"));
        if is_refused(path) {
            assert!(is_unknown(&real), "{real}");
            assert!(why_unknown(real.as_bytes()).contains("not offered"), "{real}");
        } else {
            assert_eq!(format!("/{}", found(method, &real).path), path, "a row before it shadows it");
        }
    }
}

#[test]
fn every_row_is_a_call_of_the_official_library_and_none_is_there_twice() {
    let mut calls = calls_of_the_library();
    calls.sort_unstable();
    let families: std::collections::BTreeSet<&str> =
        calls.iter().map(|(_, path)| path.split('/').nth(1).unwrap()).collect();
    let rows: Vec<&Endpoint> = families.iter().flat_map(|family| table::family(family)).collect();
    let mut seen = std::collections::HashSet::new();
    for row in rows {
        let method = match row.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        };
        let path = format!("/{}", row.path);
        assert!(calls.binary_search(&(method, &path)).is_ok(), "{method} {path}");
        assert!(seen.insert((method, row.path)), "{method} {path} is there twice");
        assert!(row.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", row.name);
        assert!(row.model == ModelAt::None || row.method == Method::Post, "{path}");
        assert!(!row.model_optional || row.model != ModelAt::None, "{path}");
    }
}

#[test]
fn calls_that_name_a_model_say_where() {
    for (path, model, optional, usage) in [
        ("chat/completions", ModelAt::Json, false, UsageAt::PromptCompletion),
        ("completions", ModelAt::Json, false, UsageAt::PromptCompletion),
        ("embeddings", ModelAt::Json, false, UsageAt::PromptCompletion),
        ("responses", ModelAt::Json, true, UsageAt::InputOutput),
        ("responses/compact", ModelAt::Json, true, UsageAt::InputOutput),
        ("responses/input_tokens", ModelAt::Json, true, UsageAt::Nowhere),
        ("moderations", ModelAt::Json, true, UsageAt::Nowhere),
        ("images/generations", ModelAt::Json, true, UsageAt::InputOutput),
        ("images/edits", ModelAt::Either, true, UsageAt::InputOutput),
        ("images/variations", ModelAt::Multipart, true, UsageAt::Nowhere),
        ("audio/speech", ModelAt::Json, false, UsageAt::InputOutput),
        ("audio/transcriptions", ModelAt::Multipart, false, UsageAt::InputOutput),
        ("audio/translations", ModelAt::Multipart, false, UsageAt::Nowhere),
        ("files", ModelAt::None, false, UsageAt::Nowhere),
    ] {
        let endpoint = found("POST", &format!("/v1/{path}"));
        assert_eq!((endpoint.model, endpoint.model_optional, endpoint.usage), (model, optional, usage), "{path}");
    }
}

#[test]
fn calls_that_stream_say_how() {
    for (method, path, streams) in [
        ("POST", "chat/completions", Streams::Chat),
        ("POST", "completions", Streams::Chat),
        ("POST", "threads/thread_1/runs", Streams::Chat),
        ("POST", "responses", Streams::Responses),
        ("GET", "responses/resp_1?stream=true", Streams::Responses),
        ("POST", "images/edits", Streams::Typed { ends: &["image_edit.completed"] }),
        ("POST", "embeddings", Streams::Never),
    ] {
        assert_eq!(found(method, &format!("/v1/{path}")).streams, streams, "{path}");
    }
}

#[test]
fn a_wrong_method_is_told_which_are_right() {
    for (path, allow) in [
        ("/v1/chat/completions", "GET, HEAD, POST, OPTIONS"),
        ("/v1/embeddings", "POST, OPTIONS"),
        ("/v1/files/f", "GET, HEAD, DELETE, OPTIONS"),
        ("/v1/vector_stores/v", "GET, HEAD, POST, DELETE, OPTIONS"),
        ("/v1/models/gpt", "DELETE, OPTIONS"),
        ("/v1/models", "GET, HEAD, OPTIONS"),
    ] {
        for method in ["PATCH", "OPTIONS", "get", ""] {
            assert_eq!(find(method.as_bytes(), path.as_bytes()), Lookup::WrongMethod { allow }, "{method} {path}");
        }
    }
    assert_eq!(found("HEAD", "/v1/models").answer, Answer::ModelsList);
}

#[test]
fn paths_that_could_be_read_as_others_are_unknown() {
    for path in [
        "/v1/files/a%2fb",
        "/v1/files/a%2F..",
        "/v1/files/%2e%2e",
        "/v1/files/..",
        "/v1/files/.",
        "/v1/files//content",
        "/v1//files",
        "//v1/files",
        "/v1/files/",
        "/v1/files;a=b",
        "/v1/files/a;b",
        "/v1/files/a%3bb",
        "/v1/files/a%5cb",
        "/v1/files/a\\b",
        "/v1/files/a%00",
        "/v1/files/a%",
        "/v1/files/a%4",
        "/v1/files/a%zz",
        "/v1/files/a%252f",
        "/v1/files/a b",
        "/v1/files/a#b",
        "/v1/files/%ff",
        "/v1/files/a/b/c",
        "/v1/Files",
        "/v1",
        "/v1/",
        "/",
        "",
        "*",
        "/v1/models/",
        "/v1/chat",
        "/v2/files",
    ] {
        assert!(is_unknown(path), "{path}");
    }
    assert!(matches!(find(b"GET", b"/v1/files/a.%20b:c@d~%C3%A9"), Lookup::Found(_)));
}

#[test]
fn an_unknown_path_is_explained() {
    for (path, part) in [
        ("/chat/completions", "end in `/v1`"),
        ("/v1/v1/chat/completions", "twice"),
        ("/v1/files/../x", "dot segment"),
        ("/v1/organization/users?limit=2", "not offered"),
        ("/v1/projects", "not offered"),
        ("/v1/organizations", "no such path"),
        ("/v1/chat/completion", "no such path"),
    ] {
        assert!(why_unknown(path.as_bytes()).contains(part), "{path}");
    }
}

#[test]
fn a_model_may_be_asked_for_by_any_name_that_models_have() {
    for (path, id) in [
        ("/v1/models/gpt-6", "gpt-6"),
        ("/v1/models/meta/llama-5", "meta/llama-5"),
        ("/v1/models/meta%2Fllama-5?x=1", "meta/llama-5"),
        ("/v1/models/ft:gpt:org::x", "ft:gpt:org::x"),
        ("/v1/models/sch%C3%B6n%20", "sch\u{f6}n "),
    ] {
        assert_eq!(model_id(path.as_bytes()).as_deref(), Some(id));
        assert_eq!(found("GET", path).answer, Answer::Model);
    }
    for path in [
        "/v1/models",
        "/v1/models/",
        "/v1/models/a//b",
        "/v1/models/../a",
        "/v1/models/%2e%2e",
        "/v1/models/%0a",
        "/v1/models/%f",
    ] {
        assert_eq!(model_id(path.as_bytes()), None, "{path}");
    }
    assert_eq!(find(b"DELETE", b"/v1/models/meta%2Fllama"), Lookup::Unknown, "this one goes to a provider");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn any_bytes_are_looked_up_without_harm(path in prop::collection::vec(any::<u8>(), 0..40), tail in "[a-z/%.0-9;]{0,20}") {
        find(b"GET", &path);
        let tail = format!("/v1/files/{tail}");
        if let Lookup::Found(endpoint) = find(b"GET", tail.as_bytes()) {
            prop_assert_eq!(endpoint.path.split('/').count(), tail.split('/').count() - 2);
            prop_assert!(!tail.contains("..") || tail.split('/').all(|segment| segment != ".."));
        }
        why_unknown(&path);
    }
}
