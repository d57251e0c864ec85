from itertools import combinations
from statistics import median

import pytest

from alerting.counting.stories import NEAR
from classifier import stories
from classifier.stories import story_signature

ENGLISH = "Northbank Trust halts withdrawals after depositors queue overnight outside its branches"
CHINESE = "北岸信托因储户连夜排队而暂停提款，监管机构表示正在密切关注事态发展"


def apart(one: str, other: str) -> int:
    """Bits in which the signatures differ."""
    return (story_signature(one) ^ story_signature(other)).bit_count()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ENGLISH, ENGLISH.upper()),
        (ENGLISH, f"{ENGLISH}!\n"),
        (ENGLISH, ENGLISH.replace(" ", "  ")),
        (CHINESE, CHINESE.replace("，", ",")),
        ("ABC 123", "ＡＢＣ １２３"),
        (ENGLISH, f"UPDATE 2-{ENGLISH}"),
        (ENGLISH, f"RT @someone: {ENGLISH} https://example.org/a1"),
        (CHINESE, f"快讯：{CHINESE}"),
        ("Orrin Mining rises 5.2% to 1,030", "Orrin Mining rises 5.9% to 1,041.5"),
    ],
)
def test_what_copies_of_one_story_are_told_apart_by_makes_no_difference(one: str, other: str) -> None:
    assert apart(one, other) == 0


@pytest.mark.parametrize(("one", "other"), [(ENGLISH, f"{ENGLISH} - update 1"), (CHINESE, f"{CHINESE}，详情")])
def test_a_copy_with_a_few_words_more_is_near(one: str, other: str) -> None:
    assert 0 < apart(one, other) <= 15


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ENGLISH, "Orrin Mining climbs as copper hits a three-year high"),
        (CHINESE, "奥林矿业股价上涨"),
    ],
)
def test_another_story_is_far(one: str, other: str) -> None:
    assert apart(one, other) >= 18


@pytest.mark.parametrize("before", ["【财经】http://t.cn/A6xyz", "转发@新浪财经 ", "@abc_1"])
def test_what_follows_an_address_or_a_name_without_a_blank_counts(before: str) -> None:
    first, second = "恒大集团宣布债务违约涉及多家银行和信托公司", "奥林矿业股价上涨创三年新高投资者欢欣鼓舞不已"
    assert apart(f"{before}{first}", f"{before}{second}") >= 18
    assert apart(f"{before}{first}", f"{before}{first} http://t.cn/B7") == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("//@张三：转发 恒大集团宣布债务违约", "//@李四_财经：转发 恒大集团宣布债务违约"),
        ("恒大集团宣布债务违约@新浪财经，详情", "恒大集团宣布债务违约@每日经济新闻，详情"),
        ("恒大集团宣布债务违约http://t.cn/A6，详情", "恒大集团宣布债务违约http://t.cn/B7，详情"),
        ("@a_name_of_twenty_letters Northbank halts", "@another_name_even_longer Northbank halts"),
        ("@thirteen字恒大集团宣布债务违约涉及多家银行", "@fourteen字恒大集团宣布债务违约涉及多家银行"),
    ],
)
def test_who_passed_it_on_makes_no_difference(one: str, other: str) -> None:
    assert apart(one, other) == 0


def test_what_is_no_word_is_not_kept() -> None:
    before = stories._kept.cache_info().currsize
    story_signature("x" * 9_000 + " " + "y" * 33)
    assert stories._kept.cache_info().currsize == before


CHINESE_NAMES = ["北岸信托", "南湖银行", "奥林矿业", "东海证券", "西山煤电", "中原地产", "长河科技", "新安保险"]
ENGLISH_NAMES = ["Orrin Mining", "Northbank Trust", "Delmar Foods", "Vantis Energy", "Kestrel Air", "Brookfell Rail"]


@pytest.mark.parametrize(
    ("said", "names"), [("{}股价下跌5%", CHINESE_NAMES), ("Shares of {} fall 5% on Monday", ENGLISH_NAMES)]
)
def test_the_same_of_somebody_else_is_another_story(said: str, names: list[str]) -> None:
    found = [apart(said.format(one), said.format(other)) for one, other in combinations(names, 2)]
    assert min(found) > NEAR
    assert median(found) >= 14


def test_the_signature_is_the_same_in_every_process_and_version() -> None:
    signatures = [story_signature(text) for text in (ENGLISH, CHINESE, "🚀", "", "x" * 9_000)]
    assert signatures == [
        7225250231968201741,
        12826944433045905885,
        9385150431893309590,
        16476032584258269876,
        4179062311278318277,
    ]


@pytest.mark.parametrize("text", ["", " ", "…", "🚀", "a", "中", "x" * 100_000, "词" * 100_000])
def test_any_text_has_a_signature_of_64_bits_that_is_not_negative(text: str) -> None:
    assert 0 <= story_signature(text) < 1 << 64
