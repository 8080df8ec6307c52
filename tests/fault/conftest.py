"""Lets the tests find the modules beside them, and the harness of the integration tests."""
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "integration")]
