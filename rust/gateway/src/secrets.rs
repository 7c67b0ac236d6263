//! Secrets, resolved at start and at reload, never written anywhere.

use admission::is_weak;
use plan::{Plan, SecretRef};
use serde::Serialize;

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
    /// Whether a virtual key could be guessed.
    pub weak: bool,
}

/// The secrets of a plan, in its order.
#[derive(Debug, Clone)]
pub(crate) struct Secrets {
    /// Of each provider, its credentials.
    pub(crate) credentials: Vec<Vec<Secret>>,
    /// Of each key, what its caller shows.
    pub(crate) keys: Vec<Secret>,
}

impl Secrets {
    /// Resolves all secrets, or says of each that could not be read what is wrong.
    pub(crate) fn resolve(plan: &Plan) -> Result<Self, Vec<Finding>> {
        let mut findings = Vec::new();
        let mut take = |place: String, reference: &SecretRef| match read(reference) {
            Ok(secret) => Some(secret),
            Err(problem) => {
                findings.push(Finding { place, problem: Some(problem), weak: false });
                None
            }
        };
        let credentials = places(plan)
            .map(|(place, references)| {
                references.iter().filter_map(|reference| take(place.clone(), reference)).collect()
            })
            .collect();
        let keys = plan.keys.iter().filter_map(|key| take(format!("keys.{}.secret", key.name), &key.secret)).collect();
        if findings.is_empty() { Ok(Self { credentials, keys }) } else { Err(findings) }
    }
}

/// Tries every secret of a plan: `headgate check --resolve`.
pub fn findings(plan: &Plan) -> Vec<Finding> {
    let of = |place: String, reference: &SecretRef, key: bool| {
        let secret = read(reference);
        let weak = key && secret.as_ref().is_ok_and(|secret| is_weak(secret.bytes()));
        Finding { place, problem: secret.err(), weak }
    };
    let credentials = places(plan)
        .flat_map(|(place, references)| references.iter().map(move |reference| of(place.clone(), reference, false)));
    let keys = plan.keys.iter().map(|key| of(format!("keys.{}.secret", key.name), &key.secret, true));
    credentials.chain(keys).collect()
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
    };
    let source = || match reference {
        SecretRef::Env(name) => format!("the environment variable {name}"),
        SecretRef::File(path) => format!("the file {}", path.display()),
        SecretRef::Literal(_) => "the secret in the policy".to_owned(),
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
