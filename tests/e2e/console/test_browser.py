"""The console in a real Chromium that runs no scripts: with the keyboard alone, at the width of a phone and of a desk."""

import shutil
from collections.abc import Iterator

import pytest
from selenium.webdriver import ActionChains, Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from alerting.cases import FEEDBACK, decode_entry
from tests.alerting.console.shown import ANN, SCRIPT, Shown, showing
from tests.waiting import until

PHONE, DESK = 390, 1280
PAGES = (
    "/",
    "/alerts",
    "/alerts/a1?why=1",
    "/incidents",
    "/incidents/a1",
    "/precision",
    "/subjects/topic/liquidity_run",
)
FURTHEST = 80  # presses of Tab


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    with showing(tmp_path_factory.mktemp("console"), "") as running:
        yield running


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--lang=en"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    chrome = Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield chrome
    chrome.quit()


@pytest.fixture
def browser(chrome: Chrome, shown: Shown) -> Chrome:
    """Signed in as Ann, on the board."""
    chrome.delete_all_cookies()
    wide(chrome, DESK)
    chrome.get(shown.url)
    reach(chrome, "token").send_keys(ANN, Keys.ENTER)
    until(lambda: chrome.title.startswith("Topics now"))
    return chrome


def wide(chrome: Chrome, width: int) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width == PHONE}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def reach(chrome: Chrome, wanted: str) -> WebElement:
    """Press Tab until what has the focus is called so, by its text, name or value."""
    seen = []
    for _ in range(FURTHEST):
        ActionChains(chrome).send_keys(Keys.TAB).perform()
        focus = chrome.switch_to.active_element
        names = [focus.text, focus.get_dom_attribute("name"), focus.get_dom_attribute("value")]
        if any(name and name.startswith(wanted) for name in names):
            return focus
        seen.append(names)
    raise AssertionError(f"{wanted} cannot be reached: {seen}")


def test_no_script_runs_in_this_browser(chrome: Chrome) -> None:
    """Or the tests below would prove less than they say."""
    chrome.get("data:text/html,<title>before</title><script>document.title='after'</script>")
    assert chrome.title == "before"


def test_who_has_no_token_is_asked_for_one(chrome: Chrome, shown: Shown) -> None:
    chrome.delete_all_cookies()
    chrome.get(f"{shown.url}/alerts/a1")
    assert chrome.title.startswith("Sign in")
    assert "bank run" not in chrome.page_source


def test_from_the_board_to_the_evidence_to_a_verdict_with_the_keyboard_alone(browser: Chrome, shown: Shown) -> None:
    reach(browser, "once in 40 days").send_keys(Keys.ENTER)  # on the topic's card
    until(lambda: "/alerts/a1" in browser.current_url)
    assert "青禾银行门前排起长队" in browser.find_element(By.TAG_NAME, "main").text
    assert [mark.text for mark in browser.find_elements(By.TAG_NAME, "mark")][-1] == "青禾银行"
    reach(browser, "confirm").send_keys(Keys.ENTER)
    until(lambda: "said=1" in browser.current_url)
    assert "ann" in browser.find_element(By.CSS_SELECTOR, ".judgement").text
    entry = [decode_entry(record.value or b"") for record in shown.logs.scan(FEEDBACK.log)][-1]
    assert (entry.who, entry.alert, entry.act) == ("ann", "a1", "confirm")


def test_hostile_text_is_only_text(browser: Chrome, shown: Shown) -> None:
    browser.get(f"{shown.url}/alerts/a1")
    assert SCRIPT in browser.find_element(By.CSS_SELECTOR, ".document .text").text
    assert browser.find_elements(By.TAG_NAME, "script") == []
    assert browser.find_elements(By.CSS_SELECTOR, "img[src='x'], svg[onload], [onerror]") == []
    links = [link.get_dom_attribute("href") or "" for link in browser.find_elements(By.TAG_NAME, "a")]
    assert [link for link in links if not link.startswith(("/", "#", "https://news.example/"))] == []


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("page", PAGES)
def test_no_page_is_wider_than_the_window(browser: Chrome, shown: Shown, page: str, width: int) -> None:
    wide(browser, width)
    browser.get(shown.url + page)
    size = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
    assert size["width"] <= width


@pytest.mark.parametrize("page", ["/", "/alerts", "/incidents"])
def test_on_a_phone_the_subject_of_a_row_has_room_for_its_words(browser: Chrome, shown: Shown, page: str) -> None:
    wide(browser, PHONE)
    browser.get(shown.url + page)
    rows = browser.find_elements(By.CSS_SELECTOR, ".row .what")
    assert rows
    assert min(row.rect["width"] for row in rows) > PHONE / 3


def test_the_board_is_loaded_anew_each_minute_only_when_asked_to(browser: Chrome) -> None:
    assert browser.find_elements(By.CSS_SELECTOR, "meta[http-equiv=refresh]") == []
    reach(browser, "Refresh every minute").send_keys(Keys.ENTER)
    until(lambda: "live=1" in browser.current_url)
    assert browser.find_element(By.CSS_SELECTOR, "meta[http-equiv=refresh]").get_dom_attribute("content") == "60"


def test_a_case_is_assigned_with_the_keyboard_alone(browser: Chrome, shown: Shown) -> None:
    browser.get(f"{shown.url}/incidents/a3")
    reach(browser, "Assign").send_keys(Keys.ENTER)  # unfolds
    reach(browser, "text").send_keys("bo", Keys.ENTER)
    until(lambda: "said=1" in browser.current_url)
    assert "Assigned to bo" in browser.find_element(By.ID, "case").text


def test_the_console_speaks_chinese_when_asked_to(browser: Chrome) -> None:
    reach(browser, "中文").send_keys(Keys.ENTER)
    until(lambda: browser.title.startswith("当前话题"))
    assert "流动性与挤兑" in browser.find_element(By.TAG_NAME, "main").text
