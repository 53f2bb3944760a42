"""An open contact centre on stock Asterisk."""

__version__ = "0.1.0"
