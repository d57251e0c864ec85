"""Text can be read in both colour schemes and on paper: WCAG 2.2, success criterion 1.4.3 (AA)."""

import re

import pytest

from alerting.console.rendering import static

SHEET = static("console.css").decode()
LEAST = 4.5  # of the lighter colour's luminance to the darker one's
PAIRS = [
    ("text", "ground"), ("text", "panel"), ("text", "faint"), ("text", "mark"), ("soft", "ground"), ("soft", "panel"),
    ("soft", "faint"), ("accent", "ground"), ("accent", "panel"), ("accent-text", "accent"), ("bad", "panel"),
    ("bad", "bad-soft"), ("warn", "warn-soft"), ("text", "warn-soft"), ("good", "good-soft"),
]  # fmt: skip


def schemes() -> dict[str, dict[str, str]]:
    """Colours by name: each later `:root` says only what is otherwise."""
    light, dark, paper = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", block))
        for block in re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)
    )
    return {"light": light, "dark": light | dark, "paper": light | paper, "paper in the dark": light | dark | paper}


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour, by WCAG's definition."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_black_on_white_has_the_contrast_that_the_definition_gives() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", ["light", "dark", "paper", "paper in the dark"])
def test_every_text_stands_out_from_what_lies_under_it(scheme: str) -> None:
    colours = schemes()[scheme]
    faint = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in PAIRS}
    assert {pair: ratio for pair, ratio in faint.items() if ratio < LEAST} == {}
