from datetime import timedelta
from pathlib import Path

import platformdirs
import pytest
from pydantic import ValidationError

from bellwether.effective import shown
from bellwether.sections.destinations import DestinationSection
from bellwether.sections.logs import KafkaSection
from bellwether.settings import Settings, WrongSettings, read_settings

WEBHOOK = """
[[destination]]
name = "desk"
type = "webhook"
url = "https://hooks.example/T0/very-private"
secret = "sign-with-this"
token = "bear-this"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder without a settings file, and no variable set."""
    monkeypatch.chdir(tmp_path)
    for name in ("BELLWETHER_CONFIG", "BELLWETHER_CHAOS_ROUNDS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def written(folder: Path, text: str) -> Path:
    file = folder / "settings.toml"
    file.write_text(text)
    return file


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(WrongSettings) as wrong:
        read_settings(written(folder, text))
    return list(wrong.value.mistakes)


def test_without_a_file_defaults_are_in_force() -> None:
    settings = read_settings()
    assert settings.file is None
    assert settings.kafka is None
    assert [each.kafka_topic for each in settings.input] == ["documents"]
    assert [(each.name, each.type) for each in settings.destination] == [("log", "log")]
    assert settings.windows.bin == timedelta(minutes=1)
    assert settings.log_path == platformdirs.user_data_path("bellwether", appauthor=False) / "bellwether.db"


def test_a_file_is_named_by_the_argument_else_by_the_variable_else_it_lies_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, port in (("bellwether.toml", 1), ("variable.toml", 2), ("argument.toml", 3)):
        (folder / name).write_text(f"[http]\nport = {port}\n")
    assert read_settings().http.port == 1
    monkeypatch.setenv("BELLWETHER_CONFIG", "variable.toml")
    assert read_settings().http.port == 2
    settings = read_settings(Path("argument.toml"))
    assert settings.http.port == 3
    assert settings.file == folder / "argument.toml"


def test_the_embedded_log_lies_beside_the_settings_file_or_where_it_is_told(folder: Path) -> None:
    assert read_settings(written(folder, "")).log_path == folder / "bellwether.db"
    assert read_settings(written(folder, '[log]\npath = "data/x.db"')).log_path == folder / "data" / "x.db"


def test_files_are_looked_for_from_the_folder_of_the_settings_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "etc").mkdir()
    (folder / "etc" / "password").write_text("s3cret\n")
    kafka = '[kafka]\nbootstrap_servers = ["a:1"]\nsecurity_protocol = "SASL_SSL"\nsasl_mechanism = "PLAIN"\n'
    file = written(folder / "etc", kafka + 'sasl_username = "u"\nsasl_password_file = "password"')
    section = read_settings(file).kafka
    assert section is not None
    assert section.password is not None
    assert section.password.get_secret_value() == "s3cret"


@pytest.mark.parametrize("written_so", ["36501d", "9999999d", "1000000000d", "1000000000000d", "9" * 400 + "ms"])
def test_a_duration_that_no_calendar_holds_is_refused_with_a_sentence(folder: Path, written_so: str) -> None:
    found = mistakes(folder, f'[console]\nsession = "{written_so}"\nacknowledge_warning = "36500d"')
    assert found == ["console.session: is longer than 36500d, which is the most: write a shorter one"]


@pytest.mark.parametrize("written_so", ["0.5ms", "1.0001s", "0.00001m"])
def test_a_duration_is_a_whole_number_of_milliseconds(folder: Path, written_so: str) -> None:
    found = mistakes(folder, f'[windows]\nbin = "{written_so}"\nkeep = "0.1h"\nout_of_orderness = "1.001s"')
    assert found == ["windows.bin: must be a whole number of milliseconds"]


def test_a_variable_wins_over_the_file_and_leaves_its_neighbours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELLWETHER_WINDOWS__BIN", "5m")
    monkeypatch.setenv("BELLWETHER_KAFKA__BOOTSTRAP_SERVERS", "a:9092, b:9092")
    monkeypatch.setenv("BELLWETHER_CLOCK", "replay")
    settings = read_settings(written(folder, '[windows]\nbin = "1m"\nkeep = "24h"\n'))
    assert settings.windows.bin == timedelta(minutes=5)
    assert settings.windows.keep == timedelta(hours=24)
    assert settings.kafka is not None
    assert settings.kafka.bootstrap_servers == ("a:9092", "b:9092")
    assert settings.replay


