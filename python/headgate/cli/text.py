"""Results as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.cli.guards import guards
from headgate.cli.way import unfit
from headgate.config import known
from headgate.config.prices import CLASSES
from headgate.config.units import show_usd
from headgate.plan.diff import prices
from headgate.plan.words import BALANCES, conditions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from headgate.compile import Compiled
    from headgate.plan.diff import Change


KINDS = {
    "cache_read": "from the cache",
    "cache_write": "into the cache",
    "input_audio": "for sound",
    "input_image": "for pictures",
    "reasoning": "for reasoning",
    "output_audio": "for sound in answers",
    "output_image": "for pictures in answers",
}
"""What a price per million is for, of tokens that may have one of their own."""


def summary(policy: str, compiled: Compiled) -> str:
    """One line about a good policy."""
    plan = compiled.plan
    counts = {
        "provider": len(plan.providers),
        "deployment": len(plan.deployments),
        "alias": len(plan.aliases),
        "key": len(plan.keys),
    }
    parts = ", ".join(f"{number} {_plural(word, number)}" for word, number in counts.items())
    return f"{policy}: good: {parts}; plan {plan.hash[:12]}"


def hints(compiled: Compiled) -> Iterator[str]:
    """What is good and may still surprise: calls whose cost nobody knows."""
    policy = compiled.loaded.policy
    unpriced = [name for name, each in policy.deployments.items() if not known.is_priced(each, policy)]
    if unpriced:
        names = ", ".join(f"`{name}`" for name in unpriced)
        yield f"no price is known for {names}: what such calls cost is not counted; say it in deployments.NAME.price"


def _plural(word: str, number: int) -> str:
    if number == 1:
        return word
    return "aliases" if word == "alias" else f"{word}s"


def print_route(model: str, answer: dict[str, Any], compiled: Compiled) -> None:
    """Prints the way of a call."""
    out = console()
    if "error" in answer:
        out.print(f"[bold]{safe(model)}[/] is refused: {answer['error']['status']} {answer['error']['code']}")
        out.print(f"  {safe(answer['error']['message'])}")
        return
    out.print(f"[bold]{safe(model)}[/] {_why(model, answer, compiled)}")
    for number, step in enumerate(answer["steps"]):
        out.print(f"  {_condition(number, step)}")
        total = sum(place["weight"] for place in step["places"])
        by_weight = step["balance"] in ("weighted", "least_busy")
        for index, place in enumerate(step["places"]):
            _print_place(out, place, total if by_weight else place["weight"], answer["ways"])
            if why := unfit(answer, number, index):
                out.print(f"      {why}")
    for line in guards(answer):
        out.print(f"  {safe(line)}")


def _why(model: str, answer: dict[str, Any], compiled: Compiled) -> str:
    label = safe(answer["label"])
    if answer["kind"] == "direct":
        if model.startswith(f"{answer['label']}/"):
            return f"names a model of the provider [bold]{label}[/] outright"
        return f"is a model that, of this policy's providers, [bold]{label}[/] alone is known for"
    place = compiled.loaded.places.of_key(("aliases", answer["label"]))
    kind = "fits the pattern" if "*" in answer["label"] else "is the alias"
    return f"{kind} [bold]{label}[/] ({safe(str(place))})"


def _condition(number: int, step: dict[str, Any]) -> str:
    shared = f", {BALANCES[step['balance']]}" if len(step["places"]) > 1 else ""
    if number == 0:
        return f"first{shared}:"
    return f"when {conditions(step['when'])}{shared}:"


def _print_place(out: Console, place: dict[str, Any], total: int, ways: dict[str, str]) -> None:
    share = f"{100 * place['weight'] / total:.3g} % " if place["weight"] != total else ""
    deployment = f"[bold]{safe(place['deployment'])}[/]: " if place["deployment"] else ""
    out.print(f"    {share}{deployment}{safe(place['model'])} at {safe(place['provider'])}{_facts(place)}")
    for endpoint in place["endpoints"]:
        out.print(f"      {safe(endpoint.partition('@')[2])}, {safe(ways[endpoint])}")


def _facts(place: dict[str, Any]) -> str:
    """What is known of a place: its window, what it can do, its price, whether it goes on with cut streams."""
    facts = [f"{place['context_tokens']} tokens"] if place["context_tokens"] is not None else []
    if (able := place["capabilities"]) is not None:
        facts.append(f"can do {', '.join(able)}" if able else "plain text alone")
    facts += list(price_facts(place["price"]))
    if place["prefill"] not in (None, "off"):
        facts.append(f"goes on with cut streams by {place['prefill']}")
    return f" ({', '.join(facts)})" if facts else ""


def price_facts(price: dict[str, Any] | None) -> Iterator[str]:
    """What is known of a price: of the tokens of prompt and answer first."""
    if price is None:
        yield "price unknown"
        return
    period = price["usual"][0]
    if period["tiers"]:
        rates = period["tiers"][0]["nano_usd_per_million"]
        yield f"{show_usd(rates['input'])} and {show_usd(rates['output'])} per million"
        yield from (f"{show_usd(rates[kind])} {word}" for kind, word in KINDS.items() if _is_apart(rates, kind))
    if period["audio_hour_nano_usd"] is not None:
        yield f"{show_usd(period['audio_hour_nano_usd'])} for an hour of sound"
    if period["call_nano_usd"]:
        yield f"{show_usd(period['call_nano_usd'])} for each call"
    yield from prices.more(price)


def _is_apart(rates: dict[str, int], kind: str) -> bool:
    """Whether a class of tokens has a price of its own."""
    return rates[kind] != rates[CLASSES[kind]]


def print_changes(changes: list[Change]) -> None:
    """Prints what changes between two plans."""
    out = console()
    if not changes:
        out.print("nothing changes")
    for who in ("callers", "operators"):
        texts = [change.text for change in changes if change.who == who]
        if texts:
            out.print(f"[bold]for {who}[/]")
        for text in texts:
            out.print(f"  {safe(text)}")


def console() -> Console:
    """A console that colours on a terminal alone, honours NO_COLOR, and breaks no line by itself."""
    from rich.console import Console

    return Console(soft_wrap=True, highlight=False, emoji=False)


def safe(text: str) -> str:
    """A text that says nothing to rich."""
    from rich.markup import escape

    return escape(text)
