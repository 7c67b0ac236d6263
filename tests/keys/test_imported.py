"""Keys of others: what is read of them, and what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headgate.errors import GatewayError
from headgate.keys.imported import Imported, read

NOW_S = 1_790_000_000
SHA256 = "ab" * 32


def written(folder: Path, text: str) -> str:
    """A file of keys."""
    (folder / "keys").write_text(text)
    return str(folder / "keys")


def test_ours_are_read_from_csv_and_json(tmp_path: Path) -> None:
    wanted = Imported("ci", SHA256, "", {"aliases": ["smart"], "passthrough": True})
    as_csv = f'name,sha256,aliases,passthrough\nci,{SHA256.upper()},"[smart]",true\n'
    as_json = json.dumps([{"name": "ci", "sha256": SHA256, "aliases": ["smart"], "passthrough": True}])
    assert read(written(tmp_path, as_csv), NOW_S).keys == [wanted]
    assert read(written(tmp_path, as_json), NOW_S).keys == [wanted]


def test_those_of_litellm_are_read(tmp_path: Path) -> None:
    row = {
        "token": SHA256,
        "key_name": "sk-...wxyz",
        "key_alias": "my team's key",
        "spend": 1.5,
        "models": ["smart"],
        "user_id": "ann",
        "team_id": "3f1",
        "rpm_limit": 60,
        "tpm_limit": None,
        "max_budget": 50.0,
        "budget_duration": "1d",
        "expires": "2027-01-01T00:00:00",
        "blocked": None,
    }
    (key,) = read(written(tmp_path, json.dumps({"keys": [row]})), NOW_S).keys
    assert (key.name, key.sha256, key.hint) == ("my-team-s-key", SHA256, "sk-")
    assert key.settings == {
        "requests_per_minute": 60,
        "user": "ann",
        "aliases": ["smart"],
        "expires": "2027-01-01T00:00:00+00:00",
        "budget": {"usd": 50.0, "window": "day"},
    }


def test_an_array_of_postgresql_is_read(tmp_path: Path) -> None:
    text = f'token,key_alias,models,blocked\n{SHA256},a,"{{smart,fast}}",f\n{"cd" * 32},b,{{}},f\n'
    found = read(written(tmp_path, text), NOW_S)
    assert [key.settings for key in found.keys] == [{"aliases": ["smart", "fast"]}, {}]


def test_what_is_blocked_or_over_is_left_out_and_told(tmp_path: Path) -> None:
    rows = [
        {"token": SHA256, "key_alias": "a", "blocked": True},
        {"token": SHA256, "key_alias": "b", "expires": "2020-01-01T00:00:00Z"},
    ]
    found = read(written(tmp_path, json.dumps(rows)), NOW_S)
    assert (found.keys, found.left_out) == ([], ["a: it is blocked", "b: it has expired"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,sha256\nci,\n", "key 1, `ci`: `sha256` (or `token`) has 64 hex digits"),
        (f"name,sha256\nci,{SHA256}\n,{SHA256}\n", "key 2: it has no name"),
        ('{"keys": 3}', "a list of objects is needed"),
        ("[", ":1:2: "),
        (f"name,sha256,expires\nci,{SHA256},soon\n", "`soon` is no time"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(GatewayError) as refused:
        read(written(tmp_path, text), NOW_S)
    assert says in str(refused.value)
