"""Dependencies between our crates point inwards: the table below is the whole truth, and cargo must agree."""

from pathlib import Path

from .repository import ROOT, our_packages

# Bytes, tables and values: no sockets, no clocks, no stage.
PURE = {"fault", "protocol", "http1", "plan", "record"}
# What a call passes through. A stage knows no other stage: it takes what it needs as a parameter.
STAGES = {"listener", "admission", "attempt", "upstream", "stream"}

ALLOWED: dict[str, set[str]] = {
    "fault": set(),
    "random": set(),
    "journal": set(),
    **{pure: {"fault"} for pure in PURE - {"fault"}},
    # What a call used is one type, for those who read it, price it and keep it.
    "plan": {"fault", "protocol"},
    # What must outlive a killed process, a record writes down itself.
    "record": {"fault", "journal", "protocol"},
    **{stage: PURE for stage in STAGES},
    "gateway": PURE | STAGES | {"journal", "random"},
    "sim": {"fault", "http1", "protocol", "random"},
    "load": {"fault", "http1", "protocol", "random"},
    "simulate": PURE | {"attempt", "random"},
    "binding": {"gateway", "journal", "load", "sim", "simulate", "plan"},
    "daemon": {"gateway", "plan"},
    "path": {"gateway", "plan"},
    "relay": set(),
}
# Where a crate stands, if not in `rust/`.
FOLDERS = {"path": "benchmarks/path", "relay": "benchmarks/relay"}
# In tests a crate may also use these; what is tested does not depend on them.
ALLOWED_IN_TESTS = PURE | {"sim"}


def edges(*, in_tests: bool) -> dict[str, set[str]]:
    """Crate -> our crates that it names as dependencies (of its tests, or of itself and its build script)."""
    ours = {package["name"] for package in our_packages()}
    return {
        package["name"]: {
            dependency["name"]
            for dependency in package["dependencies"]
            if dependency["name"] in ours and (dependency["kind"] == "dev") == in_tests
        }
        for package in our_packages()
    }


def test_every_crate_stands_in_the_table_and_in_its_own_folder() -> None:
    assert {package["name"] for package in our_packages()} == set(ALLOWED)
    for package in our_packages():
        folder = FOLDERS.get(package["name"], f"rust/{package['name']}")
        assert Path(package["manifest_path"]) == ROOT / folder / "Cargo.toml"


def test_a_crate_uses_only_what_the_table_allows() -> None:
    beyond = {crate: used - ALLOWED[crate] for crate, used in edges(in_tests=False).items() if used - ALLOWED[crate]}
    assert not beyond, f"dependencies that point outwards: {beyond}"


def test_the_tests_of_a_crate_use_no_stage_but_their_own() -> None:
    used_by = edges(in_tests=True)
    beyond = {crate: used - ALLOWED[crate] - ALLOWED_IN_TESTS for crate, used in used_by.items()}
    assert not {crate: used for crate, used in beyond.items() if used}


def test_every_crate_takes_version_and_lints_from_the_workspace() -> None:
    for package in our_packages():
        manifest = Path(package["manifest_path"]).read_text()
        assert "version.workspace = true" in manifest, package["name"]
        assert "[lints]\nworkspace = true" in manifest, package["name"]
