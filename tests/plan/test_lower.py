"""What a policy means: units, defaults, references, order."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import Any

from headgate.config import catalogue
from headgate.config.sections import Http, Policy, Resilience
from headgate.plan import document as twin
from headgate.plan.lower import process, resilience
from tests.plan.policies import FULL, document, lowered

SMALL = 'version: 1\nproviders: {openai: {credential: "${env:A}"}}\n'


def test_the_same_policy_is_the_same_bytes() -> None:
    assert document() == document()


def test_the_document_is_canonical_and_its_hash_is_that_of_the_rest() -> None:
    value: dict[str, Any] = json.loads(document())
    assert document() == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    told = value.pop("hash")
    rest = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert told == hashlib.sha256(rest).hexdigest()


def test_another_policy_has_another_hash() -> None:
    assert lowered().hash != lowered(FULL.replace("idle: 9s", "idle: 10s")).hash


def test_units_become_numbers() -> None:
    plan = lowered()
    assert plan.http == twin.HttpLimits(
        1 << 20, 2 << 20, 16 << 10, 7, 20_000, 20_000, None, 9_000, 8_000, ("https://a.example",)
    )
    assert plan.drain == twin.Drain(1_000, 2_000)
    assert plan.resilience.timeouts == twin.Timeouts(1_000, 2_000, 3_000, 4_000, 5_000, 6_000)
    assert plan.resilience.retry == twin.Retry(4, 6, 10, 20, 30, 40)
    assert plan.resilience.keep_alive_ms == 16_000
    assert [deployment.prefill for deployment in plan.deployments] == ["off", "prefix", "off"]
    price = plan.deployments[2].price
    assert price is not None
    assert plan.prices[price].usual[0].tiers[0].nano_usd_per_million.output == 2_000_000_000


def test_what_no_policy_may_say_yet_has_its_place_in_the_plan() -> None:
    http = Http.model_validate({"max_calls": 6, "max_streams": 5, "max_buffered": "3MiB"})
    told = process.http(http)
    assert (told.max_calls, told.max_streams, told.max_buffered_bytes) == (6, 5, 3 << 20)
    said = {
        "hedge": {"after": "250ms", "max_share": 0.05, "max_spend": 0.2},
        "coalesce": "on",
        "resume": {},
        "priority": "low",
    }
    guards = resilience.lower(Resilience.model_validate({**said, "affinity": "prefix"}))
    assert (guards.hedge, guards.coalesce, guards.resume_bytes) == (twin.Hedge(twin.Ms(250), 50, 200), True, 1 << 20)
    assert (guards.priority, guards.affinity) == ("low", "prefix")
    assert resilience.lower(Resilience.model_validate({"hedge": {}})).hedge == twin.Hedge("p95", 20, 10)


def test_the_process_is_as_the_policy_says() -> None:
    plan = lowered()
    assert plan.listen == twin.Listen(
        twin.Tcp("0.0.0.0:8443"), twin.Unix("/run/ops.sock"), twin.TlsFiles("/tls.crt", "/tls.key")
    )
    assert plan.workers == twin.Fixed(3)
    assert plan.egress == twin.Egress(
        twin.Url("http://proxy.example:3128"), twin.Roots(system=True, bundled=False, files=("/roots.pem",))
    )
    assert plan.log == twin.Log("warn", "all")
    assert plan.providers[plan.passthrough or 0].id == "openai"


def test_what_is_absent_has_its_default() -> None:
    plan = lowered(SMALL)
    assert plan.listen == twin.Listen(twin.Tcp("127.0.0.1:8080"), twin.Tcp("127.0.0.1:9090"), None)
    assert plan.http == twin.HttpLimits(32 << 20, 512 << 20, 64 << 10, 20_000, 20_000, 20_000, None, 75_000, 30_000, ())
    assert plan.drain == twin.Drain(5_000, 600_000)
    assert (plan.workers, plan.egress.proxy, plan.passthrough) == ("auto", "env", None)
    assert plan.resilience == twin.Resilience(
        timeouts=twin.Timeouts(3_000, 30_000, 60_000, 600_000, 600_000, 3_600_000),
        retry=twin.Retry(3, 5, 100, 1_000, 8_000, 10_000),
        hedge=None,
        on_disconnect="cancel",
        on_cut="error",
        coalesce=False,
        resume_bytes=None,
        keep_alive_ms=None,
        priority="normal",
        affinity="off",
    )
    openai = plan.providers[0]
    assert openai.breaker == twin.Breaker(5, 500, 20_000, 800, 30_000, 10, 5_000, 120_000, None)
    assert (openai.retry_permille, openai.retry_floor_per_second, openai.max_concurrency) == (100, 3, 1_000)


def test_every_section_reaches_the_plan() -> None:
    silent = {"version", "include", "ledger", "teams"}  # for the control plane; a team is a name of keys and limits
    names = {field for field in asdict(lowered())} | {"listen", "http"}
    assert set(Policy.model_fields) - silent <= names


def test_who_may_call_follows_from_keys_and_open() -> None:
    assert lowered().callers == "keys"
    assert lowered(SMALL).callers == "loopback"
    assert lowered(SMALL + "listen: {data: 0.0.0.0:8080, open: true}\n").callers == "anyone"


def test_exact_aliases_stand_before_patterns_and_longer_patterns_first() -> None:
    assert [alias.name for alias in lowered().aliases] == ["exact", "another", "cheap", "longer-*", "a-*", "*-z"]


def test_keys_refer_to_aliases_by_position() -> None:
    first, second = lowered().keys
    nobody: dict[str, Any] = {"team": None, "user": None, "tags": ()}
    first_key = twin.Key(
        "one", twin.Env("ONE"), (0, 1, 4), passthrough=False, expires_unix_ms=None, former=(), **nobody
    )
    assert first == first_key
    former = (twin.Former(twin.Env("OLD"), 1_798_736_400_000),)
    until = 1_798_675_200_000
    assert second == twin.Key(
        "two", twin.File("/run/two"), None, passthrough=True, expires_unix_ms=until, former=former, **nobody
    )


def test_a_chain_refers_to_deployments_by_position_and_only_later_steps_have_conditions() -> None:
    plan = lowered()
    exact = plan.aliases[0]
    position = {deployment.id: number for number, deployment in enumerate(plan.deployments)}
    assert exact.chain == (
        twin.Step((twin.Share(position["gpt"], 3),), "weighted", ()),
        twin.Step((twin.Share(position["mini"], 1),), "weighted", ("unavailable", "timeout")),
    )
    assert plan.aliases[2].chain[0].balance == "cheapest"


def test_a_fallback_is_tried_after_what_a_retry_might_have_mended() -> None:
    chain = "deployments: {a: {provider: openai, model: x}, b: {provider: openai, model: y}}\n"
    plan = lowered(SMALL + chain + "aliases: {s: {chain: [{use: a}, {use: b}]}}\n")
    assert plan.aliases[0].chain[1].when == ("unavailable", "rate_limited", "timeout")


def test_an_alias_has_its_own_words_and_the_rest_of_all() -> None:
    plan = lowered()
    assert plan.aliases[0].resilience == replace(
        plan.resilience,
        timeouts=twin.Timeouts(1_000, 2_000, 5_000, 4_000, 60_000, 6_000),
        retry=twin.Retry(2, 6, 10, 20, 30, 40),
        on_disconnect="finish",
        on_cut="continue",
        keep_alive_ms=None,
    )
    assert plan.aliases[1].resilience == plan.resilience


def test_a_provider_has_its_own_breaker_and_budget_and_the_rest_of_all() -> None:
    house, openai = lowered().providers[:2]
    assert openai.breaker == twin.Breaker(9, 600, 11_000, 700, 12_000, 13, 14_000, 15_000, 10_000)
    assert house.breaker == replace(openai.breaker, consecutive=2, slow_first_token_ms=90_000)
    assert (house.retry_permille, house.retry_floor_per_second, house.max_concurrency) == (250, 7, 64)
    assert (openai.retry_permille, openai.retry_floor_per_second, openai.max_concurrency) == (50, 7, 1_000)


def test_the_kind_of_a_provider_is_its_name_in_the_catalogue() -> None:
    assert [each.kind for each in lowered().providers] == ["", "openai", "azure_openai", "gemini", "ollama"]


def test_a_price_is_the_policys_word_else_what_the_catalogue_knows() -> None:
    plan = lowered()
    at = {deployment.id: deployment.price for deployment in plan.deployments}
    openai = next(provider for provider in plan.providers if provider.id == "openai")
    assert at["gpt"] == openai.prices["gpt-5.2"]
    assert at["own"] is not None
    assert plan.prices[at["own"]] == twin.Price((own_price(150_000_000, 2_000_000_000),), {})
    assert lowered(SMALL + "deployments: {a: {provider: openai, model: no-such}}\n").deployments[0].price is None
    assert len({repr(price) for price in plan.prices}) == len(plan.prices)


def own_price(prompt: int, answer: int) -> twin.Period:
    """A policy's price for tokens of the prompt and of the answer."""
    rates = twin.Rates(*(prompt,) * 5, *(answer,) * 4)
    return twin.Period(0, None, (twin.Tier(0, rates),), None, 0)


