"""A process with a log of its own, which can be stopped, killed, frozen, and started again."""
import os
import re
import signal
import subprocess

from .waiting import wait_until

# What sanitizers and assertions print. A broker that printed one of these fails its test, however it ended.
COMPLAINTS = re.compile(
    r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error: |assertion failed|Assertion .* failed")


class Process:
    """Starts nothing by itself: `start` does. The log is appended to over restarts."""

    def __init__(self, name, command, folder, environment=None):
        self.name = name
        self.command = [str(part) for part in command]
        self.log_path = folder / f"{name}.log"
        self.environment = environment or {}
        self.process = None

    def start(self):
        assert not self.alive, f"{self.name} runs already"
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=os.environ | self.environment)
        return self

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def complaints(self):
        return [line for line in self.log().splitlines() if COMPLAINTS.search(line)]

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9, and gone."""
        if self.alive:
            self.process.kill()
        if self.process:
            self.process.wait(10)

    def pause(self):
        """Freezes it, as a long garbage collection or a stalled machine would."""
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def stop(self, seconds=10):
        """SIGTERM; returns the exit status, and fails where it does not end in time."""
        if not self.alive:
            return self.process.returncode if self.process else None
        self.resume()
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {seconds} s of SIGTERM") from None

    def wait_for_log(self, pattern, seconds):
        """The first match of `pattern` in the log."""
        return wait_until(lambda: re.search(pattern, self.log()), seconds, f"{self.name} logs {pattern!r}")
