import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.privacy import MASK, masked

PRIVATE = [
    ("Write to li.wei+news@example.com.cn today", "li.wei+news@example.com.cn"),
    ("客服邮箱：fengkong@example.cn，欢迎来信", "fengkong@example.cn"),
    ("Tips to desk＠example.org please", "desk＠example.org"),
    ("有事打13812345678找我", "13812345678"),
    ("联系电话 138-1234-5678", "138-1234-5678"),
    ("加我 +86 138 1234 5678 进群", "+86 138 1234 5678"),
    ("电话１３８１２３４５６７８", "１３８１２３４５６７８"),
    ("手机13812345678 2026年", "13812345678"),
    ("银行卡6222021234567890128 手机号见下", "6222021234567890128"),
    ("2026年3月15 13812345678", "13812345678"),
    ("王,13812345678,35", "13812345678"),
    ("打138 1234 5678 9点后", "138 1234 5678"),
    ("加我 138‑1234‑5678", "138‑1234‑5678"),
    ("投诉（0755）8234567", "（0755）8234567"),
    ("2026 010-62345678", "010-62345678"),
    ("总机010-62345678转8001", "010-62345678"),
    ("投诉 (0755) 8234567", "(0755) 8234567"),
    ("热线400-820-1234", "400-820-1234"),
    ("Call (212) 555-0147 now", "(212) 555-0147"),
    ("Ring +44 20 7946 0958 for refunds", "+44 20 7946 0958"),
    ("身份证11010519491231002X已核实", "11010519491231002X"),
    ("身份证１１０１０５１９４９１２３１００２Ｘ已核实", "１１０１０５１９４９１２３１００２Ｘ"),
    ("身份证１１０１０５１９４９１２３１００２ｘ已核实", "１１０１０５１９４９１２３１００２ｘ"),
    ("ID 440524188001010014 was leaked", "440524188001010014"),
    ("卡号6222 0212 3456 7894 被盗刷", "6222 0212 3456 7894"),
    ("卡号4111111111111111被盗刷", "4111111111111111"),
    ("银行卡4111 1111 1111 1111", "4111 1111 1111 1111"),
    ("card 4111 1111 1111 1111 12/27", "4111 1111 1111 1111"),
    ("card 4111 1111 1111 1111 12 27 123", "4111 1111 1111 1111"),
    ("card 4111-1111-1111-1111 123", "4111-1111-1111-1111"),
    ("card 3782 822463 10005 1234", "3782 822463 10005"),
    ("card no. 4 4111 1111 1111 1111", "4111 1111 1111 1111"),
    ("Wei,4111111111111111,12/27,123", "4111111111111111"),
    ("卡号6222-0200-0000-0000-000 12/27", "6222-0200-0000-0000-000"),
    ("Card 4111 1111 1111 1111 was charged twice", "4111 1111 1111 1111"),
    ("card 5555555555554444!", "5555555555554444"),
]

PUBLIC = [
    "Profit fell to 13,812,345,678 yuan from 15,100,000,000",
    "净利润13812345678元，同比下降",
    "营收约15800000000股",
    "Shares traded: 13812345678 shares at $1,381.23",
    "On 2026-11-21 at 12:30:45 the index stood at 3123.45",
    "300750 and 600519 lead; 000001 lags",
    "总资产4111111111111111元",
    "Assets of 4111111111111111 yuan",
    "Closed at 4521 4480 4600 4713 4800 4900",
    "Rows of 212 555 0147 300 400",
    "EUR 4111111111111111.50",
    "ISIN US0378331005, order 4111111111111112 was cancelled",
    "编号110105194912310021不是身份证",
    "EPS +20.25 versus +19.75, up 1,234,567%",
    "Fees rose @ 5 banks; follow @bellwether",
    "USD/CNY 7.1234567 on 20261121",
    "2018 2019 2020 2021 2022 were good years",
]


@pytest.mark.parametrize(("text", "secret"), PRIVATE)
def test_what_identifies_a_person_is_hidden_and_nothing_else(text: str, secret: str) -> None:
    assert masked(text) == text.replace(secret, MASK * len(secret))


@pytest.mark.parametrize("text", PUBLIC)
def test_amounts_dates_codes_and_wrong_check_digits_stay(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "13812345678 13912345678",
        "13812345678,13912345678,13712345678",
        "138 1234 5678 139 1234 5678 137 1234 5678",
        "010-62345678 010-62345679",
        "212-555-0147 212-555-0148",
        "4111111111111111 5555555555554444",
        "13812345678 4111111111111111,13912345678",
        "11010519491231002X 13812345678",
        "212 555 0147 010-62345678",
        "+44 20 7946 0958 138 1234 5678",
    ],
)
def test_numbers_side_by_side_are_all_hidden(text: str) -> None:
    assert not any(character.isdigit() for character in masked(f"号码：{text}。"))


def test_several_in_one_text_are_all_hidden() -> None:
    text = "邮箱a@example.com，手机13912345678，另一个手机13712345678"
    assert masked(text) == "邮箱" + MASK * 13 + "，手机" + MASK * 11 + "，另一个手机" + MASK * 11


@given(st.text(alphabet=st.sampled_from("0123456789 -+().@aX元，")))
def test_positions_stay_and_what_is_masked_stays_masked(text: str) -> None:
    once = masked(text)
    assert len(once) == len(text)
    assert masked(once) == once
    assert all(new in {old, MASK} for old, new in zip(text, once, strict=True))


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000 + " 1234567",
        "13800138000 " * 16_000,
        "01062345678 " * 16_000 + "1%",
        "4 " * 100_000,
        "4111 " * 40_000,
        "a@b." * 50_000 + "1",
    ],
)
def test_a_text_made_to_be_slow_is_masked_in_time_that_grows_with_its_length(text: str) -> None:
    assert len(masked(text)) == len(text)
