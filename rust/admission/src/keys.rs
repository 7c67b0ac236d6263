//! Virtual keys as keyed digests.

use fault::{Fault, Kind};
use http1::RequestHead;
use subtle::ConstantTimeEq;

/// Where a caller may show its key, in this order; the first that is there counts.
const CARRIERS: [&str; 3] = ["authorization", "x-api-key", "api-key"];

/// The digests of all keys.
#[derive(Debug, Default)]
pub struct Digests {
    seed: [u8; 32],
    /// (digest, the key's index), sorted by digest.
    sorted: Vec<([u8; 32], usize)>,
}

impl Digests {
    /// Digests of `secrets` under `seed`, which is drawn at start and never leaves the process.
    pub fn new<'a>(seed: [u8; 32], secrets: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut sorted: Vec<_> =
            secrets.enumerate().map(|(index, secret)| (*blake3::keyed_hash(&seed, secret).as_bytes(), index)).collect();
        sorted.sort_unstable();
        Self { seed, sorted }
    }

    /// The index of the key that a caller shows.
    ///
    /// [`Kind::KeyRejected`] when there is none or it is not known; the sentence does not say which.
    pub fn find(&self, head: &RequestHead) -> Result<usize, Fault> {
        CARRIERS
            .iter()
            .find_map(|carrier| head.headers.get(carrier))
            .and_then(|shown| self.index(secret(shown)))
            .ok_or_else(|| {
                Fault::new(
                    Kind::KeyRejected,
                    "No valid key: show a virtual key of this gateway as `Authorization: Bearer …`, `x-api-key` or `api-key`",
                )
            })
    }

    fn index(&self, secret: &[u8]) -> Option<usize> {
        let digest = *blake3::keyed_hash(&self.seed, secret).as_bytes();
        let place = self.sorted.partition_point(|(known, _)| *known < digest);
        let (known, index) = self.sorted.get(place)?;
        bool::from(known.ct_eq(&digest)).then_some(*index)
    }
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

    fn head(lines: &[(&str, &str)]) -> RequestHead {
        RequestHead::from_parts(b"POST", b"/v1/x", lines.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())))
    }

    fn digests() -> Digests {
        Digests::new([7; 32], [&b"first-key"[..], b"second-key"].into_iter())
    }

    #[test]
    fn a_key_is_found_in_every_carrier() {
        for (name, value) in [
            ("authorization", "Bearer second-key"),
            ("Authorization", "bearer second-key"),
            ("x-api-key", "second-key"),
            ("API-Key", "second-key"),
        ] {
            assert_eq!(digests().find(&head(&[(name, value)])).ok(), Some(1), "{name}: {value}");
        }
    }

    #[test]
    fn a_missing_key_and_a_wrong_one_read_the_same() {
        let missing = digests().find(&head(&[])).expect_err("refused");
        for wrong in ["Bearer third-key", "Bearer first-ke", "Bearer first-keyy", "Bearer ", "Basic first-key", ""] {
            let refused = digests().find(&head(&[("authorization", wrong)])).expect_err("refused");
            assert_eq!(refused.message(), missing.message(), "{wrong}");
        }
    }

    #[test]
    fn a_short_or_dull_secret_is_weak() {
        assert!(is_weak(b"changeme"));
        assert!(is_weak(b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
        assert!(!is_weak(b"hg_0J4kPq9sT2vXy7ZbN5cLm8RdW3fHa1Ge"));
    }
}
