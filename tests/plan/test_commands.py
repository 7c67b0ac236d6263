"""The commands that need no data plane: what they print and how they end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from headgate import keys
from headgate.config.secrets import weakness

ROOT = Path(__file__).parents[2]
SMALL = 'version: 1\nproviders: {openai: {credential: "${env:OPENAI_API_KEY}"}}\n'
ENVIRON = {"PYTHONPATH": str(ROOT / "python"), "PATH": "/usr/bin:/bin", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}


def headgate(*arguments: str, folder: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    command = [sys.executable, "-c", "from headgate.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=ENVIRON | environ)


def policy(folder: Path, text: str = SMALL) -> str:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_check_says_that_a_policy_is_good(tmp_path: Path) -> None:
    ended = headgate("check", policy(tmp_path))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "good: 1 provider, 0 deployments, 0 aliases, 0 keys; plan " in ended.stdout


def test_check_says_what_has_no_price(tmp_path: Path) -> None:
    house = "providers: {openai: {}, house: {dialect: openai, endpoints: ['http://10.0.0.1/v1']}}\n"
    deployments = "deployments: {a: {provider: house, model: m}, b: {provider: openai, model: gpt-5.2}}\n"
    chain = "aliases: {x: {chain: [{use: [a, b]}]}}\n"
    house = house.replace("{}", '{credential: "${env:OPENAI_API_KEY}"}', 1)
    ended = headgate("check", policy(tmp_path, "version: 1\n" + house + deployments + chain))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[1].startswith("no price is known for `a`: ")


def test_check_ends_with_78_and_every_error(tmp_path: Path) -> None:
    ended = headgate("check", policy(tmp_path, "version: 2\nproviders: {nope: {}}\n"))
    assert ended.returncode == 78
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 2


def test_check_prints_problems_as_json(tmp_path: Path) -> None:
    ended = headgate("check", "--json", policy(tmp_path, SMALL + "http: {idel: 5s}\n"))
    assert ended.returncode == 78
    told = json.loads(ended.stdout)
    assert told == {
        "ok": False,
        "problems": [
            {
                "severity": "error",
                "file": str(tmp_path / "policy.yaml"),
                "line": 3,
                "column": 8,
                "path": "http.idel",
                "text": "unknown field; did you mean `idle`?",
            }
        ],
    }


def test_the_policy_is_policy_yaml_unless_named(tmp_path: Path) -> None:
    policy(tmp_path)
    assert headgate("check", folder=tmp_path).returncode == 0


def test_compile_prints_the_plan_or_writes_it(tmp_path: Path) -> None:
    path = policy(tmp_path)
    printed = headgate("compile", path)
    assert json.loads(printed.stdout)["format"] == 1
    assert headgate("compile", path, "-o", str(tmp_path / "plan.json")).returncode == 0
    assert (tmp_path / "plan.json").read_text(encoding="utf-8") == printed.stdout


def test_compile_refuses_a_secret_in_clear(tmp_path: Path) -> None:
    text = "version: 1\nproviders: {openai: {credential: canary}}\nkeys: [{name: ci, secret: canary-2}]\n"
    ended = headgate("compile", policy(tmp_path, text))
    assert ended.returncode == 78
    assert ended.stdout == ""
    assert "providers.openai, keys.ci" in ended.stderr
    assert "canary" not in ended.stderr


def test_compile_says_why_a_file_cannot_be_written(tmp_path: Path) -> None:
    ended = headgate("compile", policy(tmp_path), "-o", str(tmp_path / "absent" / "plan.json"))
    assert (ended.returncode, "cannot be written" in ended.stderr) == (1, True)


def test_diff_compares_policies_and_plans(tmp_path: Path) -> None:
    path = policy(tmp_path)
    plan = str(tmp_path / "plan.json")
    headgate("compile", path, "-o", plan)
    assert headgate("diff", path, plan).stdout == "nothing changes\n"
    policy(tmp_path, SMALL + "workers: 2\n")
    assert headgate("diff", plan, path).stdout == (
        "for operators\n  the number of workers changes: fixed 2 (was auto)\n"
    )
    assert json.loads(headgate("diff", plan, path, "--json").stdout) == [
        {"who": "operators", "text": "the number of workers changes: fixed 2 (was auto)"}
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not JSON"),
        ("[1]", "no plan"),
        ("{}", "no plan"),
        ('{"format": 9}', "plan format 9, this headgate reads format 1"),
        ('{"format": 1}', "`hash` is missing"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_diff_refuses_what_is_no_plan(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "plan.json").write_text(content, encoding="utf-8")
    ended = headgate("diff", str(tmp_path / "plan.json"), policy(tmp_path))
    assert ended.returncode == 78
    assert reason in ended.stderr


def test_a_fresh_key_is_strong_and_checkable() -> None:
    fresh = headgate("key", "new").stdout.strip()
    assert keys.is_wellformed(fresh)
    assert weakness(fresh) is None
    assert not keys.is_wellformed(fresh[:-1] + ("0" if fresh[-1] != "0" else "1"))
    assert json.loads(headgate("key", "new", "--json").stdout)["key"] != fresh


def test_fresh_keys_differ() -> None:
    made = {keys.fresh() for _ in range(1000)}
    assert len(made) == 1000
    assert {len(key) for key in made} == {52}


@pytest.mark.parametrize("arguments", [["frobnicate"], ["check", "--nope"], ["explain", "policy.yaml"]])
def test_a_wrong_command_line_ends_with_2(arguments: list[str]) -> None:
    ended = headgate(*arguments)
    assert ended.returncode == 2
    assert ended.stdout == ""


@pytest.mark.parametrize("odd", ["gpt", "=down", "gpt=", "gpt=rate_limited:", "gpt=rate_limited:2"])
def test_a_condition_is_who_and_what(odd: str, tmp_path: Path) -> None:
    ended = headgate("explain", policy(tmp_path), "--model", "openai/x", "--if", odd)
    assert ended.returncode == 2
    assert f"--if {odd}: " in ended.stderr


def test_the_version_is_printed() -> None:
    assert headgate("--version").stdout.startswith("headgate ")


def test_starting_loads_nothing_that_it_does_not_need() -> None:
    costly = ("rich", "watchfiles", "genai_prices")
    code = f"import sys, headgate.cli.app, headgate.cli.run; print([m for m in {costly} if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRON)
    assert ended.stdout == "[]\n"
