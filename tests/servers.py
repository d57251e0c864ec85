"""Real servers for the tests: Apache Kafka, one broker or three, on free ports of 127.0.0.1."""

import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import trustme
from cryptography.hazmat.primitives import serialization

from ingest.kafka.connection import KafkaConnection

START_S = 90
USER, PASSWORD = "bellwether", "correct horse battery staple"
QUICK = {"session_timeout_s": 3.0, "request_timeout_s": 5.0}
FAST = {
    # A broker that was killed is given up, and may serve again, after this.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "400",
    # Readers may be given up as fast as a test likes.
    "group.min.session.timeout.ms": "500",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "2",
    "log.cleaner.backoff.ms": "200",
    "log.retention.check.interval.ms": "500",
    "log.initial.task.delay.ms": "500",
    "file.delete.delay.ms": "100",
    # What a broker does by default, and what we must never make use of.
    "auto.create.topics.enable": "true",
}


def _runner() -> ModuleType:
    path = Path(__file__).parent.parent / "deploy" / "kafka" / "run.py"
    spec = importlib.util.spec_from_file_location("local_kafka", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


runner = _runner()


class Kafka:
    """A cluster of one or three brokers with data of its own. Start it, use `connection`, stop it."""

    def __init__(self, nodes: int = 1, **settings: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="kafka-"))
        ports = runner.free_ports(4 * nodes)
        brokers, controllers = ports[:nodes], ports[nodes : 2 * nodes]
        sasl, tls = ports[2 * nodes : 3 * nodes], ports[3 * nodes :]
        self.authority = trustme.CA()
        settings = FAST | self._secured() | {name.replace("_", "."): value for name, value in settings.items()}
        voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in enumerate(controllers, 1))
        self.nodes = [
            runner.Node(
                data=self._folder / f"node{number}",
                port=brokers[number - 1],
                controller_port=controllers[number - 1],
                id=number,
                voters=voters,
                listeners={"SASL_PLAINTEXT": sasl[number - 1], "SSL": tls[number - 1]},
                settings=settings,
            )
            for number in range(1, nodes + 1)
        ]
        self._cluster = runner.cluster_id()

    @property
    def bootstrap(self) -> tuple[str, ...]:
        """Where the brokers listen."""
        return tuple(f"127.0.0.1:{node.port}" for node in self.nodes)

    @property
    def connection(self) -> KafkaConnection:
        """Settings with short timeouts, without a password."""
        return KafkaConnection(bootstrap_servers=self.bootstrap, **QUICK)

    def with_password(self, password: str = PASSWORD) -> KafkaConnection:
        """The same through the listener that asks for a password (SASL/PLAIN)."""
        return KafkaConnection(
            bootstrap_servers=self._servers("SASL_PLAINTEXT"),
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="PLAIN",
            sasl_username=USER,
            sasl_password=password,
            **QUICK,
        )

    def with_tls(self, authority: trustme.CA) -> KafkaConnection:
        """The same through the listener that speaks TLS, trusting `authority`."""
        file = self._folder / f"trusted-{id(authority)}.pem"
        authority.cert_pem.write_to_path(str(file))
        return KafkaConnection(
            bootstrap_servers=self._servers("SSL"), security_protocol="SSL", ssl_cafile=file, **QUICK
        )

    def _servers(self, protocol: str) -> tuple[str, ...]:
        return tuple(f"127.0.0.1:{node.listeners[protocol]}" for node in self.nodes)

    def _secured(self) -> dict[str, str]:
        """Settings of the listeners that ask for a password and speak TLS."""
        keystore = self._folder / "broker.pem"
        issued = self.authority.issue_cert("127.0.0.1")
        key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
        pkcs8 = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()  # all that Java reads
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        keystore.write_bytes(key.private_bytes(serialization.Encoding.PEM, *pkcs8) + chain)
        module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        return {
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": f'{module} user_{USER}="{PASSWORD}";',
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(keystore),
        }

    def start(self) -> "Kafka":
        """Start every broker and return when they serve. Raises `KafkaFailed` with one sentence."""
        try:
            for node in self.nodes:
                node.prepare(self._cluster)
                node.launch(dies_with_us=True)
            for node in self.nodes:
                node.wait_until_started(START_S)
        except BaseException:
            self.stop()
            raise
        return self

    def kill(self, number: int = 0) -> None:
        """`kill -9` one broker."""
        self.nodes[number].kill()

    def restart(self, number: int = 0) -> None:
        """Start a broker that was killed or stopped, on its data and ports."""
        node = self.nodes[number]
        node.stop()
        said_before = node.log.stat().st_size
        node.launch(dies_with_us=True)
        node.wait_until_started(START_S, said_before=said_before)

    def stop(self) -> None:
        """End every broker and remove its data."""
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
