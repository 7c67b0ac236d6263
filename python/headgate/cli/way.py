"""The way that a call on trial takes, as lines for people: the part of `explain` that is about `--if`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from headgate.config.units import show_duration, show_share

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEXT: Final = {
    "same": "then the same again",
    "other": "then elsewhere in its step",
    "fallback": "then a fallback",
    "final": "and trying again is of no use",
    "advised": "and the provider says that trying again is of no use",
    "deadline": "and the call's time is over",
    "attempts": "and no more tries are allowed",
    "sent": "and the request cannot be sent twice",
    "budget": "and the retry budget is spent",
    "no_target": "and nothing else is in service in time",
}


def way(answer: dict[str, Any]) -> Iterator[str]:
    """The lines, from an answer of `explain`; none where nothing was tried out."""
    trial = answer.get("trial")
    if not trial:
        return
    yield f"{_given(trial)}, from a fresh start:"
    for attempt in trial["attempts"]:
        yield f"  {attempt['number']}. {_attempt(attempt)}"
    yield _caller(trial)
    out = [f"{each['key']} for {show_duration(each['for_ms'])} ({each['why']})" for each in trial["left_out"]]
    yield f"left out afterwards: {', '.join(out) or 'nothing'}"
    if trial["not_on_the_way"]:
        yield f"not on the way of this call: {', '.join(trial['not_on_the_way'])}"
    if trial["one_of_several"]:
        chosen = "the middle of each draw" if trial["seed"] is None else f"the draws of seed {trial['seed']}"
        yield f"one of several ways, since a step has several places: this is {chosen}; --seed N shows others"


def unfit(answer: dict[str, Any], step: int, place: int) -> str | None:
    """Why a place cannot take the call, where something is asked of it; `fits` where it can."""
    trial = answer.get("trial")
    if not trial or not (trial["needs"] or trial["tokens"]):
        return None
    for each in trial["unfit"]:
        if (each["step"], each["place"]) == (step, place):
            lacks = [f"it cannot do {' or '.join(each['lacks'])}"] if each["lacks"] else []
            return "does not fit: " + " and ".join(lacks + (["its window is too small"] if each["too_small"] else []))
    return "fits"


def _given(trial: dict[str, Any]) -> str:
    befalls = [f"{each['target']}={each['meets']}{_pause(each)}" for each in trial["if"]]
    call = "a stream" if trial["stream"] else "a call without a stream"
    long = f" of about {trial['tokens']} tokens" if trial["tokens"] else ""
    needs = f" that needs {' and '.join(trial['needs'])}" if trial["needs"] else ""
    within = f" whose caller waits {show_duration(trial['within_ms'])}" if trial["within_ms"] is not None else ""
    return f"{call}{long}{needs}{within}, {'if ' + ' and '.join(befalls) if befalls else 'if all goes well'}"


def _pause(condition: dict[str, Any]) -> str:
    return "" if condition["pause_ms"] is None else f":{show_duration(condition['pause_ms'])}"


def _attempt(attempt: dict[str, Any]) -> str:
    where = attempt["deployment"] or f"{attempt['model']} at {attempt['provider']}"
    for part in ("endpoint", "credential"):
        if attempt[part] is not None:
            where += f", {part} {attempt[part]}"
    if attempt["waited_ms"] or attempt["wait_ms"]["most"]:
        where += f" after {_wait(attempt)}"
    took = f" in {show_duration(attempt['took_ms'])}" if attempt["took_ms"] else ""
    if attempt["reason"]:
        where += f" (for {attempt['reason']})"
    if attempt["then"] is None:
        return f"{where}: answers well{took}"
    what = attempt["fault"] or f"status {attempt['status']}"
    budget = f", retry budget at {show_share(attempt['budget_permille'])}"
    meaning = f"{attempt['class']}, blamed on {attempt['blame'].replace('_', ' with ')}{budget}"
    return f"{where}: {what}{took}: {meaning}; {_NEXT[attempt['then']]}"


def _wait(attempt: dict[str, Any]) -> str:
    bounds = attempt["wait_ms"]
    waited = show_duration(attempt["waited_ms"])
    if bounds["least"] == bounds["most"]:
        return waited
    return f"{waited} (drawn from {show_duration(bounds['least'])} to {show_duration(bounds['most'])})"


def _caller(trial: dict[str, Any]) -> str:
    caller = trial["caller"]
    tries = len(trial["attempts"])
    after = f"after {show_duration(trial['ended_ms'])} and {tries} {'try' if tries == 1 else 'tries'}"
    if caller["status"] == 200:
        if cut := caller["cut"]:
            end = f"ends in the error {cut['code']} (should_retry {_truth(cut['should_retry'])})"
            broken = f"whose stream {end}" if trial["stream"] else "whose connection is closed before it is whole"
            return f"the caller gets 200 {after}, {broken}: what has begun is not tried again"
        return f"the caller gets 200 {after}"
    code = caller["code"] or "no code"
    whose = "the provider's own" if caller["by"] == "provider" else "ours"
    advice = f"x-should-retry: {_truth(caller['should_retry'])}"
    if caller["retry_after_s"] is not None:
        advice += f", retry-after: {caller['retry_after_s']}"
    return f"the caller gets {caller['status']} {code} ({whose}) {after}; {advice}"


def _truth(value: bool) -> str:  # noqa: FBT001 - a value to show
    return "true" if value else "false"
