fn main() {
    let text = std::env::args().nth(1).unwrap_or("{}".into());
    let options: sim::Options = serde_json::from_str(&text).unwrap();
    let running = sim::start(options).unwrap();
    println!("{}", running.address());
    running.wait();
}
