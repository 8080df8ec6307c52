"""Keeps three brokers and a ZooKeeper busy for long, and appends what came of it to docs/reliability.md.

    scripts/soak --minutes M [--rate R]     all that clients do, R operations a second (100): does memory grow, is
                                            everything that was acknowledged there, at each broker?
    scripts/soak --minutes M --load P       single messages, at P percent of what the brokers take at most: does load
                                            cost anybody the leadership?

Samples of memory, threads and files, and the brokers' logs, stay in build/soak. AVIARYD=FILE runs that binary.
"""
import argparse
import contextlib
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/integration"))

import mixed  # noqa: E402  (the path first)
import peak  # noqa: E402
import samples  # noqa: E402
from harness.cluster import Cluster  # noqa: E402
from harness.waiting import wait_until  # noqa: E402
from harness.zookeeper import ZooKeeper  # noqa: E402

FOLDER = ROOT / "build/soak"
LEDGER = ROOT / "docs/reliability.md"
GROWTH_MAX = 1.0  # MiB an hour
WARM_UP_SHARE = 0.15
MINUTES_MIN = 3
# What is bounded should be full when the warm-up is over, so that what still grows is a leak: small memtables, tails
# and caches.
OPTIONS = ["--log-level", "warn", "--free-bytes-min", 96 << 20, "--tail-bytes-max", 1 << 20,
           "--block-cache-bytes", 8 << 20]
KEYS_MAX = 262144  # of a partition: IDEMPOTENCY_KEYS_MAX
FILL_SECONDS = 5
FILL_SECONDS_MAX = 900
CONNECTIONS_MAX = 128  # each has a thread, which keeps a little memory: the warm-up must come by all of them
PEER_CONNECTIONS_MAX = 512  # the same at the brokers' own port, as src/server/server.c has it
CONNECTIONS_SPARE = 16
ROUNDS_MAX = 10
SETTLED_BYTES = 2 << 20  # memtables come and go by as much


@contextlib.contextmanager
def started(options, connections_max):
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    zookeeper = ZooKeeper(FOLDER).start()
    cluster = Cluster(FOLDER, 3, "zookeeper", zookeeper, options=options, connections_max=connections_max)
    try:
        with cluster.running():
            yield cluster
    finally:
        zookeeper.kill()


def run_wrk(port, script, connections, path="", arguments=()):
    subprocess.run(
        ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{FILL_SECONDS}s", "--timeout", "10s",
         "--script", Path(__file__).parent / script, f"http://127.0.0.1:{port}{path}", "--", *arguments],
        check=True, stdout=subprocess.DEVNULL)


def fill_key_tables(cluster):
    """So many keyed writes that the table of each partition forgets its first ones."""
    for partition in range(mixed.PARTITIONS):
        until = time.monotonic() + FILL_SECONDS_MAX
        while mixed.end_of(cluster, partition) <= KEYS_MAX:
            assert time.monotonic() < until, "the table of keys was not filled in time"
            run_wrk(cluster.leader(mixed.TOPIC, partition).port, "keyed.lua", 64,
                    f"/v1/topics/{mixed.TOPIC}/messages?partition={partition}")


def fill_caches(cluster):
    """Each broker reads all it has from its own disk: more than its cache of blocks holds."""
    for broker in cluster.brokers:
        for partition in range(mixed.PARTITIONS):
            offset, end = 0, mixed.end_of(cluster, partition)
            while offset < end:
                reply = broker.request("GET", f"/v1/topics/{mixed.TOPIC}/partitions/{partition}/messages?offset={offset}"
                                              "&limit=20000&max_bytes=4000000&level=none&format=raw", timeout=60)
                assert reply.status == 200, f"{broker.name} answered {reply}"
                if int(reply.headers["x-next-offset"]) == offset:
                    break  # a follower that is behind
                offset = int(reply.headers["x-next-offset"])


def sweep(port, connections_max, arguments=()):
    run_wrk(port, "sweep.lua", connections_max - CONNECTIONS_SPARE, arguments=arguments)


def wake_workers(cluster):
    """Each broker leads in turn. Its workers answer meanwhile, at both ports, and those of the others forward to it."""
    for leader in cluster.brokers:
        cluster.make_leader(leader, mixed.TOPIC)
        sweep(leader.peer_port, PEER_CONNECTIONS_MAX, ["forwarded"])
        for broker in cluster.brokers:
            sweep(broker.port, CONNECTIONS_MAX)


def fill_workers(cluster):
    """What a thread touches of its stack and what it caches, it keeps: until another round changes nothing."""
    for _ in range(ROUNDS_MAX):
        before = [samples.look(broker, 0).rss for broker in cluster.brokers]
        wake_workers(cluster)
        grown = [samples.look(broker, 0).rss - rss for broker, rss in zip(cluster.brokers, before)]
        print("a round of all workers added", ", ".join(f"{each / samples.MIB:+.1f} MiB" for each in grown), flush=True)
        if max(map(abs, grown)) < SETTLED_BYTES:
            return
    print(f"{ROUNDS_MAX} rounds of the same requests did not fill what they need: the slope will tell", flush=True)


