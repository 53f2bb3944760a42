"""The composition root, the only place that knows every layer:

life      what lives as long as the server, closed in reverse order
ground    what all the rest stands on: settings, clock, the database, the timeline on it
calling   all that decides about calls and agents
pages     all that the people at their screens ask for
running   what is taken up again at start, and what runs from then on
site      the web application and its health
server    the order of all this; `serve` for a process of its own
"""

from cti_server.app.server import Server, serve

__all__ = ["Server", "serve"]
