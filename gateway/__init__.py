"""The gateway: hosts, vaults, library and the sockets the house talks to."""

__version__ = "0.1.0"
