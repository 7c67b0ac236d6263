//! What served a call, as far as it has a price of its own.

use memchr::memmem::Finder;
use std::sync::LazyLock;

/// The service tier that an answer says it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceTier {
    /// Later, for less.
    Flex,
    /// Sooner, for more.
    Priority,
    /// The same, by another name.
    Fast,
    /// In a batch.
    Batch,
}

impl ServiceTier {
    /// All.
    pub const ALL: [Self; 4] = [Self::Flex, Self::Priority, Self::Fast, Self::Batch];

    /// The word in answers, prices and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Fast => "fast",
            Self::Batch => "batch",
        }
    }

    /// What a part of an answer says of it. The first word counts: servers echo what callers send behind it.
    pub(super) fn read(part: &[u8]) -> Option<Self> {
        const KEY: &[u8] = b"\"service_tier\"";
        static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(KEY));
        let behind = part.get(FINDER.find(part)? + KEY.len()..)?.trim_ascii_start();
        let value = behind.strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
        Self::ALL
            .into_iter()
            .find(|tier| value.strip_prefix(tier.name().as_bytes()).is_some_and(|rest| rest.starts_with(b"\"")))
    }
}
