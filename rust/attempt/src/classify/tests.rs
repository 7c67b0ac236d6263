#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::table::{ANY, By, Page, STREAM};
use super::*;

/// The providers that a policy can name without saying more.
const CATALOGUE: [&str; 20] = [
    "openai",
    "azure_openai",
    "anthropic",
    "gemini",
    "vertex",
    "bedrock",
    "cohere",
    "mistral",
    "groq",
    "together",
    "fireworks",
    "openrouter",
    "deepseek",
    "xai",
    "perplexity",
    "nvidia",
    "cerebras",
    "vllm",
    "ollama",
    "sim",
];

fn rows() -> impl Iterator<Item = (&'static Page, &'static Row)> {
    TABLE.iter().flat_map(|page| page.rows.iter().map(move |row| (page, row)))
}

/// What a row is about, in the least words that say it.
fn example(provider: &'static str, row: &'static Row) -> Signal<'static> {
    let status = if row.status() == ANY { 418 } else { row.status() };
    let blank = Signal { provider, status, ..Signal::default() };
    match *row.by() {
        By::Word(word) => Signal { code: word, ..blank },
        By::Opens(text) | By::Says(text) => Signal { message: text, ..blank },
        By::Status => Signal { message: "something went wrong", ..blank },
        By::Mute => blank,
    }
}

fn found(signal: &Signal<'_>) -> Option<*const Row> {
    let pages = TABLE.iter().filter(|page| page.of.is_empty() || page.of.contains(&signal.provider));
    pages.flat_map(|page| page.rows).find(|row| row.fits(signal)).map(std::ptr::from_ref)
}

#[test]
fn each_row_decides_for_what_it_describes_and_none_hides_another() {
    for (page, row) in rows() {
        let providers = if page.of.is_empty() { &[""][..] } else { page.of };
        for provider in providers {
            let signal = example(provider, row);
            assert_eq!(found(&signal), Some(std::ptr::from_ref(row)), "{row:?} of {provider:?}");
            assert_eq!(look_up(&signal), Some(row.verdict()), "{row:?}");
        }
    }
}

#[test]
fn a_word_counts_as_code_and_as_type_however_it_is_written() {
    for (page, row) in rows() {
        let By::Word(word) = *row.by() else { continue };
        let signal = Signal { code: "", ..example(page.of.first().unwrap_or(&""), row) };
        let upper = word.to_uppercase();
        let dressed = format!("com.amazon.coral.service#{word}:http://internal.amazon.com/coral/");
        for kind in [word, upper.as_str(), dressed.as_str()] {
            assert_eq!(look_up(&Signal { kind, ..signal }), Some(row.verdict()), "{kind}");
        }
    }
}

#[test]
fn the_pages_of_named_providers_stand_before_those_of_any() {
    let any = TABLE.iter().position(|page| page.of.is_empty()).unwrap();
    assert!(TABLE.iter().skip(any).all(|page| page.of.is_empty()));
    for name in TABLE.iter().flat_map(|page| page.of) {
        assert!(CATALOGUE.contains(name), "{name} is no name of the catalogue");
    }
}

#[test]
fn every_page_has_a_source_and_a_day() {
    for page in TABLE {
        assert!(page.source.starts_with("https://") || (page.source.is_empty() && page.rows.len() == 1), "{page:?}");
        let day: Vec<_> = page.seen.split('-').map(|part| (part.len(), part.parse::<u16>().is_ok())).collect();
        assert_eq!(day, [(4, true), (2, true), (2, true)], "{page:?}");
        assert!(!page.rows.is_empty(), "{page:?}");
    }
}

#[test]
fn a_sentence_that_a_caller_could_have_quoted_to_it_costs_nobody_anything() {
    for (_, row) in rows() {
        // With these a provider answers to what is in a call, and quotes it.
        let by_the_call = matches!(row.status(), ANY | STREAM | 400 | 404 | 413 | 422);
        let costs = row.verdict().1 != Blame::Nobody;
        assert!(!(by_the_call && costs && matches!(row.by(), By::Says(_))), "{row:?}");
    }
    for provider in CATALOGUE {
        for (_, row) in rows() {
            let By::Opens(text) = *row.by() else { continue };
            let message = format!("Invalid value: '{text}'. Supported values are: 'low', 'high'.");
            for status in [400, 404, 413, 422] {
                let (_, blame) = of_answer(&Signal { provider, status, message: &message, ..Signal::default() });
                assert_eq!(blame, Blame::Nobody, "{provider} {status}: {message}");
            }
        }
    }
}

