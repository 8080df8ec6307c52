"""The reader of batches against the writer of batches of the integration tests."""
from batches import records, split
from harness import recordbatch


def test_batches_come_back():
    data = recordbatch.encode([(b"k", b"v" * 300), (None, b"")]) + recordbatch.encode([(None, None)])
    assert [(base, list(records(batch))) for base, batch in split(data)] == [
        (0, [(0, b"k", b"v" * 300), (1, None, b"")]), (0, [(0, None, None)])]
