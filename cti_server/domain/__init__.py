"""Pure rules of the contact centre: no asyncio, no I/O, no clock, no logging."""
