"""`kill -9` loses nothing that the provider bills and counts nothing twice; and the checker would see it."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from headgate import _native
from tests.chaos import kills
from tests.harness import journal
from tests.harness.journal import Entry


@pytest.fixture(scope="module", params=[False, True], ids=["serve", "headgated"])
def killed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The bill and the journal of gateways that were killed, ten of each program."""
    job = kills.Job(kills=10, seconds=0.6, daemon=request.param)
    bill, directory, outcomes = kills.run(job, tmp_path_factory.mktemp("killed"))
    assert min(outcomes[kind] for kind in ("answered", "failed", "left", "torn")) > 0, outcomes
    return bill, directory


@pytest.mark.timeout(120)
def test_nothing_that_is_billed_is_lost_and_nothing_counts_twice(killed: tuple[Path, Path]) -> None:
    code, report = kills.audit(*killed)
    assert (report["lost"], report["twice"], report["wrong"]) == ([], [], [])
    assert code == 0
    assert report["billed"] > 100
    assert report["exact"] > report["billed"] / 4
    assert 0 < report["open"] <= 10 * 6 * 2, "what was under way when a gateway was killed"
    verified = _native.Journal.open(str(killed[1])).verify()
    assert not verified["is_damaged"], verified["damage"]
    assert int(str(verified["open_attempts"])) <= 6 * 2, "those of the last one, which nobody has settled yet"


def copy_of(killed: tuple[Path, Path], folder: Path) -> tuple[Path, Path]:
    """Bill and journal, to be tampered with."""
    directory = folder / "journal"
    directory.mkdir()
    for path in killed[1].glob("*.hgj"):
        (directory / path.name).write_bytes(path.read_bytes())
    bill = folder / "bill.jsonl"
    bill.write_bytes(killed[0].read_bytes())
    return bill, directory


def found(directory: Path, kind: str) -> list[tuple[Path, int, bytes, Entry]]:
    """The records of a kind: in which file each is and where, its payload, what it says."""
    return [
        (path, at, payload, entry)
        for path in sorted(directory.glob("*.hgj"))
        for at, payload, entry in journal.records(path.read_bytes())
        if entry["kind"] == kind
    ]


@pytest.mark.timeout(120)
def test_a_loss_that_is_planted_is_found(killed: tuple[Path, Path], tmp_path: Path) -> None:
    bill, directory = copy_of(killed, tmp_path)
    billed = {json.loads(line)["model"] for line in bill.read_text().splitlines()}
    path, at, payload, entry = next(one for one in found(directory, "sent") if one[3]["model"] in billed)
    data = bytearray(path.read_bytes())
    data[at : at + 8 + len(payload)] = bytes(8 + len(payload))
    path.write_bytes(data)
    code, report = kills.audit(bill, directory)
    assert code == 1
    assert any(entry["model"] in lost or entry["call"] in lost for lost in report["lost"])
    assert report["twice"] == []


@pytest.mark.timeout(120)
def test_an_entry_that_is_planted_twice_is_found(killed: tuple[Path, Path], tmp_path: Path) -> None:
    bill, directory = copy_of(killed, tmp_path)
    path, _, payload, entry = found(directory, "settled")[-1]
    data = path.read_bytes().rstrip(b"\0")
    at = (len(data) + 64) // 8 * 8
    word = 3 << 24 | len(payload)
    check = journal.crc32c(payload, struct.unpack_from("<I", data, 48)[0] ^ word ^ at // 8)
    path.write_bytes(data + bytes(at - len(data)) + struct.pack("<II", word, check) + payload)
    code, report = kills.audit(bill, directory)
    assert code == 1
    assert len(report["twice"]) == 1
    assert report["lost"] == []
    sent = [one for *_, one in found(directory, "sent") if one["call"] == entry["call"]]
    assert report["twice"] == [sent[0]["model"]]


@pytest.mark.timeout(120)
def test_a_bill_that_says_otherwise_is_found(killed: tuple[Path, Path], tmp_path: Path) -> None:
    bill, directory = copy_of(killed, tmp_path)
    settled = next(entry for *_, entry in found(directory, "settled") if entry["basis"] == "provider")
    sent = next(entry for *_, entry in found(directory, "sent") if entry["call"] == settled["call"])
    lines = [json.loads(line) for line in bill.read_text().splitlines()]
    for line in lines:
        line["completion_tokens"] += line["model"] == sent["model"]
    bill.write_text("".join(json.dumps(line) + "\n" for line in lines))
    code, report = kills.audit(bill, directory)
    assert (code, report["wrong"]) == (1, [sent["model"]])
