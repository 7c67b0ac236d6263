//! What the kernel knows of this process, under the names that Prometheus clients share.

use record::{Family, FamilyKind, Sample, Value};

/// Clock ticks per second in `/proc`: fixed at 100 on Linux, whatever the kernel's own rate.
const TICKS: f64 = 100.0;
const PAGE_BYTES: f64 = 4096.0;

/// Families of the process; empty where there is no `/proc`.
pub(crate) fn families() -> Vec<Family> {
    let memory = std::fs::read_to_string("/proc/self/statm").ok().and_then(|line| field(&line, 1));
    let cpu = std::fs::read_to_string("/proc/self/stat").ok().and_then(|line| {
        // The name may hold blanks: fields are counted behind its closing parenthesis.
        let rest = line.rsplit_once(')')?.1;
        Some((field(rest, 11)? + field(rest, 12)?) / TICKS)
    });
    let files = std::fs::read_dir("/proc/self/fd").ok().and_then(|files| u32::try_from(files.count()).ok());
    [
        ("process_resident_memory_bytes", "Memory in RAM.", memory.map(|pages| pages * PAGE_BYTES)),
        ("process_cpu_seconds", "CPU time, user and system.", cpu),
        ("process_open_fds", "Open file descriptors.", files.map(f64::from)),
    ]
    .into_iter()
    .filter_map(|(name, help, value)| {
        let samples = vec![Sample { labels: vec![], value: Value::Level(value?) }];
        Some(Family { name, help, kind: FamilyKind::Gauge, samples })
    })
    .collect()
}

fn field(line: &str, index: usize) -> Option<f64> {
    line.split_whitespace().nth(index)?.parse().ok()
}
