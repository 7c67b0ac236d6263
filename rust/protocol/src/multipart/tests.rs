#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use proptest::prelude::*;

const TYPE: &[u8] = b"multipart/form-data; boundary=AaB03x";

fn scan_in(pieces: &[&[u8]]) -> Result<Fields, (Kind, String)> {
    let mut form = Form::new(TYPE).unwrap();
    let outcome = pieces.iter().try_for_each(|piece| form.push(piece)).and_then(|()| form.fields());
    outcome.map_err(|fault| (fault.kind(), fault.message().to_owned()))
}

/// The outcome with the body cut at each place, which must not depend on the place.
fn cut_everywhere(body: &[u8]) -> Result<Fields, (Kind, String)> {
    let whole = scan_in(&[body]);
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(scan_in(&bytes), whole, "byte by byte");
    for cut in 0..=body.len() {
        assert_eq!(scan_in(&[&body[..cut], &body[cut..]]), whole, "cut at {cut}");
    }
    whole
}

fn part(headers: &str, content: &str) -> String {
    format!("--AaB03x\r\n{headers}\r\n\r\n{content}\r\n")
}

fn field(name: &str, content: &str) -> String {
    part(&format!("Content-Disposition: form-data; name=\"{name}\""), content)
}

fn form(parts: &[String]) -> String {
    format!("{}--AaB03x--\r\n", parts.concat())
}

fn kind(parts: &[String]) -> Kind {
    cut_everywhere(form(parts).as_bytes()).unwrap_err().0
}

#[test]
fn the_model_is_found_behind_a_file_that_looks_like_boundaries() {
    let file = part(
        "Content-Disposition: form-data; name=\"file\"; filename=\"a;name=\\\"model\\\".wav\"\r\nContent-Type: audio/wav",
        "\r\n--AaB03\r\n\r\r\n--AaB\r\n--\0\u{ff}",
    );
    let body = form(&[file, field("model", "whisper-1"), field("stream", "true")]);
    let fields = cut_everywhere(body.as_bytes()).unwrap();
    let model = fields.model.unwrap();
    assert_eq!(model.name, "whisper-1");
    assert_eq!(
        &body[usize::try_from(model.range.start).unwrap()..usize::try_from(model.range.end).unwrap()],
        "whisper-1"
    );
    assert!(fields.stream);
}

#[test]
fn preamble_padding_and_epilogue_are_ignored() {
    let inner = field("model", "m").replacen("--AaB03x\r\n", "--AaB03x \t\r\n", 1);
    let body = format!("preamble --AaB03x\r\n{inner}--AaB03x--junk --AaB03x");
    assert_eq!(cut_everywhere(body.as_bytes()).unwrap().model.unwrap().name, "m");
}

#[test]
fn a_value_may_hold_what_only_begins_like_a_boundary_or_is_too_long_for_a_name() {
    assert_eq!(kind(&[field("model", "a\r\n--AaB03")]), Kind::ModelInvalid);
    assert_eq!(kind(&[field("model", &"m".repeat(MAX_MODEL + 1))]), Kind::ModelInvalid);
    let longest = "m".repeat(MAX_MODEL);
    assert_eq!(cut_everywhere(form(&[field("model", &longest)]).as_bytes()).unwrap().model.unwrap().name, longest);
    assert_eq!(cut_everywhere(form(&[field("model", "--AaB03")]).as_bytes()).unwrap().model.unwrap().name, "--AaB03");
}

#[test]
fn names_may_be_quoted_or_not_and_headers_come_in_any_case() {
    for headers in [
        "content-disposition:form-data;name=model",
        "CONTENT-DISPOSITION: Form-Data ; NAME = \"model\"",
        "X-Other: 1\r\nContent-Disposition: form-data; other=\"; name=file\"; name=\"mod\\el\"",
        "Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\nContent-Disposition: form-data; name=\"model\"",
    ] {
        let fields = cut_everywhere(form(&[part(headers, "m")]).as_bytes()).unwrap();
        assert_eq!(fields.model.is_some(), !headers.contains("mod\\el"), "{headers}");
    }
}

#[test]
fn fields_that_come_twice_are_refused_and_others_are_not() {
    assert_eq!(kind(&[field("model", "a"), field("model", "a")]), Kind::DuplicateKey);
    assert_eq!(kind(&[field("stream", "true"), field("stream", "true")]), Kind::DuplicateKey);
    let fields = cut_everywhere(form(&[field("image[]", "a"), field("image[]", "b")]).as_bytes()).unwrap();
    assert_eq!(fields.into_peek().unwrap_err().kind(), Kind::ModelMissing);
}

#[test]
fn a_model_must_be_text_with_something_in_it() {
    assert_eq!(kind(&[field("model", "")]), Kind::ModelInvalid);
    assert_eq!(kind(&[field("model", "a\nb")]), Kind::ModelInvalid);
    assert_eq!(kind(&[field("stream", "maybe")]), Kind::ModelInvalid);
    let not_text = form(&[field("model", "m")])
        .into_bytes()
        .iter()
        .map(|b| if *b == b'm' { 0xff } else { *b })
        .collect::<Vec<_>>();
    assert!(scan_in(&[&not_text]).is_err());
}

