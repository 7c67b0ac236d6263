//! Messages from a seed: mostly valid, then mutated a little.

/// A small generator of numbers (splitmix64), so that a case is named by its seed for good.
pub(crate) struct Dice(u64);

impl Dice {
    /// Cases with different seeds have nothing in common.
    pub(crate) fn new(seed: usize) -> Self {
        Self((seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0..n; 0 when n is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() >> 33).unwrap_or(0) % n.max(1)
    }

    /// Once in `n` times.
    pub(crate) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const METHODS: &[&str] = &[
    "GET",
    "POST",
    "POST",
    "POST",
    "PUT",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "PATCH",
    "get",
    "X-1",
    "CONNECT",
    "METHOD-OF-MORE-THAN-THIRTY-TWO-BYTES",
];
const TARGETS: &[&str] = &[
    "/",
    "/v1/chat/completions",
    "/v1/models?limit=2",
    "/v1/files?a[]=b&c=%20",
    "/v1/models/ft:a:b",
    "//",
    "/a/../b",
    "/?",
    "/v1/models/{id}|^",
    "*",
    "h:80",
    "ftp://h/",
    "http://h/v1",
    "http://h",
    "HTTP://H/v1?x",
    "http://h?x=1",
    "/-._~!$&'()*+,;=:@",
];
const LINES: &[&str] = &[
    "Accept: */*",
    "content-type: application/json",
    "Authorization: Bearer key",
    "X-Empty:",
    "x-text: \t a b\t c \t",
    "Connection: keep-alive",
    "Connection: close",
    "connection: Upgrade, x",
    "Upgrade: websocket",
    "Expect: 100-continue",
    "TE: trailers",
    "x-high: \u{e9}\u{fc}",
    "X-Twice: 1",
    "x-twice: 2",
    "!#$%&'*+-.^_`|~: 1",
    "Date: Thu, 20 Nov 2025 10:00:00 GMT",
];
const ODD_LINES: &[&str] = &[
    "Content-Length: 5",
    "Content-Length: +5",
    "Content-Length: 5,5",
    "Content-Length: 05",
    "Content-Length:",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity",
    "transfer-encoding:",
    "Host: h",
    "Host: other",
    "Host: a b",
    "Host: u@h",
    "Host:",
    " folded: 1",
    "\tfolded",
    "No-Colon",
    ": no name",
    "Blank : 1",
    "Expect: cake",
    "Content-Length : 5",
    "Content-Length: 18446744073709551616",
];
const INTERIM: &[&str] = &[
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
    "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n",
];
const STATUSES: &[&str] = &[
    "200 OK",
    "200 OK",
    "200 OK",
    "200 OK",
    "200",
    "204 No Content",
    "304 ",
    "404 Not Found",
    "529 \t x",
    "599 ~",
    "600 x",
    "101 x",
];
/// Bytes and sequences on which parsers differ.
const ODD_BYTES: &[&[u8]] = &[
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b"\x7F",
    b"\x80",
    b"\xFF",
    b"\r\n",
    b"#",
    b"\"",
    b"0",
    b";",
    b",",
    b"\x0B",
    b"\r\n\r\n",
    b"\r\n ",
    b"\\",
    b"<",
];
const EXTENSIONS: &[&str] = &["", ";a", ";a=b;c=\"d\"", " ", " ;a", "\t"];

const LAST: &[&str] = &[
    "0\r\n\r\n",
    "00\r\nX-Sum: 1\r\n\r\n",
    "0;a\r\nA:\r\nB: 2\r\n\r\n",
    "0\r\nA : 1\r\n\r\n",
    "0\r\nA: 1\r\n b\r\n\r\n",
];

/// One to three requests of one connection.
pub(crate) fn requests(dice: &mut Dice) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..=dice.below(3) {
        if dice.once_in(10) {
            out.extend_from_slice(b"\r\n");
        }
        let version = if dice.once_in(10) { "1.0" } else { "1.1" };
        let first = format!("{} {} HTTP/{version}\r\n", dice.pick(METHODS), dice.pick(TARGETS));
        let host = if dice.once_in(30) { "" } else { dice.pick(&["Host: h\r\n", "host: h\r\n", "HOST:h\r\n"]) };
        message(dice, &mut out, &(first + host), false);
    }
    mutate(dice, &mut out);
    out
}

/// An answer, perhaps with interim ones before it, and whether it is one to HEAD.
pub(crate) fn answer(dice: &mut Dice) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    while dice.once_in(10) {
        out.extend_from_slice(dice.pick(INTERIM).as_bytes());
    }
    let version = if dice.once_in(10) { "1.0" } else { "1.1" };
    let status = dice.pick(STATUSES);
    let (first, close) = (format!("HTTP/{version} {status}\r\n"), dice.once_in(8));
    message(dice, &mut out, &first, close);
    mutate(dice, &mut out);
    (out, dice.once_in(10))
}

