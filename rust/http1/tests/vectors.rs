//! The framing vectors in `tests/framing/`, whole and split at every byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

#[allow(dead_code, reason = "each test uses its part")]
mod support;

use fault::Fault;
use http1::Refusal;
use serde_json::Value;
use std::collections::BTreeSet;
use support::codec::{self, End};

struct Vector {
    name: String,
    bytes: Vec<u8>,
    expect: String,
    reason: Option<String>,
    to_head: bool,
}

fn vectors(file: &str) -> Vec<Vector> {
    let path = format!("{}/../../tests/framing/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    let list: Vec<Value> = serde_json::from_str(&text).expect("a list");
    list.iter().map(vector).collect()
}

fn vector(value: &Value) -> Vector {
    let text = |key: &str| value[key].as_str().unwrap_or_else(|| panic!("{value}: no {key}")).to_owned();
    assert!(!text("why").is_empty());
    Vector {
        name: text("name"),
        bytes: text("bytes").chars().map(|c| u8::try_from(c).expect("latin-1")).collect(),
        expect: text("expect"),
        reason: value["reason"].as_str().map(str::to_owned),
        to_head: value["to_head"].as_bool().unwrap_or(false),
    }
}

/// Whole, byte by byte, and cut in two everywhere.
fn splits(bytes: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let whole = std::iter::once(vec![bytes]);
    let single = std::iter::once(bytes.chunks(1).collect());
    whole.chain(single).chain((1..bytes.len()).map(|at| vec![&bytes[..at], &bytes[at..]]))
}

fn check(vector: &Vector, code: impl Fn(Refusal) -> Fault, read: impl Fn(&[&[u8]]) -> Option<End>) {
    for pieces in splits(&vector.bytes) {
        let (verdict, reason) = match read(&pieces) {
            None => ("accept", None),
            Some(End::Refused(refusal)) => (code(refusal).kind().row().code, Some(codec::name(refusal))),
            Some(end) => panic!("{}: ends with {end:?}", vector.name),
        };
        let first = pieces[0].len();
        assert_eq!(verdict, vector.expect, "{} (first piece: {first} bytes; {reason:?})", vector.name);
        assert_eq!(reason, vector.reason, "{} (first piece: {first} bytes)", vector.name);
    }
}

#[test]
fn request_vectors_have_the_same_verdict_whole_and_split_at_every_byte() {
    let vectors = vectors("vectors.json");
    assert!(vectors.len() >= 200, "{}", vectors.len());
    for vector in &vectors {
        check(vector, Fault::from, |pieces| match codec::requests(pieces).1 {
            End::Clean | End::Closed => None,
            end => Some(end),
        });
    }
}

#[test]
fn answer_vectors_have_the_same_verdict_whole_and_split_at_every_byte() {
    for vector in &vectors("answers.json") {
        check(vector, Refusal::as_upstream_fault, |pieces| codec::answer(pieces, vector.to_head).err());
    }
}

#[test]
fn every_refusal_is_provoked_by_a_vector() {
    let seen: BTreeSet<_> =
        vectors("vectors.json").into_iter().chain(vectors("answers.json")).filter_map(|vector| vector.reason).collect();
    // The only one that would need a vector of 64 KiB.
    let elsewhere = ["HeadTooLarge"];
    let source = include_str!("../src/refusal.rs");
    let (_, variants) = source.split_once("pub enum Refusal {").expect("the enum");
    let (variants, _) = variants.split_once("\n}").expect("its end");
    let names = variants.lines().map(str::trim).filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    for name in names.map(|line| line.split([',', '(']).next().unwrap()) {
        assert!(seen.contains(name) || elsewhere.contains(&name), "{name}");
    }
}