#[test]
fn nothing_that_is_quoted_within_a_stream_costs_a_credential() {
    for provider in CATALOGUE {
        for (_, row) in rows() {
            let (By::Opens(text) | By::Says(text)) = *row.by() else { continue };
            let message = format!("Invalid value: '{text}'.");
            let (_, blame) = of_stream_error(&Signal { provider, message: &message, ..Signal::default() });
            assert!(!matches!(blame, Blame::Credential | Blame::CredentialModel), "{provider}: {message}");
        }
    }
}

#[test]
fn what_no_row_knows_is_decided_by_its_status() {
    use Class::*;
    for (status, class, blame) in [
        (200, Good, Blame::Nobody),
        (204, Good, Blame::Nobody),
        (301, Invalid, Blame::Nobody),
        (400, Invalid, Blame::Nobody),
        (401, Credential, Blame::Credential),
        (402, QuotaSpent, Blame::Credential),
        (403, ModelDenied, Blame::CredentialModel),
        (404, Invalid, Blame::Nobody),
        (408, Weak, Blame::EndpointModel),
        (409, Weak, Blame::EndpointModel),
        (413, Invalid, Blame::Nobody),
        (422, Invalid, Blame::Nobody),
        (429, RateLimited, Blame::CredentialModel),
        (500, Unavailable, Blame::EndpointModel),
        (501, Invalid, Blame::Nobody),
        (502, Unavailable, Blame::EndpointModel),
        (503, Unavailable, Blame::EndpointModel),
        (504, Unavailable, Blame::EndpointModel),
        (520, Unavailable, Blame::EndpointModel),
        (529, Overloaded, Blame::ProviderModel),
        (100, Unavailable, Blame::EndpointModel),
        (999, Unavailable, Blame::EndpointModel),
    ] {
        let signal = Signal { status, message: "of no kind that is known", ..Signal::default() };
        assert_eq!(of_answer(&signal), (class, blame), "{status}");
    }
}

#[test]
fn only_good_answers_are_good_and_nothing_of_the_callers_costs_a_health_key() {
    for provider in CATALOGUE.into_iter().chain(["", "house"]) {
        for status in 0..=999 {
            let (class, blame) = of_answer(&Signal { provider, status, message: "?", ..Signal::default() });
            assert_eq!(class == Class::Good, (200..300).contains(&status), "{provider} {status}");
            assert_ne!(class, Class::Ours);
            if matches!(class, Class::Good | Class::Invalid | Class::ContextTooLong | Class::ContentFiltered) {
                assert_eq!(blame, Blame::Nobody, "{provider} {status}");
            }
        }
    }
    for (_, row) in rows() {
        let (class, blame) = row.verdict();
        let callers = matches!(class, Class::Invalid | Class::ContextTooLong | Class::ContentFiltered);
        assert!(!callers || blame == Blame::Nobody, "{row:?}");
    }
}

#[test]
fn an_error_within_a_stream_is_told_by_its_words_or_by_a_status_in_the_place_of_a_code() {
    let stream =
        |code, kind, message| of_stream_error(&Signal { status: 200, code, kind, message, ..Signal::default() });
    assert_eq!(stream("", "", ""), DOWN);
    assert_eq!(stream("server_error", "server_error", "The server had an error"), DOWN);
    assert_eq!(stream("", "overloaded_error", "Overloaded").0, Class::Overloaded);
    assert_eq!(stream("", "rate_limit_error", "slow").0, Class::RateLimited);
    assert_eq!(stream("", "invalid_request_error", "prompt is too long: 2 > 1").0, Class::ContextTooLong);
    assert_eq!(stream("", "invalid_request_error", "messages: required").0, Class::Invalid);
    assert_eq!(stream("429", "", "slow").0, Class::RateLimited);
    assert_eq!(stream("502", "", "Provider returned error").0, Class::Unavailable);
    assert_eq!(stream("503", "UNAVAILABLE", "The model is overloaded.").0, Class::Overloaded);
    assert_eq!(stream("1300", "", "?"), DOWN);
}

#[test]
fn our_own_faults_cost_nobody_and_a_providers_cost_what_they_are_about() {
    for kind in Kind::ALL {
        let (class, blame) = of_fault(*kind);
        let ours = matches!(kind, Kind::TotalTimeout | Kind::BreakerOpen | Kind::ProviderBusy);
        let expected = *kind == Kind::EgressRefused || (kind.row().origin == fault::Origin::Upstream && !ours);
        assert_eq!(class != Class::Ours, expected, "{}", kind.name());
        assert_eq!(blame != Blame::Nobody, expected, "{}", kind.name());
    }
}

#[test]
fn a_long_sentence_is_looked_at_to_its_bound() {
    let message = format!("{}maximum context length", "x".repeat(2_000));
    let far = Signal { status: 400, message: &message, ..Signal::default() };
    assert_eq!(of_answer(&far).0, Class::Invalid);
    let near = Signal { message: &message[1_900..], ..far };
    assert_eq!(of_answer(&near).0, Class::ContextTooLong);
}
