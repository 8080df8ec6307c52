"""A ZooKeeper of the test's own, from Debian's package, with short ticks so that sessions expire soon."""
import shutil
import socket

from kazoo.client import KazooClient

from .ports import free_port
from .process import Process
from .waiting import wait_until

TICK_MS = 200
START_SECONDS = 60  # a Java on a busy machine
_CLASSPATH = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar"


class ZooKeeper(Process):
    """On loopback; or at the address `host`, with a command `within` that runs it there."""

    def __init__(self, folder, host="127.0.0.1", within=()):
        self.host, self.port = host, free_port()
        self.data = folder / "zookeeper"
        configuration = folder / "zookeeper.cfg"
        configuration.write_text(
            f"dataDir={self.data}\nclientPort={self.port}\nclientPortAddress={host}\ntickTime={TICK_MS}\n"
            "admin.enableServer=false\n4lw.commands.whitelist=srvr\nmaxClientCnxns=0\n")
        # The data of a test need not outlive a power cut.
        super().__init__("zookeeper", [
            *within, "/usr/bin/java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
            "-Dzookeeper.forceSync=no", "-cp", _CLASSPATH, "org.apache.zookeeper.server.quorum.QuorumPeerMain", configuration], folder)

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def start(self):
        self.data.mkdir(exist_ok=True)
        super().start()
        wait_until(self._serves, START_SECONDS, "ZooKeeper serves")
        return self

    def _serves(self):
        assert self.alive, f"ZooKeeper ended: {self.log()[-2000:]}"
        with socket.create_connection((self.host, self.port), timeout=2) as connection:
            connection.sendall(b"srvr")
            return b"Mode: " in connection.recv(4096)

    def wipe(self):
        """Kills it and takes all it knew."""
        self.kill()
        shutil.rmtree(self.data)

    def client(self):
        """A started kazoo client, to be closed by the caller (it is a context manager)."""
        return _Client(self.address)


class _Client:
    """kazoo, as a context manager."""

    def __init__(self, address):
        self._client = KazooClient(hosts=address, timeout=2)

    def __enter__(self):
        self._client.start(timeout=10)
        return self._client

    def __exit__(self, *_):
        self._client.stop()
        self._client.close()
