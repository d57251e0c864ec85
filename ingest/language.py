"""The language of a text: "en", "zh" or "und". What a publisher declares holds; otherwise the script tells.

The rule by script: one Chinese character says about as much as four Latin letters, so a text is Chinese when it has at least
a fourth as many of them as Latin letters ("苹果发布iPhone 17 Pro Max"), and otherwise English. It is neither when it
has no letters, or more than a fifth as many of another script (kana, hangul, Cyrillic, ...). Latin script in another
language than English passes for English unless its publisher declares it: inputs in such languages should.
"""

import re

_DECLARED = re.compile(r"([a-z]{2,3})(?:[-_].*)?", re.IGNORECASE)
_ENGLISH = {"en", "eng", "english", "英文", "英语"}
_CHINESE = {"zh", "zho", "chi", "cmn", "yue", "wuu", "nan", "hak", "chinese", "中文", "汉语", "简体中文", "繁體中文"}
_HAN = re.compile(r"[㐀-䶿一-鿿豈-﫿\U00020000-\U000323af]")
_LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏＡ-Ｚａ-ｚ]")
_OTHER = re.compile(r"[Ͱ-ᇿ぀-ヿㇰ-ㇿ가-힯Ḁ-ẟἀ-῿]")


def language_of(text: str, declared: str | None = None) -> str:
    """The language of a cleaned `text`: as `declared`, else by script."""
    if declared and (name := declared.strip().lower()):
        if name in _ENGLISH:
            return "en"
        if name in _CHINESE:
            return "zh"
        if tag := _DECLARED.fullmatch(name):
            return "en" if tag[1] in _ENGLISH else "zh" if tag[1] in _CHINESE else "und"
    return _by_script(text)


def _by_script(text: str) -> str:
    if text.isascii():
        return "en" if _LATIN.search(text) else "und"
    han, latin, other = (len(script.findall(text)) for script in (_HAN, _LATIN, _OTHER))
    if not (han or latin) or 5 * other > han + latin:
        return "und"
    return "zh" if 4 * han >= latin else "en"
