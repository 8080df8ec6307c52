"""The torture ledger in docs/reliability.md: a row for each run."""
import datetime
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reliability.md"
HEADING = "## Ledger of torture"


def commit(root=ROOT):
    """The commit that is run, with a `+` where shipping code or these tests were changed since."""
    short = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=root, check=True, capture_output=True,
                           text=True).stdout.strip()
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", "src", "include", "tests/fault"], cwd=root,
                             check=False).returncode
    return short + "+" * changed


def row(version, seed, rounds, minutes):
    """`rounds`: those that were run."""
    steps = [step for each in rounds for step in each.plan.steps]
    alone = {step for step in steps if len(step.names) == 1 and not step.is_scenario}
    pairs = {step for step in steps if len(step.names) == 2}
    scenarios = {step for step in steps if step.is_scenario}
    operations = sum(each.outcomes.total() for each in rounds)
    unknown = sum(each.outcomes["unknown"] for each in rounds)
    anomalies = sum(len(each.anomalies) > 0 for each in rounds)
    return (f"| {datetime.datetime.now(datetime.UTC):%Y-%m-%d} | {version} | {seed} | {minutes:.0f} | {len(rounds)} "
            f"| {len(alone)} alone, {len(pairs)} pairs, {len(scenarios)} scenarios | {operations} ({unknown} unknown) "
            f"| {anomalies} |")


def append(line, page=PAGE):
    """Puts the row at the end of the ledger's table."""
    lines = page.read_text().split("\n")
    place = lines.index(HEADING)
    while not lines[place].startswith("|"):
        place += 1
    while lines[place].startswith("|"):
        place += 1
    page.write_text("\n".join([*lines[:place], line, *lines[place:]]))
