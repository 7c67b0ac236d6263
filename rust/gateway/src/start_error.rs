//! Why a start failed.

/// Why a gateway did not start: what the program should exit with, and what it should say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError {
    /// 69 when an address is taken, 78 when the plan is at fault, else 1.
    pub code: u8,
    /// What is wrong, where, and how to mend it.
    pub message: String,
}

impl StartError {
    pub(crate) fn plan(message: impl Into<String>) -> Self {
        Self { code: 78, message: message.into() }
    }

    pub(crate) fn bind(what: &str, address: &plan::Address, error: &std::io::Error) -> Self {
        let address = display(address);
        let message = if error.kind() == std::io::ErrorKind::AddrInUse {
            format!("listen.{what}: {address} is in use by another program: stop it, or choose another address")
        } else {
            format!("listen.{what}: cannot listen on {address}: {error}")
        };
        Self { code: 69, message }
    }
}

/// An address as the policy writes it.
pub(crate) fn display(address: &plan::Address) -> String {
    match address {
        plan::Address::Tcp(address) => address.to_string(),
        plan::Address::Unix(path) => format!("unix:{}", path.display()),
    }
}

impl From<std::io::Error> for StartError {
    fn from(error: std::io::Error) -> Self {
        Self { code: 1, message: error.to_string() }
    }
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StartError {}
