"""Judges a history in one pass: names every anomaly in it. Memory grows with the values written, not with the reads.

    tests/fault/checker.py HISTORY
"""
import sys
from pathlib import Path

import history
from anomalies import Anomalies
from history import OK, REFUSED, UNKNOWN
from log_model import Log, Write

# What may be answered where the topic is there all the time.
STATUSES = {"write": {200, 201}, "replay": {200, 201}, "misuse": {422}, "fetch": {200, 416}}
ALWAYS_POSSIBLE = {408, 503, 504}  # too slow; not done; nobody knows


class Checker:
    """Takes the events of a history in their order; `finish` gives the anomalies."""

    def __init__(self, anomalies=None):
        self.anomalies = anomalies if anomalies is not None else Anomalies()
        self._logs = {}  # (topic, partition) -> Log
        self._writes = {}  # name of a value -> (Write, place)
        self._begun = {}  # id of an operation -> what its end is judged by
        self._finals = {}  # (topic, partition) -> {broker: (end, digest)}
        self._final_next = {}  # (broker, topic, partition) -> the offset that must come next
        self._fleeting = {}  # topics that clients make and delete -> the writes to the present one
        self._deleted = set()  # topics of which a deletion was acknowledged, and no creation since

    def take(self, event):
        kind = event["event"]
        if kind == "begin":
            getattr(self, f"_begin_{event['op']}")(event)
        elif kind == "attempt":
            self._take_attempt(event, *self._begun[event["id"]])
        elif kind == "end":
            operation, topic, *facts = self._begun.pop(event["id"])
            getattr(self, f"_end_{operation}")(event, topic, *facts)
        elif kind == "final":
            self._take_final(event)
        elif kind == "final-end":
            partition = event["topic"], event["partition"]
            self._finals.setdefault(partition, {})[event["broker"]] = event["end"], event["digest"]

    def finish(self, whole=True):
        """`whole`: the history goes to the end of its run. Else only what was read by then can be judged."""
        if whole:
            self._judge_ends()
        return self.anomalies

    def _judge_ends(self):
        for partition, answers in self._finals.items():
            if len(set(answers.values())) > 1:
                self._log(*partition).add("divergent", f"(end, digest) of each broker: {answers}")
        unread = set()
        for write in {id(write): write for write, _ in self._writes.values()}.values():
            partition = write.log.partition
            if write.gone or partition[0] in self._fleeting or write.misuse:
                continue
            if partition in self._finals:
                write.log.judge_write(write)
            elif write.outcome == OK and partition not in unread:
                unread.add(partition)
                write.log.add("unread", f"{write} was acknowledged")

    def _remember(self, event, *facts):
        """What the end of an operation is judged by."""
        self._begun[event["id"]] = event["op"], event["topic"], *facts

    def _take_attempt(self, event, operation, topic, *facts):
        if operation == "write" and event["outcome"] == UNKNOWN:
            facts[0].pending = True
        status = event.get("status")
        if status is not None and topic not in self._fleeting and status not in STATUSES[operation] | ALWAYS_POSSIBLE:
            self.anomalies.add("wrong-answer", f"{topic}: broker {event['broker']} answers {operation} {event['id']} "
                                               f"with {status}")

    def _log(self, topic, partition):
        if (topic, partition) not in self._logs:
            self._logs[topic, partition] = Log((topic, partition), self._writes, self.anomalies)
        return self._logs[topic, partition]

    # ---- Writes ----

    def _begin_write(self, event, misuse=False):
        log = self._log(event["topic"], event["partition"])
        write = Write(event["id"], event["client"], event["values"], log, misuse)
        self._remember(event, write)
        for place, name in enumerate(write.names):
            self._writes[name] = write, place
        if event["topic"] in self._fleeting:
            self._fleeting[event["topic"]].append(write)

    @staticmethod
    def _end_write(event, _topic, write):
        write.outcome = event["outcome"]
        if write.outcome == OK:
            write.log.acknowledge(write, event["offset"])
        elif write.outcome == REFUSED and write.base is not None:
            write.log.add("refused-but-stored", f"{write} was read at {write.base} before it was refused")

    def _begin_misuse(self, event):
        self._begin_write(event, misuse=True)

    @staticmethod
    def _end_misuse(event, _topic, write):
        if event["outcome"] == OK:
            write.log.add("key-misused", f"{write} was acknowledged")

    def _begin_replay(self, event):
        self._remember(event, event)

    def _end_replay(self, event, topic, begun):
        if event["outcome"] == OK and (event["told"] != begun["offset"] or not event["duplicate"]):
            self._log(topic, begun["partition"]).add(
                "duplicated", f"operation {event['id']} of {begun['client']} repeated the write at {begun['offset']} "
                              f"and was told {event['told']}, {'a' if event['duplicate'] else 'not a'} duplicate")

    # ---- Reads ----

    def _begin_fetch(self, event):
        log = self._log(event["topic"], event["partition"])
        self._remember(event, event, log, log.floor, log.linearizable_end)

    def _end_fetch(self, event, _topic, begun, log, floor, linearizable_end):
        if log is not self._logs[log.partition]:
            return  # of a topic that was deleted meanwhile
        linearizable = begun["level"] == "linearizable"
        high = event.get("high")
        if high is not None and linearizable:
            self._judge_end(event, log, high, floor, linearizable_end)
        if event["outcome"] != OK:
            return
        if event["next"] is None:
            log.add("wrong-answer", f"read {event['id']} does not tell where to go on")
            return
        self._take_records(event, begun, log)
        start = begun["offset"]
        if linearizable and isinstance(start, int) and start < floor and not event["records"]:
            log.add("stale", f"read {event['id']} from {start} shows nothing, though all below {floor} was known")
        log.raise_floor(max(event["next"], high or 0))

    @staticmethod
    def _judge_end(event, log, high, floor, linearizable_end):
        if high < linearizable_end:
            log.add("backwards", f"read {event['id']} tells {high}, an earlier one told {linearizable_end}")
        elif high < floor:
            log.add("stale", f"read {event['id']} tells the end {high}, though all below {floor} was known")
        log.linearizable_end = max(log.linearizable_end, high)

    def _take_records(self, event, begun, log):
        records = event["records"]
        # Where a read from `latest` begins only its answer tells.
        expected = begun["offset"] if isinstance(begun["offset"], int) else records[0][0] if records else event["next"]
        for offset, description in records:
            if offset != expected:
                log.add("gap", f"read {event['id']} shows {offset} where {expected} should be")
            expected = offset + 1
            write = self._writes.get(description, (None, 0))[0]
            if write is None or not write.gone:
                log.see(offset, description)
            elif begun["level"] == "linearizable" and not write.pending:
                log.add("resurrected", f"read {event['id']} shows {write} at {offset}")
        if event["next"] != expected:
            log.add("gap", f"read {event['id']} goes on at {event['next']}, not at {expected}")

    def _take_final(self, event):
        log = self._log(event["topic"], event["partition"])
        place = event["broker"], event["topic"], event["partition"]
        for offset, description in event["records"]:
            expected = self._final_next.get(place, 0)
            if offset != expected:
                log.add("gap", f"at the end, broker {event['broker']} shows {offset} where {expected} should be")
            self._final_next[place] = offset + 1
            log.see(offset, description, final=True)

    # ---- Topics that come and go ----

    def _begin_create(self, event):
        self._fleeting.setdefault(event["topic"], [])
        self._remember(event)

    def _end_create(self, event, topic):
        if event["done"] and topic in self._deleted:
            self._deleted.discard(topic)
            for write in self._fleeting[topic]:
                write.gone = True
            self._fleeting[topic].clear()
            for partition in [each for each in self._logs if each[0] == topic]:
                del self._logs[partition]
                self._log(*partition)

    def _begin_delete(self, event):
        self._remember(event)

    def _end_delete(self, event, topic):
        if event["done"]:
            self._deleted.add(topic)


def check(path, anomalies=None, whole=True):
    """The anomalies of the history at `path`, added to those given."""
    checker = Checker(anomalies)
    for event in history.read(path):
        checker.take(event)
    return checker.finish(whole)


if __name__ == "__main__":
    found = check(Path(sys.argv[1]))
    print(found)
    sys.exit(len(found) > 0)
