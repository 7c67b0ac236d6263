use bytes::Bytes;
use http1::Source;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
struct C;
static N: AtomicU64 = AtomicU64::new(0);
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for C {
    unsafe fn alloc(&self, l: Layout) -> *mut u8 {
        N.fetch_add(1, Relaxed);
        unsafe { System.alloc(l) }
    }
    unsafe fn dealloc(&self, p: *mut u8, l: Layout) {
        unsafe { System.dealloc(p, l) }
    }
}
#[global_allocator]
static A: C = C;
fn cpu() -> u64 {
    let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    s.split(' ').next().unwrap().parse().unwrap()
}
fn main() {
    let mode = std::env::args().nth(1).unwrap();
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    if mode == "server" {
        let size: usize = std::env::args().nth(2).unwrap().parse().unwrap();
        let reply: &'static [u8] = Vec::leak([format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_123\r\nopenai-processing-ms: 12\r\ndate: now\r\nserver: x\r\ncontent-length: {size}\r\n\r\n").into_bytes(), vec![b'x'; size]].concat());
        local.block_on(&rt, async move {
            let l = tokio::net::TcpListener::bind("127.0.0.1:18099").await.unwrap();
            loop {
                let (mut s, _) = l.accept().await.unwrap();
                s.set_nodelay(true).unwrap();
                tokio::task::spawn_local(async move {
                    let mut b = vec![0; 65536];
                    loop {
                        let mut seen = Vec::new();
                        loop {
                            let n = match s.read(&mut b).await {
                                Ok(n) if n > 0 => n,
                                _ => return,
                            };
                            seen.extend_from_slice(&b[..n]);
                            if seen.ends_with(b"}") {
                                break;
                            }
                        }
                        if s.write_all(reply).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
    }
    let c: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let n: u64 = std::env::args().nth(3).unwrap().parse().unwrap();
    let body: usize = std::env::args().nth(4).unwrap().parse().unwrap();
    local.block_on(&rt, async move {
        let egress = std::rc::Rc::new(
            upstream::Egress::with_environment(
                &plan::Egress {
                    proxy: plan::Proxy::Off,
                    roots: plan::Roots { system: false, bundled: true, files: vec![] },
                },
                |_| None,
            )
            .unwrap(),
        );
        let endpoint = plan::Endpoint {
            id: "p/0".into(),
            scheme: plan::Scheme::Http,
            host: "127.0.0.1".into(),
            port: 18099,
            base_path: "/v1".into(),
            named: true,
        };
        let provider = plan::Provider {
            id: "p".into(),
            dialect: "openai".into(),
            endpoints: vec![],
            credentials: vec![],
            auth: plan::Auth { header: "authorization".into(), prefix: "Bearer ".into() },
            headers: Default::default(),
            http: plan::HttpVersions::Auto,
        };
        let lines =
            std::rc::Rc::new(upstream::ProviderLines::new(&provider, &endpoint, [&b"sk-1234567890"[..]]).unwrap());
        let pools = upstream::Pools::new();
        let head = std::rc::Rc::new(http1::RequestHead::from_parts(
            b"POST",
            b"/v1/chat/completions",
            [
                ("host", "localhost"),
                ("content-type", "application/json"),
                ("accept", "application/json"),
                ("authorization", "Bearer hg-xxxxxxxxxxxxxxxxxxxxxxxxx"),
                ("user-agent", "OpenAI/Python 1.0"),
                ("x-stainless-lang", "python"),
                ("x-stainless-os", "Linux"),
                ("accept-encoding", "gzip"),
                ("connection", "keep-alive"),
                ("content-length", "64"),
            ]
            .iter()
            .map(|(a, b)| (a.as_bytes(), b.as_bytes())),
        ));
        let pieces = std::rc::Rc::new([Bytes::from([vec![b'x'; body - 1], vec![b'}']].concat())]);
        for round in 0..2 {
            let (a0, t0, w0) = (N.load(Relaxed), cpu(), std::time::Instant::now());
            let tasks: Vec<_> = (0..c)
                .map(|_| {
                    let (egress, endpoint, lines, pools, head, pieces) =
                        (egress.clone(), endpoint.clone(), lines.clone(), pools.clone(), head.clone(), pieces.clone());
                    tokio::task::spawn_local(async move {
                        let mut out = Vec::new();
                        for _ in 0..n {
                            let o = upstream::Outgoing {
                                method: b"POST",
                                path: b"/chat/completions",
                                head: &head,
                                provider: &lines,
                                body: upstream::OutgoingBody::Pieces(&*pieces),
                            };
                            let mut a = pools
                                .exchange(
                                    &egress,
                                    &endpoint,
                                    plan::HttpVersions::Auto,
                                    o,
                                    std::time::Duration::from_secs(3),
                                )
                                .await
                                .unwrap();
                            out.clear();
                            upstream::forward_lines(&a.head, &mut out);
                            while let Some(p) = a.body.piece().await {
                                p.unwrap();
                            }
                        }
                    })
                })
                .collect();
            for t in tasks {
                t.await.unwrap();
            }
            let total = c as u64 * n;
            println!(
                "round {round}: {:.2} us cpu/exchange, {:.2} allocs, {:.0} rps",
                (cpu() - t0) as f64 / 1e3 / total as f64,
                (N.load(Relaxed) - a0) as f64 / total as f64,
                total as f64 / w0.elapsed().as_secs_f64()
            );
        }
    });
}
