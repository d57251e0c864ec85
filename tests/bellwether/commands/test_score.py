import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest
from prometheus_client import CollectorRegistry

from bellwether.commands.score import score
from bellwether.scoring import PORTION
from classifier.artifact import SENTIMENTS, SHIPPED
from classifier.classify import Classify
from classifier.metrics import ClassifyMetrics
from classifier.scorer import Scorer
from classifier.scores import SCORES, WHOLE, decode_range
from ingest.cleaning import clean
from ingest.decode import Decoder
from ingest.logs import Batch, Opened, Place, Record
from tests.bellwether.commands.calls import Caller
from tests.classifier.made import texts

HERE = Place("documents", 0)
ODD = [
    "<p>Bank <b>halts</b> withdrawals</p><p>Regulator &amp; depositors queue</p>",
    "  Johnson &amp;amp; Johnson&nbsp;sued   over fraud \r\n\r\n again ",
    "Cre\u0301dit Marais de\u0301faut: cafe\u0301 chain collapses",
    "<em>银行</em>挤兑\u200b，储户\ufeff排队提款\u3000\u3000监管机构展开调查",
    "&lt;b&gt;Fraud&lt;/b&gt; probe <script>if (a < b) alert()</script> widens 👨\u200d👩\u200d👧 🚀",
]


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer.open(SHIPPED)


