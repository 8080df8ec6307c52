"""A share of the load that the brokers can take, held for a while."""
import json
import subprocess
import time
from pathlib import Path

TOPIC = "peak"
CONNECTIONS = 64
PEAK_SECONDS = 20


def _post(leader, seconds, rate=0):
    """One run of wrk, as the JSON of paced.lua."""
    said = subprocess.run(
        ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds:.0f}s", "--timeout", "10s",
         "--script", Path(__file__).parent / "paced.lua",
         f"http://127.0.0.1:{leader.port}/v1/topics/{TOPIC}/messages", "--", str(rate)],
        check=True, capture_output=True, text=True).stdout
    return json.loads(said.splitlines()[-1])


def _leader_changes(cluster):
    """Of all groups, as all brokers have seen them."""
    lines = [line for broker in cluster.brokers for line in broker.request("GET", "/metrics").text.splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("aviary_raft_leader_changes_total"))


def hold(cluster, minutes, percent):
    """Messages a second at most, those that were asked for, and what happened meanwhile."""
    cluster.create_topic(TOPIC, replication_factor=3)
    leader = cluster.leader(TOPIC)
    _post(leader, PEAK_SECONDS / 4)
    most = _post(leader, PEAK_SECONDS)
    peak = most["requests"] / most["seconds"]
    changes = _leader_changes(cluster)
    told = _post(leader, minutes * 60, peak * percent / 100)
    time.sleep(1)  # a change is seen by all
    return told | {"peak": peak, "rate": told["requests"] / told["seconds"],
                   "elections": _leader_changes(cluster) - changes}
