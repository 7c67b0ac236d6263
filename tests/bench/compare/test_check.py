"""What voids a window."""

from dataclasses import replace

import pytest

from headgate.bench.compare.check import Counts, flaw
from headgate.bench.compare.providers import Bill
from headgate.bench.result import LoadResult, Usage

from .samples import BILL, load

STATED_LESS = replace(load(), usage=Usage(9, 0, 0, 340))


def test_a_window_in_which_all_agree_says_something() -> None:
    assert flaw(load(), Counts(BILL, calls_by_metrics=10, sent_bytes=150)) is None


@pytest.mark.parametrize(
    ("seen", "counts", "sentence"),
    [
        (load(9, wrong_body=1), Counts(BILL), "1 of 10 calls failed, 1 of them as wrong_body: what was seen"),
        (load(0, total_tokens=0), Counts(BILL), "no call was answered"),
        (STATED_LESS, Counts(BILL), "1 of 10 answers stated no usage"),
        (
            load(),
            Counts(replace(BILL, mismatches=2)),
            "2 of 10 calls reached the provider with another body than they must have",
        ),
        (load(), Counts(replace(BILL, calls=11)), "the provider counted 11 calls, the load 10 answers"),
        (
            load(),
            Counts(replace(BILL, total_tokens=374)),
            "the provider billed 374 tokens, the answers stated 340",
        ),
        (
            load(),
            Counts(replace(BILL, bytes_in=1499), sent_bytes=150),
            "the provider got 1499 bytes of bodies, and must have got 1500",
        ),
        (load(), Counts(BILL, calls_by_metrics=9), "the gateway's metrics counted 9 calls, the load 10 answers"),
    ],
)
def test_each_disagreement_is_told_in_a_sentence(seen: LoadResult, counts: Counts, sentence: str) -> None:
    assert flaw(seen, counts) == sentence


def test_a_bill_is_the_difference_of_two() -> None:
    assert Bill(15, 1, 500, 2000).since(Bill(5, 1, 160, 500)) == BILL
