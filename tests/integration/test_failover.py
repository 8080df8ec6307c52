"""How long writes stand still when a leader dies."""
import statistics
import time

import pytest
from harness.client import Load

KILLS, KILLS_FULL = 8, 50
MEDIAN_SECONDS, WORST_SECONDS = 0.5, 2.0


@pytest.mark.timing
@pytest.mark.parametrize("mode", ["static", "zookeeper"])
def test_write_gap_after_a_kill(make_cluster, request, full, mode):
    zookeeper = request.getfixturevalue("zookeeper") if mode == "zookeeper" else None
    cluster = make_cluster(3, mode, zookeeper=zookeeper).start()
    cluster.create_topic("t", replication_factor=3)
    gaps = []
    with Load(cluster.brokers, "t") as load:
        for _ in range(KILLS_FULL if full else KILLS):
            load.wait_for(20)
            leader = cluster.leader("t")
            killed = time.monotonic()
            leader.kill()
            load.wait_for(20)
            gaps.append(load.longest_gap(since=killed))
            leader.start().wait_ready()
    print(f"gaps in seconds: {[round(gap, 3) for gap in sorted(gaps)]}")
    assert statistics.median(gaps) <= MEDIAN_SECONDS, gaps
    assert max(gaps) <= WORST_SECONDS, gaps
    for broker in cluster.brokers:
        load.check(broker)
