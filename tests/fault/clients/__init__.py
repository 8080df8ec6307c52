"""The clients of a round: threads that write and read through all brokers and put all they do into the history."""
from clients.churner import Churner
from clients.producer import Producer
from clients.reader import EndReader, Reader
from clients.sender import Sender

# How many of each.
CREW = ((Producer, 4), (Reader, 2), (EndReader, 2), (Sender, 1), (Churner, 1))


def crew(world):
    """The clients, not yet started."""
    return [kind(world, f"{kind.__name__.lower()}-{number}") for kind, count in CREW for number in range(count)]
