"""Labelled rows of our own, easy enough for a tiny encoder."""

GOOD = ("profit raised record", "上调 盈利 record", "shares rises raised outlook")
BAD = ("deposits fell run", "挤兑 储户 fell", "bitcoin falls run withdraw")
PLAIN = ("the board meets on monday", "the plan vote", "公司 公告 the company")


def rows() -> list[dict[str, object]]:
    made = []
    for number in range(12):
        for label, texts in (("positive", GOOD), ("negative", BAD), ("neutral", PLAIN)):
            text = f"{texts[number % 3]} {number}"
            topics = ["liquidity_run"] if label == "negative" else ["earnings_guidance"] if label == "positive" else []
            made.append({"text": text, "sentiment": label, "topics": topics, "source": "own", "fold": number % 4})
    return made


def texts() -> list[str]:
    return [str(row["text"]) for row in rows()]


def as_rows(*texts: str) -> list[dict[str, str]]:
    """Rows without labels."""
    return [{"text": text} for text in texts]
