//! Who is behind a call: read from its head and its body, where the policy says.
//!
//! Callers write these values, so they are bounded. One that is too long or holds what no name holds refuses the call: cut
//! or left out it would pass for somebody else, or for nobody, whom fewer limits may hold.

use fault::{Fault, Kind};
use http1::RequestHead;
use plan::Source;
use record::Identified;

/// The most bytes of one value.
pub const MOST_BYTES: usize = 255;
/// The most tags of one call, its key's included.
pub const MOST_TAGS: usize = 16;

/// What the body of a call says in its field `user`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyUser<'a> {
    /// Nothing, or nothing that was looked at.
    None,
    /// This.
    Text(&'a str),
    /// More than [`MOST_BYTES`].
    TooLong,
}

/// Whether a plan looks at the field `user` of bodies.
pub fn looks_at_body(sources: &plan::Identity) -> bool {
    let plan::Identity { user, agent, session, task, tags, .. } = sources;
    [user, agent, session, task, tags].into_iter().flatten().any(|source| *source == Source::BodyUser)
}

/// Reads who is behind a call; nothing where neither the plan nor the key says anything of it.
///
/// Of several sources the first that says something counts. Kind: `IdentityInvalid`.
pub fn identify(
    sources: &plan::Identity,
    key: Option<&plan::Key>,
    head: &RequestHead,
    body_user: BodyUser<'_>,
) -> Result<Option<Identified>, Fault> {
    let plan::Identity { user, agent, session, task, tags, .. } = sources;
    let is_asked = [user, agent, session, task, tags].into_iter().any(|sources| !sources.is_empty());
    let is_of_key = key.is_some_and(|key| key.user.is_some() || !key.tags.is_empty());
    if !is_asked && !is_of_key {
        return Ok(None);
    }
    let first = |sources: &[Source]| first(sources, head, body_user);
    Ok(Some(Identified {
        user: match key.and_then(|key| key.user.as_deref()) {
            Some(user) => Some(user.into()),
            None => first(user)?,
        },
        agent: first(agent)?,
        session: first(session)?,
        task: first(task)?,
        tags: all_tags(tags, key, head, body_user)?,
    }))
}

fn first(sources: &[Source], head: &RequestHead, body_user: BodyUser<'_>) -> Result<Option<Box<str>>, Fault> {
    for source in sources {
        if let Some(value) = said(source, head, body_user)? {
            return checked(value, source).map(Some);
        }
    }
    Ok(None)
}

fn all_tags(
    sources: &[Source],
    key: Option<&plan::Key>,
    head: &RequestHead,
    body_user: BodyUser<'_>,
) -> Result<Vec<Box<str>>, Fault> {
    let mut tags: Vec<Box<str>> =
        key.map(|key| &*key.tags).unwrap_or_default().iter().map(|tag| (&**tag).into()).collect();
    for source in sources {
        let list = said(source, head, body_user)?.unwrap_or_default();
        for tag in list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|tag| !tag.is_empty()) {
            let tag = checked(tag, source)?;
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
    }
    if tags.len() > MOST_TAGS {
        return Err(invalid(format!("This call has {} tags, and at most {MOST_TAGS} are taken", tags.len())));
    }
    Ok(tags)
}

/// What a source says; nothing and empty are the same.
fn said<'a>(source: &Source, head: &'a RequestHead, body_user: BodyUser<'a>) -> Result<Option<&'a [u8]>, Fault> {
    let value = match (source, body_user) {
        (Source::Header(name), _) => head.headers.get(name),
        (Source::BodyUser, BodyUser::Text(user)) => Some(user.as_bytes()),
        (Source::BodyUser, BodyUser::None) => None,
        (Source::BodyUser, BodyUser::TooLong) => return Err(too_long(source)),
    };
    Ok(value.map(<[u8]>::trim_ascii).filter(|value| !value.is_empty()))
}

fn checked(value: &[u8], source: &Source) -> Result<Box<str>, Fault> {
    if value.len() > MOST_BYTES {
        return Err(too_long(source));
    }
    match std::str::from_utf8(value) {
        Ok(value) if !value.chars().any(char::is_control) => Ok(value.into()),
        Ok(_) | Err(_) => Err(invalid(format!(
            "{} says who is behind this call, and holds characters that are no text: send visible characters in UTF-8",
            place(source)
        ))),
    }
}

