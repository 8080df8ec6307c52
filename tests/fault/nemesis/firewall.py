"""Rules of nft in a broker's own namespace. Each has a table of its own, so that faults come and go in any order."""
import itertools

_NUMBERS = itertools.count(1)


class Firewall:
    """What one nemesis closes; `open` takes all of it back."""

    def __init__(self, network):
        self._network, self._table = network, f"fault{next(_NUMBERS)}"
        self._rules = {}

    def drop_incoming(self, host, match):
        self._add(host, "incoming", f"{match} drop")

    def drop_outgoing(self, host, match):
        self._add(host, "outgoing", f"{match} drop")

    def reset_incoming(self, host, match):
        """Answers with a reset, which ends the sender's connection; and drops, so the receiver's stays for a while."""
        self._add(host, "incoming", f"meta l4proto tcp {match} reject with tcp reset")

    def _add(self, host, chain, rule):
        self._rules.setdefault(host, {"incoming": [], "outgoing": []})[chain].append(rule)

    def close(self):
        """Puts the rules in force, at all hosts."""
        for host, chains in self._rules.items():
            self._network.run(host, "nft", "-f", "-", text=self._table_of(chains))

    def _table_of(self, chains):
        incoming, outgoing = ("\n".join(chains[chain]) for chain in ("incoming", "outgoing"))
        return (f"table inet {self._table} {{\n"
                f"chain incoming {{ type filter hook input priority 0;\n{incoming}\n}}\n"
                f"chain outgoing {{ type filter hook output priority 0;\n{outgoing}\n}}\n}}\n")

    def open(self):
        """Removes them; somebody may have flushed all rules before."""
        for host in self._rules:
            self._network.run(host, "nft", "-f", "-", text=f"add table inet {self._table}\n"
                                                           f"delete table inet {self._table}\n")
        self._rules = {}
