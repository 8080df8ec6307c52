"""All that can go wrong, by name: single nemeses, to be combined as their flags allow, and scenarios with a plot."""
from . import process
from .base import Nemesis
from .scenarios import SCENARIOS

NEMESES = process.NEMESES

__all__ = ["NEMESES", "Nemesis", "SCENARIOS"]
