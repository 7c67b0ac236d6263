//! Why a load did not start.

/// Why a load did not start: nothing was sent then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartError {
    /// The spec makes no sense; the sentence names the field.
    Spec(String),
    /// The target cannot be reached, or this machine does not allow what was asked for.
    Failed {
        /// 69 when the target is at fault, else 1.
        code: u8,
        /// What is wrong, where, and how to mend it.
        message: String,
    },
}

impl StartError {
    pub(crate) fn unavailable(message: String) -> Self {
        Self::Failed { code: 69, message }
    }

    pub(crate) fn here(message: String) -> Self {
        Self::Failed { code: 1, message }
    }
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Spec(message) | Self::Failed { message, .. }) = self;
        f.write_str(message)
    }
}

impl std::error::Error for StartError {}
