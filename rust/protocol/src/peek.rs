//! The scanner that fits a body: JSON or form, by the endpoint and the content type.

use crate::multipart::Form;
use crate::openai::paths::ModelAt;
use crate::scan::{Fields, Peek, Scan};
use fault::{Fault, Kind};

/// The scan of one body of either kind.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "lives on the stack of one call; a box would be an allocation per call")]
pub enum Scanner {
    /// JSON.
    Json(Scan),
    /// `multipart/form-data`.
    Form(Form),
}

impl Scanner {
    /// The scanner for a body that names its model at `model`; `None` where the body is not looked at.
    ///
    /// No content type is taken for JSON where JSON is possible. Kinds: `MediaTypeUnsupported`, `BadMultipart`.
    pub fn new(model: ModelAt, content_type: Option<&[u8]>) -> Result<Option<Self>, Fault> {
        let json = content_type.is_none_or(is_json);
        match model {
            ModelAt::None => Ok(None),
            ModelAt::Json | ModelAt::Either if json => Ok(Some(Self::Json(Scan::new()))),
            ModelAt::Multipart | ModelAt::Either => {
                Form::new(content_type.unwrap_or_default()).map(|form| Some(Self::Form(form)))
            }
            ModelAt::Json => Err(Fault::new(
                Kind::MediaTypeUnsupported,
                "this path takes JSON: send `content-type: application/json` and a JSON object as the body",
            )),
        }
    }

    /// Keeps who a JSON body says is behind it.
    pub fn keep_user(&mut self) {
        match self {
            Self::Json(scan) => scan.keep_user(),
            Self::Form(_) => {}
        }
    }

    /// Looks at the next piece; see [`Scan::push`] and [`Form::push`].
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Fault> {
        match self {
            Self::Json(scan) => scan.push(piece),
            Self::Form(form) => form.push(piece),
        }
    }

    /// Ends the scan; a body without a model is a fault.
    pub fn finish(self) -> Result<Peek, Fault> {
        self.fields()?.into_peek()
    }

    /// Ends the scan where the model may be absent.
    pub fn fields(self) -> Result<Fields, Fault> {
        match self {
            Self::Json(scan) => scan.fields(),
            Self::Form(form) => form.fields(),
        }
    }
}

/// Whether a content type is JSON: `application/json`, or any that ends in `+json`; parameters do not matter.
fn is_json(content_type: &[u8]) -> bool {
    const SUFFIX: &[u8] = b"+json";
    let essence = content_type.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    let suffix = &essence[essence.len().saturating_sub(SUFFIX.len())..];
    essence.eq_ignore_ascii_case(b"application/json") || suffix.eq_ignore_ascii_case(SUFFIX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    const FORM: &[u8] = b"multipart/form-data; boundary=b";

    /// The scanner's name, or the kind of fault.
    fn chosen(model: ModelAt, content_type: Option<&[u8]>) -> Result<&'static str, Kind> {
        match Scanner::new(model, content_type) {
            Ok(None) => Ok("none"),
            Ok(Some(Scanner::Json(_))) => Ok("json"),
            Ok(Some(Scanner::Form(_))) => Ok("form"),
            Err(fault) => Err(fault.kind()),
        }
    }

    #[test]
    fn the_scanner_follows_the_endpoint_and_the_content_type() {
        let json: Option<&[u8]> = Some(b"Application/JSON ; charset=utf-8");
        let other: Option<&[u8]> = Some(b"application/x-www-form-urlencoded");
        for (model, content_type, expected) in [
            (ModelAt::Json, json, Ok("json")),
            (ModelAt::Json, Some(&b"application/vnd.x+json"[..]), Ok("json")),
            (ModelAt::Json, None, Ok("json")),
            (ModelAt::Json, other, Err(Kind::MediaTypeUnsupported)),
            (ModelAt::Json, Some(FORM), Err(Kind::MediaTypeUnsupported)),
            (ModelAt::Multipart, Some(FORM), Ok("form")),
            (ModelAt::Multipart, Some(b"multipart/form-data"), Err(Kind::BadMultipart)),
            (ModelAt::Multipart, json, Err(Kind::MediaTypeUnsupported)),
            (ModelAt::Multipart, None, Err(Kind::MediaTypeUnsupported)),
            (ModelAt::Either, Some(FORM), Ok("form")),
            (ModelAt::Either, json, Ok("json")),
            (ModelAt::Either, other, Err(Kind::MediaTypeUnsupported)),
            (ModelAt::None, other, Ok("none")),
        ] {
            let shown = content_type.map(String::from_utf8_lossy);
            assert_eq!(chosen(model, content_type), expected, "{model:?} {shown:?}");
        }
    }

    #[test]
    fn a_model_that_may_be_absent_is_missing_only_where_it_is_needed() {
        let scanner = || {
            let mut scanner = Scanner::new(ModelAt::Json, None).unwrap().unwrap();
            scanner.push(br#"{"input":"x","stream":true}"#).unwrap();
            scanner
        };
        let fields = scanner().fields().unwrap();
        assert!(fields.model.is_none() && fields.stream);
        assert_eq!(scanner().finish().unwrap_err().kind(), Kind::ModelMissing);
    }
}
