"""A chat model of the course behind a real server on this machine, for the real OpenAI client.

``transformers serve`` answers chat completions and decisions at the loopback address: no key, no
network, and the code that asks it is the code that asks a hosted model. Used in lesson 06.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

from workshop_lib.errors import BadInputError, MissingPackageError, WorkshopError
from workshop_lib.labeling import chat_models

if TYPE_CHECKING:
    import openai

NEEDED = ("accelerate", "fastapi", "openai", "pydantic", "uvicorn")
HOST = "127.0.0.1"

# The server reads its standard input, a pipe that this process holds and never writes to. It
# closes when this process ends, killed or not; the server then deletes its folder and ends too.
_CHILD = """
import os, shutil, sys, threading
def watch():
    sys.stdin.buffer.read()
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    os._exit(0)
threading.Thread(target=watch, daemon=True).start()
from transformers.cli.transformers import app
app(["serve", *sys.argv[2:]])
"""
_running: dict[str, LocalServer] = {}  # address -> server, of this process


class ServerError(WorkshopError):
    """The local server didn't start, or has ended."""


class LocalServer:
    """``transformers serve`` with one chat model, started and stopped at will.

    Args:
        model: a chat model's role in ``models.table()``, or a folder that ``tune_assistant`` wrote.
        port: 0 takes a free one.
        profile: "mini" or "full", for a role; None takes ``runtime.profile()``.
        patience: seconds to wait for the first answer.
    """

    def __init__(
        self, model: str | Path = "assistant", port: int = 0, profile: str | None = None, patience: float = 180
    ) -> None:
        if not 0 <= port < 65536:
            raise BadInputError(f"The port is {port}. Give a number from 1024 to 65535, or 0 for a free one.")
        self.port, self.patience = port, patience
        self._chat_model = chat_models.find(model, profile)
        self.model = self._chat_model.name
        self.address = ""
        self._process: subprocess.Popen | None = None
        self._folder: Path | None = None
        self._client: openai.OpenAI | None = None
        self._owner = os.getpid()

    def __repr__(self) -> str:
        return f"LocalServer(model={self.model!r}, {'address=' + repr(self.address) if self.running else 'stopped'})"

    @property
    def running(self) -> bool:
        """Whether the server's process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def client(self) -> openai.OpenAI:
        """The OpenAI client for this server.

        Raises:
            ServerError: it isn't running.
        """
        from workshop_lib.labeling.engines.chat import open_client

        if not self.running:
            raise ServerError(f"The local server isn't running. Start it: server.start(){self._tail()}")
        if self._client is None:
            self._client = open_client(self.address, None, timeout=120, retries=2)
        return self._client

    def start(self) -> LocalServer:
        """Write the model to a temporary folder, serve it, and wait until it answers.

        Returns:
            The server itself, so that ``server = local_server().start()`` reads well.

        Raises:
            MissingPackageError: a package that ``transformers serve`` needs isn't installed.
            BadInputError: the port is taken.
            ServerError: it didn't start; the last lines of its log say why.
        """
        if self.running:
            return self
        self.stop()
        missing = [name for name in NEEDED if util.find_spec(name) is None]
        if missing:
            raise MissingPackageError(
                f"The local server needs {', '.join(missing)}. Install what is missing: pip install {' '.join(missing)}"
            )
        if self.port and not is_free(self.port):
            raise BadInputError(
                f"Port {self.port} is taken by another program. Leave the port out to get a free one, or end the other."
            )
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="workshop-server-"))
            self._chat_model.write(self._folder / self.model)
            for _ in range(3 if self.port == 0 else 1):  # another program may take a free port in between
                if self._serve(self.port or free_port()):
                    break
            else:
                raise ServerError(f"The local server didn't start.{self._tail()}")
        except BaseException:  # Ctrl-C too
            self.stop()
            raise
        _running[self.address] = self
        return self

    def _serve(self, port: int) -> bool:
        """Start the process and wait for it; return False if its port was taken meanwhile."""
        options = ["--host", HOST, "--port", str(port), "--log-level", "error"]
        keep = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
        own_group = {"start_new_session": True}  # Ctrl-C stops a run, not its server
        if os.name == "nt":
            own_group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _CHILD, str(self._folder), self.model, *options],
                cwd=self._folder,  # the model goes by its name: the same in every run, wherever the folder is
                env={**keep, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, **own_group,
            )  # fmt: skip
        self.address = f"http://{HOST}:{port}/v1"
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            if not self.running:
                if "address already in use" in self._log_text().lower():
                    return False
                raise ServerError(f"The local server ended while it was starting.{self._tail()}")
            if answers(f"http://{HOST}:{port}/health"):
                return True
            time.sleep(0.1)
        raise ServerError(
            f"The local server didn't answer within {self.patience:g} seconds. "
            f"Give it more: local_server(patience={self.patience * 3:g}).{self._tail()}"
        )

    def stop(self) -> None:
        """Stop the server and delete its temporary folder; harmless if it isn't running."""
        if os.getpid() != self._owner:  # a forked copy of this process: the server isn't its own
            return
        _running.pop(self.address, None)
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdin.close()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        self.address = ""

    def __enter__(self) -> LocalServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _log(self) -> Path:
        return self._folder / "log.txt"

    def _log_text(self) -> str:
        try:
            return self._log.read_text(encoding="utf-8", errors="replace")
        except (OSError, TypeError):
            return ""

    def _tail(self, lines: int = 8) -> str:
        """Return the last lines of the log, to end a message with."""
        last = self._log_text().strip().splitlines()[-lines:] if self._folder else []
        return "\nIts log ends:\n  " + "\n  ".join(last) if last else ""


def local_server(
    model: str | Path = "assistant", port: int = 0, profile: str | None = None, patience: float = 180
) -> LocalServer:
    """Return a server for a chat model on this machine; ``with`` or ``start()`` starts it.

    ``with local_server() as server:`` gives ``server.client`` (an ``openai.OpenAI``),
    ``server.address`` and ``server.model``, the name to ask for. It stops at the end of the
    block, at an error, and when Python ends, however it ends.

    Args:
        model: a chat model's role in ``models.table()``, or a folder that ``tune_assistant`` wrote.
        port: 0 takes a free one.
        profile: "mini" or "full", for a role; None takes ``runtime.profile()``.
        patience: seconds to wait for the first answer.

    Raises:
        UnknownNameError: there is no such role or folder.
        MissingFileError: the folder holds no tuned model.

    Used in lesson 06.
    """
    return LocalServer(model, port, profile, patience)


def settings_address(address: str) -> str:
    """Return what stands for an address in settings: a server of :func:`local_server` has a new port each time."""
    return "local_server" if address.rstrip("/") in _running else address


def free_port() -> int:
    """Return a port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def is_free(port: int) -> bool:
    """Return whether nothing listens on a port of the loopback address."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0


def answers(address: str) -> bool:
    """Return whether an address on this machine answers with status 200."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=2) as reply:
            return reply.status == 200
    except OSError:  # urllib's errors are OSErrors
        return False


@atexit.register
def stop_all() -> None:
    """Stop every server of this process; runs when Python ends."""
    for server in list(_running.values()):
        server.stop()
