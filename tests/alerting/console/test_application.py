"""The console over HTTP: a real server, real logs, the loop beside it."""

import html
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import jsonschema
import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from alerting.audit import AUDIT, Audit, entries
from alerting.cases import FEEDBACK, Entry, decode_entry
from alerting.console.guard import POLICY
from alerting.console.view import View
from bellwether.settings import WrongSettings, read_settings
from bellwether.showing import Showing
from ingest.logs import Logs
from tests.alerting.console.shown import ANN, BO, NAMED, SCRIPT, Shown, showing
from tests.publishing import publish
from tests.waiting import until

PAGES = ("/", "/alerts", "/alerts/a1", "/alerts/a1?why=1", "/alerts/a3", "/incidents", "/incidents/a1", "/precision",
         "/subjects/topic/liquidity_run", f"/subjects/entity/{quote(NAMED.name, safe='')}")  # fmt: skip
READS = ("/api/board", "/api/alerts", "/api/alerts/a1", "/api/alerts/a1/why", "/api/incidents", "/api/incidents/a1",
         "/api/precision")  # fmt: skip


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    with showing(tmp_path_factory.mktemp("console"), 'timezone = "Asia/Shanghai"') as running:
        yield running


@pytest.fixture
def browser(shown: Shown) -> Iterator[httpx.Client]:
    """Signed in as Ann, with cookies."""
    with httpx.Client(base_url=shown.url, trust_env=False) as client:
        token = form_token(client.get("/login"))
        answer = client.post("/login", data={"form": token, "token": ANN, "back": "/alerts"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/alerts")
        yield client


@pytest.fixture
def program(shown: Shown) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shown.url, headers={"Authorization": f"Bearer {BO}"}, trust_env=False) as client:
        yield client


def form_token(page: httpx.Response) -> str:
    found = re.search(r'name="form" value="([^"]+)"', page.text)
    assert found
    return found[1]


def said(logs: Logs) -> list[Entry]:
    return [decode_entry(record.value or b"") for record in logs.scan(FEEDBACK.log)]


@pytest.mark.parametrize("path", [*PAGES, *READS, "/api/openapi.json", "/no/such/page"])
def test_without_a_token_nothing_is_shown(shown: Shown, path: str) -> None:
    answer = httpx.get(shown.url + path, trust_env=False)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "bank run" not in answer.text
    wrong = httpx.get(shown.url + path, headers={"Authorization": "Bearer nobodys-token-at-all"}, trust_env=False)
    assert wrong.status_code == 401


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_is_there_in_both_languages_and_has_the_headers(
    browser: httpx.Client, path: str, language: str
) -> None:
    answer = browser.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in answer.text
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_script_or_an_inline_style_whatever_stands_in_a_text(browser: httpx.Client, path: str) -> None:
    page = browser.get(path).text
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "<b>Bank" not in page
    assert "\u202e" not in page
    assert not re.search(r"<[^>]+\s(?:style|on\w+)=", page)
    assert not re.search(r'href="\s*(?:javascript|data):', page, re.IGNORECASE)


def test_the_evidence_is_shown_escaped_with_its_words_marked(browser: httpx.Client) -> None:
    page = browser.get("/alerts/a1").text
    assert SCRIPT in html.unescape(re.sub(r"</?mark[^>]*>", "", page))
    assert '<mark class="w3">&lt;script&gt;</mark>' in page
    link = '<a href="https://news.example/a?b=1&amp;c=2" rel="noopener noreferrer nofollow">'
    assert page.count(link) == 1
    assert "its address is not one to open" in page


def test_an_alert_is_told_in_words_and_numbers(browser: httpx.Client) -> None:
    page = browser.get("/alerts/a1").text
    assert "Liquidity and bank runs: so many negatives come about once in 40 days." in page
    assert "12 stories where 6.5 are usual" in page
    assert "2026-03-01 17:30" in page  # Shanghai's time
    assert page.count("escalated") == 1


def test_why_says_without_which_source_it_would_not_fire(browser: httpx.Client) -> None:
    page = browser.get("/alerts/a1?why=1").text
    assert re.search(r"loud</td>.*?does not fire", page, re.DOTALL)
    assert re.search(r"quiet</td>.*?<b>fires</b>", page, re.DOTALL)
    assert re.findall(r'<tr class="decides"><td[^>]*>(\w+)</td>', page) == ["loud"]
    assert "without it, it would not fire" in page


def test_a_verdict_is_kept_with_its_author_and_shown_at_once(shown: Shown, browser: httpx.Client) -> None:
    token = form_token(browser.get("/alerts/a1"))
    fields = {"form": token, "act": "wrong_topic", "topic": "liquidity_run", "text": f"no {SCRIPT}", "sentiment": ""}
    answer = browser.post("/alerts/a1", data=fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts/a1?said=1#verdict")
    page = browser.get("/alerts/a1").text
    assert "ann" in page
    assert "wrong topic, rather Liquidity and bank runs" in page
    assert SCRIPT not in page
    entry = said(shown.logs)[-1]
    assert (entry.who, entry.alert, entry.incident, entry.act) == ("ann", "a1", "a1", "wrong_topic")
    audited = list(entries(shown.logs.scan(AUDIT.log)))[-1]
    assert (audited.act, audited.who, audited.about, audited.details["act"]) == ("feedback", "ann", "a1", "wrong_topic")


def test_a_case_goes_from_hand_to_hand(shown: Shown, browser: httpx.Client) -> None:
    def act(name: str, **fields: str) -> str:
        token = form_token(browser.get("/incidents/a3"))
        assert browser.post("/incidents/a3", data={"form": token, "act": name, **fields}).status_code == 303
        return browser.get("/incidents/a3").text

    assert "nobody on it" in browser.get("/incidents/a3").text
    assert "Taken up by ann" in act("acknowledge")
    assert "Assigned to bo" in act("assign", text="bo")
    assert "rumour only" in act("comment", text="rumour only")
    assert "Muted until" in act("mute", hours="4", text="known", subject="")
    assert "Muted until" not in act("unmute")
    assert "case closed" in act("close", text="nothing in it")
    assert "nobody on it" in act("reopen", text="there is")
    mute = next(entry for entry in said(shown.logs) if entry.act == "mute")
    assert mute.until is not None
    assert mute.until - mute.at == timedelta(hours=4)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_mute_is_shown_and_taken_back_by_itself(browser: httpx.Client, language: str) -> None:
    def act(**fields: str) -> list[str]:
        page = browser.get("/incidents/a1")
        assert browser.post("/incidents/a1", data={"form": form_token(page), **fields}).status_code == 303
        shown = browser.get("/incidents/a1").text
        return re.findall(r'name="subject" value="([^"]+)">\s*<button[^>]* value="unmute"', shown)

    browser.get(f"/language?to={language}")
    moves, run = "topic/market_moves", "topic/liquidity_run"
    assert act(act="mute", hours="4", text=f"known to {language}", subject=moves) == [moves]
    page = browser.get("/incidents/a1").text
    assert page.count(f"known to {language}") == 2  # beside its button, and in what was said
    assert browser.get("/api/incidents/a1").json()["mutes"][0]["who"] == "ann"
    assert act(act="mute", hours="1", text="too", subject=run) == [run, moves]
    assert act(act="unmute", subject=moves) == [run]
    assert act(act="unmute", subject=run) == []


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/alerts/a1", {"act": "explode"}),
        ("/alerts/a1", {"act": "wrong_topic", "topic": "no_topic"}),
        ("/alerts/a1", {"act": "wrong_sentiment"}),
        ("/alerts/a1", {"act": "confirm", "text": "x" * 2001}),
        ("/alerts/a1", {"act": "confirm", "who": "bo"}),
        ("/incidents/a1", {"act": "confirm"}),
        ("/incidents/a1", {"act": "close"}),
        ("/incidents/a1", {"act": "mute", "text": "why", "hours": "0"}),
        ("/incidents/a1", {"act": "mute", "text": "why", "hours": "nan"}),
        ("/incidents/a1", {"act": "mute", "text": "why", "hours": "1", "subject": "topic/crypto"}),
        ("/incidents/a1", {"act": "assign", "text": " "}),
    ],
)
def test_what_does_not_hold_together_is_not_kept(
    shown: Shown, browser: httpx.Client, path: str, fields: dict[str, str]
) -> None:
    before = len(said(shown.logs))
    answer = browser.post(path, data={"form": form_token(browser.get(path)), **fields})
    assert answer.status_code == 422
    assert len(said(shown.logs)) == before


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}],
)
def test_a_form_from_elsewhere_changes_nothing(shown: Shown, browser: httpx.Client, headers: dict[str, str]) -> None:
    token = form_token(browser.get("/alerts/a1")) if headers else "guessed"
    before = len(said(shown.logs))
    answer = browser.post("/alerts/a1", data={"form": token, "act": "confirm"}, headers=headers)
    assert answer.status_code == 403
    assert len(said(shown.logs)) == before


