"""Ports that a broker can be given, and given again when it is restarted."""
import random
import socket
from pathlib import Path


def free_port():
    """A port of loopback that is free now.

    From below the range that the kernel gives to outgoing connections: a port out of that range may belong to some
    connection at the moment when a killed broker comes back for it.
    """
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randint(10240, low - 1)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
