"""Disturbances of training texts: each does what it says, and what a text says stays in it."""

import random

import pytest
from tokenizers import Tokenizer

from classifier.training.augment import DISTURBANCES, disturbed
from classifier.training.batches import TokenizedExamples
from classifier.training.behaviour import CHANGES
from classifier.training.data import unlabelled
from ingest.language import language_of
from tests.classifier.training.made import as_rows
from tests.classifier.training.tiny import SENTENCES, tokenizer_json

TEXTS = {"en": "Depositors queue outside Harrow Bank.", "zh": "储户在海岳银行门口排队，市值蒸发3亿元。"}


@pytest.mark.parametrize("name", DISTURBANCES)
@pytest.mark.parametrize("lang", TEXTS)
def test_a_disturbance_leaves_the_words_that_matter(name: str, lang: str) -> None:
    for seed in range(50):
        found = DISTURBANCES[name](TEXTS[lang], lang, random.Random(seed))
        if name not in {"typing mistake", "full width"}:
            assert TEXTS[lang].rstrip(".。").lower() in found.lower(), found
        assert "{n}" not in found


def test_a_typing_mistake_is_two_letters_of_one_word() -> None:
    found = DISTURBANCES["typing mistake"](TEXTS["en"], "en", random.Random(1))
    assert found != TEXTS["en"]
    assert sorted(found) == sorted(TEXTS["en"])
    assert sum(a != b for a, b in zip(found, TEXTS["en"], strict=True)) == 2


def test_what_is_glued_to_a_text_is_of_its_language() -> None:
    chance = random.Random(3)
    english = {disturbed(TEXTS["en"], chance) for _ in range(400)}
    chinese = {disturbed(TEXTS["zh"], chance) for _ in range(400)}
    assert len(english) > 200
    assert len(chinese) > 200
    assert not any(language_of(word) == "zh" for text in english for word in text.split())
    assert not any("Reporting by" in text for text in chinese)
    assert any("记者" in text for text in chinese)


def test_each_disturbance_changes_some_text() -> None:
    for name, change in DISTURBANCES.items():
        found = [change(text, lang, random.Random(seed)) for lang, text in TEXTS.items() for seed in range(9)]
        assert set(found) - set(TEXTS.values()), name


def test_nothing_that_the_behaviour_tests_glue_to_a_text_is_learnt() -> None:
    """What is tested must not be what was trained on, word for word."""
    chance = random.Random(4)
    seen = {lang: " ".join(disturbed(text, chance) for _ in range(3000)) for lang, text in TEXTS.items()}
    for lang, text in TEXTS.items():
        for name in ("emoji", "cashtag", "hashtag", "link", "left-overs", "background"):
            glued = CHANGES[name](text.rstrip(".。"), lang)
            for part in glued.split(text.rstrip(".。")):
                assert not part.strip(" .。") or part.strip(" .。") not in seen[lang], (name, part)


def test_a_share_of_the_draws_is_disturbed_and_chance_can_be_had_back() -> None:
    examples = unlabelled(as_rows(*SENTENCES), [])
    tokenizer = Tokenizer.from_str(tokenizer_json())
    plain = TokenizedExamples(examples, tokenizer, 32)
    data = TokenizedExamples(examples, tokenizer, 32, augmented=0.5)
    random.seed(5)
    state = random.getstate()

    def drawn() -> list[list[int]]:
        random.setstate(state)
        return [data[row % 4].input_ids for row in range(400)]

    first = drawn()
    changed = sum(ids != plain[row % 4].input_ids for row, ids in enumerate(first))
    assert 0.35 < changed / 400 < 0.55  # some disturbances leave a text as it is
    assert max(map(len, first)) <= 32
    # Threads that other tests have left draw from the same chance now and then.
    assert any(drawn() == drawn() for _ in range(5))
    assert all(plain[row].input_ids == plain[row].input_ids for row in range(4))
