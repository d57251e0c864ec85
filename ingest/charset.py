"""From bytes to text, where what is said of their encoding may be wrong, and a single character broken."""

import codecs
import re
from contextlib import suppress

_BEGINNINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_ONE_BYTE = ("ascii", "cp125", "cp8", "iso8859", "koi8", "mac", "tis")
_SEVERAL_BYTES = ("big5", "cp9", "euc", "gb", "hz", "iso2022", "johab", "shift", "utf-8")
_WIDER = {"ascii": "cp1252", "big5": "big5hkscs", "gb2312": "gb18030", "gbk": "gb18030", "iso8859-1": "cp1252"}
_IN_XML = re.compile(rb"""\s*<\?xml\s[^>]*?encoding\s*=\s*["']([\w.:-]+)""")
_IN_HEADER = re.compile(r"""charset\s*=\s*["']?([\w.:-]+)""", re.ASCII | re.IGNORECASE)


def xml_text(content: bytes, content_type: str) -> str:
    """What an XML document says, whatever its bytes are; a broken character becomes U+FFFD and costs no other.

    It is UTF-8 where that is valid; else what is declared, in the XML before the header, whose Latin-1 is believed never: servers
    say that of everything. Undeclared, it is UTF-8 with something broken, a Chinese encoding, or Latin-1.
    """
    for beginning, name in _BEGINNINGS:
        if content.startswith(beginning):
            return content.decode(name, "replace").lstrip("\ufeff")
    declared = _declared(content, content_type)
    surest = [] if content.isascii() else ["utf-8"]  # what is valid there is nearly never anything else
    for name in [*surest, *declared]:
        if name.startswith(_SEVERAL_BYTES):
            with suppress(UnicodeDecodeError):
                return content.decode(name)
    text = content.decode("utf-8", "replace")
    if 2 * text.count("\ufffd") <= _foreign(text):
        return text
    if others := [name for name in declared if name != "utf-8"]:
        return content.decode(others[0], "replace")
    with suppress(UnicodeDecodeError):
        text = content.decode("gb18030")
        if _is_chinese(text):
            return text
    return content.decode("cp1252", "replace")


def _declared(content: bytes, content_type: str) -> list[str]:
    """The encodings that are declared, those first of which it can be seen whether they are right."""
    in_xml, in_header = _IN_XML.match(content[:1024]), _IN_HEADER.search(content_type)
    names = [_codec(in_xml[1].decode("ascii", "replace"))] if in_xml else []
    names += [name for name in [_codec(in_header[1])] if name != "cp1252"] if in_header else []
    return sorted(filter(None, names), key=lambda name: name.startswith(_ONE_BYTE))


def _codec(label: str) -> str:
    """Python's name for an encoding, or for one that includes it; empty if there is none, and for UTF-16: the bytes tell."""
    try:
        name = codecs.lookup(label.lower().removeprefix("x-")).name
    except LookupError:
        return ""
    return _WIDER.get(name, name) if name.startswith(_ONE_BYTE + _SEVERAL_BYTES) else ""


def _foreign(text: str) -> int:
    """How many characters are not ASCII."""
    return len(text) - len(text.encode("ascii", "ignore"))


def _is_chinese(text: str) -> bool:
    """Whether these are common characters; accents of Latin-1, with the letters beside them, would be rare ones."""
    foreign = _foreign(text)
    common = (len(text.encode("gb2312", "ignore")) - (len(text) - foreign)) // 2
    return 2 * common > foreign
