//! Secrets, resolved at start and at reload, never written anywhere.

use admission::{Known, Shown, is_weak};
use plan::{DigestOf, Key, Plan, SecretRef};
use serde::Serialize;
use std::fmt::Write;

/// A resolved secret. No output shows it: it has no `Display`, and `Debug` says nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Vec<u8>);

impl Secret {
    /// The bytes, for the one who must show or digest them.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// How a secret of the plan could be resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where it stands in the policy, such as `keys.ci.secret`.
    pub place: String,
    /// What is wrong, and how to mend it; none when it could be read.
    pub problem: Option<String>,
    /// Whether a virtual key, or the pepper of their digests, could be guessed.
    pub weak: bool,
}

/// What is known of a secret that callers show.
#[derive(Debug, Clone)]
pub(crate) enum KeySecret {
    /// The secret.
    Shown(Secret),
    /// A digest, and of what.
    Digest(DigestOf, [u8; 32]),
}

impl KeySecret {
    fn read(reference: &SecretRef) -> Result<Self, String> {
        let SecretRef::Digest(digest) = reference else { return read(reference).map(Self::Shown) };
        let bytes = digest.bytes().ok_or("a digest has 64 hex digits, lower case")?;
        Ok(Self::Digest(digest.of, bytes))
    }

    fn is_weak(&self) -> bool {
        matches!(self, Self::Shown(secret) if is_weak(secret.bytes()))
    }

    fn shown(&self) -> Shown<'_> {
        match self {
            Self::Shown(secret) => Shown::Secret(secret.bytes()),
            Self::Digest(DigestOf::Secret, mac) => Shown::Digest(*mac),
            Self::Digest(DigestOf::Sha256, mac) => Shown::DigestOfSha256(*mac),
        }
    }
}

/// The secrets of a plan, in its order.
#[derive(Debug, Clone)]
pub(crate) struct Secrets {
    /// Of each provider, its credentials.
    pub(crate) credentials: Vec<Vec<Secret>>,
    /// Of each key, what its caller may show, and from when on that is refused.
    pub(crate) keys: Vec<Vec<(KeySecret, Option<u64>)>>,
    /// What digests are made under.
    pub(crate) pepper: Option<Secret>,
}

impl Secrets {
    /// Resolves all secrets, or says of each that could not be read what is wrong.
    pub(crate) fn resolve(plan: &Plan) -> Result<Self, Vec<Finding>> {
        let mut findings = Vec::new();
        let credentials = places(plan)
            .map(|(place, references)| {
                let read = |reference| noted(read(reference), &place, &mut findings);
                references.iter().filter_map(read).collect()
            })
            .collect();
        let keys = plan
            .keys
            .iter()
            .map(|key| {
                let read =
                    |(reference, until)| Some((noted(KeySecret::read(reference), &place(key), &mut findings)?, until));
                key.secrets().filter_map(read).collect()
            })
            .collect();
        let pepper = plan.pepper.as_ref().and_then(|reference| noted(read(reference), PEPPER, &mut findings));
        if findings.is_empty() { Ok(Self { credentials, keys, pepper }) } else { Err(findings) }
    }

    /// What callers may show.
    pub(crate) fn known(&self) -> impl Iterator<Item = Known<'_>> {
        self.keys.iter().enumerate().flat_map(|(key, secrets)| {
            secrets.iter().map(move |(secret, until)| Known { shown: secret.shown(), key, until_unix_ms: *until })
        })
    }

    /// Of each key, whether one of its secrets could be guessed.
    pub(crate) fn weak(&self) -> impl Iterator<Item = bool> {
        self.keys.iter().map(|secrets| secrets.iter().any(|(secret, _)| secret.is_weak()))
    }
}

const PEPPER: &str = "pepper";

fn place(key: &Key) -> String {
    format!("keys.{}.secret", key.name)
}

fn noted<T>(read: Result<T, String>, place: &str, findings: &mut Vec<Finding>) -> Option<T> {
    read.map_err(|problem| findings.push(Finding { place: place.to_owned(), problem: Some(problem), weak: false })).ok()
}

