"""Hand-made histories: one that is clean, and one for each anomaly that the checker must name."""
import itertools

import pytest
from anomalies import KINDS
from checker import Checker

# Found by the runner, not in a history.
NOT_IN_HISTORIES = {"stalled", "complaint"}


class Story:
    """Writes a history event by event; operations end at once unless `begin` and `end` are called apart."""

    def __init__(self):
        self.checker, self._ids = Checker(), itertools.count(1)

    def begin(self, op, client="c", topic="t", partition=0, **fields):
        number = next(self._ids)
        self.checker.take({"event": "begin", "id": number, "client": client, "op": op, "topic": topic,
                           "partition": partition} | fields)
        return number

    def end(self, number, outcome="ok", **fields):
        self.checker.take({"event": "end", "id": number, "outcome": outcome} | fields)

    def write(self, *names, at=None, outcome=None, op="write", **where):
        """At an offset, acknowledged; or refused, or unknown."""
        number = self.begin(op, values=list(names), key=None, **where)
        self.end(number, outcome or "ok", **({} if at is None else {"offset": at}))

    def read(self, offset, *names, level="weak", high=None, **where):
        number = self.begin("fetch", offset=offset, level=level, **where)
        self.end_read(number, offset, *names, high=high)

    def end_read(self, number, offset, *names, high=None):
        following = offset + len(names)
        self.end(number, next=following, high=following if high is None else high, low=0,
                 records=[[offset + place, name] for place, name in enumerate(names)])

    def read_end(self, high):
        self.end_latest(self.begin("fetch", offset="latest", level="linearizable"), high)

    def end_latest(self, number, high):
        self.end(number, next=high, high=high, low=0, records=[])

    def final(self, *names, brokers=(1, 2, 3), offset=0, digest="same"):
        for broker in brokers:
            where = {"broker": broker, "topic": "t", "partition": 0}
            self.checker.take({"event": "final", **where,
                               "records": [[offset + place, name] for place, name in enumerate(names)]})
            self.checker.take({"event": "final-end", **where, "end": offset + len(names), "digest": digest})

    def found(self):
        return set(self.checker.finish().counts)


@pytest.fixture(name="story")
def _story():
    return Story()


def test_a_clean_history(story):
    story.write("a", "b", at=0)
    story.read(0, "a", "b")
    story.write("refused", outcome="refused")
    story.write("maybe-there", outcome="unknown")
    story.write("maybe-not", outcome="unknown")
    slow = story.begin("write", values=["slow"], key="k")
    early = story.begin("fetch", offset="latest", level="linearizable")
    story.write("c", at=3)
    story.read(2, "maybe-there", "c")
    story.end_latest(early, 2)  # it began before c was known
    story.end(slow, offset=4)
    story.end(story.begin("replay", offset=4), told=4, duplicate=True)
    story.write("other", op="misuse", outcome="refused")
    story.read_end(5)
    story.read(3, "c", "slow", level="linearizable")
    story.end(story.begin("fetch", offset=9, level="none"), "refused", low=0, high=5)
    story.final("a", "b", "maybe-there", "c", "slow")
    assert story.found() == set()


def test_lost(story):
    story.write("a", "b", at=0)
    story.final("a")
    assert story.found() == {"lost"}


def test_lost_where_another_value_took_its_place(story):
    story.write("a", at=0)
    story.write("b", outcome="unknown")
    story.final("b")
    assert story.found() == {"lost", "two-values"}


def test_duplicated(story):
    story.write("a", at=0)
    story.final("a", "a")
    assert story.found() == {"duplicated"}


def test_duplicated_where_the_key_was_not_known_again(story):
    story.write("a", at=0)
    story.end(story.begin("replay", offset=0), told=1, duplicate=False)
    story.final("a")
    assert story.found() == {"duplicated"}


def test_reordered_against_real_time(story):
    story.write("a", at=1, client="one")
    story.write("b", at=0, client="two")
    story.final("b", "a")
    assert story.found() == {"reordered"}


def test_reordered_of_one_producer(story):
    story.write("a", at=1, client="one")
    story.write("b", at=0, client="one")
    story.final("b", "a")
    assert story.found() == {"reordered"}


def test_reordered_against_what_was_shown(story):
    story.write("a", outcome="unknown")
    story.read(1, "a", level="none")
    story.write("b", at=0)
    story.final("b", "a")
    assert story.found() == {"reordered"}


def test_altered(story):
    story.write("a", at=0)
    story.read(0, "!a:17:cafe")
    story.final("a")
    assert story.found() == {"altered", "two-values"}


def test_altered_before_it_is_acknowledged(story):
    story.write("a", outcome="unknown")
    story.final("!a:17:cafe")
    assert story.found() == {"altered"}


@pytest.mark.parametrize("description", ["never-sent", "!?:4:cafe", "!null"])
def test_phantom(story, description):
    story.final(description)
    assert story.found() == {"phantom"}


def test_phantom_of_another_partition(story):
    story.write("a", at=0, partition=1)
    story.read(0, "a")
    assert "phantom" in story.found()


def test_refused_but_stored(story):
    story.write("a", outcome="refused")
    story.final("a")
    assert story.found() == {"refused-but-stored"}


def test_read_before_it_is_refused(story):
    write = story.begin("write", values=["a"], key=None)
    story.read(0, "a")
    story.end(write, "refused")
    story.final("a")
    assert story.found() == {"refused-but-stored"}


