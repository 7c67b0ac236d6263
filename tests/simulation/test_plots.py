"""Drawings: one for each result, the same bytes for the same world."""

from headgate.simulate import plots
from headgate.simulate.asked import Asked

from .policies import simulate

ASKED = Asked(
    policies=("a$b$.yaml", "b.yaml"), scenario="<outage>.yaml", for_ms=20_000, replicas=1, seed=1, seeds=1, rate="50/s"
)
TEXT = """
for: 20s
calls: [{model: alone}]
providers: {first: {scenario: [{match: {from: 5s, until: 10s}, fault: refuse}]}}
"""


def test_one_world_has_one_drawing_and_it_is_the_same_each_time() -> None:
    worlds = simulate(TEXT).worlds
    first, again = (plots.draw(ASKED, worlds, "svg") for _ in range(2))
    assert first == again
    assert b"&lt;outage&gt;.yaml" in first
    assert b"health keys out" in first


def test_worlds_stand_side_by_side() -> None:
    (world,) = simulate(TEXT).worlds
    both = [world, world.model_copy(update={"plan": 1})]
    drawn = plots.draw(ASKED, both, "svg")
    assert b"a$b$.yaml" in drawn
    assert b"b.yaml, seed" in drawn
    assert drawn.count(b"callers a second") == 2


def test_a_world_in_which_nobody_called_can_be_drawn() -> None:
    worlds = simulate("{for: 5s, rate: 0, calls: [{model: smart}]}").worlds
    assert plots.draw(ASKED, worlds, "png").startswith(b"\x89PNG")
