"""The default label set: the names an artifact is trained with, in the order of its logits."""

from typing import Final

TOPICS: Final = (
    "earnings_guidance",
    "ma_investment",
    "credit_default",
    "liquidity_run",
    "fraud_misconduct",
    "legal_regulatory",
    "macro_rates_policy",
    "fx",
    "commodities_energy",
    "market_moves",
    "analyst_ratings",
    "capital_actions",
    "management_personnel",
    "operations",
    "crypto",
    "politics_geopolitics",
    "other",
)

SENTIMENTS: Final = ("negative", "neutral", "positive")

COSTLY_TO_MISS: Final = frozenset({"credit_default", "liquidity_run"})
"""Topics of which a missed text costs a bank more than a wrong one, which no alert hangs on alone."""

DESCRIPTIONS: Final = {
    "earnings_guidance": "quarterly earnings, profit, revenue and guidance of a company",
    "ma_investment": "merger, acquisition, takeover, stake purchase or investment",
    "credit_default": "missed bond payment, default, bankruptcy, downgraded credit rating",
    "liquidity_run": "bank run, customers withdraw deposits, withdrawals halted, out of cash",
    "fraud_misconduct": "fraud, scam, bribery, money laundering, accounting misconduct",
    "legal_regulatory": "lawsuit, court ruling, regulator investigation, fine",
    "macro_rates_policy": "central bank, interest rates, inflation, jobs, economic growth",
    "fx": "foreign exchange, dollar, yuan, yen, euro currency rate",
    "commodities_energy": "oil, gas, gold, copper, grain prices and supply",
    "market_moves": "shares rise or fall, index closes higher or lower, technical chart",
    "analyst_ratings": "analyst upgrade, downgrade, price target, buy rating",
    "capital_actions": "dividend, share buyback, stock offering, pledge, listing",
    "management_personnel": "chief executive resigns, appointed, board, chairman",
    "operations": "factory, product launch, contract, orders, production, layoffs",
    "crypto": "bitcoin, ethereum, token, stablecoin, cryptocurrency exchange",
    "politics_geopolitics": "government, election, war, sanctions, tariffs, diplomacy",
    "other": "sports, entertainment, weather, greetings, daily life",
}
"""What each topic means, in the encoder's own language: its attention query starts from this."""

RARE_TOPIC_HINTS: Final = {
    "crypto": r"crypto|bitcoin|\bbtc\b|\beth\b|ethereum|token|coin|blockchain|defi|nft|币|区块链|代币|链",
    "fx": (
        r"currenc|forex|dollar|\beuros?\b|\byen\b|yuan|sterling|rupee|lira|peso|rouble|ruble|\bfx\b|usd|eur"
        r"|汇|人民币|美元|欧元|日元|英镑|贬值|升值"
    ),
    "liquidity_run": (
        r"withdraw|deposit|redempt|liquidity|run on|bank run|cash crunch|solven|freez|frozen|halt"
        r"|挤|提现|提款|取款|赎回|兑付|流动性|跑路|资金链|冻结|清盘|爆雷|暴雷|逾期"
    ),
    "credit_default": (
        r"default|bankrupt|debt|rating|creditor|insolv|chapter 11|junk|bond|restructur"
        r"|违约|破产|债|评级|逾期|兑付|重整|信用"
    ),
    "fraud_misconduct": (
        r"fraud|scam|brib|launder|misconduct|corrupt|embezzl|ponzi|insider|probe|scandal|cheat|investigat|charge|crime"
        r"|诈|骗|贿|违法|违规|造假|操纵|内幕|涉嫌|虚假|传销|挪用|侵占|查"
    ),
}
"""Topics that most corpora do not answer and that few texts are about.

A row that cannot answer one of these, and in which nothing hints at it, is taken as a weak "no"; with a hint it stays masked.
Without this a topic whose only rows are positive ones would be said of everything.
"""
