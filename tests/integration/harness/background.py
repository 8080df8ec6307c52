"""What goes on in threads of its own while a test does something else."""
import threading


class Background:
    """Runs `runs`, each in a thread, for the length of a `with`.

    They look at `self._halt`. What fails in one halts them all, and is raised where the `with` ends; `failure` tells
    it before.
    """

    def __init__(self, runs, join_seconds=90):
        self._halt = threading.Event()
        self._join_seconds = join_seconds
        self._threads = [threading.Thread(target=self._guard, args=(run,), daemon=True) for run in runs]
        self.failure = None

    def _guard(self, run):
        try:
            run()
        except BaseException as error:  # pylint: disable=broad-except
            self.failure = self.failure or error
            self._halt.set()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._halt.set()
        for thread in self._threads:
            thread.join(self._join_seconds)
            assert not thread.is_alive(), f"a thread of {type(self).__name__} hangs"
        if self.failure:
            raise self.failure
