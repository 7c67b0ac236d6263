//! `headgated PLAN`: the data plane alone, for sidecars and replicas. No Python; the plan comes from
//! `headgate compile`.
//!
//! Reloads on SIGHUP and when the plan's file changes, also behind a `ConfigMap`'s links. Exits 0 after a drain, 1 on a
//! failure, 2 on wrong usage, 69 when an address is taken, 78 when the plan or a secret is at fault.

use gateway::{Event, FileWatch, Gateway, StartError};
use plan::Plan;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Returns memory to the system soon, and costs less per call than the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often the plan's file is looked at.
const LOOK: Duration = Duration::from_secs(1);

const USAGE: &str = "usage: headgated PLAN.json    serve a plan made by `headgate compile POLICY.yaml -o PLAN.json`
       headgated --version";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [only] if only == "--version" => {
            println!("headgated {}", gateway::VERSION);
            ExitCode::SUCCESS
        }
        [only] if only == "--help" || only == "-h" => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        [path] if !path.as_encoded_bytes().starts_with(b"-") => match serve(&PathBuf::from(path)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("headgated: {error}");
                ExitCode::from(error.code)
            }
        },
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Serves until a drain is over.
fn serve(path: &Path) -> Result<(), StartError> {
    let mut watch = FileWatch::new(path);
    let gateway = Gateway::start(read(path)?)?;
    loop {
        let event = gateway.next_event(LOOK);
        if event == Some(Event::Stopped) {
            return Ok(());
        }
        if watch.changed() || event == Some(Event::Reload) {
            match read(path) {
                // A plan that is refused is counted and logged by the gateway, and changes nothing.
                Ok(plan) => drop(gateway.reload(plan)),
                Err(error) => gateway.report_bad_policy(&error.message),
            }
        }
    }
}

fn read(path: &Path) -> Result<Plan, StartError> {
    let refuse = |what: &dyn std::fmt::Display| StartError { code: 78, message: format!("{}: {what}", path.display()) };
    let bytes = std::fs::read(path).map_err(|error| refuse(&error))?;
    Plan::read(&bytes).map_err(|error| refuse(&error))
}