def test_a_browser_that_another_site_makes_send_json_is_refused(browser: httpx.Client) -> None:
    plain = {"Content-Type": "text/plain"}
    assert browser.post("/api/alerts/a1/verdicts", content='{"act":"confirm"}', headers=plain).status_code == 403
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert browser.post("/api/alerts/a1/verdicts", json={"act": "confirm"}, headers=cross).status_code == 403


@pytest.mark.parametrize("body", [b'{"act"', b'{"act":"conf\xff"}', b'{"x":' + b"[" * 10_000])
def test_json_that_cannot_be_read_is_refused_as_json(program: httpx.Client, body: bytes) -> None:
    as_json = {"Content-Type": "application/json"}
    for path in ("/api/alerts/a1/verdicts", "/api/incidents/a1/acts"):
        answer = program.post(path, content=body, headers=as_json)
        assert answer.status_code == 422
        assert set(answer.json()) == {"error"}


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(shown: Shown) -> None:
    with httpx.Client(base_url=shown.url, trust_env=False) as client:
        page = client.get("/login")
        answer = client.post("/login", data={"form": form_token(page), "token": ANN, "back": "//evil.example"})
        assert answer.headers["location"] == "/"
        for cookie in (page.headers["set-cookie"], answer.headers["set-cookie"]):
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
        assert ANN not in answer.headers["set-cookie"]
        client.post("/logout", data={"form": form_token(client.get("/"))})
        assert client.get("/").status_code == 401


