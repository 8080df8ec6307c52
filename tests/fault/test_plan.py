"""Plans are drawn from a seed, use everything there is, and stay within the fault model."""
from types import SimpleNamespace

from plan import Planner

NEMESES = {name: SimpleNamespace(needs=frozenset(), wipes=False) for name in ("kill", "pause")} | {
    "wipe": SimpleNamespace(needs=frozenset(), wipes=True), "scrape": SimpleNamespace(needs=frozenset(), wipes=True),
    "stall": SimpleNamespace(needs=frozenset({"proxy"}), wipes=False)}
SCENARIOS = {"plot": SimpleNamespace(wipes=True), "other": SimpleNamespace()}


def plans(count=300, **more):
    planner = Planner(NEMESES, SCENARIOS, 1, **more)
    return [planner.plan(number) for number in range(count)]


def test_the_same_seed_makes_the_same_plan():
    assert list(map(str, plans(20))) == list(map(str, plans(20)))
    assert str(Planner(NEMESES, SCENARIOS, 2).plan(0)) != str(plans(1)[0])


def test_everything_is_used_alone_and_in_pairs():
    steps = {str(step) for plan in plans() for step in plan.steps}
    assert steps >= set(NEMESES) | set(SCENARIOS) | {"kill+pause", "kill+wipe", "pause+stall"}


def test_one_disk_at_most_is_wiped_in_a_round():
    wiping = {"wipe", "scrape", "plot"}
    assert {sum(name in wiping for step in plan.steps for name in step.names) for plan in plans()} == {0, 1}


def test_the_cluster_has_what_its_nemeses_need():
    for plan in plans():
        assert ("proxy" in plan.needs) == any("stall" in step.names for step in plan.steps)
    assert {"zookeeper" in plan.needs for plan in plans()} == {True, False}


def test_clusters_of_three_and_of_five():
    assert {plan.brokers for plan in plans()} == {3, 5}


def test_only_what_is_asked_for():
    assert {str(step) for plan in plans(only=("plot",)) for step in plan.steps} == {"plot"}
    assert {str(step) for plan in plans(only=("kill",)) for step in plan.steps} == {"kill"}
