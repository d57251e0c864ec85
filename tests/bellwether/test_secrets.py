"""Secrets that hold nothing, or no text, are wrong settings: what they guard would stand open."""

import os
from pathlib import Path

import pytest

from bellwether.settings import read_settings
from tests.bellwether.test_settings import folder, mistakes, written

__all__ = ["folder"]

SECRETS = [
    ("[http]\nalertmanager_token", "http.alertmanager_token"),
    ('[kafka]\nbootstrap_servers = "a:1"\nssl_password', "kafka.ssl_password"),
    ('[[destination]]\nname = "d"\ntype = "webhook"\nurl = "http://a"\nsecret', "destination.0.secret"),
]


@pytest.mark.parametrize(("setting", "place"), SECRETS)
@pytest.mark.parametrize(
    ("holds", "sentence"), [(b"", "is empty"), (b" \n", "is empty"), (b"\xff\xfe", "is not UTF-8")]
)
def test_a_secret_file_without_a_secret_is_a_mistake(
    folder: Path, setting: str, place: str, holds: bytes, sentence: str
) -> None:
    (folder / "secret").write_bytes(holds)
    (told,) = mistakes(folder, f'{setting}_file = "secret"')
    assert told.startswith(f"{place}_file: {folder / 'secret'} {sentence}")


@pytest.mark.parametrize(("setting", "place"), SECRETS)
def test_an_empty_secret_is_a_mistake(folder: Path, setting: str, place: str) -> None:
    assert mistakes(folder, f'{setting} = ""') == [
        f"{place}: is empty: put the secret there, or leave the setting away"
    ]


def test_an_empty_variable_does_not_open_the_door(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELLWETHER_HTTP__ALERTMANAGER_TOKEN", "")
    (told,) = mistakes(folder, "")
    assert told.startswith("http.alertmanager_token: is empty")


@pytest.mark.parametrize("token", ["hush hush", "hush ", "密码"])
def test_a_token_that_no_header_can_carry_is_a_mistake(folder: Path, token: str) -> None:
    (told,) = mistakes(folder, f'[http]\nalertmanager_token = "{token}"')
    assert told == "http.alertmanager_token: must be printable ASCII without spaces"
    (folder / "secret").write_text(f"密{token}\n")
    (told,) = mistakes(folder, '[http]\nalertmanager_token_file = "secret"')
    assert told == "http.alertmanager_token_file: must be printable ASCII without spaces"


def test_a_secret_that_comes_through_a_pipe_is_left_to_who_needs_it(folder: Path) -> None:
    read, write = os.pipe()
    os.write(write, b"hush")
    os.close(write)
    settings = read_settings(written(folder, f'[http]\nalertmanager_token_file = "/dev/fd/{read}"'))
    assert settings.http.alertmanager_token_file is not None
    assert settings.http.alertmanager_token_file.read_text() == "hush"
    os.close(read)
