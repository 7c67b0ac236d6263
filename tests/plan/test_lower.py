"""What a policy means: units, defaults, references, order."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from headgate.config import catalogue
from headgate.config.sections import Policy
from headgate.plan import document as twin
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
    assert plan.http == twin.HttpLimits(1 << 20, 2 << 20, 16 << 10, 7, 9_000, 8_000, ("https://a.example",))
    assert plan.drain == twin.Drain(1_000, 2_000)
    assert plan.timeouts == twin.Timeouts(1_000, 2_000, 3_000, 4_000, 5_000, 6_000)


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
    assert plan.http == twin.HttpLimits(32 << 20, 512 << 20, 64 << 10, 20_000, 75_000, 30_000, ())
    assert plan.drain == twin.Drain(5_000, 600_000)
    assert (plan.workers, plan.egress.proxy, plan.passthrough) == ("auto", "env", None)
    assert plan.timeouts == twin.Timeouts(3_000, 30_000, 60_000, 600_000, 600_000, 3_600_000)


def test_every_section_reaches_the_plan() -> None:
    silent = {"version", "include", "resilience"}
    names = {field for field in asdict(lowered())} | {"listen", "http"}
    assert set(Policy.model_fields) - silent <= names


def test_who_may_call_follows_from_keys_and_open() -> None:
    assert lowered().callers == "keys"
    assert lowered(SMALL).callers == "loopback"
    assert lowered(SMALL + "listen: {data: 0.0.0.0:8080, open: true}\n").callers == "anyone"


def test_exact_aliases_stand_before_patterns_and_longer_patterns_first() -> None:
    assert [alias.name for alias in lowered().aliases] == ["exact", "another", "longer-*", "a-*", "*-z"]


def test_keys_refer_to_aliases_by_position() -> None:
    first, second = lowered().keys
    assert first == twin.Key("one", twin.Env("ONE"), (0, 1, 3), passthrough=False)
    assert second == twin.Key("two", twin.File("/run/two"), None, passthrough=True)


def test_a_chain_refers_to_deployments_by_position_and_only_later_steps_have_conditions() -> None:
    plan = lowered()
    exact = plan.aliases[0]
    position = {deployment.id: number for number, deployment in enumerate(plan.deployments)}
    assert exact.chain == (
        twin.Step((twin.Share(position["gpt"], 3),), "weighted", ()),
        twin.Step((twin.Share(position["mini"], 1),), "weighted", ("unavailable",)),
    )


def test_an_alias_has_its_own_timeouts_and_the_rest_of_all() -> None:
    assert lowered().aliases[0].timeouts == twin.Timeouts(1_000, 2_000, 5_000, 4_000, 60_000, 6_000)
    assert lowered().aliases[1].timeouts == lowered().timeouts


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
