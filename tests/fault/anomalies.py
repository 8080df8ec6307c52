"""What a checker can find, and the list of what it found."""
from collections import Counter

EXAMPLES_MAX = 10

KINDS = {
    "lost": "acknowledged, and not there at the end",
    "duplicated": "one value at two offsets",
    "reordered": "stored before what was acknowledged, or shown, before it was sent",
    "altered": "stored with other bytes than were sent",
    "phantom": "read, though nobody sent it there",
    "refused-but-stored": "stored, though the answer said that nothing was",
    "gap": "an offset passed over",
    "two-values": "one offset with two values",
    "torn": "a batch stored in part, or its records not side by side",
    "misplaced": "acknowledged at another offset than it has",
    "key-misused": "another payload taken under a key that was used",
    "stale": "a linearizable read without what was acknowledged, or shown, before it began",
    "backwards": "a linearizable read's high watermark below that of a read that ended before it began",
    "resurrected": "a record of a deleted topic in the one made after it",
    "divergent": "brokers that answer differently at the end",
    "wrong-answer": "a status that says something else of a topic, or of a request, than is true",
    "unread": "a partition that was written to, and that no broker showed at the end",
    "stalled": "healed, and not serving within the bound",
    "complaint": "a sanitizer, an assertion or a crash in a broker's log",
}


class Anomalies:
    """Counts every anomaly, and keeps the first few of each kind in words."""

    def __init__(self):
        self.counts = Counter()
        self.examples = []

    def add(self, kind, text):
        assert kind in KINDS, kind
        self.counts[kind] += 1
        if self.counts[kind] <= EXAMPLES_MAX:
            self.examples.append(f"{kind}: {text}")

    def __len__(self):
        return self.counts.total()

    def __str__(self):
        if not self.counts:
            return "anomalies: none"
        counts = ", ".join(f"{count} {kind}" for kind, count in self.counts.items())
        return "\n".join([f"anomalies: {counts}", *self.examples])
