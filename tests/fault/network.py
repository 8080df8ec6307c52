"""A network of namespaces: one host each, joined by a switch, reachable from the namespace of the test.

The switch has a namespace of its own, so that nothing on the machine's own interfaces or firewall (Docker's, say) sees
or drops what the hosts say to each other. A network takes a free slot of the machine, held by a lock: names and subnet
carry its number, and runs side by side do not meet. Whoever takes a slot removes what a killed run left there.
"""
import contextlib
import fcntl
import os
import signal
import subprocess
from pathlib import Path

SLOTS = 200
RUN_FOLDER = Path("/run/aviary-fault")
NAMESPACES = Path("/run/netns")
_TESTER = 254


class Network:
    """Hosts are numbers from 1 to 253; the test itself is host 254."""

    def __init__(self):
        self.slot = None
        self.hosts = ()
        self._lock = None

    def start(self, hosts):
        self._take_slot()
        self.hosts = tuple(hosts)
        self._make_switch()
        for host in self.hosts:
            self._join(host)
        return self

    def stop(self):
        """Ends what runs in the namespaces and removes them. May be called again."""
        if self.slot is None:
            return
        self._remove_leftovers()
        os.close(self._lock)
        self.slot, self.hosts = None, ()

    @property
    def folder(self):
        """For mounts: known by the slot alone, so that whoever takes it next can remove them."""
        return RUN_FOLDER / str(self.slot)

    @property
    def tester(self):
        """The address from which the test speaks."""
        return self.address(_TESTER)

    def address(self, host):
        return f"10.213.{self.slot}.{host}"

    def within(self, host):
        """The beginning of a command that is to run at that host. The process keeps its pid."""
        return ["nsenter", f"--net={NAMESPACES / self._name(host)}"]

    def run(self, host, *command, text=None):
        """Runs a command at that host; returns its output, fails with what it says."""
        return _run([*self.within(host), *map(str, command)], text)

    def reaches(self, host, address, port, seconds=0.3):
        """Whether a connection from that host is made within that time."""
        probe = ["timeout", str(seconds), "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}"]
        return subprocess.run([*self.within(host), *probe], check=False, capture_output=True).returncode == 0

    def reset_connections(self, host):
        """Ends the connections that stand between that host and the others, with a reset to both sides."""
        others = " or ".join(f"dst {self.address(other)}" for other in self.hosts if other != host)
        self.run(host, "ss", "--kill", "--no-header", "--tcp", "state", "established", f"( {others} )")

    def _name(self, what):
        return f"aviary-fault-{self.slot}-{what}"

    def _take_slot(self):
        RUN_FOLDER.mkdir(mode=0o755, exist_ok=True)
        for slot in range(SLOTS):
            lock = os.open(RUN_FOLDER / f"slot-{slot}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            self.slot, self._lock = slot, lock
            self._remove_leftovers()
            return
        raise RuntimeError(f"all {SLOTS} slots below {RUN_FOLDER} are taken")

    def _make_switch(self):
        switch = self._name("switch")
        _ip([f"netns add {switch}",
             f"link add {self._tester_link} type veth peer name h{_TESTER} netns {switch}",
             f"addr add {self.tester}/24 dev {self._tester_link}",
             f"link set {self._tester_link} up"])
        _ip(["link add switch type bridge", "link set switch up",
             f"link set h{_TESTER} master switch", f"link set h{_TESTER} up"], switch)

    def _join(self, host):
        switch, name = self._name("switch"), self._name(host)
        _ip([f"netns add {name}", f"link add h{host} netns {switch} type veth peer name eth0 netns {name}"])
        _ip([f"link set h{host} master switch", f"link set h{host} up"], switch)
        _ip([f"addr add {self.address(host)}/24 dev eth0", "link set eth0 up", "link set lo up"], name)

    @property
    def _tester_link(self):
        return f"avfault{self.slot}"

    def _remove_leftovers(self):
        """Of this slot, whose lock is held: nobody else uses what carries its number."""
        prefix = self._name("")
        names = [each.name for each in NAMESPACES.glob(f"{prefix}*")]
        for name in names:
            for pid in _run(["ip", "netns", "pids", name]).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        for mount in self.folder.glob("*"):
            if mount.is_mount():
                _run(["umount", "--lazy", mount])
            mount.rmdir()
        for name in names:
            _run(["ip", "netns", "delete", name])
        # With the switch goes the other end of the test's own link; a start cut short may have left just that.
        with contextlib.suppress(subprocess.CalledProcessError):
            _run(["ip", "link", "delete", self._tester_link])


def _run(command, text=None):
    try:
        return subprocess.run(list(map(str, command)), input=text, check=True, capture_output=True, text=True).stdout
    except subprocess.CalledProcessError as error:
        error.add_note(error.stderr)
        raise


def _ip(lines, namespace=None):
    where = ["-n", namespace] if namespace else []
    _run(["ip", *where, "-batch", "-"], "\n".join(lines) + "\n")
