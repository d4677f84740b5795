"""A RabbitMQ server of the tests' own, on its own ports and in its own folder, which can be stopped and started."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_STARTS_S = 90.0


def is_installed() -> bool:
    return _SERVER.is_file()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Rabbit:
    """One server; its queues outlive a stop."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="myna-rabbit-")))
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self._ports = {"RABBITMQ_DIST_PORT": str(free_port()), "ERL_EPMD_PORT": str(free_port())}

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        home = str(self.folder)
        (self.folder / "plugins").write_text("[].", encoding="ascii")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "RABBITMQ_NODENAME": f"myna{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": f"{home}/data",
            "RABBITMQ_LOG_BASE": f"{home}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/plugins",
            "RABBITMQ_CONFIG_FILE": f"{home}/none",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
            **self._ports,
        }
        with (self.folder / "out").open("ab") as out:
            self._process = subprocess.Popen(
                [str(_SERVER)], env=environment, stdout=out, stderr=out, start_new_session=True
            )
        deadline = time.monotonic() + _STARTS_S
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"RabbitMQ did not start: {(self.folder / 'out').read_text()[-2000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop it hard, as a power cut would."""
        if self._process is not None:
            os.killpg(self._process.pid, 9)
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """Stop it and forget its folder, and the name server that it has started."""
        self.stop()
        subprocess.run(["pkill", "-f", f"epmd.*{self._ports['ERL_EPMD_PORT']}"], check=False, stdout=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        """Whether it speaks AMQP: an open port alone is not enough."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                probe.sendall(b"AMQP\x00\x00\x09\x01")
                return bool(probe.recv(1))
        except OSError:
            return False
