import httpx
import pytest

from ingest.fetch import shown_url, web_client


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    shown = shown_url("https://me:pw@feeds.example:8443/v1/4f9a8b7c6d5e4f3a2b1c0d9e/markets.rss?key=1#x")
    assert shown == "https://feeds.example:8443/v1/.../markets.rss?..."


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/feeds/9f86d081884c7d65.xml", "/feeds/....xml"),
        ("/feeds/news-9f86d081884c7d659a2feaa0c55ad015.xml", "/feeds/....xml"),
        ("/bot1:AAF9x-b_c8d7e6f5a4b3c2d1/feed", "/bot1:.../feed"),
        ("/feeds/market-news-2026.xml", "/feeds/market-news-2026.xml"),
        ("/internationalnews/rss2.0.xml", "/internationalnews/rss2.0.xml"),
        ("/monetary-policy-decisions/index.rss", "/monetary-policy-decisions/index.rss"),
    ],
)
def test_what_looks_like_a_token_is_hidden_wherever_it_stands(path: str, shown: str) -> None:
    assert shown_url(f"https://feeds.example{path}") == f"https://feeds.example{shown}"


def test_a_client_gives_up_waiting() -> None:
    with web_client() as client:
        assert client.timeout == httpx.Timeout(20.0)