def test_lists_and_tables_in_variables_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELLWETHER_INPUT", '[{"kafka_topic": "wire", "timezone": "Asia/Shanghai"}]')
    monkeypatch.setenv("BELLWETHER_KAFKA__BOOTSTRAP_SERVERS", "a:9092")
    monkeypatch.setenv("BELLWETHER_KAFKA__OPTIONS", '{"client_rack": "r1"}')
    settings = read_settings()
    assert [each.kafka_topic for each in settings.input] == ["wire"]
    assert settings.kafka is not None
    assert settings.kafka.options == {"client_rack": "r1"}


def test_all_mistakes_are_told_at_once_each_with_its_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELLWETHER_HTTP__PORT", "many")
    monkeypatch.setenv("BELLWETHER_WINDOW__BIN", "5m")
    told = mistakes(
        folder,
        """
        [kafka]
        bootstrap_server = "a"
        security_protocol = "SASL_SSL"
        [[input]]
        fields = { datum = "x" }
        timezone = "Mars"
        [windows]
        bin = "7m"
        keep = 3
        [[destination]]
        name = "Bad Name"
        type = "webhook"
        url = "ftp://x"
        secret_file = "nowhere"
        [[destination]]
        name = "log"
        type = "log"
        url = "https://x"
        [nonsense]
        a = 1
        """,
    )
    assert {line.split(":")[0] for line in told} == {
        "BELLWETHER_WINDOW__BIN",
        "kafka.bootstrap_servers",
        "kafka.bootstrap_server",
        "kafka",
        "input.0.fields",
        "input.0.timezone",
        "windows.bin",
        "windows.keep",
        "destination.0.name",
        "destination.0.url",
        "destination.0.secret_file",
        "destination.1",
        "http.port (from BELLWETHER_HTTP__PORT)",
        "nonsense",
    }
    assert all("\n" not in line for line in told)


@pytest.mark.parametrize("name", ["BELLWETHER_KAFKA_BOOTSTRAP_SERVERS", "bellwether_kafka_bootstrap_servers"])
def test_a_variable_with_one_underscore_too_few_is_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "a:9092")
    with pytest.raises(WrongSettings) as wrong:
        read_settings()
    assert wrong.value.mistakes == (
        f"{name}: there is no such variable; write BELLWETHER_KAFKA__BOOTSTRAP_SERVERS, with two underscores",
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[windows]\nbim = '1m'", "windows.bim: there is no such setting; did you mean bin?"),
        (
            "[http]\nwhatever = 1",
            "known are host, port, address, alertmanager_token, alertmanager_token_file, healthy_within",
        ),
        ("clock = 'fast'", "clock: should be 'live' or 'replay'"),
        ("windows = 3", "windows: must be a table"),
        ("input = 3", "input: must be a list"),
        ("input = []", "input: must name at least one log of documents"),
        ("[kafka]\nbootstrap_servers = ''", "kafka.bootstrap_servers: must name at least one"),
        ("[kafka]\nbootstrap_servers = 'a'\noptions = { group_id = 'x' }", "decided by Bellwether"),
        ("[kafka]\nbootstrap_servers = 'a'\noptions = { ssl_cafile = 'x' }", "[kafka] has a setting for it"),
        (
            "[kafka]\nbootstrap_servers = 'a'\noptions = { compression_type = 'snappy' }",
            "kafka.options: compression_type snappy takes the package python-snappy, which is not installed here",
        ),
        (
            "[kafka]\nbootstrap_servers = 'a'\noptions = { compression_type = ['zip'] }",
            "kafka.options: there is no compression_type ['zip']: name one of gzip, lz4, snappy, zstd",
        ),
        ("[kafka]\nbootstrap_servers = 'a'\nsasl_mechanism = 'PLAIN'", "sasl_mechanism needs security_protocol"),
        (
            "[kafka]\nbootstrap_servers = 'a'\nsecurity_protocol = 'SASL_SSL'\nsasl_mechanism = 'GSSAPI'",
            "needs the package gssapi",
        ),
        ("[[input]]\nkafka_topic = 'a b'", "input.0.kafka_topic: the name of a log has letters"),
        ("[[input]]\nkafka_topic = 'bellwether.scores'", "is a log of our own; name the one that holds the documents"),
        ("[[input]]\n[[input]]", "input.kafka_topic: documents stands there twice"),
        ("[[destination]]\nname = 'x'\ntype = 'webhook'", "destination.0: a webhook needs url_file (or url)"),
        (WEBHOOK + WEBHOOK, "destination.name: desk stands there twice"),
        (WEBHOOK + "timeout = '6s'", "destination.0.timeout: must be at most 5s"),
        (WEBHOOK + "secret_file = 'x'", "destination.0: secret and secret_file are both set; keep one"),
        ("[alerts]\nbudget_per_week = 0", "alerts.budget_per_week: should be greater than 0"),
        ("[windows\n", "is not TOML"),
    ],
)
def test_a_mistake_says_what_to_do(folder: Path, text: str, sentence: str) -> None:
    assert any(sentence in line for line in mistakes(folder, text))


