"""Keys of the store in a policy: one way for both, and none that does not fit stops a reload."""

from __future__ import annotations

import os
from dataclasses import replace

from headgate import compile as compiler
from headgate.config import Loaded
from headgate.keys.budgets import Granted, SetBudget
from headgate.keys.merge import InStore, Merged, merge
from headgate.keys.store import SecretDigest, StoredKey
from headgate.plan import document as plan
from headgate.plan import lower

NOW_NS = 1_790_000_000_000_000_000
MAC = "0f" * 32
POLICY = """
version: 1
ledger: sqlite:///data/headgate.db
providers: {openai: {credential: "${env:A}"}}
deployments: {gpt: {provider: openai, model: gpt-5.2}}
aliases: {smart: {chain: [{use: gpt}]}}
"""
KEY = StoredKey("made", {"aliases": ["smart"]}, NOW_NS, None, (SecretDigest(MAC, "secret", "hg_x", NOW_NS),))


def loaded(more: str = "") -> Loaded:
    """The policy."""
    return compiler.compile_text(POLICY + more, "policy.yaml", {}).loaded


def merged(*keys: StoredKey, more: str = "") -> Merged:
    """The policy with keys."""
    return merge(loaded(more), InStore(keys), NOW_NS)


def lowered(of: Merged) -> plan.Plan:
    """The plan."""
    return lower(of.policy, of.beside)


def test_a_stored_key_is_a_key_of_the_plan_as_any_other() -> None:
    (key,) = lowered(merged(KEY)).keys
    assert key == plan.Key(
        "made",
        plan.Digest(plan.KeyDigest("secret", MAC)),
        aliases=(0,),
        passthrough=False,
        team=None,
        user=None,
        tags=(),
        expires_unix_ms=None,
        former=(),
    )
    assert lowered(merged(KEY)).callers == "keys"
    assert lowered(merged(KEY)).pepper == plan.File(os.path.abspath("data/headgate.db.pepper"))


def test_a_policy_says_where_its_pepper_is() -> None:
    assert lowered(merged(KEY, more='pepper: "${env:PEPPER}"\n')).pepper == plan.Env("PEPPER")
    assert lowered(merged(more='pepper: "${env:PEPPER}"\n')).pepper is None, "nothing is made under it"


def test_a_rotated_key_is_one_key_with_two_secrets() -> None:
    old = SecretDigest("aa" * 32, "sha256", "sk-1", NOW_NS - 9, until_ns=NOW_NS + 1_000_000_000)
    over = SecretDigest("bb" * 32, "secret", "hg_y", NOW_NS - 9, until_ns=NOW_NS)
    (key,) = lowered(merged(replace(KEY, secrets=(*KEY.secrets, old, over)))).keys
    assert key.secret == plan.Digest(plan.KeyDigest("secret", MAC))
    assert key.former == (plan.Former(plan.Digest(plan.KeyDigest("sha256", "aa" * 32)), NOW_NS // 10**6 + 1000),)


def test_an_expiry_reaches_the_plan() -> None:
    (key,) = lowered(merged(replace(KEY, settings={"expires": "2026-12-31"}))).keys
    assert key.expires_unix_ms == 1_798_675_200_000


def test_revoking_the_last_key_does_not_open_the_gateway() -> None:
    plan = lowered(merged(replace(KEY, revoked_ns=NOW_NS, secrets=())))
    assert (plan.callers, plan.keys) == ("keys", ())


def test_without_any_key_ever_the_policy_says_who_may_call() -> None:
    assert lowered(merged()).callers == "loopback"
    far = merged(more='listen: {data: "0.0.0.0:8080"}\n')
    assert lowered(far).callers == "keys", "others can reach it, and its keys will stand in the ledger"


def test_an_alias_that_there_is_no_more_leaves_the_key_the_rest() -> None:
    (key,) = lowered(merged(replace(KEY, settings={"aliases": ["gone", "smart"]}))).keys
    assert key.aliases == (0,)


def test_what_does_not_fit_is_left_out_and_told() -> None:
    of_policy = 'keys: [{name: made, secret: "${env:B}"}]\n'
    for key, more, why in [
        (replace(KEY, settings={"aliases": ["gone"]}), "", "there is nothing more that it may ask for"),
        (replace(KEY, settings={"shoe_size": 42}), "", "shoe_size: unknown field"),
        (KEY, of_policy, "the policy has a key of that name"),
        (replace(KEY, secrets=()), "", "there is nothing more that it may ask for"),
    ]:
        found = merged(key, replace(KEY, name="fine", secrets=(replace(KEY.secrets[0], mac="cc" * 32),)), more=more)
        (problem,) = found.problems
        assert why in problem.text
        assert not problem.is_error
        assert "fine" in [each.name for each in found.policy.keys]


def test_what_a_stored_key_may_use_is_limited_as_that_of_any_other() -> None:
    settings = {"team": "platform", "user": "ann", "requests_per_minute": 60, "budget": {"usd": 50, "window": "day"}}
    plan = lowered(merged(replace(KEY, settings=settings), more="teams: {platform: {}}\n"))
    assert (plan.keys[0].team, plan.keys[0].user) == ("platform", "ann")
    assert [(each.id, each.value) for each in plan.limits] == [("key.requests_per_minute", "made")]
    assert [(each.id, each.value, each.nano_usd) for each in plan.budgets] == [("key.usd_per_day", "made", 50 * 10**9)]
    (key,) = lowered(merged(replace(KEY, settings=settings))).keys
    assert key.team is None, "a team that there is no more"


def test_a_budget_that_was_set_takes_the_place_of_the_policys_and_a_grant_counts() -> None:
    more = "teams: {platform: {budget: {usd: 5, window: day}}}\nbudgets: [{usd: 7, window: month}]\n"
    in_store = InStore(
        budgets=[
            SetBudget("a", {"usd": 9, "window": "day", "per": "team", "value": "platform"}, NOW_NS),
            SetBudget("b", {"usd": 1, "window": {"rolling": "7d"}}, NOW_NS),
            SetBudget("c", {"usd": 1, "window": "day", "when_spent": {"use": "gone"}}, NOW_NS),
        ],
        grants=[Granted("x", 3, NOW_NS)],
    )
    found = merge(loaded(more), in_store, NOW_NS)
    budgets = [(each.id, each.value, each.nano_usd // 10**9) for each in lowered(found).budgets]
    assert budgets == [("usd_per_month", None, 7), ("team.usd_per_day", "platform", 9), ("usd_per_7d", None, 1)]
    assert lowered(found).grants == (plan.Grant("x", 3),)
    (problem,) = found.problems
    assert "the budget `c` of the ledger is left out: when_spent.use: no alias `gone`" in problem.text


def test_an_open_gateway_stays_open_and_says_that_keys_count_for_nothing() -> None:
    found = merged(KEY, more="listen: {open: true}\n")
    assert lowered(found).callers == "anyone"
    assert lowered(found).keys == ()
    assert "keys count for nothing" in found.problems[0].text
