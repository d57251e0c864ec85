import pytest

from ingest.charset import xml_text

CHINESE = "<rss><title>某银行发生挤兑，储户排队</title></rss>"
LATIN = "<rss><title>Société Générale: Größe über alles, “réservé”.</title></rss>"


@pytest.mark.parametrize(
    "in_header", ["", "; charset=ISO-8859-1", "; charset=us-ascii", "; charset=utf-8", "; charset=none"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_undeclared_chinese_is_read_whatever_the_header_says(encoding: str, in_header: str) -> None:
    assert xml_text(CHINESE.encode(encoding), f"text/xml{in_header}") == CHINESE


@pytest.mark.parametrize("in_header", ["", "; charset=ISO-8859-1", '; charset="utf-8"', "; charset=GBK"])
@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("gb2312", "gb18030"),
        ("GBK", "gbk"),
        ("utf-8", "gbk"),
        ("utf-16", "utf-8"),
        ("iso-8859-1", "utf-8"),
        ("x", "gbk"),
    ],
)
def test_what_the_xml_declares_goes_before_the_header_where_it_is_true(
    declared: str, encoding: str, in_header: str
) -> None:
    text = f'<?xml version="1.0" encoding="{declared}"?>{CHINESE}'
    assert xml_text(text.encode(encoding), f"text/xml{in_header}") == text


@pytest.mark.parametrize("in_header", ["", "; charset=utf-8", "; charset=windows-1252"])
@pytest.mark.parametrize("in_xml", ["", "utf-8", "windows-1252", "ISO-8859-1"])
def test_accents_are_not_taken_for_chinese(in_xml: str, in_header: str) -> None:
    text = f'<?xml version="1.0" encoding="{in_xml}"?>{LATIN}' if in_xml else LATIN
    assert xml_text(text.encode("cp1252"), f"text/xml{in_header}") == text
    assert xml_text(text.encode(), f"text/xml{in_header}") == text


@pytest.mark.parametrize("declared", ["big5", "shift_jis", "euc-kr", "koi8-r", "iso-2022-jp"])
def test_other_encodings_are_read_as_declared(declared: str) -> None:
    words = {"big5": "銀行擠兌", "shift_jis": "銀行", "iso-2022-jp": "銀行", "euc-kr": "은행", "koi8-r": "банк"}
    text = f"<?xml version='1.0' encoding='{declared}'?><rss>{words[declared]}</rss>"
    assert xml_text(text.encode(declared), "") == text
    text = f"<rss>{words[declared]}</rss>"
    assert xml_text(text.encode(declared), f"text/xml; charset={declared}") == text


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "utf-16-le"])
def test_a_broken_character_costs_itself_alone(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?>{CHINESE}'
    broken = b"\x3d\xd8" if encoding == "utf-16-le" else b"\xff"
    content = text.encode(encoding).replace("队".encode(encoding), broken)
    assert xml_text(content, "text/xml") == text.replace("队", "\ufffd")


@pytest.mark.parametrize("label", ["undefined", "punycode", "zlib", "utf-7", "idna", "\u0130"])
def test_what_is_no_encoding_of_feeds_is_as_good_as_none(label: str) -> None:
    assert xml_text(CHINESE.encode(), f"text/xml; charset={label}") == CHINESE
