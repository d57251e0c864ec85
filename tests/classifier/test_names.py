"""Names are found where they are meant, in English and Chinese, and only there."""

import random

import pytest

from classifier.names import MOST, READ, NameFinder
from classifier.watchlist import WatchedName, WatchList, read_watch_list

ENTRIES = (
    WatchedName("Alibaba", aliases=("阿里巴巴",), tickers=("BABA", "9988.HK")),
    WatchedName("Bank of America", aliases=("BofA",)),
    WatchedName("Gap Inc", ambiguous=("Gap",), context=("stores", "retailer", "shares"), exclusions=("pay gap", "gap year")),
    WatchedName("IBM", aliases=("International Business Machines",)),
    WatchedName("América Móvil", aliases=("America", "AMX")),
    WatchedName("McDonald's"),
    WatchedName("Ping An", aliases=("中国平安",), ambiguous=("平安",), context=("保险", "银行", "股价"),
                exclusions=("平安夜", "平安到达")),
    WatchedName("TCL科技"),
    WatchedName("Visa Inc", ambiguous=("Visa",), context=("card", "payment"), tickers=("V",),
                exclusions=("visa application", "immigration")),
    WatchedName("Citigroup", tickers=("C",)),
    WatchedName("reddit"),
)  # fmt: skip


@pytest.fixture(scope="module")
def finder() -> NameFinder:
    return NameFinder(WatchList(ENTRIES))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Alibaba's cloud unit grows", ["Alibaba"]),
        ("Alibabas are many", []),
        ("购买Alibaba股票", ["Alibaba"]),
        ("阿里巴巴股价下跌，ＩＢＭ上涨", ["Alibaba", "IBM"]),
        ("IBM cuts jobs", ["IBM"]),
        ("I wish ibm were a word", []),
        ("BANK OF AMERICA PROFIT FALLS", ["Bank of America"]),
        ("bank of america profit falls", []),
        ("McDONALD’S beats estimates", ["McDonald's"]),
        ("Reddit, reddit and REDDIT", ["reddit"]),
        ("américa móvil", []),
        ("América Móvil adds lines", ["América Móvil"]),
        ("TCL科技发布年报", ["TCL科技"]),
        ("XTCL科技发布年报", []),
    ],
)
def test_a_name_counts_as_it_is_written_and_as_a_word_of_its_own(
    finder: NameFinder, text: str, names: list[str]
) -> None:
    assert list(finder.find(text)) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("$BABA to the moon", ["Alibaba"]),
        ("long $baba", ["Alibaba"]),
        ("BABA to the moon", []),
        ("E-commerce (NYSE: BABA) rallies", ["Alibaba"]),
        ("E-commerce (NYSE:BABA, HKEX:9988) rallies", ["Alibaba"]),
        ("E-commerce <BABA.N> rallies", ["Alibaba"]),
        ("E-commerce (JD, BABA) rallies", ["Alibaba"]),
        ("电商（9988.HK）上涨", ["Alibaba"]),
        ("UPDATE: BABA black sheep", []),
        ("(baba is a grandmother)", []),
        ("(BABA is a grandmother)", []),
        ("Payments (V) and plan V", ["Visa Inc"]),
        ("Visa Inc. (V) rises", ["Visa Inc"]),
        ("维萨（V）上涨", ["Visa Inc"]),
        ("Cards [NYSE: V] rise", ["Visa Inc"]),
        ("Cards (NYSE:V) rise", ["Visa Inc"]),
        ("Cards (MA, V) rise", ["Visa Inc"]),
        ("看好$V", ["Visa Inc"]),
        ("Copyright (V) Reuters", []),
        ("It rose on Monday. (V) 2026 Thomson Reuters", []),
        ("He left on Monday (C) 2026", []),
        ("Lender (C) rises", ["Citigroup"]),
        ("Payments giant (V) 2026 outlook", ["Visa Inc"]),
        ("支付(V)2026年", ["Visa Inc"]),
        ("Visa® (V) rises", ["Visa Inc"]),
        ("(V) 2026 Thomson Reuters", []),
        ("Windows(V) sells", []),
        ("Causes: (U) costs; (V) wages", []),
        ("It costs US$V, A$V or HK$V", []),
        ("Sales (US$V) fell", []),
        ("Plan V and V-shaped shares", []),
    ],
)
def test_a_ticker_counts_with_a_dollar_an_exchange_or_brackets(finder: NameFinder, text: str, names: list[str]) -> None:
    assert list(finder.find(text)) == names


