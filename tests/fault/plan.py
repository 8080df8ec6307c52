"""What is done to the cluster in a round: drawn from a seed, and within the fault model.

The fault model: in each group a majority of the disks keeps what it confirmed. So in a round only one thing happens that
wipes a disk; everything else may come together.
"""
from random import Random
from typing import NamedTuple

STEPS_MIN, STEPS_MAX = 3, 5
PAIR_CHANCE, SCENARIO_CHANCE, ZOOKEEPER_CHANCE = 0.4, 0.25, 0.6
CALM_SECONDS_MAX = 3


class Step(NamedTuple):
    """A scenario, or one nemesis or two at once."""

    names: tuple
    is_scenario: bool = False

    def __str__(self):
        return "+".join(self.names)


class Plan(NamedTuple):
    steps: tuple
    needs: frozenset  # of the cluster's features
    prng: Random  # for everything else that is left to chance in this round

    def __str__(self):
        return ", ".join(map(str, self.steps))


class Planner:
    """`nemeses` and `scenarios`: by name, with their flags. `only`: names, where not all are to be run."""

    def __init__(self, nemeses, scenarios, seed, only=()):
        self._all = nemeses | scenarios
        self._nemeses = sorted(name for name in nemeses if not only or name in only)
        self._scenarios = sorted(name for name in scenarios if not only or name in only)
        self._seed = seed

    def plan(self, number):
        """The plan of the round of that number: the same for the same seed."""
        prng = Random(f"{self._seed}/{number}")
        steps = []
        for _ in range(prng.randint(STEPS_MIN, STEPS_MAX)):
            step = self._draw(prng)
            if not (self._wipes(step) and any(map(self._wipes, steps))):
                steps.append(step)
        needs = frozenset().union(*(self._flag(name, "needs") or () for step in steps for name in step.names))
        if prng.random() < ZOOKEEPER_CHANCE:
            needs |= {"zookeeper"}
        return Plan(tuple(steps), needs, prng)

    def _draw(self, prng):
        if self._scenarios and (not self._nemeses or prng.random() < SCENARIO_CHANCE):
            return Step((prng.choice(self._scenarios),), True)
        if len(self._nemeses) > 1 and prng.random() < PAIR_CHANCE:
            pair = Step(tuple(sorted(prng.sample(self._nemeses, 2))))
            return pair if self._wipers(pair) < 2 else Step(pair.names[:1])
        return Step((prng.choice(self._nemeses),))

    def _wipers(self, step):
        return sum(bool(self._flag(name, "wipes")) for name in step.names)

    def _wipes(self, step):
        return self._wipers(step) > 0

    def _flag(self, name, flag):
        return getattr(self._all[name], flag, None)