def test_each_class_may_have_its_price_and_so_may_sound_and_calls() -> None:
    price = (
        "{input_per_million_usd: 1, output_per_million_usd: 2, cache_read_per_million_usd: 0.1, "
        "cache_write_per_million_usd: 1.25, input_audio_per_million_usd: 10, input_image_per_million_usd: 3, "
        "reasoning_per_million_usd: 4, output_audio_per_million_usd: 20, output_image_per_million_usd: 30, "
        "audio_per_minute_usd: 0.006, per_call_usd: 0.01}"
    )
    plan = lowered(SMALL + f"deployments: {{a: {{provider: openai, model: m, price: {price}}}}}\n")
    assert plan.deployments[0].price == 0
    (period,) = plan.prices[0].usual
    nano = 10**9
    rates = twin.Rates(nano, nano // 10, 5 * nano // 4, 10 * nano, 3 * nano, 2 * nano, 4 * nano, 20 * nano, 30 * nano)
    assert period == twin.Period(0, None, (twin.Tier(0, rates),), 360_000_000, 10_000_000)


def test_a_provider_may_have_a_price_for_models_that_nobody_knows() -> None:
    house = (
        "version: 1\nproviders: {house: {dialect: openai, endpoints: ['http://10.0.0.1'], price: {per_call_usd: 1}}}\n"
    )
    plan = lowered(house + "deployments: {a: {provider: house, model: m}, b: {provider: house, model: 'm-{1}'}}\n")
    assert (plan.providers[0].price, [each.price for each in plan.deployments]) == (0, [0, None])
    assert plan.prices[0].usual[0].call_nano_usd == 10**9


def test_streams_are_asked_for_their_usage_but_where_the_policy_says_otherwise() -> None:
    house = "version: 1\nproviders: {house: {dialect: openai, endpoints: ['http://10.0.0.1'], stream_usage: leave}}\n"
    assert [each.stream_usage for each in lowered(house).providers] == ["leave"]
    assert {each.stream_usage for each in lowered().providers} == {"ask"}


def test_what_a_deployment_can_do_is_the_policys_word_in_one_order() -> None:
    assert [deployment.capabilities for deployment in lowered().deployments] == [None, None, ("tools", "images")]
    plain = SMALL + "deployments: {a: {provider: openai, model: m, capabilities: []}}\n"
    assert lowered(plain).deployments[0].capabilities == ()


def test_a_limit_of_calls_at_once_is_the_deployments_own_or_the_providers() -> None:
    assert [deployment.max_concurrency for deployment in lowered().deployments] == [None, None, 32]


def test_endpoints_are_told_apart_by_stable_ids() -> None:
    house = lowered().providers[0]
    assert house.endpoints == (
        twin.Endpoint("house@http://10.0.0.5:8000/v1", "http", "10.0.0.5", 8000, "/v1", named=True),
        twin.Endpoint("house@http://[fd00::5]:8000", "http", "fd00::5", 8000, "", named=True),
        twin.Endpoint("house@unix:/run/v.sock:/v1", "unix", "/run/v.sock", 0, "/v1", named=True),
    )
    assert (house.headers, house.http, house.credentials) == ({"x-team": "blue"}, "http2", ())


def test_a_known_provider_comes_from_the_catalogue() -> None:
    openai = lowered().providers[1]
    assert openai.endpoints == (
        twin.Endpoint("openai@https://api.openai.com:443/v1", "https", "api.openai.com", 443, "/v1", named=False),
    )
    assert openai.auth == twin.Auth("authorization", "Bearer ")
    assert openai.credentials == (twin.Env("A"), twin.File("/run/b"))


def test_azure_shows_its_key_in_a_header_of_its_own() -> None:
    azure = lowered().providers[2]
    assert (azure.auth, azure.http) == (twin.Auth("api-key", ""), "http1")
    assert azure.credentials == (twin.Literally("in-clear"),)


def test_the_compatible_address_of_another_dialect_takes_a_bearer() -> None:
    gemini = lowered().providers[3]
    assert gemini.endpoints[0].base_path == "/v1beta/openai"
    assert gemini.auth == twin.Auth("authorization", "Bearer ")


def test_a_catalogued_address_on_this_machine_may_be_private() -> None:
    ollama = lowered().providers[4]
    assert (ollama.endpoints[0].host, ollama.endpoints[0].named) == ("localhost", True)


def test_a_window_is_the_policys_word_else_what_the_catalogue_knows() -> None:
    windows = {deployment.id: deployment.context_tokens for deployment in lowered().deployments}
    known = catalogue.providers()["openai"].context_tokens("gpt-5.2")
    assert known
    assert (windows["gpt"], windows["own"]) == (known, 1_000)


def test_known_models_are_sorted_by_their_bytes_and_belong_to_one_provider_alone() -> None:
    plan = lowered('version: 1\nproviders: {openai: {credential: "${env:A}"}, cerebras: {credential: "${env:B}"}}\n')
    names = [model.name for model in plan.models]
    assert names == sorted(names, key=str.encode)
    assert "gpt-oss-120b" not in names, "both know it"
    assert plan.models[names.index("gpt-5.2")].provider == 0


def test_a_name_that_means_something_else_is_no_known_model() -> None:
    both = 'version: 1\nproviders: {openrouter: {credential: "${env:A}"}, openai: {credential: "${env:B}"}}\n'
    assert not [model for model in lowered(both).models if model.name.startswith("openai/")]
    alias = "deployments: {a: {provider: openai, model: x}}\naliases: {gpt-5.2: {chain: [{use: a}]}}\n"
    assert "gpt-5.2" not in [model.name for model in lowered(SMALL + alias).models]


def test_no_retired_model_is_known() -> None:
    retired = {name for name, facts in catalogue.providers()["xai"].models.items() if facts.get("deprecated")}
    known = {model.name for model in lowered('version: 1\nproviders: {xai: {credential: "${env:A}"}}\n').models}
    assert retired
    assert known
    assert not retired & known
