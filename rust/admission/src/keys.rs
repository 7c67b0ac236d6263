//! Virtual keys as keyed digests.

use fault::{Fault, Kind};
use http1::RequestHead;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Where a caller may show its key, in this order; the first that is there counts.
const CARRIERS: [&str; 3] = ["authorization", "x-api-key", "api-key"];
/// What the key of digests is derived for. Digests in a store are made so: it must not change.
const CONTEXT: &str = "headgate 2026-11-21 digests of virtual keys";

type Mac = [u8; 32];

/// A secret that callers may show, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'a> {
    /// The secret.
    Secret(&'a [u8]),
    /// The digest of it; see [`digest`].
    Digest(Mac),
    /// The digest of its SHA-256; see [`digest_of_sha256`].
    DigestOfSha256(Mac),
}

/// One secret of a key.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What is known of it.
    pub shown: Shown<'a>,
    /// The key's index.
    pub key: usize,
    /// From when on it is refused, in milliseconds since 1970.
    pub until_unix_ms: Option<u64>,
}

/// The digests of all keys.
#[derive(Debug, Default)]
pub struct Digests {
    seed: Mac,
    of_secrets: Vec<Entry>,
    /// Of keys whose secret was never here. Apart from the others: who knows a SHA-256 must not be able to show it.
    of_sha256: Vec<Entry>,
}

/// Sorted by their digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    mac: Mac,
    key: usize,
    until_unix_ms: Option<u64>,
}

impl Digests {
    /// Digests under `seed`: what [`seed`] makes of the pepper where there is one, else drawn at start.
    pub fn new<'a>(seed: [u8; 32], known: impl Iterator<Item = Known<'a>>) -> Self {
        let mut digests = Self { seed, ..Self::default() };
        for Known { shown, key, until_unix_ms } in known {
            let (entries, mac) = match shown {
                Shown::Secret(secret) => (&mut digests.of_secrets, keyed(&seed, secret)),
                Shown::Digest(mac) => (&mut digests.of_secrets, mac),
                Shown::DigestOfSha256(mac) => (&mut digests.of_sha256, mac),
            };
            entries.push(Entry { mac, key, until_unix_ms });
        }
        digests.of_secrets.sort_unstable();
        digests.of_sha256.sort_unstable();
        digests
    }

    /// The index of the key that a caller shows. `now_unix_ms` is asked for where a secret is refused from some time on.
    ///
    /// [`Kind::KeyRejected`] when there is none, it is not known, or its time is over; the sentence does not say which.
    pub fn find(&self, head: &RequestHead, now_unix_ms: impl FnOnce() -> u64) -> Result<usize, Fault> {
        CARRIERS
            .iter()
            .find_map(|carrier| head.headers.get(carrier))
            .and_then(|shown| self.entry(secret(shown)))
            .filter(|entry| entry.until_unix_ms.is_none_or(|until| now_unix_ms() < until))
            .map(|entry| entry.key)
            .ok_or_else(|| {
                Fault::new(
                    Kind::KeyRejected,
                    "No valid key: show a virtual key of this gateway as `Authorization: Bearer …`, `x-api-key` or `api-key`",
                )
            })
    }

    fn entry(&self, secret: &[u8]) -> Option<Entry> {
        lookup(&self.of_secrets, keyed(&self.seed, secret)).or_else(|| {
            if self.of_sha256.is_empty() {
                return None; // nobody pays for what is not there
            }
            lookup(&self.of_sha256, keyed(&self.seed, &Sha256::digest(secret)))
        })
    }
}

/// Both digests are keyed: how long the search takes says nothing about a secret that is not known already.
fn lookup(entries: &[Entry], mac: Mac) -> Option<Entry> {
    let place = entries.partition_point(|entry| entry.mac < mac);
    let entry = entries.get(place)?;
    bool::from(entry.mac.ct_eq(&mac)).then_some(*entry)
}

/// The key of all digests under a pepper.
pub fn seed(pepper: &[u8]) -> [u8; 32] {
    blake3::derive_key(CONTEXT, pepper)
}

/// The digest under which a secret is kept in a store.
pub fn digest(pepper: &[u8], secret: &[u8]) -> [u8; 32] {
    keyed(&seed(pepper), secret)
}

/// The digest under which the SHA-256 of a secret is kept.
pub fn digest_of_sha256(pepper: &[u8], sha256: &[u8; 32]) -> [u8; 32] {
    keyed(&seed(pepper), sha256)
}

fn keyed(seed: &Mac, bytes: &[u8]) -> Mac {
    *blake3::keyed_hash(seed, bytes).as_bytes()
}

/// What stands behind `Bearer`; the whole value where there is no scheme.
fn secret(shown: &[u8]) -> &[u8] {
    match shown.split_at_checked(7) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"bearer ") => rest.trim_ascii(),
        _ => shown,
    }
}

