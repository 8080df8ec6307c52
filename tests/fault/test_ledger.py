"""A row of the ledger says what was run, and goes to the end of its table."""
from collections import Counter
from types import SimpleNamespace

import ledger
from plan import Step


def test_row():
    steps = (Step(("kill",)), Step(("kill", "pause")), Step(("plot",), True))
    rounds = [SimpleNamespace(plan=SimpleNamespace(steps=steps), outcomes=Counter(ok=5, unknown=2), anomalies=found)
              for found in ((), ("lost",))]
    assert ledger.row("abc", 7, rounds, 2.4).endswith(
        "| abc | 7 | 2 | 2 | 1 alone, 1 pairs, 1 scenarios | 14 (4 unknown) | 1 |")


def test_append(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"{ledger.HEADING}\n\n| a |\n|---|\n| 1 |\n\n## Next\n\n| b |\n|---|\n")
    ledger.append("| 2 |", page)
    assert page.read_text() == f"{ledger.HEADING}\n\n| a |\n|---|\n| 1 |\n| 2 |\n\n## Next\n\n| b |\n|---|\n"