#[test]
fn forms_that_two_readers_could_read_differently_are_refused() {
    for parts in [
        vec![part("Content-Type: text/plain", "x")],
        vec![part("Content-Disposition: form-data", "x")],
        vec![part("Content-Disposition: attachment; name=\"model\"", "x")],
        vec![part("Content-Disposition: form-data; name=\"a\"; name=\"model\"", "x")],
        vec![part("Content-Disposition: form-data; name*=utf-8''model", "x")],
        vec![part("Content-Disposition: form-data; name=\"model\"; filename=\"f\"", "x")],
        vec![part("Content-Disposition: form-data; name=\"mod", "x")],
        vec![part("Content-Disposition: form-data; name=\"a\"x", "x")],
        vec![part("Content-Disposition: form-data;\r\n name=\"model\"", "x")],
        vec![part("Content-Disposition: form-data; name=a\nX: y", "x")],
        vec![part("Content-Disposition : form-data; name=a", "x")],
        vec![part("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=model", "x")],
        vec![part("Content-Disposition: form-data; name=model\r\nContent-Transfer-Encoding: base64", "eA==")],
        vec![part("A: 1", &"x".repeat(MAX_HEADERS)).replace("\r\n\r\n", "")],
        vec!["--AaB03x\r\n\r\nno headers\r\n".to_owned()],
        vec!["--AaB03xyz\r\n".to_owned()],
        vec!["--AaB03x\n".to_owned()],
        vec!["--AaB03x\r\nContent-Disposition: form-data; name=model\r\n\r\n".to_owned()],
    ] {
        assert_eq!(kind(&parts), Kind::BadMultipart, "{parts:?}");
    }
}

#[test]
fn a_form_that_is_not_whole_is_refused_wherever_it_ends() {
    let body = form(&[field("model", "m"), field("file", "data")]);
    let last = body.len() - "\r\n".len();
    for cut in 0..last {
        assert_eq!(scan_in(&[&body.as_bytes()[..cut]]).unwrap_err().0, Kind::BadMultipart, "cut at {cut}");
    }
    assert!(scan_in(&[&body.as_bytes()[..last]]).is_ok());
}

#[test]
fn parts_are_counted_to_their_bound() {
    let parts = |count: usize| form(&vec![field("a", ""); count]);
    assert!(scan_in(&[parts(MAX_PARTS).as_bytes()]).is_ok());
    assert_eq!(scan_in(&[parts(MAX_PARTS + 1).as_bytes()]).unwrap_err().0, Kind::BadMultipart);
}

#[test]
fn the_boundary_is_read_from_the_content_type() {
    for good in [
        "multipart/form-data; boundary=a",
        "Multipart/Form-Data;charset=utf-8;Boundary=\"a b'()+_,-./:=?\"",
        "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW;",
    ] {
        assert!(Form::new(good.as_bytes()).is_ok(), "{good}");
    }
    for bad in [
        "multipart/form-data".to_owned(),
        "multipart/form-data; boundary=".to_owned(),
        "multipart/form-data; boundary=\"a ".to_owned(),
        "multipart/form-data; boundary=\"a \"".to_owned(),
        "multipart/form-data; boundary=a; boundary=b".to_owned(),
        "multipart/form-data; boundary=a[b".to_owned(),
        format!("multipart/form-data; boundary={}", "a".repeat(71)),
    ] {
        assert_eq!(Form::new(bad.as_bytes()).unwrap_err().kind(), Kind::BadMultipart, "{bad}");
    }
    for other in ["", "application/json", "multipart/mixed; boundary=a"] {
        assert_eq!(Form::new(other.as_bytes()).unwrap_err().kind(), Kind::MediaTypeUnsupported, "{other}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn any_cuts_of_a_near_boundary_tell_the_same(
        tokens in prop::collection::vec(prop::sample::select(vec![
            "\r", "\n", "\r\n", "--", "-", "AaB03x", "AaB", "\r\n--AaB03x", "\r\n--AaB03x\r\n", "--\r\n", "\r\n\r\n",
            "Content-Disposition: form-data; name=", "model", "stream", "true", "x",
        ]), 0..14),
        cuts in any::<(u16, u16)>(),
    ) {
        let body = format!("--AaB03x\r\n{}", tokens.concat()).into_bytes();
        let (first, second) = (usize::from(cuts.0) % (body.len() + 1), usize::from(cuts.1) % (body.len() + 1));
        let (first, second) = (first.min(second), first.max(second));
        let pieces = [&body[..first], &body[first..second], &body[second..]];
        prop_assert_eq!(scan_in(&pieces), scan_in(&[&body]));
    }

    #[test]
    fn only_the_value_of_the_model_is_spliced(
        files in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..3),
        cut in any::<u16>(),
    ) {
        let with_model = |value: &str| {
            let mut body = Vec::new();
            for file in &files {
                body.extend(b"--AaB03x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n");
                body.extend(file);
                body.extend(b"\r\n");
            }
            body.extend(form(&[field("model", value), field("x", "y")]).into_bytes());
            body
        };
        let body = bytes::Bytes::from(with_model("old-model"));
        let cut = usize::from(cut) % body.len();
        let pieces = [body.slice(..cut), body.slice(cut..)];
        let mut scan = Form::new(TYPE).unwrap();
        pieces.iter().try_for_each(|piece| scan.push(piece)).unwrap();
        let range = scan.finish().unwrap().model.range;
        let spliced = crate::splice::splice(&pieces, range, &bytes::Bytes::from_static(b"new"));
        prop_assert_eq!(spliced.concat(), with_model("new"));
    }
}