def test_gap_in_a_read(story):
    story.write("a", at=0)
    story.write("b", at=1)
    number = story.begin("fetch", offset=0, level="weak")
    story.end_read(number, 1, "b")
    story.final("a", "b")
    assert story.found() == {"gap"}


def test_gap_where_a_read_goes_on_too_far(story):
    story.write("a", at=0)
    story.end(story.begin("fetch", offset=0, level="none"), next=2, high=2, low=0, records=[[0, "a"]])
    story.final("a")
    assert story.found() == {"gap"}


def test_gap_at_the_end(story):
    story.write("a", outcome="unknown")
    story.final("a", offset=1)
    assert story.found() == {"gap"}


def test_two_values(story):
    story.write("a", outcome="unknown")
    story.write("b", outcome="unknown")
    story.read(0, "a")
    story.final("b")
    assert story.found() == {"two-values"}


def test_torn(story):
    story.write("a", "b", "c", outcome="unknown")
    story.final("a", "b")
    assert story.found() == {"torn"}


def test_torn_apart(story):
    story.write("a", "b", outcome="unknown")
    story.write("c", outcome="unknown")
    story.final("a", "c", "b")
    assert story.found() == {"torn"}


def test_misplaced(story):
    write = story.begin("write", values=["a"], key=None)
    story.read(0, "a")
    story.end(write, offset=3)
    story.final("a")
    assert story.found() == {"misplaced"}


def test_key_misused(story):
    story.write("a", at=0)
    story.write("b", op="misuse", at=1)
    story.final("a")
    assert story.found() == {"key-misused"}


def test_key_misused_and_stored(story):
    story.write("a", at=0)
    story.write("b", op="misuse", outcome="unknown")
    story.final("a", "b")
    assert story.found() == {"key-misused"}


def test_stale_end(story):
    story.write("a", at=0)
    story.read_end(0)
    story.final("a")
    assert story.found() == {"stale"}


def test_stale_end_against_what_was_shown(story):
    story.write("a", outcome="unknown")
    story.read(0, "a", level="none")
    story.read_end(0)
    story.final("a")
    assert story.found() == {"stale"}


def test_stale_read_out_of_range(story):
    story.write("a", "b", at=0)
    story.end(story.begin("fetch", offset=1, level="linearizable"), "refused", low=0, high=0)
    story.final("a", "b")
    assert story.found() == {"stale"}


def test_stale_read_without_records(story):
    story.write("a", at=0)
    story.end(story.begin("fetch", offset=0, level="linearizable"), next=0, high=1, low=0, records=[])
    story.final("a")
    assert story.found() == {"stale"}


def test_backwards(story):
    story.write("a", outcome="unknown")
    story.read_end(1)
    story.read_end(0)
    story.final("a")
    assert story.found() == {"backwards"}


def test_resurrected(story):
    story.end(story.begin("create"), done=True)
    story.write("a", at=0)
    story.end(story.begin("delete"), done=True)
    story.end(story.begin("create"), done=True)
    story.read(0, "a", level="linearizable")
    assert story.found() == {"resurrected"}


def test_a_request_that_was_under_way_may_meet_the_next_topic(story):
    story.end(story.begin("create"), done=True)
    write = story.begin("write", values=["a"], key="k")
    for outcome in ("unknown", "ok"):
        story.checker.take({"event": "attempt", "id": write, "broker": 1, "outcome": outcome})
    story.end(write, offset=0)
    story.end(story.begin("delete"), done=True)
    story.end(story.begin("create"), done=True)
    story.read(0, "a", level="linearizable")
    assert story.found() == set()


def test_what_was_deleted_is_not_lost(story):
    story.end(story.begin("create"), done=True)
    story.write("a", at=0)
    story.end(story.begin("delete"), done=True)
    story.end(story.begin("create"), done=True)
    story.write("b", at=0)
    story.read(0, "b", level="linearizable")
    assert story.found() == set()


@pytest.mark.parametrize("difference", [{"digest": "other"}, {"names": ()}])
def test_divergent(story, difference):
    story.write("a", outcome="unknown")
    story.final("a", brokers=(1, 2))
    story.final(*difference.get("names", ("a",)), brokers=(3,), digest=difference.get("digest", "same"))
    assert story.found() == {"divergent"}


@pytest.mark.parametrize("operation, status, wrong", [
    ("write", 201, False), ("write", 503, False), ("write", 404, True), ("write", 422, True), ("write", 500, True),
    ("fetch", 416, False), ("fetch", 404, True), ("misuse", 422, False), ("misuse", 409, True)])
def test_wrong_answers(story, operation, status, wrong):
    number = story.begin(operation, values=["a"], offset=0, level="weak")
    story.checker.take({"event": "attempt", "id": number, "broker": 1, "outcome": "refused", "status": status})
    story.end(number, "refused")
    assert story.found() == ({"wrong-answer"} if wrong else set())


def test_an_answer_without_its_headers(story):
    story.end(story.begin("fetch", offset=0, level="weak"), next=None, high=None, low=None, records=[])
    assert story.found() == {"wrong-answer"}


def test_unread(story):
    story.write("a", at=0)
    assert story.found() == {"unread"}


def test_every_kind_has_a_test():
    named = {kind for kind in KINDS if any(f'"{kind}"' in line for line in open(__file__, encoding="ascii"))}
    assert named | NOT_IN_HISTORIES == set(KINDS)