/// Whether a secret could be guessed: shorter than 20 bytes, or made of fewer than 8 different ones.
pub fn is_weak(secret: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in secret {
        seen[usize::from(*byte)] = true;
    }
    secret.len() < 20 || seen.iter().filter(|seen| **seen).count() < 8
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEPPER: &[u8] = b"a pepper of the tests";

    fn head(lines: &[(&str, &str)]) -> RequestHead {
        RequestHead::from_parts(b"POST", b"/v1/x", lines.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())))
    }

    fn known(shown: Shown<'_>, key: usize) -> Known<'_> {
        Known { shown, key, until_unix_ms: None }
    }

    fn digests() -> Digests {
        let secrets = [&b"first-key"[..], b"second-key"];
        Digests::new([7; 32], secrets.iter().enumerate().map(|(key, secret)| known(Shown::Secret(secret), key)))
    }

    fn find(digests: &Digests, shown: &str, now_unix_ms: u64) -> Option<usize> {
        digests.find(&head(&[("api-key", shown)]), || now_unix_ms).ok()
    }

    #[test]
    fn a_key_is_found_in_every_carrier() {
        for (name, value) in [
            ("authorization", "Bearer second-key"),
            ("Authorization", "bearer second-key"),
            ("x-api-key", "second-key"),
            ("API-Key", "second-key"),
        ] {
            assert_eq!(digests().find(&head(&[(name, value)]), || 0).ok(), Some(1), "{name}: {value}");
        }
    }

    #[test]
    fn a_missing_key_and_a_wrong_one_read_the_same() {
        let missing = digests().find(&head(&[]), || 0).expect_err("refused");
        for wrong in ["Bearer third-key", "Bearer first-ke", "Bearer first-keyy", "Bearer ", "Basic first-key", ""] {
            let refused = digests().find(&head(&[("authorization", wrong)]), || 0).expect_err("refused");
            assert_eq!(refused.message(), missing.message(), "{wrong}");
        }
    }

    #[test]
    fn a_key_of_a_store_is_found_by_its_digest_or_by_that_of_its_sha256() {
        let imported: [u8; 32] = Sha256::digest(b"sk-imported").into();
        let stored = [
            known(Shown::Secret(b"of-the-policy"), 0),
            known(Shown::Digest(digest(PEPPER, b"of-the-store")), 1),
            known(Shown::DigestOfSha256(digest_of_sha256(PEPPER, &imported)), 2),
        ];
        let digests = Digests::new(seed(PEPPER), stored.into_iter());
        assert_eq!(find(&digests, "of-the-policy", 0), Some(0));
        assert_eq!(find(&digests, "of-the-store", 0), Some(1));
        assert_eq!(find(&digests, "sk-imported", 0), Some(2));
        assert_eq!(find(&digests, "another", 0), None);
        let elsewhere = Digests::new(seed(b"another pepper"), stored[1..].iter().copied());
        assert_eq!(find(&elsewhere, "of-the-store", 0), None);
        assert_eq!(find(&elsewhere, "sk-imported", 0), None);
    }

    #[test]
    fn who_shows_the_sha256_of_a_key_is_refused() {
        let secret = (0_u32..100_000).map(|number| format!("sk-{number}")).find(|secret| {
            Sha256::digest(secret.as_bytes()).iter().all(|byte| (0x21..=0xff).contains(byte) && *byte != 0x7f)
        });
        let sha256: [u8; 32] = Sha256::digest(secret.expect("there are many").as_bytes()).into();
        let stored = known(Shown::DigestOfSha256(digest_of_sha256(PEPPER, &sha256)), 0);
        let digests = Digests::new(seed(PEPPER), std::iter::once(stored));
        let shows = RequestHead::from_parts(b"POST", b"/v1/x", std::iter::once((&b"api-key"[..], &sha256[..])));
        assert!(digests.find(&shows, || 0).is_err());
    }

    #[test]
    fn a_secret_is_refused_from_its_time_on() {
        let until = |secret, until_unix_ms| Known { shown: Shown::Secret(secret), key: 0, until_unix_ms };
        let secrets = [until(b"new".as_slice(), None), until(b"old".as_slice(), Some(1_000))];
        let digests = Digests::new([7; 32], secrets.into_iter());
        assert_eq!([find(&digests, "old", 999), find(&digests, "old", 1_000)], [Some(0), None]);
        assert_eq!(find(&digests, "new", u64::MAX), Some(0));
    }

    #[test]
    fn the_clock_is_not_asked_for_a_key_without_an_end() {
        assert!(digests().find(&head(&[("api-key", "first-key")]), || panic!("asked")).is_ok());
    }

    #[test]
    fn digests_in_a_store_stay_what_they_are() {
        let hex = blake3::Hash::from_bytes(digest(PEPPER, b"hg_x")).to_hex();
        assert_eq!(hex.as_str(), "75cd5b6501e8025ae3eca1aae48fabccd806ea49af0fb40761b14de96329f269");
    }

    #[test]
    fn a_short_or_dull_secret_is_weak() {
        assert!(is_weak(b"changeme"));
        assert!(is_weak(b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
        assert!(!is_weak(b"hg_0J4kPq9sT2vXy7ZbN5cLm8RdW3fHa1Ge"));
    }
}
