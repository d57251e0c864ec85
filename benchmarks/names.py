"""How long it takes to find the names of a watch list in a headline: `python -m benchmarks.names [--names 5000] [--out FILE]`."""

import json
import platform
import random
import time
from pathlib import Path

import click

from classifier.names import NameFinder
from classifier.watchlist import WatchedName, WatchList

_SYLLABLES = (
    "ba",
    "ker",
    "lin",
    "dor",
    "mar",
    "ven",
    "tos",
    "gal",
    "pri",
    "hal",
    "sen",
    "mur",
    "cor",
    "del",
    "fin",
    "wex",
)
_CHINESE = "北岸青禾海登维尔玛奥林托兰德红隼华信恒远金石瑞丰盛泰安康银河星辰"
_WORDS = ("shares", "of", "the", "bank", "fall", "after", "a", "regulator", "opens", "probe", "into", "profit", "group")


@click.command
@click.option("--names", default=5_000, show_default=True)
@click.option("--headlines", default=20_000, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False))
def main(names: int, headlines: int, out: Path | None) -> None:
    """Invented names with aliases, tickers and contexts; every fifth headline mentions one."""
    chance = random.Random(1)  # noqa: S311 - invented words
    began = time.perf_counter()
    watched = _watched(names, chance)
    finder = NameFinder(watched)
    built_s = time.perf_counter() - began
    texts = [_headline(watched, chance) for _ in range(headlines)]
    began = time.perf_counter()
    found = sum(bool(finder.find(text)) for text in texts)
    each_us = 1e6 * (time.perf_counter() - began) / len(texts)
    result = {
        "names": len(watched.names),
        "spellings": sum(len([*each.spellings()]) + len(each.tickers) for each in watched.names),
        "build_s": round(built_s, 3),
        "us_per_headline": round(each_us, 2),
        "characters_per_headline": round(sum(map(len, texts)) / len(texts), 1),
        "share_with_a_name": round(found / len(texts), 3),
        "machine": platform.processor() or platform.machine(),
    }
    click.echo(json.dumps(result, indent=1))
    if out:
        out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


def _watched(many: int, chance: random.Random) -> WatchList:
    made: dict[str, WatchedName] = {}
    while len(made) < many:
        name = "".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))).capitalize()
        chinese = "".join(chance.choices(_CHINESE, k=4))
        made[name] = WatchedName(
            f"{name} Holdings",
            aliases=(f"{name} Inc", chinese),
            tickers=(name[:5].upper(),),
            ambiguous=(name,),
            context=("shares", "profit", "股价"),
            exclusions=(f"{name} Street",),
        )
    return WatchList(tuple(made.values()))


def _headline(watched: WatchList, chance: random.Random) -> str:
    words = chance.choices(_WORDS, k=12)
    if chance.random() < 0.2:
        words[chance.randrange(12)] = chance.choice([*chance.choice(watched.names).spellings()])
    return " ".join(words)


if __name__ == "__main__":
    main()
