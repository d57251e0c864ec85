"""What the machine can do for the model: what is there, how fast it scores here, and what would be better."""

import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import count
from statistics import median

from msgspec import Struct

from classifier.device import MOST_THREADS, Processor, allowed_cores, nvidia_gpus, processor, quota
from classifier.scorer import Scorer
from classifier.session import CPU, CUDA

ALONE = 15  # texts that are scored alone, to see how long one takes
TOGETHER = 200  # texts that are scored together, as in a backlog
_BUSY = 0.5  # share of the cores that others may have before figures are called low

_HEADLINES = (
    "Bank {0} halts withdrawals after regulator opens probe into {1} loans",
    "{1}银行第{0}分行暂停提款，监管机构展开调查",
    "Miner {0} raises its outlook as copper demand in region {1} climbs",
    "{0}号公司债券未能按期兑付，第{1}家债权人提起诉讼",
)
_SENTENCES = 40  # of an article: more than the model reads


class Machine(Struct, frozen=True):
    """What there is."""

    processor: Processor
    cores: int  # that this process may use by affinity
    quota: float | None  # cores that its cgroup grants
    gpus: tuple[str, ...]
    load: float  # processes that wanted a core, over the last minute

    @classmethod
    def seen(cls) -> "Machine":
        """This one, now."""
        return cls(processor(), allowed_cores(), quota(), nvidia_gpus(), os.getloadavg()[0])

    @property
    def granted(self) -> float:
        """Cores that this process gets; they need not be whole."""
        return self.cores if self.quota is None else min(self.cores, self.quota)

    def told(self) -> Iterator[str]:
        """A line for each part."""
        fast = " and ".join(self.processor.bytes) or "without VNNI or AMX"
        granted = "no quota" if self.quota is None else f"a quota of {self.quota:g}"
        yield f"processor  {self.processor.model or 'unknown'}, {fast}"
        yield f"cores      {self.cores} for this process, {granted}"
        yield f"GPU        {', '.join(self.gpus) or 'none that an NVIDIA driver serves'}"


class Pace(Struct, frozen=True):
    """How fast the model scores here."""

    headlines_per_s: float
    articles_per_s: float
    alone_s: float  # what one headline that comes alone takes, median
    memory: int  # bytes that the process had at most


def paced(scorer: Scorer, seconds: float) -> Pace:
    """Score invented texts, no two alike, for so long."""
    numbers = count(1)
    single = []
    for _ in range(ALONE):
        text = _headline(next(numbers))
        began = time.perf_counter()
        scorer.score([text])
        single.append(time.perf_counter() - began)
    headlines = _rate(scorer, (_headline(number) for number in numbers), seconds / 2)
    articles = _rate(scorer, (_article(number) for number in numbers), seconds / 2)
    kilobyte = 1 if sys.platform == "darwin" else 1024  # `ru_maxrss` is told in bytes there
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobyte
    return Pace(headlines, articles, median(single), memory)


def advice(machine: Machine, scorer: Scorer, threads: int) -> Iterator[str]:
    """What a person may do about it, a sentence each; nothing if all is as it should be.

    Args:
        machine: what there is.
        scorer: as it was opened.
        threads: `classifier.threads` of the settings; 0: not set.
    """
    granted = machine.granted
    if machine.gpus and scorer.provider != CUDA:
        if scorer.asked == CPU:
            yield "A GPU is not used: install the `gpu` extra in place of `cpu`, and set classifier.device = auto."
        else:
            yield "There is a GPU, but the model did not get it: set classifier.device = cuda to be told why."
    if threads > granted:
        yield f"classifier.threads = {threads} is more than the {granted:g} cores there are: set it to 0."
    elif granted % 1 and scorer.threads > granted > 1:
        yield (
            f"The cgroup grants {granted:g} cores and stops the process now and then: grant whole ones, or set "
            f"classifier.threads = {int(granted)}."
        )
    if scorer.provider == CPU and granted >= 2 * MOST_THREADS:
        yield (
            f"One process makes use of {MOST_THREADS} cores: start {int(granted // MOST_THREADS)} of `bellwether classify`; "
            "they share the partitions."
        )
    if scorer.provider == CPU and not machine.processor.bytes:
        yield "The processor lacks VNNI and AMX, which multiply 8-bit numbers: one that has them scores more texts."
    if machine.load > _BUSY * machine.cores:
        yield f"Others wanted {machine.load:.1f} of {machine.cores} cores in the last minute: the figures are too low."


def _rate(scorer: Scorer, texts: Iterator[str], seconds: float) -> float:
    """Texts a second, over at least one portion."""
    done, began = 0, time.perf_counter()
    while not done or time.perf_counter() - began < seconds:
        portion: Sequence[str] = [next(texts) for _ in range(TOGETHER if done else TOGETHER // 10)]
        scorer.score(portion)
        done += len(portion)
    return done / (time.perf_counter() - began)


def _headline(number: int) -> str:
    return _HEADLINES[number % len(_HEADLINES)].format(number, number % 7 + 2)


def _article(number: int) -> str:
    return " ".join(_headline(number * _SENTENCES + each) for each in range(_SENTENCES))