@pytest.mark.parametrize(
    "text",
    [
        "Phones (Nasdaq: AAPL) rise",
        "Phones (Nasdaq:AAPL) rise",
        "Phones [nasdaq: AAPL] rise",
        "Phones (NasdaqGS: AAPL) rise",
        "Phones (NASDAQ：AAPL) rise",
        "Phones (NYSE American: AAPL) rise",
        "Phones (NYSE Arca: AAPL.P, NYSE: V) rise",
        "Phones (NYSE: V; Nasdaq: AAPL) rise",
        "手机（纳斯达克：AAPL）上涨",
        "在纳斯达克:AAPL",
        "白酒（上交所：600519）上涨",
        "公司证券代码：600519 证券简称：白酒",
        "股票代码:600519",
        "（深交所: 600519.SZ）",
    ],
)
def test_an_exchange_may_be_written_as_the_press_does(text: str) -> None:
    entries = (WatchedName("Phones Inc", tickers=("AAPL",)), WatchedName("白酒集团", tickers=("600519",)))
    assert len(NameFinder(WatchList(entries)).find(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Nasdaq: AI stocks lead losses",
        "On the Nasdaq: AI, chips and others fall",
        "(Nasdaq: AI stocks lead losses)",
        "On the Nasdaq: A quiet day",
        "Nyse: V-shaped recovery",
        "She: V, he: A, six: AI, aim: AI)",
        "Lon: AI), hk: AI), sto: AI), bit: AI)",
        "(nasdaq: ai)",
        "Nasdaq AI)",
        "成交代码：AI",
        "上交所：1600519手",
    ],
)
def test_what_looks_like_an_exchange_is_none(text: str) -> None:
    entries = (
        WatchedName("C3 AI", tickers=("AI",)),
        WatchedName("Agilent", tickers=("A",)),
        WatchedName("Visa Inc", tickers=("V",)),
        WatchedName("白酒集团", tickers=("600519",)),
    )
    assert NameFinder(WatchList(entries)).find(text) == ()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Gap shares sink", ["Gap Inc"]),
        ("The gap between shares and bonds", []),
        ("Gap widens between rich and poor", []),
        ("Pay Gap at retailer widens", []),
        ("Gap Year programmes and shares", []),
        ("Pay gap at Gap: the retailer answers", ["Gap Inc"]),
        ("Gap Inc names a chief", ["Gap Inc"]),
        ("Gap" + " and so on" * 20 + " shares", []),
        ("Visa raises card fees", ["Visa Inc"]),
        ("Visa raises fees", []),
        ("Visa application fees by card", []),
        ("Immigration: Visa fees may be paid by card", []),
        ("平安保险股价跌", ["Ping An"]),
        ("中国平安公布业绩", ["Ping An"]),
        ("一路平安", []),
        ("平安夜银行关门", []),
        ("旅客平安到达，银行照常营业", []),
        ("平安到达后，平安银行照常营业", ["Ping An"]),
    ],
)
def test_an_ambiguous_name_needs_its_context_and_no_exclusion(finder: NameFinder, text: str, names: list[str]) -> None:
    assert list(finder.find(text)) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("3M cuts its forecast", ["3M"]),
        ("Post-it maker 3M, 360 and 58同城", ["3M", "58同城", "奇虎360"]),
        ("It fell 5.2%，360跌3%", ["奇虎360"]),
        ("Forever 21 shuts. Forever 21, too", ["Forever 21"]),
        ("Revenue of 1.3M", []),
        ("Revenue of 1,3M", []),
        ("收于1,360元", []),
        ("看好360,2026年增长，奇虎360,1000万", ["奇虎360"]),
        ("上涨3.360%，成交360.5，共360,000手，涨360%", []),
        ("报12.58同城会", []),
        ("It raised $3M, €3M, £3M, ¥3M and US$3M", []),
        ("Forever 21,000 and Forever 21.5", []),
    ],
)
def test_part_of_a_number_or_an_amount_is_no_name(text: str, names: list[str]) -> None:
    entries = (
        WatchedName("3M"),
        WatchedName("奇虎360", aliases=("360",)),
        WatchedName("58同城"),
        WatchedName("Forever 21"),
    )
    assert list(NameFinder(WatchList(entries)).find(text)) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Debt of Credit\nSuisse falls", ["Credit Suisse"]),
        ("Gap widens near\nthe stores", ["Gap Inc"]),
        ("Gap shares: a pay\ngap", ["Gap Inc"]),
        ("A gap between power\nsupply and demand, says Delta", ["Delta"]),
        ("Coca‑Cola, Coca‐Cola and Coca–Cola", ["Coca-Cola"]),
        ("伯克希尔•哈撒韦", ["伯克希尔·哈撒韦"]),
        ("伯克希尔・哈撒韦", ["伯克希尔·哈撒韦"]),
        ("伯克希尔‧哈撒韦", ["伯克希尔·哈撒韦"]),
        ("伯克希尔･哈撒韦", ["伯克希尔·哈撒韦"]),
        ("McDonald´s rises", ["McDonald's"]),
        ("McDonald`s rises", ["McDonald's"]),
        ("McDonald′s rises，ＩＢＭ falls", ["IBM", "McDonald's"]),
    ],
)
def test_broken_lines_and_marks_that_look_alike_hide_no_name(text: str, names: list[str]) -> None:
    entries = (
        *ENTRIES,
        WatchedName("Credit Suisse"),
        WatchedName("Coca-Cola"),
        WatchedName("伯克希尔·哈撒韦"),
        WatchedName("Delta", ambiguous=("Delta",), context=("power supply",)),
    )
    assert list(NameFinder(WatchList(entries)).find(text)) == names


