import pytest
import torch
from tokenizers import BertWordPieceTokenizer, Tokenizer

from classifier.training.glosses import count_words, read_dictionary, read_finance_words
from classifier.training.vocabulary import Vocabulary, VocabularySettings, extend_vocabulary, gb2312_level_1
from tests.classifier.training.tiny import SENTENCES, tokenizer_json

TEXTS = (*SENTENCES, "储户排队取款，龘银行遭遇挤兑🚀", "银行股价上涨🚀", "银行的存款🚀")


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    rows = torch.randn(400, 16, generator=torch.Generator().manual_seed(1))
    settings = VocabularySettings(max_rows=5000, min_word_count=2)
    return extend_vocabulary(tokenizer_json(), rows, TEXTS, settings)


@pytest.fixture(scope="module")
def tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    return Tokenizer.from_str(vocabulary.tokenizer_json)


def test_no_character_of_gb2312_level_1_is_unknown(tokenizer: Tokenizer) -> None:
    characters = gb2312_level_1()
    assert len(characters) == 3755
    assert not [c for c in characters if "[UNK]" in tokenizer.encode(c).tokens]


def test_a_rare_character_of_the_corpora_gets_a_row_too(tokenizer: Tokenizer) -> None:
    assert "龘" in tokenizer.encode("龘").tokens


def test_chinese_words_are_single_tokens_and_their_places_in_the_text_are_right(tokenizer: Tokenizer) -> None:
    text = "Ａ银行遭遇挤兑, shares fell"
    encoding = tokenizer.encode(text)
    assert "挤兑" in encoding.tokens
    for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True):
        if token in ("银行", "挤兑", "shares", "fell"):
            assert text[start:end] == token


def test_an_emoji_is_a_token(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("🚀🚀").tokens.count("🚀") == 2


def test_english_is_cut_as_before(tokenizer: Tokenizer) -> None:
    before = Tokenizer.from_str(tokenizer_json())
    for sentence in SENTENCES:
        assert tokenizer.encode(sentence).tokens == before.encode(sentence).tokens


def test_full_width_digits_share_the_rows_of_plain_ones(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("２０％").ids == tokenizer.encode("20%").ids


def test_there_is_a_row_for_each_token_and_each_is_finite(vocabulary: Vocabulary, tokenizer: Tokenizer) -> None:
    assert len(vocabulary.rows) == tokenizer.get_vocab_size() <= 5000
    assert vocabulary.rows.isfinite().all()


def test_words_without_room_are_told(vocabulary: Vocabulary) -> None:
    with pytest.raises(ValueError, match="leaves room for"):
        extend_vocabulary(tokenizer_json(), torch.zeros(400, 16), TEXTS, VocabularySettings(max_rows=3900))


def test_our_own_glosses_are_chinese_words_with_an_english_meaning() -> None:
    words = read_finance_words()
    assert words["挤兑"] == "bank run panic withdrawal"
    assert all(gloss.isascii() and gloss for gloss in words.values())


def test_words_are_counted_by_longest_match() -> None:
    dictionary = {"中国": "china", "中国银行": "bank of china", "银行": "bank"}
    assert count_words(iter(["中国银行和银行"]), dictionary) == {"中国银行": 1, "银行": 1}


def test_the_dictionary_knows_common_words() -> None:
    dictionary = read_dictionary()
    assert "bank" in dictionary["银行"]
    assert "rumor" in dictionary["谣言"]


def chinese_tokenizer() -> str:
    """One that knows the usual characters and one word piece, as a Chinese BERT does."""
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused1]"]
    pieces = [*marks, *"abcdeknsb.,!?%", "##n", "##k", "bank", *gb2312_level_1()[:-40], "##行"]
    return str(BertWordPieceTokenizer({piece: i for i, piece in enumerate(pieces)}).to_str())


def test_an_encoder_that_has_learnt_chinese_keeps_its_rows_and_gets_no_words() -> None:
    given = Tokenizer.from_str(chinese_tokenizer())
    rows = torch.randn(given.get_vocab_size(), 16, generator=torch.Generator().manual_seed(1))
    made = extend_vocabulary(chinese_tokenizer(), rows, TEXTS, VocabularySettings(max_rows=5000, min_word_count=2))
    now = Tokenizer.from_str(made.tokenizer_json)
    for character in ("银", "行", "锗", "bank"):
        assert torch.equal(made.rows[now.token_to_id(character)], rows[given.token_to_id(character)])
    assert now.encode("银行遭遇挤兑").tokens[1:-1] == list("银行遭遇挤兑")
    assert "[UNK]" not in now.encode("龘🚀" + "".join(gb2312_level_1())).tokens
    assert now.token_to_id("[unused1]") is None
