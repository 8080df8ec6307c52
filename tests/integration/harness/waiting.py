"""Waiting for a condition, never for a length of time."""
import time


def wait_until(condition, seconds, what):
    """Calls `condition` until it gives something true, and returns that; fails after `seconds`.

    A condition that raises OSError (a broker that is not there yet) counts as not met.
    """
    deadline = time.monotonic() + seconds
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except OSError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}; last seen: {last!r}")
        time.sleep(0.02)
