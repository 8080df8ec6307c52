"""The history of a run: every operation of every client, as lines of JSON in the order in which they were observed.

An operation is a line when it begins (before anything is sent), a line for each request that it makes, and a line
when it ends (after its answer was read). So the order of the lines is an order that the clients could see: whatever
ended before another thing began stands before it. Times are monotonic nanoseconds, for people; no verdict depends
on them.

    {"at":..., "event":"begin", "id":7, "client":"producer-1", "op":"write", "topic":"t", "partition":0, "values":[...]}
    {"at":..., "event":"attempt", "id":7, "broker":2, "start":..., "outcome":"unknown", "status":504}
    {"at":..., "event":"end", "id":7, "outcome":"ok", "offset":12}

Outcomes: `ok`; `refused`, which says that nothing was done; `unknown`, where nobody can say.
"""
import itertools
import json
import threading
import time
from collections import Counter

OK, REFUSED, UNKNOWN = "ok", "refused", "unknown"


class History:
    """Appends to one file; for any number of threads."""

    def __init__(self, path):
        self.path = path
        self._file = path.open("a", encoding="ascii")
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self.outcomes = Counter()

    def write(self, event, **fields):
        """One line; `fields` must be what JSON knows."""
        with self._lock:
            line = json.dumps({"at": time.monotonic_ns(), "event": event} | fields, separators=(",", ":"))
            self._file.write(line + "\n")

    def begin(self, client, op, **fields):
        """An operation that was not sent yet."""
        return Operation(self, next(self._ids), client, op, fields)

    def close(self):
        with self._lock:
            self._file.close()


class Operation:
    """One operation between its first and its last line."""

    def __init__(self, history, number, client, op, fields):
        self._history, self.number = history, number
        self._attempts = []
        history.write("begin", id=number, client=client, op=op, **fields)

    def attempt(self, broker, start, outcome, **fields):
        """One request and what came of it: its broker and its start in monotonic nanoseconds."""
        self._attempts.append(outcome)
        self._history.write("attempt", id=self.number, broker=broker, start=start, outcome=outcome, **fields)

    @property
    def outcome(self):
        """What the attempts amount to: after one that did not say, a refusal of a later one says nothing of it."""
        for outcome in (OK, UNKNOWN):
            if outcome in self._attempts:
                return outcome
        return REFUSED

    def end(self, **fields):
        self._history.write("end", id=self.number, outcome=self.outcome, **fields)
        self._history.outcomes[self.outcome] += 1
        return self.outcome == OK


def read(path):
    """The events of a history, one after the other. A last line that was cut short is passed over."""
    with path.open(encoding="ascii") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)
