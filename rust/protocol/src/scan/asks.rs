//! What a body's top level says besides its model: what a model must be able to do for it, and whether its answer is
//! the same each time.

/// One thing that is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Tools = 1,
    Audio = 1 << 1,
    Modalities = 1 << 2,
    Reasoning = 1 << 3,
    NoTemperature = 1 << 4,
    ServiceTier = 1 << 5,
}

/// What was noted of a body's top level. Of a form nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asks(u8);

impl Asks {
    /// It offers tools: `tools`, or `functions` as they were once called. One that is empty, null or false offers none.
    pub const fn tools(self) -> bool {
        self.has(Ask::Tools)
    }

    /// It says how an answer should sound: `audio`.
    pub const fn audio(self) -> bool {
        self.has(Ask::Audio)
    }

    /// It says in what forms an answer may come: `modalities`.
    pub const fn modalities(self) -> bool {
        self.has(Ask::Modalities)
    }

    /// It says how to think: `reasoning` or `reasoning_effort`.
    pub const fn reasoning(self) -> bool {
        self.has(Ask::Reasoning)
    }

    /// Its `temperature` is 0, however that is spelt. One that is absent is not.
    pub const fn no_temperature(self) -> bool {
        self.has(Ask::NoTemperature)
    }

    /// It says how it is to be served: `service_tier`.
    pub const fn service_tier(self) -> bool {
        self.has(Ask::ServiceTier)
    }

    const fn has(self, ask: Ask) -> bool {
        self.0 & ask as u8 != 0
    }

    pub(super) const fn add(&mut self, ask: Ask) {
        self.0 |= ask as u8;
    }

    pub(super) const fn remove(&mut self, ask: Ask) {
        self.0 &= !(ask as u8);
    }
}
