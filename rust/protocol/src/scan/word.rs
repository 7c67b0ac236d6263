//! Numbers and literals, byte by byte.

/// How much of a number or a literal has come. Source of the grammar: RFC 8259, sections 3 and 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// A literal, of which `had` bytes have come; at least one is still to come.
    Literal { literal: Literal, had: u8 },
    /// `-`: a digit must follow.
    Minus,
    /// A leading zero: no digit may follow.
    Zero,
    /// Digits.
    Integer,
    /// The point: a digit must follow.
    Point,
    /// Digits behind the point.
    Fraction,
    /// `e`: a sign or a digit must follow.
    Exponent,
    /// The exponent's sign: a digit must follow.
    Sign,
    /// Digits of the exponent.
    Power,
}

/// The three literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Literal {
    True,
    False,
    Null,
}

impl Literal {
    const fn spelling(self) -> &'static [u8] {
        match self {
            Self::True => b"true",
            Self::False => b"false",
            Self::Null => b"null",
        }
    }

    /// With `byte` behind the first `had`.
    fn step(self, had: u8, byte: u8) -> Step {
        match self.spelling().get(usize::from(had)..) {
            Some([last]) if *last == byte => Step::Last { truth: self == Self::True },
            Some([next, ..]) if *next == byte => Step::More(Word::Literal { literal: self, had: had + 1 }),
            _ => Step::Wrong,
        }
    }
}

/// What one more byte makes of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It goes on.
    More(Word),
    /// The byte was its last.
    Last {
        /// Whether the word is `true`.
        truth: bool,
    },
    /// It was over before this byte.
    Over,
    /// The byte cannot stand here.
    Wrong,
}

impl Word {
    /// The word that begins with `byte`.
    pub(super) const fn begin(byte: u8) -> Option<Self> {
        match byte {
            b't' => Some(Self::Literal { literal: Literal::True, had: 1 }),
            b'f' => Some(Self::Literal { literal: Literal::False, had: 1 }),
            b'n' => Some(Self::Literal { literal: Literal::Null, had: 1 }),
            b'-' => Some(Self::Minus),
            b'0' => Some(Self::Zero),
            b'1'..=b'9' => Some(Self::Integer),
            _ => None,
        }
    }

    /// Whether what comes next belongs to the power of ten.
    pub(super) const fn is_in_exponent(self) -> bool {
        matches!(self, Self::Exponent | Self::Sign | Self::Power)
    }

    /// The word with one byte more.
    pub(super) fn step(self, byte: u8) -> Step {
        match (self, byte) {
            (Self::Literal { literal, had }, _) => literal.step(had, byte),
            (Self::Minus, b'0') => Step::More(Self::Zero),
            (Self::Minus | Self::Integer, b'0'..=b'9') => Step::More(Self::Integer),
            (Self::Zero | Self::Integer, b'.') => Step::More(Self::Point),
            (Self::Point | Self::Fraction, b'0'..=b'9') => Step::More(Self::Fraction),
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Step::More(Self::Exponent),
            (Self::Exponent, b'+' | b'-') => Step::More(Self::Sign),
            (Self::Exponent | Self::Sign | Self::Power, b'0'..=b'9') => Step::More(Self::Power),
            (Self::Integer | Self::Fraction | Self::Power, _) => Step::Over,
            (Self::Zero, _) if !byte.is_ascii_digit() => Step::Over,
            (Self::Zero | Self::Minus | Self::Point | Self::Exponent | Self::Sign, _) => Step::Wrong,
        }
    }
}