/// The digest under which a virtual key is kept in a store, as hex digits; `sha256`: the SHA-256 that `shown` is the
/// hex digits of is all that is known of it.
///
/// Fails where the pepper cannot be read, or `shown` is no SHA-256.
pub fn key_digest(pepper: &SecretRef, shown: &str, sha256: bool) -> Result<String, String> {
    let pepper = read(pepper)?;
    let mac = if sha256 {
        let digest = plan::KeyDigest { of: DigestOf::Sha256, mac: shown.to_ascii_lowercase() };
        admission::digest_of_sha256(pepper.bytes(), &digest.bytes().ok_or("a SHA-256 has 64 hex digits")?)
    } else {
        admission::digest(pepper.bytes(), shown.as_bytes())
    };
    Ok(mac.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // a String takes whatever is written
        hex
    }))
}

/// Tries every secret of a plan: `headgate check --resolve`.
pub fn findings(plan: &Plan) -> Vec<Finding> {
    let of = |place: String, secret: Result<KeySecret, String>, is_guessed: bool| {
        let weak = is_guessed && secret.as_ref().is_ok_and(KeySecret::is_weak);
        Finding { place, problem: secret.err(), weak }
    };
    let credentials = places(plan).flat_map(|(place, references)| {
        references.iter().map(move |reference| of(place.clone(), read(reference).map(KeySecret::Shown), false))
    });
    let keys = plan.keys.iter().flat_map(|key| {
        key.secrets().map(|(reference, _)| of(place(key), KeySecret::read(reference), true)).collect::<Vec<_>>()
    });
    let pepper = plan.pepper.iter().map(|pepper| of(PEPPER.to_owned(), read(pepper).map(KeySecret::Shown), true));
    credentials.chain(keys).chain(pepper).collect()
}

fn places(plan: &Plan) -> impl Iterator<Item = (String, &[SecretRef])> {
    plan.providers.iter().map(|provider| (format!("providers.{}.credential", provider.id), &*provider.credentials))
}

/// Reads one secret. The problem names the variable or the file, never a value.
fn read(reference: &SecretRef) -> Result<Secret, String> {
    let bytes = match reference {
        SecretRef::Env(name) => std::env::var_os(name)
            .ok_or_else(|| format!("the environment variable {name} is not set: export it before the start"))?
            .into_encoded_bytes(),
        SecretRef::File(path) => {
            let mut bytes = std::fs::read(path).map_err(|e| format!("cannot read the file {}: {e}", path.display()))?;
            if bytes.ends_with(b"\n") {
                bytes.pop();
            }
            bytes
        }
        SecretRef::Literal(secret) => secret.clone().into_bytes(),
        SecretRef::Digest(_) => return Err("a digest is no secret".to_owned()),
    };
    let source = || match reference {
        SecretRef::Env(name) => format!("the environment variable {name}"),
        SecretRef::File(path) => format!("the file {}", path.display()),
        SecretRef::Literal(_) | SecretRef::Digest(_) => "the secret in the policy".to_owned(),
    };
    match bytes.iter().find(|byte| !(0x21..=0x7e).contains(*byte)) {
        _ if bytes.is_empty() => Err(format!("{} is empty", source())),
        Some(byte) => Err(format!("{} holds the byte 0x{byte:02x}, which cannot stand in a header", source())),
        None => Ok(Secret(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_less_one_newline() {
        let file = tempfile::NamedTempFile::new().expect("writable");
        std::fs::write(file.path(), "abc\n").expect("writable");
        let secret = read(&SecretRef::File(file.path().to_owned())).expect("readable");
        assert_eq!(secret.bytes(), b"abc");
        std::fs::write(file.path(), "abc\n\n").expect("writable");
        assert!(read(&SecretRef::File(file.path().to_owned())).expect_err("refused").contains("0x0a"));
    }

    #[test]
    fn no_problem_and_no_debug_form_shows_a_secret() {
        let secret = SecretRef::Literal("canary in clear".to_owned());
        assert!(!read(&secret).expect_err("a blank").contains("canary"));
        let secret = read(&SecretRef::Literal("canary".to_owned())).expect("fine");
        assert!(!format!("{secret:?}").contains("canary"));
    }
}
