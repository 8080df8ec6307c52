"""What the brokers themselves say of the cluster, for nemeses that aim."""
from harness.http import Unanswered

_ASK_SECONDS = 3


def _answers(cluster, path):
    """From each running broker that answers, what it says."""
    for broker in cluster.running:
        try:
            yield broker, broker.get(path, timeout=_ASK_SECONDS)
        except Unanswered:
            continue


def leaders(cluster):
    """Ids of the brokers that lead something: each partition's leader and the controller, as often as they lead."""
    found = []
    for _, told in _answers(cluster, "/v1/partitions"):
        found = [each["leader"] for each in told["partitions"] if each["leader"]]
        break
    for _, told in _answers(cluster, "/v1/cluster"):
        if told["controller"]:
            found.append(told["controller"])
            break
    return found


def some_leader(cluster, prng):
    """A broker that leads something and runs; else any that runs, and None where none does."""
    leading = [cluster[each] for each in leaders(cluster) if cluster[each].running]
    return prng.choice(leading or cluster.running or [None])


def replaced(cluster, broker):
    """Whether the broker, whose disk was wiped, counts again wherever it did: all replicas vote and are in sync."""
    partitions, metadata = None, None
    for _, told in _answers(cluster, "/v1/partitions"):
        partitions = partitions or told["partitions"]
    for _, told in _answers(cluster, "/v1/cluster"):
        metadata = metadata or told["metadata_replicas"]
    if partitions is None or metadata is None or not broker.running:
        return False
    groups = [each.get("replicas", []) for each in partitions] + [metadata]
    return all(replicas and all(each["voter"] and each["in_sync"] for each in replicas) for replicas in groups)
