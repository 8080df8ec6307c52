"""Ports that a broker can be given, and given again when it is restarted."""
import collections
import random
import socket
from pathlib import Path

# More than any test holds at a time.
RESERVED_MAX = 256
_reserved = collections.deque(maxlen=RESERVED_MAX)


def free_port():
    """A port of loopback that is free now, and that no other test is given meanwhile, though nobody listens there yet
    or any more: a socket of another protocol holds it as long as this process lives, or until it has asked for many more.

    From below the range that the kernel gives to outgoing connections: a port out of that range may belong to some
    connection at the moment when a killed broker comes back for it.
    """
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randint(10240, low - 1)
        with socket.socket() as probe:
            reservation = socket.socket(type=socket.SOCK_DGRAM)
            try:
                reservation.bind(("127.0.0.1", port))
                probe.bind(("127.0.0.1", port))
            except OSError:
                reservation.close()
                continue
        _reserved.append(reservation)
        return port