def partitions(cluster):
    """As their leaders see them, all of them."""
    def told():
        rows = cluster.living[0].get(f"/v1/partitions?topic={mixed.TOPIC}")["partitions"]
        return rows if all("term" in row for row in rows) else None
    return wait_until(told, 30, "all leaders answer")


def term_sum(cluster):
    """Grows with each election of a partition of the topic that lasts."""
    return sum(row["term"] for row in partitions(cluster))


def wait_for_replicas(cluster):
    wait_until(lambda: all(replica["match_index"] == row["last_index"]
                           for row in partitions(cluster) for replica in row["replicas"]), 60, "all replicas have all")


def commit():
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True)
    changed = git("diff", "--quiet", "HEAD", "--", "src", "include").returncode
    return git("rev-parse", "--short", "HEAD").stdout.strip() + ("+" if changed else "")


def append_row(heading, cells):
    """As the last row of the table below that heading."""
    lines = LEDGER.read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if line.startswith(f"## {heading}"))
    at = next(number for number in range(at, len(lines)) if lines[number].startswith("|---"))
    while at < len(lines) and lines[at].startswith("|"):
        at += 1
    row = " | ".join(map(str, [time.strftime("%Y-%m-%d"), commit(), *cells]))
    LEDGER.write_text("".join([*lines[:at], f"| {row} |\n", *lines[at:]]))


def each_broker(cluster, tell):
    return ", ".join(tell(broker) for broker in cluster.brokers)


def describe(cluster, sampler, since):
    """Prints what each broker held, and returns by how many MiB an hour it grew."""
    growth = {}
    for broker in cluster.brokers:
        seen = sampler.of(broker, since)
        growth[broker] = sampler.growth(broker, since)
        print(f"{broker.name}: {seen[0].rss / samples.MIB:.1f} MiB after the warm-up, {seen[-1].rss / samples.MIB:.1f} at the end, "
              f"{growth[broker]:+.2f} MiB/h (anonymous {sampler.growth(broker, since, 'anonymous'):+.2f}); "
              f"threads {seen[0].threads} -> {seen[-1].threads}, files {seen[0].files} -> {seen[-1].files}")
    return growth


def soak(minutes, rate):
    with started(OPTIONS, CONNECTIONS_MAX) as cluster, samples.Sampler(cluster.brokers, FOLDER / "samples.csv") as sampler:
        cluster.create_topic(mixed.TOPIC, mixed.PARTITIONS, 3)
        fill_key_tables(cluster)
        fill_caches(cluster)
        fill_workers(cluster)
        terms = term_sum(cluster)
        since = sampler.seconds() + WARM_UP_SHARE * minutes * 60
        with mixed.MixedLoad(cluster, rate) as load:
            wait_until(lambda: load.seconds() > minutes * 60 or not all(each.alive for each in cluster.brokers),
                       minutes * 60 + 60, "the time is over")
        elections = term_sum(cluster) - terms
        growth = describe(cluster, sampler, since)
        wait_for_replicas(cluster)
        check(cluster, load)
        seen = {broker: sampler.of(broker, since) for broker in cluster.brokers}
    told = load.total()
    failed = sum(count for what, count in told.items() if what.startswith("failed")) + len(load.failures)
    print(f"{dict(told)}; elections: {elections}")
    print("\n".join(load.failures[:20]))
    append_row("Soak", [
        minutes, f"{told['operations']:,}", f"{sum(map(len, load.acknowledged)):,}", failed, elections,
        each_broker(cluster, lambda broker: f"{seen[broker][0].rss / samples.MIB:.0f} -> {seen[broker][-1].rss / samples.MIB:.0f}"),
        each_broker(cluster, lambda broker: f"{growth[broker]:+.2f}")])
    return not failed and all(each < GROWTH_MAX for each in growth.values())


def check(cluster, load):
    for broker in cluster.brokers:
        for partition, acknowledged in enumerate(load.acknowledged):
            acknowledged.check(broker, partition)


def hold_load(minutes, percent):
    with started(["--log-level", "warn"], 2048) as cluster:
        told = peak.hold(cluster, minutes, percent)
    print(told)
    share = told["rate"] / told["peak"]
    append_row("Elections under load", [
        minutes, f"{told['peak']:,.0f}", f"{told['rate']:,.0f} ({share:.0%} of {percent}% asked)",
        f"{told['p50_us'] / 1000:.1f} / {told['p99_us'] / 1000:.1f} ms",
        told["refused"] + told["broken"], told["elections"]])
    return not told["elections"] and not told["refused"] and not told["broken"]


def arguments():
    parser = argparse.ArgumentParser(prog="soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--load", type=lambda text: int(text.removesuffix("%")), metavar="P")
    return parser.parse_args()


def main():
    wanted = arguments()
    if wanted.minutes < MINUTES_MIN:
        sys.exit(f"soak: {MINUTES_MIN} minutes at least: less says nothing")
    # An end by a signal is an orderly one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    fine = hold_load(wanted.minutes, wanted.load) if wanted.load else soak(wanted.minutes, wanted.rate)
    print("steady" if fine else "NOT STEADY")
    sys.exit(not fine)


if __name__ == "__main__":
    main()
