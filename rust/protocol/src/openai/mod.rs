//! The OpenAI dialect: what its paths are, how its errors and streams look.

pub mod continuing;
pub mod error;
#[cfg(test)]
pub(crate) mod golden;
pub mod models;
pub mod needs;
pub mod paths;
pub mod stream;
pub mod usage;
