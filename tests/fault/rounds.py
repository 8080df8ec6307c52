"""One round: a fresh cluster and fresh topics under load, hurt as planned, healed, and judged."""
import time
import traceback
from collections import Counter

import awake
import checker
from anomalies import Anomalies
from clients import crew
from clients.sender import TOPIC as MESSAGES
from cluster import FaultCluster
from drain import Drain, Stalled
from history import History
from nemesis import NEMESES, SCENARIOS
from plan import CALM_SECONDS_MAX
from world import World

TOPICS = {"solo": 1, "trio": 3}
DISK_BYTES = 256 << 20  # where disks are small
START_SECONDS = 90
WARM_SECONDS = 1
JOIN_SECONDS = 120  # more than any client's patience


class Round:
    """What became of it: `anomalies` of the cluster, `troubles` of the test itself, and `outcomes` of operations."""

    def __init__(self, number, seed, plan, folder, aviaryd):
        self.number, self.seed, self.plan, self.folder = number, seed, plan, folder
        self._aviaryd = aviaryd
        self.anomalies, self.troubles, self.outcomes = Anomalies(), [], Counter()
        self.seconds = 0

    @property
    def passed(self):
        return not self.anomalies and not self.troubles

    def run(self):
        started = awake.seconds()
        self.folder.mkdir(parents=True)
        history = History(self.folder / "history.jsonl")
        needs = self.plan.needs
        try:
            with FaultCluster(self.folder, aviaryd=self._aviaryd, brokers=self.plan.brokers, prng=self.plan.prng,
                              zookeeper="zookeeper" in needs, proxied="proxy" in needs, preload="preload" in needs,
                              disk_bytes=DISK_BYTES if "small-disk" in needs else 0) as cluster:
                cluster.start(START_SECONDS)
                self._torture(cluster, history)
            for line in cluster.complaints():
                self.anomalies.add("complaint", line)
        except Stalled as stalled:
            self.anomalies.add("stalled", str(stalled))
        except Exception:  # pylint: disable=broad-except
            self.troubles.append(traceback.format_exc())
        history.close()
        checker.check(history.path, self.anomalies, whole=not self.anomalies and not self.troubles)
        self.outcomes = history.outcomes
        self.seconds = awake.seconds() - started
        return self

    def _torture(self, cluster, history):
        world = World(cluster.brokers, history, f"{self.seed}/{self.number}", TOPICS)
        drain, clients = Drain(world), crew(world)
        drain.make_topics()
        for client in clients:
            client.start()
        try:
            time.sleep(WARM_SECONDS)
            for step in self.plan.steps:
                history.write("nemesis", what=str(step))
                self._hurt(cluster, step)
            cluster.heal()
            history.write("nemesis", what="healed")
            drain.wait_ready()
            drain.write_everywhere()
        finally:
            world.halt.set()
            self.troubles += [f"{client.name} hangs" for client in clients if not client.join(JOIN_SECONDS)]
            self.troubles += world.failures
        drain.read_everywhere([(MESSAGES, 0)])

    def _hurt(self, cluster, step):
        prng = self.plan.prng
        if step.is_scenario:
            SCENARIOS[step.names[0]](cluster, prng, time.sleep)
            return
        nemeses = [NEMESES[name](cluster, prng) for name in step.names]
        for nemesis in nemeses:
            nemesis.start()
            time.sleep(prng.uniform(0, 1))
        time.sleep(max(nemesis.seconds for nemesis in nemeses) * prng.uniform(0.5, 1.2))
        for nemesis in prng.sample(nemeses, len(nemeses)):
            nemesis.stop()
        time.sleep(prng.uniform(0, CALM_SECONDS_MAX))
