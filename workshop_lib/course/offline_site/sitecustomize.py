"""Imported by every Python that starts with this folder on PYTHONPATH: no network.

A socket may connect to this machine and to nothing else.
"""

import socket

_connect, _connect_ex = socket.socket.connect, socket.socket.connect_ex


def _refuse(handle: socket.socket, address) -> None:
    local = handle.family not in (socket.AF_INET, socket.AF_INET6) or str(address[0]) in (
        "localhost",
        "::1",
    )
    if not local and not str(address[0]).startswith("127."):
        raise OSError(f"The network is switched off for this run: {address[0]} was asked for.")


def connect(handle: socket.socket, address):
    _refuse(handle, address)
    return _connect(handle, address)


def connect_ex(handle: socket.socket, address):
    _refuse(handle, address)
    return _connect_ex(handle, address)


socket.socket.connect, socket.socket.connect_ex = connect, connect_ex
