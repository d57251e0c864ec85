import httpx

from ingest.fetch import shown_url, web_client


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    shown = shown_url("https://me:pw@feeds.example:8443/v1/4f9a8b7c6d5e4f3a2b1c0d9e/markets.rss?key=1#x")
    assert shown == "https://feeds.example:8443/v1/.../markets.rss?..."


def test_a_client_gives_up_waiting() -> None:
    with web_client() as client:
        assert client.timeout == httpx.Timeout(20.0)
