"""A TCP proxy in front of one broker's peer port, which can be slow, stuck, or cut connections in the middle.

Run as a program at the broker's own host, so that partitions see the same addresses with it as without it; told what to
do by lines of JSON on standard input, each of which replaces the one before and is answered by a line. `{}` is
transparent. Keys:
  delay_ms      each piece of bytes arrives so much later, and in order
  stall         bytes are taken from neither side; new connections are accepted and stand still, too
  cut_after     each connection is cut after so many more bytes (of both directions together)
  reset         ...by a reset; without, by an orderly close
  sources       only connections from these addresses are concerned; without, all
"""
import argparse
import asyncio
import json
import socket
import struct
import subprocess
import sys
import threading

_CHUNK = 64 * 1024
# What a delay may hold back of one direction: more than this waits at its sender, as on a long line.
_HELD_PIECES_MAX = 256
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Rules:
    """The orders as they stand, and a way to hear that they changed."""

    def __init__(self):
        self.orders, self._changed = {}, asyncio.Event()

    def replace(self, orders):
        self.orders, changed = orders, self._changed
        self._changed = asyncio.Event()
        changed.set()

    def of(self, source):
        sources = self.orders.get("sources")
        return self.orders if sources is None or source in sources else {}

    async def wait_for_change(self):
        await self._changed.wait()


class _Connection:
    """One client's connection and ours to the broker."""

    def __init__(self, rules, near, far):
        self._rules, self._ends = rules, (near, far)
        self._source = near[1].get_extra_info("peername")[0]
        self._orders, self._left = None, None

    async def run(self):
        """Until one side closes, or it is cut. Both directions end then: brokers never close one alone."""
        (near_in, near_out), (far_in, far_out) = self._ends
        there, back = asyncio.Queue(_HELD_PIECES_MAX), asyncio.Queue(_HELD_PIECES_MAX)
        ways = [asyncio.ensure_future(each) for each in (
            self._take(near_in, there), self._deliver(there, far_out), self._take(far_in, back),
            self._deliver(back, near_out), self._watch())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for _, out in self._ends:
            self._close(out)

    def _close(self, out):
        if self._rules.of(self._source).get("reset"):
            out.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            out.transport.abort()
        else:
            out.close()

    async def _take(self, incoming, held):
        while piece := await incoming.read(_CHUNK):
            while self._rules.of(self._source).get("stall"):
                await self._rules.wait_for_change()
            delay = self._rules.of(self._source).get("delay_ms", 0) / 1000
            await held.put((asyncio.get_running_loop().time() + delay, piece))
        await held.put(None)
        await asyncio.Event().wait()  # What is held is delivered first: that ends the connection.

    async def _deliver(self, held, out):
        while item := await held.get():
            when, piece = item
            await asyncio.sleep(max(0, when - asyncio.get_running_loop().time()))
            piece, ended = self._cut(piece)
            out.write(piece)
            await out.drain()
            if ended:
                return

    def _cut(self, piece):
        """What may still pass of the piece, and whether the connection ends behind it."""
        orders = self._rules.of(self._source)
        if orders is not self._orders:
            self._orders, self._left = orders, orders.get("cut_after")
        if self._left is None:
            return piece, False
        passed = piece[:self._left]
        self._left -= len(passed)
        return passed, self._left == 0

    async def _watch(self):
        """Cuts idle connections, too, where nothing more may pass."""
        while self._rules.of(self._source).get("cut_after") != 0:
            await self._rules.wait_for_change()


async def _serve(listen, target):
    rules = _Rules()

    async def connected(near_in, near_out):
        try:
            far = await asyncio.open_connection(*target)
        except OSError:
            near_out.transport.abort()
            return
        await _Connection(rules, (near_in, near_out), far).run()

    server = await asyncio.start_server(connected, *listen)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print("ready", flush=True)
    async with server:
        # The end of standard input is the end of the test.
        while line := await orders.readline():
            rules.replace(json.loads(line))
            print("done", flush=True)


class Proxy:
    """The proxy's process, from the side of the test."""

    def __init__(self, within, listen, target, log_path):
        """`within`: the beginning of a command that runs it at its host. `listen` and `target`: "address:port"."""
        self._command, self._log_path = [*within, sys.executable, __file__, listen, target], log_path
        self._process, self._lock = None, threading.Lock()

    def start(self):
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                             text=True)
        assert self._process.stdout.readline() == "ready\n", "the proxy did not start"
        return self

    def order(self, **orders):
        """Replaces what it was told before; returns when it is so."""
        with self._lock:
            self._process.stdin.write(json.dumps(orders) + "\n")
            self._process.stdin.flush()
            assert self._process.stdout.readline() == "done\n", "the proxy ended"

    def kill(self):
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()


def _address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description="A TCP proxy that misbehaves as it is told on standard input.")
    _parser.add_argument("listen", type=_address)
    _parser.add_argument("target", type=_address)
    _arguments = _parser.parse_args()
    asyncio.run(_serve(_arguments.listen, _arguments.target))