fn too_long(source: &Source) -> Fault {
    let place = place(source);
    invalid(format!("{place} says who is behind this call, and is longer than {MOST_BYTES} bytes: send a short id"))
}

fn invalid(sentence: String) -> Fault {
    Fault::new(Kind::IdentityInvalid, sentence)
}

fn place(source: &Source) -> String {
    match source {
        Source::Header(name) => format!("The header `{name}`"),
        Source::BodyUser => "The field `user` of the body".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> plan::Identity {
        let header = |name: &str| Source::Header(name.to_owned());
        plan::Identity {
            user: vec![header("x-user-id"), Source::BodyUser],
            agent: vec![header("x-agent-id")],
            session: vec![],
            task: vec![],
            tags: vec![header("x-tags")],
            most_values: 10,
            forget_ms: 1,
        }
    }

    fn key(user: Option<&str>, tags: &[&str]) -> plan::Key {
        plan::Key {
            name: "ci".to_owned(),
            secret: plan::SecretRef::Env("X".to_owned()),
            aliases: None,
            passthrough: false,
            team: None,
            user: user.map(str::to_owned),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            expires_unix_ms: None,
            former: vec![],
        }
    }

    fn read(lines: &[(&str, &[u8])], body: BodyUser<'_>, key: Option<&plan::Key>) -> Result<Identified, Fault> {
        let head = RequestHead::from_parts(b"POST", b"/", lines.iter().map(|(name, value)| (name.as_bytes(), *value)));
        identify(&sources(), key, &head, body).map(|found| found.expect("asked for"))
    }

    #[test]
    fn the_first_source_that_says_something_counts() {
        let user = |lines: &[(&str, &[u8])], body| read(lines, body, None).expect("good").user;
        let body = BodyUser::Text("of-body");
        assert_eq!(user(&[("x-user-id", b"7")], body).as_deref(), Some("7"));
        assert_eq!(user(&[("x-user-id", b" ")], body).as_deref(), Some("of-body"));
        assert_eq!(user(&[], BodyUser::None), None);
        assert_eq!(user(&[], BodyUser::Text("")), None);
    }

    #[test]
    fn what_a_key_says_of_its_user_counts_before_what_the_call_says() {
        let of_key =
            read(&[("x-user-id", b"7"), ("x-tags", b"b, a ,,b")], BodyUser::None, Some(&key(Some("ann"), &["a"])));
        let of_key = of_key.expect("good");
        assert_eq!(of_key.user.as_deref(), Some("ann"));
        assert_eq!(of_key.tags, ["a".into(), "b".into()] as [Box<str>; 2]);
    }

    #[test]
    fn what_is_no_name_is_refused_and_says_where_it_stands() {
        let long = vec![b'x'; MOST_BYTES + 1];
        let many: Vec<_> = (0..=MOST_TAGS).map(|n| n.to_string()).collect();
        let many = many.join(",");
        for (lines, body, told) in [
            (vec![("x-user-id", &long[..])], BodyUser::None, "header `x-user-id`"),
            (vec![("x-agent-id", &b"a\x01b"[..])], BodyUser::None, "header `x-agent-id`"),
            (vec![("x-agent-id", &b"\xff"[..])], BodyUser::None, "header `x-agent-id`"),
            (vec![], BodyUser::TooLong, "field `user`"),
            (vec![], BodyUser::Text("a\nb"), "field `user`"),
            (vec![("x-tags", many.as_bytes())], BodyUser::None, "17 tags"),
        ] {
            let refused = read(&lines, body, None).expect_err("refused");
            assert_eq!(refused.kind(), Kind::IdentityInvalid);
            assert!(refused.message().contains(told), "{refused}");
        }
        assert!(read(&[("x-user-id", &long[1..])], BodyUser::None, None).is_ok(), "as long as may be");
    }

    #[test]
    fn nothing_is_read_where_nothing_is_said() {
        let none = plan::Identity { user: vec![], agent: vec![], tags: vec![], ..sources() };
        let head = RequestHead::from_parts(b"POST", b"/", std::iter::empty());
        assert!(identify(&none, Some(&key(None, &[])), &head, BodyUser::None).expect("good").is_none());
    }
}
