"""Whether a broker lets us in, and if not, why.

kafka-python 3.0 cannot tell a wrong password from a broker that is down: brokers answer and close at once, it sees the end of
the connection first and tries again until its time is up. So we knock before it connects, which also says in milliseconds
what would take it seconds.
"""

import socket
import ssl
from typing import Any

from kafka.cluster import collect_hosts
from kafka.errors import for_code
from kafka.net.inet import KafkaNetSocket
from kafka.net.sasl import get_sasl_mechanism
from kafka.net.transport import KafkaSSLTransport
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

from ingest.logs import LogAway, LogError, LogUnfit

KNOWN_MECHANISMS = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}  # others need more than one try without a client
DIRECT = "direct://"


class _Direct(KafkaNetSocket):  # type: ignore[misc]
    """Connects without a proxy, as kafka-python does by itself, and closes the socket when that fails."""

    SCHEMES = (DIRECT.removesuffix("://"),)

    async def sock_connect(self, net: Any, sock: socket.socket, sockaddr: Any, timeout_at: float | None = None) -> Any:
        try:
            return await super().sock_connect(net, sock, sockaddr, timeout_at=timeout_at)
        except BaseException:
            sock.close()
            raise


def knock(configs: dict[str, Any], timeout_s: float) -> None:
    """Return if one of the bootstrap servers lets us in; else raise why the last of them does not."""
    failure: LogError | None = None
    for host, port, _ in collect_hosts(configs["bootstrap_servers"]):
        failure = _refusal(host, port, configs, timeout_s)
        if failure is None:
            return
    assert failure is not None
    raise failure


def _refusal(host: str, port: int, configs: dict[str, Any], timeout_s: float) -> LogError | None:
    at, protocol = f"Kafka at {host}:{port}", configs["security_protocol"]
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as plain:
            if protocol in {"SSL", "SASL_SSL"}:
                with _context(configs).wrap_socket(plain, server_hostname=host) as secured:
                    return _authenticated(at, secured, configs)
            return _authenticated(at, plain, configs)
    except ssl.SSLError as error:
        return _disagreement(at, error)
    except ValueError as error:  # a name that is no name, a proof of the broker's that proves nothing
        return LogUnfit(f"{at} and we do not understand each other: {error}")
    except socket.gaierror:
        return LogAway(f"{at} cannot be reached: no such host is known")
    except OSError as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()
        return LogAway(f"{at} cannot be reached: {reason}")


def _disagreement(at: str, error: ssl.SSLError) -> LogError:
    # So does a load balancer that has no broker behind it.
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return LogAway(f"{at} closes the connection: is it up? check security_protocol too")
    reason = getattr(error, "verify_message", "") or error.reason or "it does not speak TLS"
    return LogUnfit(f"{at} and we do not agree on TLS ({reason}): check security_protocol and the ssl files")


def _context(configs: dict[str, Any]) -> ssl.SSLContext:
    names = KafkaSSLTransport.DEFAULT_CONFIG
    try:
        built: ssl.SSLContext = KafkaSSLTransport._build_ssl_context(  # noqa: SLF001 - so that it is the same
            names | {name: value for name, value in configs.items() if name in names}
        )
    except OSError as error:
        raise LogUnfit(f"the ssl files for Kafka cannot be used: {error}") from error
    return built


def _authenticated(at: str, sock: socket.socket, configs: dict[str, Any]) -> LogError | None:
    if not configs["security_protocol"].startswith("SASL") or configs["sasl_mechanism"] not in KNOWN_MECHANISMS:
        return None
    return _login(at, sock, configs)


def _login(at: str, sock: socket.socket, configs: dict[str, Any]) -> LogError | None:
    name = configs["sasl_mechanism"]
    parser = KafkaProtocol(client_id=configs["client_id"])
    answer = _ask(sock, parser, SaslHandshakeRequest(mechanism=name, version=1))
    if answer is None:
        return LogAway(f"{at} closes the connection: check security_protocol")
    if answer.error_code:
        offered = ", ".join(answer.mechanisms) or "nothing"
        return LogUnfit(f"{at} does not know the sasl_mechanism {name}, it offers {offered}")
    mechanism = get_sasl_mechanism(name)(**configs)
    while not mechanism.is_done():
        answer = _ask(sock, parser, SaslAuthenticateRequest(auth_bytes=mechanism.auth_bytes(), version=1))
        if answer is None:
            return LogAway(f"{at} closes the connection while we log in")
        if answer.error_code:
            return LogUnfit(f"{at} refuses our user name or password ({for_code(answer.error_code).__name__})")
        mechanism.receive(answer.auth_bytes)
    return None


def _ask(sock: socket.socket, parser: Any, request: Any) -> Any:
    """The answer, or None if the connection ends before it."""
    parser.send_request(request)
    sock.sendall(parser.send_bytes())
    while received := sock.recv(4096):
        if responses := parser.receive_bytes(received):
            return responses[0][1]
    return None
