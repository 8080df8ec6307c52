"""All that can go wrong, by name: single nemeses, to be combined as their flags allow, and scenarios with a plot."""
from . import disks, network, processes, proxies, zookeeper
from .base import Nemesis
from .scenarios import SCENARIOS

NEMESES = processes.NEMESES | network.NEMESES | proxies.NEMESES | zookeeper.NEMESES | disks.NEMESES

__all__ = ["NEMESES", "Nemesis", "SCENARIOS"]
