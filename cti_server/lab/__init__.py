"""A private Asterisk, SIP callers and phones on one machine: for the demo, the tests and `cti-server call`."""