def test_a_wrong_token_opens_nothing(shown: Shown) -> None:
    with httpx.Client(base_url=shown.url, trust_env=False) as client:
        answer = client.post("/login", data={"form": form_token(client.get("/login")), "token": "x" * 30})
        assert answer.status_code == 401
        assert "Nobody here has that token" in answer.text
        assert client.get("/").status_code == 401


def test_a_language_that_was_chosen_stays_and_leads_to_our_pages_only(browser: httpx.Client) -> None:
    answer = browser.get("/language", params={"to": "zh", "back": "https://evil.example/"})
    assert answer.headers["location"] == "/"
    assert "当前话题" in browser.get("/").text
    browser.get("/language", params={"to": "en"})
    assert "Topics now" in browser.get("/").text


def test_what_is_too_long_is_refused(browser: httpx.Client) -> None:
    assert browser.post("/alerts/a1", content=b"a=" + b"x" * 70_000).status_code == 413


def test_lists_show_what_was_asked_for(browser: httpx.Client) -> None:
    assert browser.get("/alerts?state=closed").text.count('class="row"') == 1
    assert browser.get("/alerts?severity=warning").text.count('class="row"') == 1
    assert browser.get("/alerts?subject=topic%2Fliquidity_run&state=open").text.count('class="row"') == 1
    assert browser.get("/alerts?from=50").text.count('class="row"') == 0
    assert browser.get("/alerts/none").status_code == 404


@pytest.mark.parametrize("path", READS)
def test_answers_in_json_are_as_the_description_says(program: httpx.Client, path: str) -> None:
    described = program.get("/api/openapi.json").json()
    template = re.sub(r"/a1\b", "/{incident}" if "incidents" in path else "/{alert}", path)
    schema = described["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    answer = program.get(path)
    assert answer.status_code == 200
    whole = {**schema, "components": described["components"]}
    jsonschema.validate(answer.json(), whole, cls=jsonschema.Draft202012Validator)


def test_the_description_names_every_call_and_no_other(program: httpx.Client) -> None:
    described = program.get("/api/openapi.json").json()
    assert described["openapi"] == "3.1.0"
    assert set(described["paths"]) == {
        re.sub("/a1", "/{incident}" if "incidents" in p else "/{alert}", p) for p in READS
    } | {
        "/api/alerts/{alert}/verdicts",
        "/api/incidents/{incident}/acts",
    }
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described)))
    assert references <= set(described["components"]["schemas"])


def test_programs_judge_and_handle_too(shown: Shown, program: httpx.Client) -> None:
    answer = program.post("/api/alerts/a2/verdicts", json={"act": "dismiss"})
    assert (answer.status_code, answer.json()["who"], answer.json()["act"]) == (201, "bo", "dismiss")
    answer = program.post("/api/incidents/a1/acts", json={"act": "comment", "text": "seen"})
    assert answer.status_code == 201
    assert said(shown.logs)[-1].text == "seen"
    by_name = {each["subject"]["name"]: each for each in program.get("/api/precision").json()}
    assert by_name["market_moves"]["precision"] == 0
    assert program.post("/api/alerts/a2/verdicts", json={"act": "confirm", "who": "ann"}).status_code == 422
    assert program.post("/api/alerts/a9/verdicts", json={"act": "confirm"}).status_code == 404


def test_what_is_said_is_counted(shown: Shown, program: httpx.Client) -> None:
    name, labels = "bellwether_console_feedback_total", {"act": "confirm"}
    before = shown.registry.get_sample_value(name, labels) or 0
    program.post("/api/alerts/a1/verdicts", json={"act": "confirm"})
    assert shown.registry.get_sample_value(name, labels) == before + 1


