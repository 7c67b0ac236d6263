//! Multipart forms: parts as JSON for the checks, files as bytes.
//!
//! Source: RFC 7578 over RFC 2046, section 5.1. The gateway reads forms with code of its own; the provider does not
//! share it, so that one can be tested by the other.

use crate::check::Refusal;
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// A form that was read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    /// The fields: text, a number or a boolean where the field is one, `{filename, content_type, bytes}` for a file; an
    /// array where a name came more than once or ends in `[]`.
    pub(crate) fields: Value,
    /// The files with the names of their fields.
    pub(crate) files: Vec<File>,
}

/// A file of a form.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// The name of the file; not of the field.
    pub(crate) name: String,
    /// What is in it.
    pub(crate) bytes: Bytes,
}

/// Fields whose text stands for a number or a boolean.
const NOT_TEXT: [&str; 7] =
    ["n", "stream", "temperature", "partial_images", "output_compression", "expires_after[seconds]", "speed"];

/// Reads a form. What is wrong is told as the provider would: 400.
pub(crate) fn read(content_type: &str, body: &Bytes) -> Result<Form, Refusal> {
    let boundary = boundary(content_type)?;
    let delimiter = format!("--{boundary}");
    let mut form = Form { fields: json!({}), files: Vec::new() };
    let mut at = after_delimiter(body, 0, delimiter.as_bytes()).ok_or_else(|| bad("no boundary line was found"))?;
    while !body[at..].starts_with(b"--") {
        at += usize::from(body[at..].starts_with(b"\r\n")) * 2;
        let closing = format!("\r\n{delimiter}");
        let length = memchr::memmem::find(&body[at..], closing.as_bytes()).ok_or_else(|| bad("a part has no end"))?;
        part(&mut form, &body.slice(at..at + length))?;
        at += length + closing.len();
    }
    Ok(form)
}

fn boundary(content_type: &str) -> Result<&str, Refusal> {
    let mut params = content_type.split(';').map(str::trim);
    if !params.next().is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/form-data")) {
        let message = "This path takes 'multipart/form-data'; set the content-type, with its boundary.";
        return Err(Refusal::with_status(415, Some("unsupported_content_type"), message));
    }
    let boundary =
        params.find_map(|param| param.split_once('=').filter(|(key, _)| key.eq_ignore_ascii_case("boundary")));
    boundary
        .map(|(_, value)| value.trim_matches('"'))
        .filter(|value| !value.is_empty())
        .ok_or_else(|| bad("the content-type has no boundary"))
}

fn after_delimiter(body: &[u8], from: usize, delimiter: &[u8]) -> Option<usize> {
    memchr::memmem::find(&body[from..], delimiter).map(|at| from + at + delimiter.len())
}

fn part(form: &mut Form, part: &Bytes) -> Result<(), Refusal> {
    let end = memchr::memmem::find(part, b"\r\n\r\n").ok_or_else(|| bad("a part has no end of its head"))?;
    let head = String::from_utf8_lossy(&part[..end]).into_owned();
    let content = part.slice(end + 4..);
    let line = |wanted: &str| {
        let lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim()).next()
    };
    let disposition = line("content-disposition").ok_or_else(|| bad("a part has no content-disposition"))?;
    let name = param(disposition, "name").ok_or_else(|| bad("a part has no name"))?;
    let value = match param(disposition, "filename") {
        Some(filename) => {
            form.files.push(File { name: filename.to_owned(), bytes: content.clone() });
            json!({"filename": filename, "content_type": line("content-type"), "bytes": content.len()})
        }
        None => text(name, &content)?,
    };
    if let Some(fields) = form.fields.as_object_mut() {
        add(fields, name, value);
    }
    Ok(())
}

fn param<'a>(disposition: &'a str, name: &str) -> Option<&'a str> {
    let params = disposition.split(';').map(str::trim).filter_map(|param| param.split_once('='));
    params.filter(|(key, _)| *key == name).map(|(_, value)| value.trim_matches('"')).next()
}

fn text(name: &str, content: &Bytes) -> Result<Value, Refusal> {
    let text = std::str::from_utf8(content).map_err(|_| bad("a field is not UTF-8"))?;
    let parsed = NOT_TEXT.contains(&name).then(|| serde_json::from_str(&text.to_ascii_lowercase()).ok()).flatten();
    Ok(parsed.unwrap_or_else(|| json!(text)))
}

fn add(fields: &mut Map<String, Value>, name: &str, value: Value) {
    if let Some(name) = name.strip_suffix("[]") {
        if let Value::Array(values) = fields.entry(name).or_insert_with(|| json!([])) {
            values.push(value);
        }
    } else if let Some((outer, inner)) = name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        if let Value::Object(inside) = fields.entry(outer).or_insert_with(|| json!({})) {
            inside.insert(inner.to_owned(), value);
        }
    } else if let Some(first) = fields.get_mut(name) {
        match first {
            Value::Array(values) => values.push(value),
            other => *other = json!([other.take(), value]),
        }
    } else {
        fields.insert(name.to_owned(), value);
    }
}

fn bad(why: &str) -> Refusal {
    Refusal::with_status(400, None, format!("The form could not be read: {why}."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn fields_files_numbers_and_lists_are_told_apart() {
        let body = "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n5\r\n\
            --b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n2\r\n\
            --b\r\nContent-Disposition: form-data; name=\"keywords[]\"\r\n\r\na\r\n\
            --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n\r\nx\r\n\
            --b--\r\n";
        let form = read("multipart/form-data; boundary=\"b\"", &Bytes::from_static(body.as_bytes())).unwrap();
        assert_eq!(form.fields["model"], "5");
        assert_eq!(form.fields["n"], 2);
        assert_eq!(form.fields["keywords"], json!(["a"]));
        assert_eq!(form.files[0].bytes, "\r\nx");
        assert_eq!(form.fields["file"]["filename"], "a.wav");
    }

    #[test]
    fn a_form_that_is_cut_is_refused() {
        let body = Bytes::from_static(b"--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n");
        let whole = body.len() - 2;
        for end in 0..whole - 2 {
            assert!(read("multipart/form-data; boundary=b", &body.slice(..end)).is_err(), "{end}");
        }
        assert!(read("application/json", &body).is_err());
    }
}
