"""Real Prometheus and Alertmanager for the tests: the files of deploy/ with shorter intervals and other addresses."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.servers import runner
from tests.waiting import until

DEPLOY = Path(__file__).parents[1] / "deploy"


class Server:
    """One process with a folder, a port of 127.0.0.1 and pages that say when it is ready. Ends with us."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        (self.port,) = runner.free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        tie = [setpriv, "--pdeathsig", "KILL"] if (setpriv := shutil.which("setpriv")) else []
        with (self.folder / "said.log").open("ab") as said:
            self.process = subprocess.Popen(
                [*tie, *self.command()], cwd=self.folder, stdout=said, stderr=said, start_new_session=True
            )
        until(self._is_ready, 30)

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "said.log").read_text()
        try:
            return httpx.get(f"{self.url}/-/ready", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        """As a service manager does it."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
            self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def get(self, path: str, **params: Any) -> Any:
        answer = httpx.get(f"{self.url}/api/{path}", params=params, trust_env=False, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()


class Prometheus(Server):
    """Scrapes and evaluates every second by the rules of deploy/."""

    def __init__(self, folder: Path, target: int, alertmanager: int) -> None:
        super().__init__(folder)
        config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(DEPLOY / "prometheus" / each) for each in config["rule_files"]]
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{alertmanager}"]
        config["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{target}"]
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(config))

    def command(self) -> list[str]:
        return [
            "prometheus",
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            # What fires before Alertmanager is discovered is told again after this; after four times this it is over.
            "--rules.alert.resend-delay=5s",
        ]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What an instant query finds."""
        found: list[dict[str, Any]] = self.get("v1/query", query=expression)["data"]["result"]
        return found

    def firing(self) -> set[str]:
        """Names of the alerts that fire."""
        return {
            alert["labels"]["alertname"]
            for alert in self.get("v1/alerts")["data"]["alerts"]
            if alert["state"] == "firing"
        }


class Alertmanager(Server):
    """Routes as deploy/ says, to addresses of the test's own, without making anyone wait."""

    def __init__(self, folder: Path, addresses: Mapping[str, Sequence[str]]) -> None:
        """`addresses`: what to send to instead of an address in the file, by that address."""
        super().__init__(folder)
        config = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
        _hurry(config["route"])
        for receiver in config["receivers"]:
            webhooks = receiver["webhook_configs"]
            receiver["webhook_configs"] = [each | {"url": url} for each in webhooks for url in addresses[each["url"]]]
        (self.folder / "alertmanager.yml").write_text(yaml.safe_dump(config))

    def command(self) -> list[str]:
        return [
            "prometheus-alertmanager",
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]


def _hurry(route: dict[str, Any]) -> None:
    route["group_wait"] = "0s"
    route["group_interval"] = "1s"
    for each in route.get("routes", ()):
        _hurry(each)
