"""What must fit together: cases beside the golden policies, and what is doubtful only."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.policy_files import HEAD, errors, good, warnings

ALIASES = "deployments: {a: {provider: sim, model: echo}, b: {provider: sim, model: chat}}\n"


def test_a_known_provider_needs_its_credential_alone(tmp_path: Path) -> None:
    assert errors(tmp_path, 'version: 1\nproviders: {openai: {credential: "${env:A}"}}\n') == []


def test_a_section_with_nothing_in_it_has_its_defaults(tmp_path: Path) -> None:
    assert good(tmp_path, HEAD + "http:\n").http.idle == 75_000


def test_the_native_dialect_of_a_provider_is_not_taken_for_its_compatible_one(tmp_path: Path) -> None:
    policy = 'version: 1\nproviders: {{gemini: {{credential: "${{env:A}}"{}}}}}\n'
    assert len(errors(tmp_path, policy.format(""))) == 1
    assert errors(tmp_path, policy.format(", dialect: openai")) == []


@pytest.mark.parametrize("name", ["vllm", "ollama", "sim"])
def test_providers_on_this_machine_need_nothing(tmp_path: Path, name: str) -> None:
    assert errors(tmp_path, f"version: 1\nproviders: {{{name}: }}\n") == []


def test_listening_for_others_without_keys_must_be_said(tmp_path: Path) -> None:
    policy = HEAD + "listen: {data: 0.0.0.0:8080"
    assert "there are no `keys`" in errors(tmp_path, policy + "}\n")[0]
    assert errors(tmp_path, policy + ", open: true}\n") == []
    assert errors(tmp_path, policy + "}\nkeys: [{name: a, secret: '${env:A}'}]\n") == []
    assert "take one out" in errors(tmp_path, policy + ", open: true}\nkeys: [{name: a, secret: '${env:A}'}]\n")[0]


@pytest.mark.parametrize("data", ["127.0.0.1:8080", "127.8.9.1:8080", "[::1]:8080", "unix:/run/headgate.sock"])
def test_this_machine_needs_no_keys(tmp_path: Path, data: str) -> None:
    assert errors(tmp_path, HEAD + f"listen: {{data: '{data}'}}\n") == []


def test_port_zero_may_be_written_twice(tmp_path: Path) -> None:
    assert errors(tmp_path, HEAD + "listen: {data: 127.0.0.1:0, ops: 127.0.0.1:0}\n") == []


def test_an_exact_alias_stands_beside_a_pattern(tmp_path: Path) -> None:
    text = HEAD + ALIASES + "aliases: {'fast-*': {chain: [{use: a}]}, fast-x: {chain: [{use: b}]}}\n"
    assert errors(tmp_path, text) == []
    assert warnings(tmp_path, text) == []


def test_an_alias_may_look_like_a_path_when_no_provider_has_that_name(tmp_path: Path) -> None:
    assert errors(tmp_path, HEAD + ALIASES + "aliases: {team/x: {chain: [{use: [a, b]}]}}\n") == []


def test_a_star_in_a_model_needs_a_star_in_each_alias(tmp_path: Path) -> None:
    deployments = "deployments: {a: {provider: sim, model: 'x-{1}'}}\n"
    assert errors(tmp_path, HEAD + deployments + "aliases: {'f-*': {chain: [{use: a}]}}\n") == []
    assert (
        len(errors(tmp_path, HEAD + deployments + "aliases: {'f-*': {chain: [{use: a}]}, g: {chain: [{use: a}]}}\n"))
        == 1
    )


def test_nothing_is_said_twice_of_a_part_that_is_refused(tmp_path: Path) -> None:
    text = """
        version: 1
        providers:
          house: {dialect: openai, endpoints: [nonsense]}
        deployments: {a: {provider: house, model: 5}}
        aliases: {x: {chain: [{use: [a]}]}}
        keys: [{name: k, secret: "${env:K}", aliases: [x]}]
    """
    assert [line.split(": ")[1] for line in errors(tmp_path, text)] == [
        "providers.house.endpoints[0]",
        "deployments.a.model",
    ]


def test_what_is_doubtful_is_a_warning(tmp_path: Path) -> None:
    text = """
        version: 1
        listen: {open: true}
        providers:
          openai: {credential: sk-in-clear}
          far: {dialect: openai, endpoints: [http://models.example.com/v1], credential: "${env:A}"}
        deployments:
          a: {provider: openai, model: gpt-5.2}
          unused: {provider: openai, model: gpt-5.2}
        aliases:
          "*": {chain: [{use: a}]}
          "a-*c": {chain: [{use: a}]}
          "a*-c": {chain: [{use: a}]}
    """
    assert warnings(tmp_path, text) == [
        "policy.yaml:3:16: warning: listen.open: "
        "lets web pages call through a browser on this machine; without it only programs can",
        "policy.yaml:5:24: warning: providers.openai.credential: "
        "a secret in clear; name where it stands: ${env:NAME} or ${file:PATH}",
        "policy.yaml:6:38: warning: providers.far.endpoints[0]: the credential travels in clear over http; use https",
        "policy.yaml:9:3: warning: deployments.unused: no alias uses it, so no call reaches it",
        "policy.yaml:11:3: warning: aliases.*: takes every name, so no model of a provider can be named outright",
        "policy.yaml:13:3: warning: aliases.a*-c: "
        "some names fit `a-*c` too and both are as long: the first in the file counts",
    ]


def test_a_budget_that_a_restart_forgets_is_a_warning(tmp_path: Path) -> None:
    text = (
        HEAD + "budgets: [{usd: 5, window: day, mode: observe}, {usd: 7, window: month}, {usd: 9, window: lifetime}]\n"
    )
    found = warnings(tmp_path, text)
    assert [line.split("warning: ")[1] for line in found if "journal" in line] == [
        "budgets[1]: begins anew with each start, as there is no journal that says what was spent; add `journal: {}`"
    ]
    assert not [line for line in warnings(tmp_path, text + "journal: {}\n") if "journal" in line]


def test_weak_keys_in_clear_are_two_warnings(tmp_path: Path) -> None:
    found = warnings(tmp_path, HEAD + "keys: [{name: ci, secret: letmein}]\n")
    assert found == [
        "policy.yaml:3:27: warning: keys[0].secret: "
        "a secret in clear; name where it stands: ${env:NAME} or ${file:PATH}",
        "policy.yaml:3:27: warning: keys[0].secret: "
        "a weak key: shorter than 20 characters; `headgate key new` prints a strong one",
    ]


def test_an_alias_that_no_key_may_ask_for_is_doubtful(tmp_path: Path) -> None:
    text = HEAD + ALIASES + "aliases: {x: {chain: [{use: [a, b]}]}, y: {chain: [{use: a}]}}\n"
    assert warnings(tmp_path, text + "keys: [{name: k, secret: '${env:K}', aliases: [x]}]\n") == [
        "policy.yaml:4:40: warning: aliases.y: no key may ask for it"
    ]


def test_a_key_cannot_pass_through_where_there_is_nowhere_to_pass(tmp_path: Path) -> None:
    key = "keys: [{name: k, secret: '${env:K}', passthrough: true}]\n"
    assert errors(tmp_path, HEAD + key) == [
        "policy.yaml:3:51: keys[0].passthrough: the policy has no `passthrough:` provider, so this can never apply"
    ]
    assert errors(tmp_path, HEAD + "passthrough: sim\n" + key) == []


def test_who_waits_long_for_a_first_token_is_told_of_breakers_that_do_not(tmp_path: Path) -> None:
    alias = "aliases: {x: {chain: [{use: [a, b]}], timeouts: {first_token: 3m}}}\n"
    assert warnings(tmp_path, HEAD + ALIASES + alias) == [
        "policy.yaml:4:63: warning: aliases.x.timeouts.first_token: 3m are waited for, but breakers of `sim` count a "
        "first token after 20s as slow; say so in providers.sim.breaker.slow.first_token"
    ]
    patient = "version: 1\nproviders: {sim: {breaker: {slow: {first_token: 2m}}}}\n" + ALIASES
    assert warnings(tmp_path, patient + alias) == []
    shared = HEAD + ALIASES + "aliases: {x: {chain: [{use: [a, b]}]}}\nresilience: {timeouts: {first_token: 41s}}\n"
    assert len(warnings(tmp_path, shared)) == 1
    assert warnings(tmp_path, shared.replace("41s", "40s")) == []


def test_a_probe_that_hardly_ever_comes_is_doubtful(tmp_path: Path) -> None:
    rare = (
        "version: 1\nproviders: {sim: {breaker: {probe: 3m}}}\n" + ALIASES + "aliases: {x: {chain: [{use: [a, b]}]}}\n"
    )
    assert warnings(tmp_path, rare) == [
        "policy.yaml:2:36: warning: providers.sim.breaker.probe: 3m is longer than a breaker is open at once "
        "(`open_cap`, 2m)"
    ]
    assert warnings(tmp_path, rare.replace("probe: 3m", "probe: 3m, open_cap: 3m")) == []
    shared = rare.replace("breaker: {probe: 3m}", "").replace(
        "aliases:", "resilience: {breaker: {probe: 3m}}\naliases:"
    )
    assert len(warnings(tmp_path, shared)) == 1


def test_a_fallback_for_long_prompts_holds_more_than_something_before_it(tmp_path: Path) -> None:
    text = """
        version: 1
        providers: {sim: {}}
        deployments:
          small: {provider: sim, model: echo, context_tokens: 8_000}
          large: {provider: sim, model: echo, context_tokens: SIZE}
        aliases: {x: {chain: [{use: small}, {use: large, when: context_too_long}]}}
    """
    assert errors(tmp_path, text.replace("SIZE", "16_000")) == []
    assert "can never help: it holds 8000 tokens" in errors(tmp_path, text.replace("SIZE", "8_000"))[0]
    assert errors(tmp_path, text.replace(", context_tokens: SIZE", "")) == [], "it may hold more"


def test_the_cheapest_needs_prices_that_are_known(tmp_path: Path) -> None:
    step = "aliases: {x: {chain: [{use: [a, b], balance: cheapest}]}}\n"
    assert "the price of `a` is not known" in errors(tmp_path, HEAD + ALIASES + step)[0]
    price = ", price: {input_per_million_usd: 0, output_per_million_usd: 1.5}}"
    assert errors(tmp_path, HEAD + ALIASES.replace("}", price, 2) + step) == []


def test_weights_stand_where_they_are_looked_at(tmp_path: Path) -> None:
    step = "aliases: {{x: {{chain: [{{use: {{a: 2, b: 1}}, balance: {}}}]}}}}\n"
    assert errors(tmp_path, HEAD + ALIASES + step.format("weighted")) == []
    assert errors(tmp_path, HEAD + ALIASES + step.format("least_busy")) == []
    assert len(errors(tmp_path, HEAD + ALIASES + step.format("fastest"))) == 1


def test_a_second_try_needs_another_place_within_a_step(tmp_path: Path) -> None:
    alias = "aliases: {{x: {{chain: {}, hedge: {{after: 300ms}}}}}}\n"
    lonely = HEAD + ALIASES + alias.format("[{use: a}, {use: b}]")
    assert errors(tmp_path, lonely) == [
        "policy.yaml:4:51: aliases.x.hedge: no second try can ever be sent: no step of `chain` has a second "
        "deployment, or a provider with a second endpoint or credential"
    ]
    assert errors(tmp_path, lonely.replace("{after: 300ms}", "off")) == []
    assert errors(tmp_path, HEAD + ALIASES + alias.format("[{use: [a, b]}]")) == []
    keys = "version: 1\nproviders: {sim: {credential: ['${env:A}', '${env:B}']}}\n"
    assert errors(tmp_path, keys + ALIASES + alias.format("[{use: a}]")) == []
    everywhere = HEAD + ALIASES + "aliases: {x: {chain: [{use: a}]}}\nresilience: {hedge: {after: p95}}\n"
    assert errors(tmp_path, everywhere) == [], "other aliases may have one"


@pytest.mark.parametrize("word", ["off", "15s"])
def test_comments_to_a_caller_that_waits_are_off_or_have_a_time(tmp_path: Path, word: str) -> None:
    assert good(tmp_path, HEAD + f"resilience: {{keep_alive: {word}}}\n").resilience.keep_alive in ("off", 15_000)


def test_a_step_has_as_many_deployments_as_the_data_plane_can_tell_apart(tmp_path: Path) -> None:
    names = [f"d{number}" for number in range(65)]
    deployments = "".join(f"  {name}: {{provider: sim, model: echo}}\n" for name in names)
    alias = "aliases: {{x: {{chain: [{{use: [{}]}}]}}}}\n"
    head = f"{HEAD}deployments:\n{deployments}"
    assert errors(tmp_path, head + alias.format(", ".join(names[:64]))) == []
    assert "more than 64" in errors(tmp_path, head + alias.format(", ".join(names)))[0]


@pytest.mark.parametrize(
    ("shared", "own", "prefill", "wrong"),
    [
        ("error", "", "off", None),
        ("error", "continue", "off", "aliases.one.on_cut"),
        ("error", "continue", "assistant", None),
        ("continue", "", "off", "resilience.on_cut"),
        ("continue", "", "prefix", None),
        ("continue", "error", "prefix", "resilience.on_cut"),
    ],
)
def test_somebody_must_be_able_to_go_on_with_a_cut_stream(
    tmp_path: Path, shared: str, own: str, prefill: str, wrong: str | None
) -> None:
    said = f", on_cut: {own}" if own else ""
    text = HEAD + f"deployments: {{a: {{provider: sim, model: echo, prefill: {prefill}}}}}\n"
    text += f"aliases: {{one: {{chain: [{{use: a}}]{said}}}}}\nresilience: {{on_cut: {shared}}}\n"
    found = errors(tmp_path, text)
    assert [f": {wrong}: no stream can ever be continued" in each for each in found] == ([True] if wrong else [])


def test_a_prefill_that_nothing_asks_for_is_doubtful(tmp_path: Path) -> None:
    text = (
        HEAD + "deployments: {a: {provider: sim, model: echo, prefill: prefix}}\naliases: {one: {chain: [{use: a}]}}\n"
    )
    assert ["no alias that leads here says `on_cut: continue`" in each for each in warnings(tmp_path, text)] == [True]
    assert warnings(tmp_path, text.replace("[{use: a}]", "[{use: a}], on_cut: continue")) == []
