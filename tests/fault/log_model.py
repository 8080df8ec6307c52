"""What is known of one partition's log from what clients were told of it."""
import values
from history import OK, REFUSED


class Write:
    """One write of a history."""

    __slots__ = ("number", "client", "names", "log", "floor", "outcome", "base", "final", "gone", "misuse",
                 "pending")

    def __init__(self, number, client, names, log, misuse=False):
        self.number, self.client, self.names, self.log, self.misuse = number, client, names, log, misuse
        self.floor = log.floor  # whatever was known to be stored when it began stands before it
        self.outcome = REFUSED if misuse else None
        self.base = None  # the first record's offset
        self.final = 0  # a bit for each record that was there at the end
        self.gone = False  # its topic was deleted
        self.pending = False  # a request of it may still be under way, and may meet the topic made after that one

    def __str__(self):
        return f"write {self.number} of {self.client} ({self.names[0]}{', ...' if len(self.names) > 1 else ''})"


class Log:
    """One partition of one topic, between a creation and a deletion."""

    def __init__(self, partition, writes, anomalies):
        """`partition`: (topic, number). `writes`: a value's name -> (its write, its place in it), of all partitions."""
        self.partition, self._writes, self._anomalies = partition, writes, anomalies
        self.name = "%s-%d" % partition
        self.values = {}  # offset -> description
        self.floor = 0  # below it everything was acknowledged or shown to somebody
        self.linearizable_end = 0  # the highest end that a linearizable read told

    def add(self, kind, text):
        self._anomalies.add(kind, f"{self.name}: {text}")

    def acknowledge(self, write, offset):
        """`write` was said to be stored from `offset` on."""
        if write.base is not None and write.base != offset:
            self.add("misplaced", f"{write} is acknowledged at {offset}, and was read at {write.base}")
            return
        for place, name in enumerate(write.names):
            self.see(offset + place, name)
        self.raise_floor(offset + len(write.names))

    def raise_floor(self, end):
        self.floor = max(self.floor, end)

    def see(self, offset, description, final=False):
        """The record at `offset` was seen, or said to be there."""
        write, place = self._writes.get(description, (None, 0))
        if write is not None and final:
            write.final |= 1 << place
        known = self.values.get(offset)
        if known == description:
            return
        if known is not None:
            self.add("two-values", f"offset {offset} had {known}, then {description}")
            if write is None:
                self._see_stranger(offset, description)
            return
        self.values[offset] = write.names[place] if write else description
        if write is None:
            self._see_stranger(offset, description)
        elif write.log is not self:
            self.add("phantom", f"{write} of {write.log.name} is at {offset}")
        else:
            self._see_written(offset, write, place)

    def _see_stranger(self, offset, description):
        name = values.name_of(description)
        if name in self._writes:
            self.add("altered", f"offset {offset} has {description}, which is not what "
                                f"{self._writes[name][0]} sent")
        else:
            self.add("phantom", f"offset {offset} has {description}, which nobody sent")

    def _see_written(self, offset, write, place):
        if write.misuse:
            self.add("key-misused", f"{write} is at {offset}")
        elif write.outcome == REFUSED:
            self.add("refused-but-stored", f"{write} is at {offset}")
        if write.base is None:
            write.base = offset - place
        elif offset != write.base + place:
            kind = "duplicated" if self.values.get(write.base + place) == write.names[place] else "torn"
            self.add(kind, f"record {place} of {write} is at {offset}, its batch begins at {write.base}")
        if offset < write.floor:
            self.add("reordered", f"{write} is at {offset}, though all below {write.floor} was known when it began")

    def judge_write(self, write):
        """At the end: nothing of an acknowledged write is missing, and of no write only a part is there."""
        whole = (1 << len(write.names)) - 1
        if write.outcome == OK and write.final != whole:
            missing = [name for place, name in enumerate(write.names) if not write.final >> place & 1]
            self.add("lost", f"{write}, acknowledged at {write.base}: {len(missing)} of its {len(write.names)} records "
                             f"are not there at the end, the first is {missing[0]}")
        elif write.final not in (0, whole):
            self.add("torn", f"of {write}, only a part is there at the end")
