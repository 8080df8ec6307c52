"""What is done to the cluster in a round: drawn from a seed, and within the fault model.

The fault model: in each group a majority of the disks keeps what it confirmed. So in a round only one thing happens
that wipes a disk; everything else may come together.
"""
from random import Random
from typing import NamedTuple

STEPS_MIN, STEPS_MAX = 3, 5
PAIR_CHANCE, SCENARIO_CHANCE = 0.4, 0.2
# More brokers than replicas, and parts of a network in more shapes; but fewer operations on a small machine.
FIVE_BROKERS_CHANCE = 0.15
# What a cluster has even where no fault needs it: its faults do more there.
FEATURE_CHANCES = (("zookeeper", 0.6), ("preload", 0.5))
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
    brokers: int
    prng: Random  # for everything else that is left to chance in this round

    def __str__(self):
        return f"{self.brokers} brokers, {', '.join(map(str, self.steps))}"


class Planner:
    """`nemeses` and `scenarios`: by name, with their flags. `only`: names, where not all are to be run."""

    def __init__(self, nemeses, scenarios, seed, only=()):
        self._nemeses = {name: each for name, each in sorted(nemeses.items()) if not only or name in only}
        self._scenarios = {name: each for name, each in sorted(scenarios.items()) if not only or name in only}
        self._seed = seed

    def plan(self, number):
        """The plan of the round of that number: the same for the same seed."""
        prng = Random(f"{self._seed}/{number}")
        steps = []
        for _ in range(prng.randint(STEPS_MIN, STEPS_MAX)):
            step = self._draw(prng)
            if not (self._wipers(step) and any(map(self._wipers, steps))):
                steps.append(step)
        needs = frozenset().union(*(flag for step in steps for flag in self._flags(step, "needs")))
        needs |= {feature for feature, chance in FEATURE_CHANCES if prng.random() < chance}
        return Plan(tuple(steps), needs, 5 if prng.random() < FIVE_BROKERS_CHANCE else 3, prng)

    def _draw(self, prng):
        if self._scenarios and (not self._nemeses or prng.random() < SCENARIO_CHANCE):
            return Step((prng.choice(list(self._scenarios)),), True)
        if len(self._nemeses) > 1 and prng.random() < PAIR_CHANCE:
            pair = Step(tuple(sorted(prng.sample(list(self._nemeses), 2))))
            return pair if self._wipers(pair) < 2 else Step(pair.names[:1])
        return Step((prng.choice(list(self._nemeses)),))

    def _wipers(self, step):
        """How many disks are lost in it."""
        return len(self._flags(step, "wipes"))

    def _flags(self, step, name):
        """The flags of that name, of those in the step that have it set."""
        table = self._scenarios if step.is_scenario else self._nemeses
        flags = (getattr(table[each], name, None) for each in step.names)
        return [flag for flag in flags if flag]
