"""Values tell what they are, and notice what was done to them; operations add up what their attempts said."""
import pytest
import values
from history import OK, REFUSED, UNKNOWN, History, read
from wire import outcome_of


@pytest.mark.parametrize("filler, binary", [(0, False), (99, False), (5000, True)])
def test_a_whole_value_is_its_name(filler, binary):
    assert values.describe(values.make("producer-1-7", filler, binary)) == "producer-1-7"
    assert values.describe(values.make("producer-1-7", filler, binary), b"producer-1-7") == "producer-1-7"


def test_altered_values_are_no_names():
    value = values.make("a-1", 50)
    for altered in (value[:-1], value + b"x", value[:-1] + b"~", value.replace(b".t50.", b".t49.")):
        assert values.describe(altered).startswith("!a-1:")
        assert values.name_of(values.describe(altered)) == "a-1"


def test_strangers_and_wrong_keys():
    assert values.name_of(values.describe(b"something else")) is None
    assert values.name_of(values.describe(None)) is None
    assert values.describe(values.make("a-1"), b"b").startswith("!a-1:")


@pytest.mark.parametrize("attempts, outcome", [
    ([OK], OK), ([REFUSED, REFUSED], REFUSED), ([UNKNOWN, REFUSED], UNKNOWN), ([UNKNOWN, REFUSED, OK], OK)])
def test_outcome_of_an_operation(tmp_path, attempts, outcome):
    history = History(tmp_path / "history.jsonl")
    operation = history.begin("c", "write", values=["a"])
    for each in attempts:
        operation.attempt(1, 0, each)
    assert operation.end() == (outcome == OK)
    history.close()
    assert list(read(history.path))[-1]["outcome"] == outcome


@pytest.mark.parametrize("status, outcome", [
    (201, OK), (400, REFUSED), (422, REFUSED), (503, REFUSED), (500, UNKNOWN), (504, UNKNOWN)])
def test_outcome_of_a_status(status, outcome):
    assert outcome_of(status) == outcome
