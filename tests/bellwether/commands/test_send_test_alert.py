import json
from pathlib import Path

from click.testing import CliRunner, Result

from bellwether.cli import cli
from tests.alerting.destinations.receiver import nobody, receiving
from tests.alerting.destinations.test_chat import saying, text_of


def send(folder: Path, destinations: str, *arguments: str) -> Result:
    (folder / "bellwether.toml").write_text(destinations)
    return CliRunner().invoke(cli, ["--config", str(folder / "bellwether.toml"), "send-test-alert", *arguments])


def destination(name: str, kind: str, url: str, more: str = "") -> str:
    return f'[[destination]]\nname = "{name}"\ntype = "{kind}"\nurl = "{url}"\n{more}\n'


def test_every_destination_gets_an_alert_that_says_it_is_a_test_in_both_languages(tmp_path: Path) -> None:
    with receiving() as hook, receiving(saying({"errcode": 0})) as group:
        done = send(
            tmp_path,
            destination("desk", "webhook", hook.url, 'secret = "s"')
            + destination("group", "dingtalk", group.url, 'language = "zh"'),
        )
    assert done.exit_code == 0
    assert [line.split(" in ")[0] for line in done.output.splitlines()] == ["desk: delivered", "group: delivered"]
    alert = json.loads(hook.requests[0].body)["alert"]
    assert alert["id"].startswith("test-")
    assert "TEST 测试" in alert["top_documents"][0]["text"]
    assert text_of(group.requests[0].body).startswith("[TEST 测试] 【预警】")


def test_one_that_does_not_take_it_is_told_with_its_reason_and_shows_in_the_exit_code(tmp_path: Path) -> None:
    with receiving(saying({"errcode": 300001})) as group, nobody() as port:
        done = send(
            tmp_path,
            destination("group", "dingtalk", group.url + "?access_token=hush")
            + destination("desk", "webhook", f"http://127.0.0.1:{port}/hush", 'secret = "hush"'),
        )
    assert done.exit_code == 1
    first, second = done.output.splitlines()
    assert first.startswith("group: not delivered: http://127.0.0.1:")
    assert first.endswith("answered 200 with code 300001")
    assert second.endswith("cannot be reached")
    assert "hush" not in done.output


def test_only_the_named_ones_are_told(tmp_path: Path) -> None:
    with receiving() as one, receiving() as other:
        both = destination("one", "webhook", one.url, 'secret = "s"') + destination(
            "other", "webhook", other.url, 'secret = "s"'
        )
        assert send(tmp_path, both, "--destination", "other", "--severity", "critical").exit_code == 0
    assert (len(one.requests), len(other.requests)) == (0, 1)
    assert json.loads(other.requests[0].body)["alert"]["severity"] == "critical"


def test_a_name_that_is_none_is_said(tmp_path: Path) -> None:
    done = send(tmp_path, '[[destination]]\nname = "log"\ntype = "log"\n', "--destination", "desk")
    assert done.exit_code == 2
    assert "there is no destination desk; there are log" in done.output
