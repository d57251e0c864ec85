from hashlib import sha256
from ipaddress import ip_network

import pytest
import structlog

from alerting.console.access import Access, AccessSettings, Caller, host_of, may_be_open, read_tokens
from ingest.instants import HOUR, SECOND
from tests.alerting.told import OPENED

TOKEN = "a-token-of-more-than-twenty"
TOKENS = Access(AccessSettings(tokens=read_tokens(f"ann:{TOKEN}")))
PROXIED = Access(AccessSettings(proxies=(ip_network("10.0.0.0/8"),), user_header="x-user"))


def test_of_a_token_only_its_hash_is_held() -> None:
    assert TOKENS.settings.tokens == {"ann": sha256(TOKEN.encode()).digest()}
    assert TOKEN not in repr(TOKENS.settings)


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "# nobody",
        "ann",
        "ann:short",
        f"ann:{TOKEN}\nann:{TOKEN}x",
        f"a\tb:{TOKEN}",
        f":{TOKEN}",
        f"ann:{TOKEN} {TOKEN}",
        f"ann:{TOKEN}密",
        f"ann:{TOKEN}\x00",
    ],
)
def test_lines_that_are_no_tokens_are_refused(lines: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says its own
        read_tokens(lines)


def test_a_token_of_two_names_is_refused_with_its_line() -> None:
    with pytest.raises(ValueError, match="line 3: a token stands there once"):
        read_tokens(f"ann:{TOKEN}\nbo:{TOKEN}-2\ncy: {TOKEN}")


def test_a_bearer_is_known_by_the_token_and_a_wrong_one_is_nobody() -> None:
    assert TOKENS.caller("1.2.3.4", {"authorization": [f"Bearer {TOKEN}"]}, "", OPENED) == Caller("ann", "bearer")
    assert TOKENS.caller("1.2.3.4", {"authorization": [f"Bearer {TOKEN}x"]}, "", OPENED) is None
    assert TOKENS.caller("1.2.3.4", {}, "", OPENED) is None


def test_space_around_a_token_is_none_of_it() -> None:
    access = Access(AccessSettings(tokens=read_tokens(f" ann : {TOKEN}\t\r\n")))
    assert access.caller("1.2.3.4", {"authorization": [f"Bearer {TOKEN}"]}, "", OPENED) == Caller("ann", "bearer")
    assert access.bearer(f"{TOKEN}\n") == "ann"


def test_a_wrong_token_is_not_made_good_by_a_session() -> None:
    cookie = TOKENS.open_session("ann", OPENED)
    assert TOKENS.caller("1.2.3.4", {"authorization": ["Bearer wrong"]}, cookie, OPENED) is None


def test_a_session_holds_until_it_is_over() -> None:
    cookie = TOKENS.open_session("ann", OPENED)
    assert TOKENS.session(cookie, OPENED) == "ann"
    assert TOKENS.session(cookie, OPENED + 12 * HOUR - SECOND) == "ann"
    assert TOKENS.session(cookie, OPENED + 12 * HOUR) is None


def test_a_session_cannot_be_made_longer_or_someone_elses() -> None:
    until, signature, name = TOKENS.open_session("ann", OPENED).split(".")
    assert TOKENS.session(f"{int(until) + 1}.{signature}.{name}", OPENED) is None
    assert TOKENS.session(f"{until}.{signature}.{b'bo'.hex()}", OPENED) is None
    for broken in ("", "a.b.c", f"{until}.{signature}", f"{until}.é.{name}", f"{until}.{signature}.zz"):
        assert TOKENS.session(broken, OPENED) is None


def test_a_session_ends_with_its_token() -> None:
    cookie = TOKENS.open_session("ann", OPENED)
    assert Access(AccessSettings(tokens=read_tokens(f"ann:{TOKEN}-new"))).session(cookie, OPENED) is None


def test_the_header_is_believed_from_a_trusted_proxy_only() -> None:
    assert PROXIED.caller("10.1.2.3", {"x-user": ["cy"]}, "", OPENED) == Caller("cy", "proxy")
    assert PROXIED.caller("11.1.2.3", {"x-user": ["cy"]}, "", OPENED) is None
    assert PROXIED.caller("10.1.2.3", {}, "", OPENED) is None
    assert PROXIED.caller("", {"x-user": ["cy"]}, "", OPENED) is None


def test_the_header_says_nothing_if_it_stands_there_twice() -> None:
    """A proxy that adds its own to what the user sent leaves both: which one is whose cannot be told."""
    both = Access(AccessSettings(TOKENS.settings.tokens, PROXIED.settings.proxies, "x-user"))
    cookie = both.open_session("ann", OPENED)
    for names in (["admin", "cy"], ["cy", "cy"], ["", "cy"]):
        assert both.caller("10.1.2.3", {"x-user": names}, "", OPENED) is None
        assert both.caller("10.1.2.3", {"x-user": names}, cookie, OPENED) is None
    assert both.caller("11.1.2.3", {"x-user": ["admin", "cy"]}, cookie, OPENED) == Caller("ann", "session")


@pytest.mark.parametrize("name", ["王伟", "李娜", "Jörg", "cy"])
def test_names_in_the_header_may_be_in_any_script(name: str) -> None:
    sent = name.encode().decode("latin-1")  # as headers are read
    assert PROXIED.caller("10.1.2.3", {"x-user": [sent]}, "", OPENED) == Caller(name, "proxy")


def test_a_name_in_the_header_that_is_no_unicode_is_latin_1() -> None:
    assert PROXIED.caller("10.1.2.3", {"x-user": ["Jörg"]}, "", OPENED) == Caller("Jörg", "proxy")


def test_a_header_that_names_nobody_is_told_once() -> None:
    access = Access(PROXIED.settings)
    with structlog.testing.capture_logs() as heard:
        for names in (["c\x9fy"], ["c\x00y"], ["admin", "cy"], ["cy", "cy"], [""], []):
            assert access.caller("10.1.2.3", {"x-user": names}, "", OPENED) is None
    assert [line["why"].split()[0] for line in heard] == ["holds", "came"]
    assert {line["header"] for line in heard} == {"x-user"}


def test_a_proxys_own_bearer_token_is_passed_over() -> None:
    both = Access(AccessSettings(TOKENS.settings.tokens, PROXIED.settings.proxies, "x-user"))
    headers = {"authorization": ["Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln"], "x-user": ["cy"]}
    assert both.caller("10.1.2.3", headers, "", OPENED) == Caller("cy", "proxy")
    assert both.caller("11.1.2.3", headers, "", OPENED) is None
    assert both.caller("10.1.2.3", {"authorization": headers["authorization"]}, "", OPENED) is None
    ours = {"authorization": [f"Bearer {TOKEN}"], "x-user": ["cy"]}
    assert both.caller("10.1.2.3", ours, "", OPENED) == Caller("ann", "bearer")


def test_with_nobody_asked_everybody_is_local_and_only_here() -> None:
    assert Access(AccessSettings()).caller("127.0.0.1", {}, "", OPENED) == Caller("local", "open")
    assert [may_be_open(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "10.0.0.1")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


def test_the_host_is_read_out_of_its_header() -> None:
    headers = ("localhost:8700", "127.0.0.1", "[::1]:8700", "[::1]", "evil.example:80")
    assert [host_of(each) for each in headers] == ["localhost", "127.0.0.1", "::1", "::1", "evil.example"]
