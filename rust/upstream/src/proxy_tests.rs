//! Tables of proxy decisions.

use super::*;

fn endpoint(url: &str) -> Endpoint {
    let (scheme, rest) = url.split_once("://").unwrap_or_else(|| panic!("{url}"));
    let (host, port) = split_port(rest);
    let (scheme, default) = if scheme == "https" { (Scheme::Https, "443") } else { (Scheme::Http, "80") };
    let port = port.unwrap_or(default).parse().unwrap_or_else(|e| panic!("{url}: {e}"));
    Endpoint { id: "p/0".into(), scheme, host: host.into(), port, base_path: String::new(), named: true }
}

fn environment(variables: &[(&str, &str)]) -> Proxies {
    Proxies::from_environment(|name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

fn shown(proxies: &Proxies, url: &str) -> String {
    match proxies.way(&endpoint(url)) {
        Way::Direct => "direct".into(),
        Way::Proxy(proxy) => proxy.shown(),
        Way::Broken(problem) => format!("broken: {problem}"),
    }
}

#[test]
fn each_scheme_has_its_variable_and_all_proxy_stands_in() {
    let both = environment(&[("HTTPS_PROXY", "http://s:1"), ("HTTP_PROXY", "h:2")]);
    assert_eq!(shown(&both, "https://api.example"), "http://s:1 (HTTPS_PROXY)");
    assert_eq!(shown(&both, "http://api.example"), "http://h:2 (HTTP_PROXY)");
    let all = environment(&[("ALL_PROXY", "http://a:3"), ("https_proxy", ""), ("HTTP_PROXY", "http://h")]);
    assert_eq!(shown(&all, "https://api.example"), "http://a:3 (ALL_PROXY)");
    assert_eq!(shown(&all, "http://api.example"), "http://h:80 (HTTP_PROXY)");
    let lower = environment(&[("https_proxy", "http://low:1"), ("HTTPS_PROXY", "http://up:1")]);
    assert_eq!(shown(&lower, "https://api.example"), "http://low:1 (https_proxy)");
    assert_eq!(shown(&environment(&[]), "https://api.example"), "direct");
}

#[test]
fn no_proxy_knows_names_suffixes_addresses_networks_and_ports() {
    let table: &[(&str, &str, bool)] = &[
        ("*", "https://api.example", true),
        ("api.example", "https://api.example", true),
        ("API.Example", "https://api.EXAMPLE", true),
        ("example", "https://api.example", true),
        (".example", "https://api.example", true),
        ("*.example", "https://api.example", true),
        (".example", "https://example", true),
        ("xample", "https://example", false),
        ("pi.example", "https://api.example", false),
        ("api.example:443", "https://api.example", true),
        ("api.example:8443", "https://api.example", false),
        ("api.example:8443", "https://api.example:8443", true),
        ("other, api.example", "https://api.example", true),
        ("other api.example", "https://api.example", true),
        ("10.0.0.5", "https://10.0.0.5", true),
        ("10.0.0.5", "https://10.0.0.50", false),
        ("10.0.0.5:8000", "https://10.0.0.5:8000", true),
        ("10.0.0.5:8000", "https://10.0.0.5", false),
        ("10.0.0.0/8", "https://10.200.3.4", true),
        ("10.0.0.0/8", "https://11.0.0.1", false),
        ("10.0.0.0/8", "https://ten.example", false),
        ("fd00::/8", "https://[fd00::7]", true),
        ("fd00::7", "https://[fd00::7]", true),
        ("[fd00::7]:443", "https://[fd00::7]", true),
        ("[fd00::7]:1", "https://[fd00::7]", false),
        ("", "https://api.example", false),
        (",, ,", "https://api.example", false),
        (".", "https://api.example", false),
    ];
    for (list, url, direct) in table {
        let proxies = environment(&[("HTTPS_PROXY", "http://proxy:3128"), ("NO_PROXY", list)]);
        assert_eq!(shown(&proxies, url) == "direct", *direct, "NO_PROXY={list} {url}");
    }
}

#[test]
fn loopback_is_never_behind_a_proxy_of_the_environment() {
    let proxies = environment(&[("ALL_PROXY", "http://proxy:3128")]);
    for url in
        ["http://127.0.0.1:1", "http://127.9.9.9", "https://localhost", "http://sim.localhost:9", "http://[::1]:1"]
    {
        assert_eq!(shown(&proxies, url), "direct", "{url}");
    }
    assert_ne!(shown(&proxies, "http://localhost.example"), "direct");
}

#[test]
fn a_proxy_of_the_policy_is_for_everything() {
    let proxies = Proxies::fixed("http://u:p%40ss@proxy:3128/").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(shown(&proxies, "https://api.example"), "http://proxy:3128 (egress.proxy)");
    assert_eq!(shown(&proxies, "http://127.0.0.1:8000"), "http://proxy:3128 (egress.proxy)");
    let Way::Proxy(proxy) = proxies.way(&endpoint("https://api.example")) else { panic!("no proxy") };
    assert_eq!(&**proxy.authorization, b"proxy-authorization: Basic dTpwQHNz\r\n");
}

#[test]
fn an_unusable_proxy_is_a_problem_and_not_ignored() {
    let proxies = environment(&[("HTTPS_PROXY", "socks5://user:canary@proxy:1080")]);
    let shown = shown(&proxies, "https://api.example");
    assert!(shown.starts_with("broken: HTTPS_PROXY names a proxy of the scheme `socks5`"), "{shown}");
    assert!(!shown.contains("canary"));
    for url in ["https://proxy", "http://", "http://proxy:99999", "http://pro xy", "http://a@b@:1"] {
        let problem = Proxies::fixed(url).expect_err(url);
        assert!(problem.contains("egress.proxy"), "{problem}");
    }
}

#[test]
fn base64_pads_as_the_standard_says() {
    for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
        let mut out = Vec::new();
        base64(plain.as_bytes(), &mut out);
        assert_eq!(out, coded.as_bytes());
    }
}
