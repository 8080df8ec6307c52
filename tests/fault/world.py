"""What all clients of a round share, and the thread that each of them is."""
import threading
import time
import traceback
from random import Random

from wire import Wire


class World:
    """`topics`: names with their number of partitions. `halt` is set when the clients are to finish what they do."""

    def __init__(self, brokers, history, seed, topics):
        self.brokers, self.history, self.seed, self.topics = brokers, history, seed, topics
        self.halt = threading.Event()
        self.failures = []

    def partitions(self):
        return [(topic, partition) for topic, count in self.topics.items() for partition in range(count)]


class Client:
    """A thread that calls `step` until the world halts. What it throws is a fault of the test, kept in the world."""

    pause_seconds = 0.02

    def __init__(self, world, name):
        self.world, self.name, self.wire = world, name, Wire()
        self.prng = Random(f"{world.seed}/{name}")
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self):
        self._thread.start()

    def join(self, seconds):
        """True where it ended in time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self):
        try:
            while not self.world.halt.is_set():
                self.step()
                self.world.halt.wait(self.prng.uniform(0, 2 * self.pause_seconds))
        except BaseException as error:  # pylint: disable=broad-except
            self.world.failures.append(f"{self.name}: {''.join(traceback.format_exception(error))}")
        finally:
            self.wire.close()

    def step(self):
        raise NotImplementedError

    def begin(self, op, **fields):
        return self.world.history.begin(self.name, op, **fields)

    def any_broker(self):
        return self.prng.choice(self.world.brokers)

    def ask(self, operation, broker, method, path, body=None, headers=None, timeout=8):
        """One attempt of an operation, written down."""
        start = time.monotonic_ns()
        reply = self.wire.request(broker, method, path, body, headers, timeout)
        why = {"status": reply.status} if reply.status else {"why": reply.why}
        operation.attempt(broker.id, start, reply.outcome, **why)
        return reply

    def ask_until(self, operation, seconds, done, *request):
        """Attempts at one broker after the other until `done(reply)`; None after `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            reply = self.ask(operation, self.any_broker(), *request)
            if done(reply):
                return reply
            time.sleep(self.prng.uniform(0.01, 0.1))
        return None
