//! What callers show: a part of the plan document.

use crate::document::{Key, SecretRef};
use serde::{Deserialize, Serialize};

/// A digest of a virtual key: keyed BLAKE3, under a key that is derived from the plan's pepper.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeyDigest {
    /// Of what it is the digest.
    pub of: DigestOf,
    /// 64 hex digits, lower case.
    pub mac: String,
}

impl KeyDigest {
    /// The digest; none where `mac` is not one.
    pub fn bytes(&self) -> Option<[u8; 32]> {
        let mut bytes = [0; 32];
        let digits = self.mac.as_bytes();
        if digits.len() != 64 || digits.iter().any(|digit| !matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(bytes)
    }
}

/// Of what a digest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DigestOf {
    /// The secret itself.
    Secret,
    /// The SHA-256 of the secret, 32 bytes: of a key whose secret was never here.
    Sha256,
}

/// A secret that a key had before.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Former {
    /// What the caller shows.
    pub secret: SecretRef,
    /// From when on it is refused, in milliseconds since 1970.
    pub until_unix_ms: u64,
}

impl Key {
    /// All secrets that its callers may show, each with the time from when on it is refused.
    pub fn secrets(&self) -> impl Iterator<Item = (&SecretRef, Option<u64>)> {
        let of_former = |former: &Former| {
            let until = former.until_unix_ms;
            Some(self.expires_unix_ms.map_or(until, |expires| expires.min(until)))
        };
        std::iter::once((&self.secret, self.expires_unix_ms))
            .chain(self.former.iter().map(move |former| (&former.secret, of_former(former))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(mac: &str) -> KeyDigest {
        KeyDigest { of: DigestOf::Secret, mac: mac.to_owned() }
    }

    #[test]
    fn a_digest_is_64_digits_in_lower_case() {
        let mac = "0f".repeat(32);
        assert_eq!(digest(&mac).bytes(), Some([15; 32]));
        for wrong in ["", &mac[1..], &mac.to_uppercase(), &format!("{mac}0"), &format!("+{}", &mac[1..])] {
            assert_eq!(digest(wrong).bytes(), None, "{wrong}");
        }
    }

    #[test]
    fn a_former_secret_does_not_outlive_its_key() {
        let former = |until_unix_ms| Former { secret: SecretRef::Env("B".to_owned()), until_unix_ms };
        let mut key = Key {
            name: "ci".to_owned(),
            secret: SecretRef::Env("A".to_owned()),
            aliases: None,
            passthrough: false,
            team: None,
            user: None,
            tags: vec![],
            expires_unix_ms: Some(5),
            former: vec![former(3), former(9)],
        };
        let until = |key: &Key| key.secrets().map(|(_, until)| until).collect::<Vec<_>>();
        assert_eq!(until(&key), [Some(5), Some(3), Some(5)]);
        key.expires_unix_ms = None;
        assert_eq!(until(&key), [None, Some(3), Some(9)]);
    }
}
