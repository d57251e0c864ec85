import pytest

from ingest.language import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Shares of the bank fell 12%", "en"),
        ("银行股价大跌12%", "zh"),
        ("苹果发布iPhone 17 Pro Max", "zh"),
        ("Northwind Corp (北风集团) shares fell on Monday after the report", "en"),
        ("トヨタは利益を上げた", "und"),
        ("삼성전자 주가 하락", "und"),
        ("Банк объявил о дефолте", "und"),
        ("12% 🚀 !!!", "und"),
        ("", "und"),
        ("Nestlé profit warning", "en"),
    ],
)
def test_the_script_tells_the_language(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("declared", "language"),
    [
        ("en", "en"), ("en-US", "en"), ("EN_gb", "en"), ("English", "en"), ("zh", "zh"), ("zh-Hant-HK", "zh"), ("中文", "zh"),
        ("yue", "zh"), ("fr", "und"), ("de-CH", "und"),
    ],
)  # fmt: skip
def test_what_the_publisher_declares_wins(declared: str, language: str) -> None:
    assert language_of("plain words", declared) == language
    assert language_of("中文的句子", declared) == language


@pytest.mark.parametrize("declared", ["", "  ", "unknown language", "?"])
def test_a_declaration_that_says_nothing_leaves_it_to_the_script(declared: str) -> None:
    assert language_of("中文的句子", declared) == "zh"