def jsonl(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def daemon_scores(scorer: Scorer, values: list[bytes]) -> list[dict[str, Any]]:
    """What the box of the daemon publishes of these records, as `bellwether score` would write it, but for spans."""
    scorer.forget()
    decoder = Decoder(bound_us=0, replay=True)
    box = Classify({"documents": decoder}, scorer, ClassifyMetrics(CollectorRegistry(), scorer), replay=True)
    records = tuple(Record(offset, 0, None, value) for offset, value in enumerate(values))
    events = [Opened(HERE, "log", 1, None, 0, len(values)), Batch(HERE, 0, len(values), len(values), records)]
    messages = [message for step in box.step(events, 0) for message in step.messages if message.log == SCORES.log]
    documents = [document for message in messages for document in decode_range(message.value or b"").documents]
    return [
        {
            "id": document.id,
            "sentiment": dict(zip(SENTIMENTS, document.sentiment, strict=True)),
            "topics": dict(zip(scorer.topics, document.topics, strict=True)),
            "labels": [scorer.topics[label] for label in document.labels],
        }
        for document in documents
    ]


def whole(line: dict[str, Any]) -> dict[str, Any]:
    """A line's probabilities as integers, without its spans."""
    shares = {
        name: {each: round(share * WHOLE, 6) for each, share in line[name].items()} for name in ("sentiment", "topics")
    }
    return {"id": line["id"], **shares, "labels": line["labels"]}


def test_scores_are_those_of_the_daemon_to_the_last_integer(call: Caller, tmp_path: Path, scorer: Scorer) -> None:
    """In another order, too, and among other texts: no score depends on what is scored with it."""
    given = [text for text in texts(150) if clean(text)] + ODD
    lines = [{"id": f"d{number}", "text": text} for number, text in enumerate(given)]
    rest = {"source": "wire", "published_at": "2026-03-01T09:30:00Z"}
    expected = daemon_scores(scorer, [json.dumps(line | rest).encode() for line in lines])
    random.Random(1).shuffle(lines)
    jsonl(tmp_path / "in.jsonl", lines)
    assert call("score", "in.jsonl", "--out", "out.jsonl").code == 0
    found = [whole(line) for line in read(tmp_path / "out.jsonl")]
    assert [line["id"] for line in found] == [line["id"] for line in lines]
    assert sorted(found, key=lambda line: str(line["id"])) == sorted(expected, key=lambda line: str(line["id"]))


def test_spans_are_stretches_of_the_text_as_it_was_given(call: Caller, tmp_path: Path, scorer: Scorer) -> None:
    lines: list[dict[str, Any]] = [{"id": number, "text": text} for number, text in enumerate(ODD)]
    lines += [
        {"id": "both", "title": "<b>Bank</b> \n run", "body": "<p>Depositors&nbsp;queue</p>储户排队提款"},
        {"id": "no title", "title": " ", "body": "&nbsp;储户排队提款，银行\u200b挤兑"},
        {"id": "no text", "text": "<p></p>", "title": "Bank run", "body": "Depositors queue"},
        {"id": "text", "text": "Bank run", "title": "ignored", "body": "ignored"},
    ]
    jsonl(tmp_path / "in.jsonl", lines)
    assert call("score", "in.jsonl", "--out", "out.jsonl").code == 0
    for line, scored in zip(lines, read(tmp_path / "out.jsonl"), strict=True):
        text = line.get("text", "")
        if not clean(text):
            text, cleaned = f"{line['title']}\n{line['body']}", f"{clean(line['title'])}\n{clean(line['body'])}".strip()
        else:
            cleaned = clean(text)
        spans = scorer.score([cleaned.replace("Bank\nrun", "Bank run")])[0].spans
        assert spans
        assert scored["id"] == line["id"]
        assert [clean(text[start:end]) for start, end, _ in scored["spans"]] == [
            cleaned.replace("Bank\nrun", "Bank run")[span.start : span.end].strip() for span in spans
        ]
        assert [round(weight * WHOLE, 6) for *_, weight in scored["spans"]] == [span.weight for span in spans]
        assert all(0 <= start < end <= len(text) for start, end, _ in scored["spans"])


def test_what_cannot_be_scored_says_so_in_its_place(call: Caller, tmp_path: Path) -> None:
    lines = [
        '{"id": "a", "text": "Bank run", "published_at": "yesterday", "url": 5, "sentiment": null}',
        "{torn",
        "",
        '{"id": 7, "text": "<p></p>"}',
        '{"id": "c"}',
        '{"text": "no id"}',
        '{"id": "d", "text": ["list"]}',
        "[1]",
        '{"id": 2.5, "title": "Bank run"}',
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    done = call("score", "in.jsonl", "--out", "out.jsonl")
    assert done.code == 3
    assert "in.jsonl: 2 texts scored" in done.err
    assert "7 lines could not be scored" in done.err
    found = read(tmp_path / "out.jsonl")
    assert [line["id"] for line in found] == ["a", None, None, 7, "c", None, "d", None, 2.5]
    assert [set(line) == {"id", "error"} for line in found] == [False, *[True] * 7, False]
    assert list(found[0]) == ["id", "sentiment", "topics", "labels", "spans"]
    assert "line 2: the line is not JSON" in found[1]["error"]
    assert "line 3: the line is blank" in found[2]["error"]
    assert "nothing is left of the text" in found[3]["error"]
    assert found[5]["error"] == "line 6: `id` is missing"
    assert found[0]["sentiment"] == found[-1]["sentiment"]


def test_a_packed_table_with_other_names_is_scored(call: Caller, tmp_path: Path) -> None:
    table = 'time,nr,post\n2026-03-01,5,"Bank\nrun"\n2026-03-01,6,储户排队提款\n2026-03-01,7\n'
    (tmp_path / "posts.csv.gz").write_bytes(gzip.compress(table.encode("gb18030")))
    done = call(
        "score", "posts.csv.gz", "--out", "out.jsonl", "--field", "id=nr", "--field", "text=post", "--encoding",
        "gb18030",
    )  # fmt: skip
    assert done.code == 3
    found = read(tmp_path / "out.jsonl")
    assert [line["id"] for line in found] == ["5", "6", None]
    assert "the row has 2 cells" in found[2]["error"]


def test_ids_can_be_made_of_the_texts(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "in.jsonl", [{"text": "Bank run"}, {"text": "Bank"}, {"text": "Bank run"}, {"nr": 4}])
    assert call("score", "in.jsonl", "--out", "out.jsonl", "--field", "id==hash").code == 3
    first, second, third, textless = read(tmp_path / "out.jsonl")
    assert first["id"] == third["id"] != second["id"]
    assert len(first["id"]) == 32
    assert textless["id"] is None
    assert textless["error"].startswith("line 4: ")


def test_standard_input_and_output(tmp_path: Path) -> None:
    given = b'{"id": 1, "text": "Bank run"}\n{"id": 2, "text": "Bank"}\n'
    done = subprocess.run(command("-", "--out", "-"), cwd=tmp_path, capture_output=True, check=True, input=given)
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [1, 2]
    assert b"standard input: 2 texts scored" in done.stderr


def test_as_many_lines_come_out_in_the_same_order_however_many_portions(call: Caller, tmp_path: Path) -> None:
    few = ["Bank run", "Profit rises", "央行降准", ""]
    count = 2 * PORTION + 7
    jsonl(tmp_path / "in.jsonl", [{"id": number, "text": few[number % 4]} for number in range(count)])
    assert call("score", "in.jsonl", "--out", "out.jsonl").code == 3
    found = read(tmp_path / "out.jsonl")
    assert [line["id"] for line in found] == list(range(count))
    assert ["error" in line for line in found] == [number % 4 == 3 for number in range(count)]
    assert call("score", "in.jsonl", "--out", "rest.jsonl", "--from-line", "1001").code == 3
    assert read(tmp_path / "rest.jsonl") == found[1000:]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from bellwether.cli import main; main()", "score", *arguments]


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_when_it_is_stopped_whole_lines_stay_and_it_says_how_to_go_on(tmp_path: Path, asked: signal.Signals) -> None:
    """What has been scored is written before the input has come to its end: memory has a bound."""
    (tmp_path / "out.jsonl").write_text("of an earlier run\n")
    lines = b'{"id": 1, "text": "Bank run"}\n' * (PORTION + 3)
    partial = tmp_path / "out.jsonl.partial"
    with subprocess.Popen(
        command("-", "--out", "out.jsonl"), cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(lines)
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while not (partial.exists() and partial.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(asked)
        said = process.stderr.read().decode()
        assert process.wait(30) == 130
    assert f"standard input is scored to line {PORTION}, in {partial}" in said
    assert f"--from-line {PORTION + 1}" in said
    assert len(read(partial)) == PORTION
    assert (tmp_path / "out.jsonl").read_text() == "of an earlier run\n"


def test_a_file_that_breaks_off_is_scored_so_far(call: Caller, tmp_path: Path) -> None:
    lines = "".join(
        json.dumps({"id": number, "text": f"t{number % 9}", "x": number * 7919}) + "\n" for number in range(3000)
    )
    packed = gzip.compress(lines.encode())
    (tmp_path / "in.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    done = call("score", "in.jsonl.gz", "--out", "out.jsonl")
    assert done.code == 2
    scored = len(read(tmp_path / "out.jsonl.partial"))
    assert scored > PORTION
    assert "it is not whole gzip" in done.err
    assert f"go on into another file with --from-line {scored + 1}" in done.err
    assert not (tmp_path / "out.jsonl").exists()


def test_a_device_is_written_and_not_replaced(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "in.jsonl", [{"id": 1, "text": "Bank run"}])
    assert call("score", "in.jsonl", "--out", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()


def test_a_pipe_is_written_under_the_name_that_a_shell_gives_it(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "in.jsonl", [{"id": 1, "text": "Bank run"}])
    end, pipe = os.pipe()
    assert call("score", "in.jsonl", "--out", f"/dev/fd/{pipe}").code == 0
    os.close(pipe)
    with os.fdopen(end, "rb") as scores:
        assert json.loads(scores.read())["id"] == 1


def test_a_link_still_leads_to_the_scores(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "in.jsonl", [{"id": 1, "text": "Bank run"}])
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out.jsonl").symlink_to(tmp_path / "elsewhere" / "scores.jsonl")
    assert call("score", "in.jsonl", "--out", "out.jsonl").code == 0
    assert (tmp_path / "out.jsonl").is_symlink()
    assert len(read(tmp_path / "elsewhere" / "scores.jsonl")) == 1


def test_a_full_disk_is_told(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "in.jsonl", [{"id": 1, "text": "Bank run"}])
    done = call("score", "in.jsonl", "--out", "/dev/full")
    assert done.code == 1
    assert "/dev/full cannot be written on (No space left on device)" in done.err


def test_where_there_is_no_more_room_whole_lines_stay(tmp_path: Path) -> None:
    jsonl(tmp_path / "in.jsonl", [{"id": number, "text": "Bank run"} for number in range(3 * PORTION)])
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000)); "
    interpreter, option, code, *arguments = command("in.jsonl", "--out", "out.jsonl")
    done = subprocess.run(
        [interpreter, option, limited + code, *arguments], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"out.jsonl.partial cannot be written on (File too large)" in done.stderr
    scored = len(read(tmp_path / "out.jsonl.partial"))
    assert 0 < scored < 3 * PORTION
    assert f"--from-line {scored + 1}".encode() in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing.jsonl", "--out", "out.jsonl"], "missing.jsonl cannot be opened"),
        (["in.jsonl"], "Missing option '--out'"),
        (["in.jsonl", "--out", "nowhere/out.jsonl"], "--out nowhere/out.jsonl cannot be written"),
        (["in.jsonl", "--out", "out.jsonl", "--model", "nowhere"], "There is no model folder nowhere"),
        (["in.jsonl", "--out", "out.jsonl", "--field", "headline=h"], "a document has no field headline"),
        (["in.jsonl", "--out", "out.jsonl", "--encoding", "klingon"], "there is no text encoding 'klingon'"),
        (["out.jsonl.partial", "--out", "out.jsonl"], "is where the scores would be written meanwhile"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_leaves_nothing(
    call: Caller, tmp_path: Path, arguments: list[str], says: str
) -> None:
    jsonl(tmp_path / "in.jsonl", [{"id": 1, "text": "Bank run"}])
    jsonl(tmp_path / "out.jsonl.partial", [{"id": 1, "text": "Bank run"}]).rename(
        tmp_path / ("out.jsonl.partial" if arguments[0] == "out.jsonl.partial" else "unused")
    )
    before = sorted(path.name for path in tmp_path.iterdir())
    done = call("score", *arguments)
    assert done.code == 2
    assert says in done.err.replace("\n", " ")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_every_option_is_explained() -> None:
    assert all(option.help for option in score.params if isinstance(option, click.Option))