def test_an_exclusion_over_two_lines_voids_a_name(finder: NameFinder) -> None:
    assert finder.find("Visa\napplication fees by card") == ()


def test_what_is_cut_off_at_the_end_of_what_is_looked_at_makes_no_other_name() -> None:
    finder = NameFinder(WatchList((WatchedName("Ever"), WatchedName("Evergrande"))))
    before = "a " * (READ // 2 - 2)
    assert finder.find(f"{before}Evergrande") == ()
    assert finder.find(f"{before}Ever") == ("Ever",)


def test_a_name_is_found_as_far_as_the_model_reads() -> None:
    finder = NameFinder(WatchList((WatchedName("Evergrande"),)))
    assert finder.find("The market was calm. " * 400 + "Evergrande") == ("Evergrande",)


def test_of_names_that_overlap_the_longest_counts(finder: NameFinder) -> None:
    assert finder.find("Bank of America cuts") == ("Bank of America",)
    assert finder.find("America cuts") == ("América Móvil",)
    assert finder.find("Bank of America and America") == ("América Móvil", "Bank of America")


def test_what_the_sender_names_counts_whole_and_whatever_its_case(finder: NameFinder) -> None:
    assert finder.find("Shares fall", ["baba", "GAP", "Bank of", "中国平安"]) == ("Alibaba", "Gap Inc", "Ping An")


def test_an_alias_of_two_names_counts_by_context_and_not_as_an_entity() -> None:
    finder = NameFinder(
        WatchList(
            (
                WatchedName("Delta Air Lines", ambiguous=("Delta",), context=("flights", "airline")),
                WatchedName("Delta Electronics", ambiguous=("Delta",), context=("chips", "power supply")),
            )
        )
    )
    assert finder.find("Delta cancels flights") == ("Delta Air Lines",)
    assert finder.find("Delta sells chips") == ("Delta Electronics",)
    assert finder.find("Delta variant spreads", ["Delta"]) == ()


def test_letters_that_mean_something_to_a_pattern_mean_nothing_here() -> None:
    odd = ["A.*", "(B|C)+", "[x", "D\\d", "E$^", "ﬁ", "İstanbul Bankası", "C++ Co"]
    finder = NameFinder(WatchList(tuple(WatchedName(name) for name in odd)))
    for name in odd:
        assert finder.find(f"shares of {name} fall") == (name,)
    assert finder.find("AAAA BC x D1 E") == ()


def test_ten_thousand_aliases_of_one_name_and_thousands_of_names_find_the_same_as_a_few() -> None:
    chance = random.Random(3)
    letters = "abcdefghijklmnopqrstuvwxyz"
    made = ["".join(chance.choices(letters, k=chance.randint(4, 12))).capitalize() for _ in range(15_000)]
    many = WatchedName("Many", aliases=tuple(f"{each} Ltd" for each in made[:10_000]))
    others = [WatchedName(name) for name in dict.fromkeys(made[10_000:])]
    finder = NameFinder(WatchList((many, *others)))
    for name in chance.sample(others, 50):
        assert name.name in finder.find(f"{name.name} falls, and {made[7]} Ltd with it")
        assert "Many" in finder.find(f"{name.name} falls, and {made[7]} Ltd with it")
        assert finder.find(f"{name.name.lower()}x") == ()


def test_a_text_made_of_nothing_but_names_is_read_in_bounds() -> None:
    finder = NameFinder(WatchList(tuple(WatchedName(f"Aa{'a' * n}") for n in range(90))))
    assert finder.find("Aaaa " * 40_000) == ("Aaaa",)
    assert finder.find("A" * 200_000) == ()
    distinct = NameFinder(WatchList(tuple(WatchedName(f"Name {n:03}") for n in range(200))))
    assert len(distinct.find(" ".join(f"Name {n:03}" for n in range(200)))) == MOST


def test_blanks_and_marks_of_a_name_do_not_hide_it() -> None:
    names = [{"name": "Ping  An"}, {"name": "Coca-Cola™"}, {"name": "Bank\u00a0of X"}, {"name": "Nestlé™ Waters"}]
    finder = NameFinder(read_watch_list(None, names))
    assert finder.find("Coca-Cola, Ping An fall") == ("Coca-Cola™", "Ping An")
    assert finder.find("Coca-Cola™ and Nestlé Waters rise") == ("Coca-Cola™", "Nestlé™ Waters")
    assert finder.find("Nestlé™ Waters") == ("Nestlé™ Waters",)
    assert finder.find("Shares fall", ["ping an", "coca-cola ™", "Bank of X"]) == ("Bank of X", "Coca-Cola™", "Ping An")


def test_no_watch_list_finds_nothing() -> None:
    assert NameFinder(WatchList()).find("Alibaba", ["Alibaba"]) == ()