/// The rest of a message. `bare`: a body without stated framing.
fn message(dice: &mut Dice, out: &mut Vec<u8>, first: &str, bare: bool) {
    let mut lines: Vec<&str> = (0..dice.below(5)).map(|_| dice.pick(LINES)).collect();
    if dice.once_in(6) {
        lines.push(dice.pick(ODD_LINES));
    }
    let body: Vec<u8> = (0..dice.below(40)).map(|at| b"{\"text\": \"\r\n\r\n0\r\nPOST\"}"[at % 23]).collect();
    out.extend_from_slice(first.as_bytes());
    let (framing, encoded) = match dice.below(3) {
        _ if bare => (String::new(), body),
        0 if body.len() < 20 => (String::new(), Vec::new()),
        0 | 1 => (format!("Content-Length: {}\r\n", body.len()), body),
        _ => ("Transfer-Encoding: chunked\r\n".to_owned(), chunks(dice, &body)),
    };
    let cut = dice.below(lines.len() + 1);
    for line in &lines[..cut] {
        out.extend(line.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).chain(*b"\r\n"));
    }
    out.extend_from_slice(framing.as_bytes());
    for line in &lines[cut..] {
        out.extend(line.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).chain(*b"\r\n"));
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&encoded);
}

/// The input in pieces, as it may arrive.
pub(crate) fn pieces<'a>(dice: &mut Dice, mut input: &'a [u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while !input.is_empty() && !dice.once_in(4) {
        let (piece, rest) = input.split_at(1 + dice.below(input.len()));
        pieces.push(piece);
        input = rest;
    }
    pieces.push(input);
    pieces
}

/// A body cut into chunks anyhow.
pub(crate) fn chunks(dice: &mut Dice, mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while !body.is_empty() {
        let (chunk, rest) = body.split_at(1 + dice.below(body.len()));
        let size = match dice.below(4) {
            0 => format!("{:X}", chunk.len()),
            1 => format!("{:05x}", chunk.len()),
            _ => format!("{:x}", chunk.len()),
        };
        let extension = match dice.below(600) {
            0 => format!(";{}", "a".repeat(300)),
            1..200 => dice.pick(EXTENSIONS).to_owned(),
            _ => String::new(),
        };
        out.extend_from_slice(format!("{size}{extension}\r\n").as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
        body = rest;
    }
    match dice.below(600) {
        0 => out.extend_from_slice(format!("0\r\nX: {}\r\n\r\n", "a".repeat(9000)).as_bytes()),
        1..200 => out.extend_from_slice(dice.pick(LAST).as_bytes()),
        _ => out.extend_from_slice(b"0\r\n\r\n"),
    }
    out
}

/// None, one or several small changes.
fn mutate(dice: &mut Dice, out: &mut Vec<u8>) {
    while dice.once_in(2) {
        let at = dice.below(out.len());
        match dice.below(6) {
            0 | 1 => drop(out.splice(at..at, ODD_BYTES[dice.below(ODD_BYTES.len())].iter().copied())),
            2 => drop(out.splice(at..=at, ODD_BYTES[dice.below(ODD_BYTES.len())].iter().copied())),
            3 => drop(out.drain(at..(at + 1 + dice.below(3)).min(out.len()))),
            4 => drop_return(dice, out),
            5 if dice.once_in(8) => drop(out.splice(at..at, vec![b'a'; [300, 9000][dice.below(2)]])),
            _ if dice.once_in(4) => out.truncate(at),
            _ => {}
        }
        if out.is_empty() {
            return;
        }
    }
}

/// Makes a CRLF a bare line feed.
fn drop_return(dice: &mut Dice, out: &mut Vec<u8>) {
    let ends: Vec<_> = out.windows(2).enumerate().filter(|(_, pair)| pair == b"\r\n").map(|(at, _)| at).collect();
    if !ends.is_empty() {
        out.remove(ends[dice.below(ends.len())]);
    }
}
