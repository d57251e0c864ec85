"""The model card's text."""

from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedConfig

from classifier.training.model import Card
from classifier.training.report import by_source, calibration

_USE = """# {name}

A model for short financial texts{languages}: news, headlines, posts. For each text it gives a probability
for each of 17 topics, negative / neutral / positive, and weights that show which words spoke for each answer. It is
made for *watching shares over many texts*; a single answer is a hint to look, never a ground for a decision about a person or
a trade.

**Network.** An encoder of {layers} layers (hidden {hidden}) with a vocabulary extended to Chinese characters,
words and emoji, label-wise attention pooling and linear heads: {parameters:,} parameters. int8 weights with one activation
scale a row.

**Start.** The encoder was `{encoder}`, whose licence is its own. Chinese vocabulary rows start from English glosses of
CC-CEDICT (CC BY-SA 4.0) and of a list of our own.{teachers}
"""

_LANGUAGES = {"en": "English", "zh": "Chinese", "und": "other languages"}

_TEACHERS = """

**Teachers.** Beside the labels it learnt what larger or earlier models, trained on the same rows, say of
these and of unlabelled texts: {names}."""

_LICENCE = """
## Data and licences

The licence of Bellwether's code does **not** cover these weights: they were trained on the corpora below, some of which state no
licence. Whoever ships the weights on decides whether that is enough for their use.

| source | licence | rows trained on |
|---|---|---|
"""

_MEASURE = """
## Figures

Fold 0 (a tenth of every corpus, by a hash of the text, or the lowest fold of a corpus that has no fold 0; never trained on, but
a part of it said when to stop, or which mean of models to take), measured on the int8 graph of this folder. Topics and
calibration error are cross-fitted: each half is judged with temperatures and thresholds fitted on the other half; the shipped
ones are fitted on all.
"""

_LIMITS = """
## Limits

{corpora}- A source without a row above has too few labelled rows in fold 0, or none.{not_judged}
- "Neutral" means something else in each corpus; two-way corpora say nothing of it. On texts from elsewhere, trust the ranking of
  negative texts more than the share of neutral ones.
- Irony, images, voice and languages other than those of its rows are out of reach. Texts beyond 256 tokens are read in
  overlapping chunks and answered as by one attention over all of them, up to 8 chunks; training saw only the first 96 to 128.
- The words shown beside an answer are where a topic's query looked, and what each token added to the leading sentiment. Struck
  out, they lower the answer's probability several times as much as random words do; they are evidence, not proof of a cause.
"""

_OWN_CORPORA = """\
- `liquidity_run` has no labelled English row in any corpus, `crypto` has none in English either, and `fx` and `credit_default`
  have few: these topics were learnt from keyword rules, from the other language and from sentences written for this project.
  What figures they have above rest on few rows. Sentences of ours that were kept apart from training are their other check
  (`tests/classifier/sentences/`); rule-made labels and ours may share blind spots.
- `other` is labelled by no corpus. It was taught as "a corpus that answers nine or more topics found none" and with sentences
  of ours.
- The Chinese forum corpus contradicts itself on about a fifth of repeated texts; the Chinese event corpus glues unrelated
  headlines together and labels one of them.
"""

_OWN_SENTENCES = "written"
"""The source of sentences that were written for the model that is shipped."""


_SMALL = """
## The small network

For those whose processor is the limit (`classifier.model = "small"`): three of the six layers, narrower ones, trained on what the
network above says of the same rows and where it looks; {parameters:,} parameters, the embeddings among them, which the two share.
It runs on CPUs alone. Measured in the same way on the same rows, with temperatures and thresholds of its own; in brackets the
network above.
"""


def model_card(
    name: str,
    parameters: int,
    card: Card,
    encoder_config: PreTrainedConfig,
    licences: Sequence[dict[str, Any]],
    metrics: dict[str, Any],
) -> str:
    """Markdown: intended use, data with licences, figures, limits.

    Args:
        name: of the artifact.
        parameters: number of weights.
        card: of the trained model.
        encoder_config: of its encoder.
        licences: `source`, `licence` and `rows` of each corpus.
        metrics: what `evaluate` returned, and `not_judged`: sources of which an earlier stage has learnt the held-out rows.
    """
    rows = "".join(f"| {x['source']} | {x['licence']} | {x['rows']:,} |\n" for x in licences)
    taught = _TEACHERS.format(names=", ".join(card.teachers)) if card.teachers else ""
    sources = ", ".join(metrics["not_judged"])
    not_judged = (
        f" Not judged, because an earlier stage of training learnt the held-out rows: {sources}." if sources else ""
    )
    is_ours = any(each["source"] == _OWN_SENTENCES for each in licences)
    limits = _LIMITS.format(not_judged=not_judged, corpora=_OWN_CORPORA if is_ours else "")
    spoken = " and ".join(_LANGUAGES.get(each, each) for each in card.languages)
    languages = f" in {spoken}" if spoken else ""
    told = {"teachers": taught, "languages": languages, "encoder": card.encoder}
    size = {"layers": encoder_config.num_hidden_layers, "hidden": encoder_config.hidden_size, "parameters": parameters}
    use = _USE.format(name=name, **told, **size)
    return use + _LICENCE + rows + _MEASURE + _figures(metrics) + limits


def small_card(parameters: int, metrics: dict[str, Any], default: dict[str, Any]) -> str:
    """The part about the small network.

    Args:
        parameters: number of its weights, embeddings included.
        metrics: what `evaluate` returned of it.
        default: what it returned of the default network.
    """
    lines = ["", "| source | AUROC of negative | macro-F1 | accuracy |", "|---|---|---|---|"]
    for source, x in metrics["sentiment"].items():
        y = default["sentiment"][source]
        cells = [f"{x[key]:.3f} ({y[key]:.3f})" for key in ("auroc_negative", "macro_f1", "accuracy")]
        lines.append(f"| {source} | {' | '.join(cells)} |")
    lines += ["", "| topics | micro-F1 | macro-F1 |", "|---|---|---|"]
    for lang, x in metrics["topics"].items():
        y = default["topics"][lang]
        lines.append(
            f"| {lang} | " + " | ".join(f"{x[key]:.3f} ({y[key]:.3f})" for key in ("micro_f1", "macro_f1")) + " |"
        )
    return _SMALL.format(parameters=parameters) + "\n".join(lines) + "\n"


def _figures(metrics: dict[str, Any]) -> str:
    lines = ["", "| source | rows | classes | AUROC of negative | macro-F1 | accuracy |", "|---|---|---|---|---|---|"]
    for source, x in metrics["sentiment"].items():
        lines.append(
            f"| {source} | {x['rows']} | {x['classes']} | {x['auroc_negative']:.3f} | {x['macro_f1']:.3f} "
            f"| {x['accuracy']:.3f} |"
        )
    for lang, topics in metrics["topics"].items():
        told = by_source(topics)
        lines += ["", f"Topics, {lang}: micro-F1 over known labels {topics['micro_f1']:.3f}.", ""]
        lines += [f"{told}.", ""] if told else []
        lines += ["| topic | rows | precision | recall | F1 |", "|---|---|---|---|---|"]
        for topic, x in topics["each"].items():
            lines.append(f"| {topic} | {x['rows']} | {x['precision']:.3f} | {x['recall']:.3f} | {x['f1']:.3f} |")
    told = calibration(metrics)
    lines += ["", f"{told}.", ""] if told else [""]
    return "\n".join(lines)
