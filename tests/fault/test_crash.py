"""A broker that crashes without a word is noticed, also where it was started again since; one that is killed is none."""
import signal
import time

from cluster import FaultBroker


def test_crashes_are_complaints(tmp_path):
    broker = FaultBroker(1, "127.0.0.1", tmp_path)
    broker.command = ["sleep", "60"]
    for number in (signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT):
        broker.start()
        broker.signal(number)
        while broker.alive:
            time.sleep(0.01)
    assert [line.split(": ")[1] for line in broker.complaints()] == ["SIGSEGV", "SIGABRT"]
    assert len(broker.complaints()) == 2
