"""Tortures real brokers in rounds until the time is over; see scripts/torture."""
import argparse
import os
import random
import shutil
import sys
from pathlib import Path

import awake
import ledger
from nemesis import NEMESES, SCENARIOS
from plan import Planner
from rounds import Round

ROOT = ledger.ROOT
AVIARYD = ROOT / "build/release/src/server/aviaryd"
SEED_MAX = 2**31 - 1


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="rounds are begun until then (5)")
    parser.add_argument("--rounds", type=int, help="so many rounds instead")
    parser.add_argument("--first", type=int, default=1, metavar="N", help="the first round's number (1)")
    parser.add_argument("--seed", type=int, help="what each round does follows from this (random)")
    parser.add_argument("--scenario", action="append", default=[], metavar="NAME", choices=sorted(NEMESES | SCENARIOS),
                        help="only this scenario or nemesis; may be given again")
    parser.add_argument("--aviaryd", type=Path, default=AVIARYD, help="another binary")
    parser.add_argument("--folder", type=Path, default=ROOT / "build/torture", help="where failed rounds are kept")
    parser.add_argument("--until-failure", action="store_true", help="stop after the first round that fails")
    parser.add_argument("--no-ledger", action="store_true", help="no row in docs/reliability.md")
    parser.add_argument("--list", action="store_true", help="show nemeses and scenarios, and end")
    return parser.parse_args()


def show_list():
    for title, table in (("nemeses", NEMESES), ("scenarios", SCENARIOS)):
        print(f"{title}:")
        for name, what in sorted(table.items()):
            print(f"  {name:<28} {(what.__doc__ or '').strip().splitlines()[0]}")


def run_round(options, planner, seed, number):
    """Runs one round and prints what came of it. Its folder stays where it failed."""
    folder = options.folder / f"{seed}-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    plan = planner.plan(number)
    print(f"round {number}: {plan}", flush=True)
    done = Round(number, seed, plan, folder, options.aviaryd).run()
    outcomes = ", ".join(f"{done.outcomes[name]} {name}" for name in ("ok", "refused", "unknown"))
    print(f"round {number}: {'passed' if done.passed else 'FAILED'}, {outcomes} in {done.seconds:.0f} s", flush=True)
    if done.passed:
        shutil.rmtree(folder)
    else:
        if done.anomalies:
            print(done.anomalies)
        for trouble in done.troubles:
            print(f"trouble with the test itself: {trouble}")
        print(f"again: scripts/torture --seed {seed} --first {number} --rounds 1")
        print(f"logs and history: {folder}", flush=True)
    return done


def main():
    options = arguments()
    if options.list:
        show_list()
        return True
    if os.geteuid() != 0:
        sys.exit("torture: needs root, for network namespaces")
    seed = options.seed if options.seed is not None else random.randint(1, SEED_MAX)
    planner = Planner(NEMESES, SCENARIOS, seed, options.scenario)
    version, started, rounds = ledger.commit(), awake.seconds(), []
    print(f"seed {seed}, commit {version}", flush=True)
    while awake.seconds() - started < options.minutes * 60 if options.rounds is None else len(rounds) < options.rounds:
        rounds.append(run_round(options, planner, seed, options.first + len(rounds)))
        if options.until_failure and not rounds[-1].passed:
            break
    if not options.no_ledger:
        ledger.append(ledger.row(version, seed, rounds, (awake.seconds() - started) / 60))
    failed = sum(not each.passed for each in rounds)
    print(f"{len(rounds) - failed} passed, {failed} failed")
    return failed == 0


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
