"""Settings that look harmless and are not: each is one sentence and exit code 2, never a traceback, never a secret."""

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from bellwether.effective import shown
from bellwether.kinds import secret_in
from bellwether.settings import WrongSettings, read_settings
from bellwether.showing import access_settings
from tests.bellwether.test_settings import WEBHOOK, folder, mistakes, written

__all__ = ["folder"]

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    "server",
    ["kafka:99x2", "a:b:c", "[::1", "[::1]9092", "a:99999", "a:0", "a:", ":9092", "[]:1", "a b:1", "a::1::b", "x/y:1"],
)
def test_a_broker_whose_address_cannot_be_read_is_a_mistake(folder: Path, server: str) -> None:
    (told,) = mistakes(folder, f'[kafka]\nbootstrap_servers = ["fine:9092", "{server}"]')
    assert told.startswith(f"kafka.bootstrap_servers: {server!r} is no address of a broker: write host:port")


@pytest.mark.parametrize("server", ["a", "a.b-c_d:1", "10.0.0.1:65535", "[::1]:9092", "[::1]", "::1", "SSL://a:9093"])
def test_a_broker_may_be_written_as_the_client_reads_it(folder: Path, server: str) -> None:
    kafka = read_settings(written(folder, f'[kafka]\nbootstrap_servers = ["{server}"]')).kafka
    assert kafka is not None
    assert kafka.bootstrap_servers == (server,)


def test_blanks_around_a_broker_are_nobodys_mistake(folder: Path) -> None:
    kafka = read_settings(written(folder, '[kafka]\nbootstrap_servers = ["a:9092 "]')).kafka
    assert kafka is not None
    assert kafka.bootstrap_servers == ("a:9092",)