def test_a_file_that_is_not_there_is_a_mistake(folder: Path) -> None:
    with pytest.raises(WrongSettings, match="name a settings file with --config"):
        read_settings(folder / "nowhere.toml")


def test_a_mistake_does_not_repeat_a_secret(folder: Path) -> None:
    told = mistakes(folder, WEBHOOK.replace("https:", "gopher:") + "secret_file = 'x'\nsecrett = 'sign-with-this'")
    assert not any(secret in line for line in told for secret in ("very-private", "sign-with-this", "bear-this"))


@pytest.mark.parametrize("host", ["hooks.example:84433", "hooks.example:desk", "[hooks.example", "hooks℀.example"])
def test_an_address_that_cannot_be_read_is_a_mistake_that_does_not_repeat_it(folder: Path, host: str) -> None:
    told = mistakes(folder, WEBHOOK.replace("hooks.example", host))
    assert [line.split(":")[0] for line in told] == ["destination.0.url"]
    assert "whose port, if any, is at most 65535" in told[0]
    assert not any(part in told[0] for part in ("hooks", "84433", "desk", "very-private"))


def test_secrets_are_neither_in_the_repr_nor_shown(folder: Path) -> None:
    kafka = """
        [kafka]
        bootstrap_servers = "a"
        security_protocol = "SASL_SSL"
        sasl_mechanism = "PLAIN"
        sasl_username = "u"
        sasl_password = "kafka-secret"
        ssl_password = "key-secret"
        options = { sasl_oauth_token_provider = "option-secret" }
    """
    settings = read_settings(written(folder, kafka + WEBHOOK + 'proxy = "http://user:proxy-secret@proxy.example:3128"'))
    secrets = ("very-private", "sign-with-this", "bear-this", "kafka-secret", "key-secret", "proxy-secret")
    for secret in (*secrets, "option-secret"):
        assert secret not in shown(settings)
    for secret in secrets:
        assert secret not in repr(settings)
    assert "https://hooks.example/..." in shown(settings)
    assert settings.destination[0].secret is not None
    assert settings.destination[0].secret.get_secret_value() == "sign-with-this"


def test_what_is_shown_without_secrets_is_a_settings_file_again(folder: Path) -> None:
    topics = "[alerts.topic.other]\nalert = false\n[alerts.topic.fx]\nmin_negatives = 5\n"
    first = read_settings(written(folder, topics + '[windows]\nbin = "90s"\n[[input]]\nfields = { text = "名.字" }\n'))
    second = read_settings(written(folder, shown(first)))
    assert second == first


def test_settings_cannot_be_changed() -> None:
    settings = read_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.clock = "replay"
    with pytest.raises(ValidationError, match="frozen"):
        settings.http.port = 3
    assert Settings.model_config["extra"] == "forbid"
    assert all(kind.model_config["extra"] == "forbid" for kind in (KafkaSection, DestinationSection))
