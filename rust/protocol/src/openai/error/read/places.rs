//! Where in a body its words stand, and which place counts before which.

/// A place that holds something to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    ErrorMessage,
    ResponseMessage,
    Message,
    ErrorText,
    DetailText,
    DetailMsg,
    FaultText,
    Title,
    DetailsCode,
    ErrorCode,
    ResponseCode,
    Code,
    FaultCode,
    ErrorType,
    ErrorStatus,
    ResponseType,
    Type,
    AwsType,
}

pub(super) const SLOTS: usize = Slot::AwsType as usize + 1;

/// Which place counts before which.
pub(super) const MESSAGES: &[Slot] = &[
    Slot::ErrorMessage,
    Slot::ResponseMessage,
    Slot::Message,
    Slot::ErrorText,
    Slot::DetailText,
    Slot::DetailMsg,
    Slot::FaultText,
    Slot::Title,
];
pub(super) const CODES: &[Slot] =
    &[Slot::DetailsCode, Slot::ErrorCode, Slot::ResponseCode, Slot::Code, Slot::FaultCode];
pub(super) const KINDS: &[Slot] = &[Slot::ErrorType, Slot::ErrorStatus, Slot::ResponseType, Slot::Type, Slot::AwsType];

/// A bracket that something is looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum At {
    /// The object that is the body.
    #[default]
    Root,
    /// The list around it.
    List,
    Error,
    ErrorDetails,
    Response,
    ResponseError,
    Fault,
    FaultDetail,
    Details,
    DetailsItem,
}

/// What the value that comes next is, as text or a number, and as a bracket.
pub(super) type Next = (Option<Slot>, Option<At>);

/// How many brackets of [`At`] can be open within each other.
pub(super) const DEPTH: usize = 4;

impl At {
    pub(super) const fn bracket(self) -> u8 {
        if matches!(self, Self::List | Self::Details) { b'[' } else { b'{' }
    }

    /// What a list begins with; only its first item is looked at.
    pub(super) const fn first_item(self) -> Next {
        match self {
            Self::List => (None, Some(Self::Root)),
            Self::Details => (None, Some(Self::DetailsItem)),
            Self::Root
            | Self::Error
            | Self::ErrorDetails
            | Self::Response
            | Self::ResponseError
            | Self::Fault
            | Self::FaultDetail
            | Self::DetailsItem => (None, None),
        }
    }

    /// What stands under a key.
    pub(super) fn member(self, key: &[u8]) -> Next {
        let slot = |slot| (Some(slot), None);
        match (self, key) {
            (Self::Root, b"error") => (Some(Slot::ErrorText), Some(Self::Error)),
            (Self::Root, b"message" | b"Message") => slot(Slot::Message),
            (Self::Root, b"code") => slot(Slot::Code),
            (Self::Root, b"type") => slot(Slot::Type),
            (Self::Root, b"__type") => slot(Slot::AwsType),
            (Self::Root, b"title") => slot(Slot::Title),
            (Self::Root, b"detail") => (Some(Slot::DetailText), Some(Self::Details)),
            (Self::Root, b"fault") => (None, Some(Self::Fault)),
            (Self::Root, b"response") => (None, Some(Self::Response)),
            (Self::Error, b"message") => slot(Slot::ErrorMessage),
            (Self::Error, b"code") => slot(Slot::ErrorCode),
            (Self::Error, b"type") => slot(Slot::ErrorType),
            (Self::Error, b"status") => slot(Slot::ErrorStatus),
            (Self::Error, b"details") => (None, Some(Self::ErrorDetails)),
            (Self::ErrorDetails, b"error_code") => slot(Slot::DetailsCode),
            (Self::Response, b"error") => (None, Some(Self::ResponseError)),
            (Self::ResponseError, b"message") => slot(Slot::ResponseMessage),
            (Self::ResponseError, b"code") => slot(Slot::ResponseCode),
            (Self::ResponseError, b"type") => slot(Slot::ResponseType),
            (Self::Fault, b"faultstring") => slot(Slot::FaultText),
            (Self::Fault, b"detail") => (None, Some(Self::FaultDetail)),
            (Self::FaultDetail, b"errorcode") => slot(Slot::FaultCode),
            (Self::DetailsItem, b"msg") => slot(Slot::DetailMsg),
            _ => (None, None),
        }
    }
}
