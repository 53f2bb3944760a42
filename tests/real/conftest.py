"""What real tests share beside the private Asterisk."""

from tests.real.room import built, network, room

__all__ = ["built", "network", "room"]