def test_a_console_that_starts_anew_knows_what_was_said(shown: Shown, program: httpx.Client) -> None:
    program.post("/api/alerts/a1/verdicts", json={"act": "confirm"})
    view = View()
    for record in shown.logs.scan(FEEDBACK.log):
        view.take(FEEDBACK.log, record)
    verdict = view.cases.verdict("a1")
    assert verdict is not None
    assert verdict.act == "confirm"


@pytest.mark.parametrize("at", ["2026-13-01T00:00:00Z", "2026-03-01T09:30:00", "yesterday"])
def test_an_entry_of_the_audit_whose_time_was_made_unreadable_is_passed_over(
    shown: Shown, program: httpx.Client, at: str
) -> None:
    audit = Audit.begin("deliver-x", shown.logs)
    for destination, time in (("lost", at), ("desk", "1970-01-01T00:00:00Z")):
        details = {"destination": destination, "outcome": "delivered"}
        made = audit.entry(0, "delivery", "deliver", "a2/1", details)
        publish(shown.logs, replace(made, value=(made.value or b"").replace(b"1970-01-01T00:00:00Z", time.encode())))
    until(lambda: "desk" in program.get("/alerts/a2").text)
    assert "lost" not in program.get("/alerts/a2").text


def test_what_nobody_takes_up_in_time_is_overdue_counted_and_told_once(tmp_path: Path) -> None:
    with showing(tmp_path, 'acknowledge_critical = "1ms"\nescalate = true', with_tokens=False) as shown:
        overdue = ("bellwether_console_cases_overdue", {"severity": "critical"})
        until(lambda: shown.registry.get_sample_value(*overdue) == 2)
        until(lambda: len(list(shown.logs.scan("bellwether.notices"))) == 2)
        assert "Waiting longer than agreed" in httpx.get(shown.url, trust_env=False).text
        acts = f"{shown.url}/api/incidents/a1/acts"
        assert httpx.post(acts, json={"act": "acknowledge"}, trust_env=False).status_code == 201
        until(lambda: shown.registry.get_sample_value(*overdue) == 1)
        until(lambda: len(list(shown.logs.scan("bellwether.notices"))) == 3)
        states = [json.loads(record.value or b"")["status"] for record in shown.logs.scan("bellwether.notices")]
        assert states == ["firing", "firing", "resolved"]


def test_without_a_token_file_it_answers_by_this_machines_names_only(tmp_path: Path) -> None:
    with showing(tmp_path, "", with_tokens=False) as shown:
        assert httpx.get(shown.url, trust_env=False).status_code == 200
        assert httpx.get(shown.url, headers={"Host": "evil.example"}, trust_env=False).status_code == 401


def test_where_others_could_reach_it_it_is_not_served_without_a_token(tmp_path: Path) -> None:
    file = tmp_path / "bellwether.toml"
    file.write_text('[http]\nhost = "0.0.0.0"\n')
    assert Showing(read_settings(file), CollectorRegistry()).routes() == []


def test_a_proxy_gives_the_name_and_nobody_else_does(tmp_path: Path) -> None:
    with showing(tmp_path, 'trusted_proxies = ["127.0.0.1/32"]', with_tokens=False) as shown:
        named = {"X-Forwarded-User": "cy", "X-Forwarded-For": "9.9.9.9"}
        assert "cy" in httpx.get(shown.url, headers=named, trust_env=False).text
        assert httpx.get(shown.url, trust_env=False).status_code == 401
        with_its_own_token = {**named, "Authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln"}
        assert "cy" in httpx.get(shown.url, headers=with_its_own_token, trust_env=False).text
        appended = [("X-Forwarded-User", "admin"), ("X-Forwarded-User", "cy")]
        assert httpx.get(shown.url, headers=appended, trust_env=False).status_code == 401
    other = tmp_path / "other"
    other.mkdir()
    with showing(other, 'trusted_proxies = ["10.0.0.0/8"]', with_tokens=False) as shown:
        lied = {"X-Forwarded-User": "cy", "X-Forwarded-For": "10.0.0.1"}
        assert httpx.get(shown.url, headers=lied, trust_env=False).status_code == 401


def test_a_token_that_is_too_short_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("ann:short\n")
    (tmp_path / "bellwether.toml").write_text('[console]\ntokens_file = "tokens"\n')
    with pytest.raises(WrongSettings, match=r"console\.tokens_file: line 1"):
        Showing(read_settings(tmp_path / "bellwether.toml"), CollectorRegistry())
