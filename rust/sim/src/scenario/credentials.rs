//! Which credentials were shown, numbered as they appear; the secrets themselves are not kept.

use crate::rng;
use http1::RequestHead;
use std::sync::{Mutex, PoisonError};

/// How many are told apart; later ones have no number.
const MOST: usize = 256;

/// The credentials that were shown, as hashes.
#[derive(Debug, Default)]
pub(crate) struct Credentials(Mutex<Vec<u64>>);

impl Credentials {
    /// The number of a credential: 0 for the first that is ever shown, 1 for the next other one, and so on.
    pub(crate) fn number(&self, secret: &[u8]) -> Option<usize> {
        let hash = rng::hash(secret);
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = seen.iter().position(|one| *one == hash) {
            return Some(number);
        }
        if seen.len() == MOST {
            return None;
        }
        seen.push(hash);
        Some(seen.len() - 1)
    }
}

/// The credential that a request shows, without the word before it.
pub(crate) fn shown(head: &RequestHead) -> Option<&[u8]> {
    let line = |name| head.headers.get(name).filter(|value| !value.is_empty());
    let bearer = line("authorization").map(|value| value.strip_prefix(b"Bearer ").unwrap_or(value));
    bearer.or_else(|| line("x-api-key")).or_else(|| line("api-key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_numbered_as_they_appear_and_not_without_end() {
        let credentials = Credentials::default();
        assert_eq!([b"a", b"b", b"a"].map(|key| credentials.number(key)), [Some(0), Some(1), Some(0)]);
        let numbers: Vec<_> = (0..MOST).map(|n| credentials.number(n.to_string().as_bytes())).collect();
        assert_eq!(numbers.iter().filter(|number| number.is_none()).count(), 2);
        assert_eq!(credentials.number(b"b"), Some(1));
    }

    #[test]
    fn a_credential_stands_in_any_of_three_lines() {
        let shows = |name: &str, value: &str| {
            let lines = [(name.as_bytes(), value.as_bytes())];
            let head = RequestHead::from_parts(b"GET", b"/", lines.into_iter());
            shown(&head).map(<[u8]>::to_vec)
        };
        assert_eq!(shows("authorization", "Bearer k").as_deref(), Some(&b"k"[..]));
        assert_eq!(shows("x-api-key", "k").as_deref(), Some(&b"k"[..]));
        assert_eq!(shows("api-key", "k").as_deref(), Some(&b"k"[..]));
        assert_eq!(shows("accept", "k"), None);
    }
}
