"""Texts of our own: many, varied, in English, Chinese and both, and cut at random."""

import json
import random

from ingest.logs import Message

_ENGLISH = """Northbank Trust halts withdrawals after depositors queue overnight
Regulator opens a probe into accounting at Halden Motors
Shares of Orrin Mining climb 4.7% as copper hits a three-year high
Velmar Foods cuts its full-year guidance; margins shrink to 8.2%
The central bank holds rates at 3.25% and warns of sticky inflation
Kestrel Airways names a new chief executive
Tolland Energy misses a coupon payment on its $450m bonds
Analysts raise their price target for Pellworth to €31 from €26
Exchange of Saint-Ives freezes token redemptions, cites "technical issues"
Lumen Retail buys 12% of rival Dray & Sons in an all-share deal
New tariffs on steel take effect on Monday
The weather was fine and the match ended in a draw
Factory in Brackwater resumes production after the flood
Court fines Osgood Capital for misleading its clients
U.S. crude settles lower, down $1.40 a barrel""".splitlines()
_CHINESE = """北岸信托暂停提款，储户连夜排队
监管机构对海登汽车的财务造假展开调查
奥林矿业股价上涨4.7%，铜价创三年新高
维尔玛食品下调全年业绩指引，毛利率降至8.2%
央行维持利率不变，警告通胀顽固
红隼航空任命新任首席执行官
托兰能源未能按期兑付4.5亿美元债券利息，构成违约
分析师上调目标价，维持买入评级
某交易所冻结代币赎回，称系“技术问题”
公司拟以换股方式收购竞争对手12%股份
钢铁新关税周一生效
今天天气不错，比赛打成平局
工厂在洪水之后恢复生产
法院因误导客户对资产管理公司处以罚款
这只股票又跌停了，主力跑了，散户被套牢！""".splitlines()
_ODD = [
    "",
    " ",
    "!",
    "?!…",
    "12,345.67",
    "🚀🚀 to the moon 🚀",
    "①②③ ㈱",
    "café naïve coöperate",
    "ＡＢＣ１２３％",
    "a" * 300,
    "\n\n",
]


def texts(count: int, seed: int = 7) -> list[str]:
    """Distinct texts of 0 to some 2,500 characters: most are short, some far beyond what the model reads."""
    chance = random.Random(seed)
    made = dict.fromkeys(_ODD)
    while len(made) < count:
        sentences = chance.choice([_ENGLISH, _ENGLISH, _CHINESE, _CHINESE, [*_ENGLISH, *_CHINESE]])
        many = chance.choice([1, 1, 1, 1, 2, 2, 3, 5, 9, 30])
        text = chance.choice([" ", ". ", "\n", "；"]).join(chance.choice(sentences) for _ in range(many))
        start = chance.randrange(len(text)) if chance.random() < 0.3 else 0
        made[text[start : start + chance.randrange(1, len(text) + 1)]] = None
    return list(made)[:count]


def document(number: int, text: str, published_at: str = "2026-03-02T09:30:00Z") -> Message:
    """A record of the log `news`."""
    fields = {"id": f"n{number}", "source": "wire", "published_at": published_at, "text": text}
    return Message("news", json.dumps(fields).encode())