@pytest.mark.parametrize("value", ['["a:9092", "[::1]:9092"]', "a:9092, [::1]:9092", ' [ "a:9092","[::1]:9092" ]'])
def test_brokers_in_a_variable_are_json_as_other_lists_or_simply_a_list(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("BELLWETHER_KAFKA__BOOTSTRAP_SERVERS", value)
    kafka = read_settings().kafka
    assert kafka is not None
    assert kafka.bootstrap_servers == ("a:9092", "[::1]:9092")


def test_half_a_list_in_a_variable_is_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELLWETHER_KAFKA__BOOTSTRAP_SERVERS", '["a:9092"')
    with pytest.raises(WrongSettings, match="is no address of a broker"):
        read_settings()


@pytest.mark.parametrize("option", ['reconnect_backoff_ms = "abc"', "linger_ms = true", "heartbeat_interval_ms = []"])
def test_an_option_of_kafka_that_must_be_a_number_is_one(folder: Path, option: str) -> None:
    name = option.split(maxsplit=1)[0]
    told = mistakes(folder, f'[kafka]\nbootstrap_servers = ["a:1"]\noptions = {{ {option} }}')
    assert told == [f"kafka.options: the option {name} must be a number"]


@pytest.mark.parametrize(
    "option", ["request_timeout_ms = 2147483648", "fetch_max_wait_ms = 0.5", "fetch_max_bytes = 1e3"]
)
def test_what_kafka_counts_in_32_bits_is_a_whole_number_of_so_many(folder: Path, option: str) -> None:
    name = option.split(maxsplit=1)[0]
    told = mistakes(folder, f'[kafka]\nbootstrap_servers = ["a:1"]\noptions = {{ {option} }}')
    assert told == [f"kafka.options: the option {name} must be a whole number, 2147483647 at most"]


def test_a_session_is_as_long_as_kafka_can_count(folder: Path) -> None:
    kafka = '[kafka]\nbootstrap_servers = ["a:1"]\nsession_timeout = "{}"'
    (told,) = mistakes(folder, kafka.format("25d"))
    assert told.startswith("kafka.session_timeout: must be at most 24d; brokers allow 30m unless")
    section = read_settings(written(folder, kafka.format("24d"))).kafka
    assert section is not None
    assert section.session_timeout == timedelta(days=24)


@pytest.mark.parametrize("who", ["u:p4ss@", "u@", "@"])
def test_an_address_that_everybody_sees_holds_no_password(folder: Path, who: str) -> None:
    (told,) = mistakes(folder, f'[http]\naddress = "https://{who}x.example/@a"')
    assert told == "http.address: must hold no user name and no password: everybody sees it in links"
    assert read_settings(written(folder, '[http]\naddress = "https://x.example/@a"')).http.address is not None


def test_an_address_of_apprise_that_cannot_be_split_is_shown_without_a_secret(folder: Path) -> None:
    apprise = WEBHOOK.replace('"webhook"', '"apprise"').replace('secret = "sign-with-this"\ntoken = "bear-this"\n', "")
    text = apprise.replace("https://hooks.example/T0/very-private", "mailtos://user:pa[ss@host")
    told = shown(read_settings(written(folder, text)))
    assert 'url = "mailtos://..."' in told
    assert not any(secret in told for secret in ("user:", "pa[ss", "@host"))
    told = shown(read_settings(written(folder, text.replace("mailtos:", "//pa[ss:"))))
    assert 'url = "://..."' in told
    assert "pa[ss" not in told


def test_what_is_shown_can_be_read_whatever_stands_in_it(folder: Path) -> None:
    settings = written(
        folder, '[flash]\nwords = [["a\\u007fb", "c\\u0001d\\\\"]]\n[alerts.topic."😀\\u007f"]\nrarity = 2\n'
    )
    strange = settings.rename(folder / "new\nline\x7f.toml")
    told = tomllib.loads(shown(read_settings(strange)))
    assert told["flash"]["words"] == [["a\x7fb", "c\x01d\\"]]
    assert list(told["alerts"]["topic"]) == ["😀\x7f"]


@pytest.mark.parametrize(("place", "name"), [("classifier", "artifact"), ("log", "path")])
@pytest.mark.parametrize("path", ["~nosuchuser/x", "a\\u0000b"])
def test_a_path_that_leads_nowhere_is_a_mistake(folder: Path, place: str, name: str, path: str) -> None:
    (told,) = mistakes(folder, f'[{place}]\n{name} = "{path}"')
    assert told.startswith(f"{place}.{name}: ")
    assert "\n" not in told


def test_a_settings_file_of_nobody_is_a_mistake(folder: Path) -> None:
    with pytest.raises(WrongSettings, match="nosuchuser/x"):
        read_settings(Path("~nosuchuser/x"))


def test_a_byte_order_mark_is_taken_as_editors_write_it(folder: Path) -> None:
    (folder / "token").write_bytes(BOM + b"hush\n")
    (folder / "tokens").write_bytes(BOM + b"ann:0123456789012345678901\n")
    file = folder / "bellwether.toml"
    text = '[http]\nalertmanager_token_file = "token"\n[console]\ntokens_file = "tokens"\n'
    file.write_bytes(BOM + text.encode())
    settings = read_settings(file)
    secret = secret_in(None, settings.http.alertmanager_token_file)
    assert secret is not None
    assert secret.get_secret_value() == "hush"
    assert list(access_settings(settings).tokens) == ["ann"]


@pytest.mark.parametrize("holds", [b"", b" \r\n"])
def test_a_byte_order_mark_alone_is_no_secret(folder: Path, holds: bytes) -> None:
    (folder / "token").write_bytes(BOM + holds)
    (told,) = mistakes(folder, '[http]\nalertmanager_token_file = "token"\n')
    assert "is empty" in told


@pytest.mark.parametrize("text", ["[windows\n", "windows = 1\n\xff"])
def test_a_file_that_cannot_be_read_does_not_hide_wrong_variables(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (folder / "settings.toml").write_bytes(text.encode("latin-1"))
    for name, value in {"WINDOW__BIN": "5m", "KAFKA_OPTIONS": "{}", "HTTP__PORT": "many"}.items():
        monkeypatch.setenv(f"BELLWETHER_{name}", value)
    with pytest.raises(WrongSettings) as wrong:
        read_settings(folder / "settings.toml")
    unknown, together, file, port = wrong.value.mistakes
    assert unknown.startswith("BELLWETHER_WINDOW__BIN: ")
    assert together.startswith("BELLWETHER_KAFKA_OPTIONS: ")
    assert "is not TOML" in file
    assert port.startswith("http.port (from BELLWETHER_HTTP__PORT): ")


def test_with_a_file_that_is_not_there_what_it_may_hold_is_not_missed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELLWETHER_KAFKA__SECURITY_PROTOCOL", "SSL")
    with pytest.raises(WrongSettings) as wrong:
        read_settings(folder / "nowhere.toml")
    assert len(wrong.value.mistakes) == 1


@pytest.mark.parametrize("name", ["BELLWETHER_CLOCK__X", "bellwether_clock__x__y"])
def test_a_variable_behind_what_is_no_table_is_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(WrongSettings) as wrong:
        read_settings()
    assert wrong.value.mistakes == (f"{name}: clock is no table; set BELLWETHER_CLOCK",)


@pytest.mark.parametrize(
    "name", ["INPUT__X", "DESTINATION__NAME", "HTTP__PORT__X", "WATCH__NAME__X", "INPUT__0__EPOCH"]
)
def test_a_variable_that_reaches_too_deep_is_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"BELLWETHER_{name}", "1")
    with pytest.raises(WrongSettings):
        read_settings()


@pytest.mark.parametrize(
    ("route", "sentence"),
    [
        ('subjects = ["topic/*", "liquidity_run"]', "subjects.1: 'liquidity_run' fits no subject: write topic/... or"),
        ('subjects = ["topics/liquidity_run"]', "subjects.0: 'topics/liquidity_run' fits no subject: write topic/..."),
        ('subjects = ["liquidity*"]', "subjects.0: 'liquidity*' fits no subject: write topic/... or entity/..."),
        ('subjects = ["topic"]', "subjects.0: 'topic' fits no subject: write topic/... or entity/..."),
        ('subjects = ["entity/"]', "subjects.0: 'entity/' fits no subject: write topic/... or entity/..."),
        ('subjects = [""]', "subjects.0: '' fits no subject: write topic/... or entity/..."),
        ('languages = ["zh-CN"]', "languages.0: there is no language 'zh-CN': name one of en, zh, und"),
        ("severities = []", "severities is empty: name at least one"),
        ("actions = []", "actions is empty: name at least one, or set notices = true for notices alone"),
        ("actions = []\nnotices = false", "actions is empty: name at least one"),
    ],
)
def test_a_route_that_would_let_nothing_through_is_a_mistake(folder: Path, route: str, sentence: str) -> None:
    (told,) = mistakes(folder, f"{WEBHOOK}[destination.route]\n{route}")
    assert told.startswith("destination.0.route")
    assert sentence in told


@pytest.mark.parametrize(
    "route",
    [
        'subjects = ["*", "*/x", "topic/*", "topic/fx", "entity/Acme*", "*run", "t*", "[et]*", "?opic/fx", "topic*"]',
        'languages = ["en", "zh", "und"]',
        "subjects = []\nlanguages = []",
        "actions = []\nnotices = true",
    ],
)
def test_a_route_that_lets_something_through_is_taken(folder: Path, route: str) -> None:
    settings = read_settings(written(folder, f"{WEBHOOK}[destination.route]\n{route}"))
    assert read_settings(written(folder, shown(settings))).destination[0].route == settings.destination[0].route
