use std::io::{Read, Write};
use std::net::TcpStream;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let (addr, conns, size, secs) =
        (&a[1], a[2].parse::<usize>().unwrap(), a[3].parse::<usize>().unwrap(), a[4].parse::<u64>().unwrap());
    let body =
        format!("{{\"model\":\"chat\",\"messages\":[{{\"role\":\"user\",\"content\":\"{}\"}}]}}", "a".repeat(size));
    let req = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer sk-123456\r\ncontent-type: application/json\r\naccept: */*\r\nuser-agent: load\r\ncontent-length: {}\r\n\r\n{}",
        body.len(),
        body
    );
    let mut s: Vec<TcpStream> = (0..conns)
        .map(|_| {
            let s = TcpStream::connect(addr).unwrap();
            s.set_nodelay(true).unwrap();
            s
        })
        .collect();
    let t = std::time::Instant::now();
    let mut n = 0u64;
    let mut buf = vec![0; 65536];
    while t.elapsed().as_secs() < secs {
        for c in &mut s {
            c.write_all(req.as_bytes()).unwrap();
        }
        for c in &mut s {
            let k = c.read(&mut buf).unwrap();
            assert!(k > 12 && &buf[9..12] == b"200", "{}", String::from_utf8_lossy(&buf[..k]));
            n += 1;
        }
    }
    println!("{} calls/s, {} calls", n as f64 / t.elapsed().as_secs_f64(), n);
}
