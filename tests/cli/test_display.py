"""What training shows, on a terminal and in a pipe."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from firth.cli.display import BarDisplay, PlainDisplay, listening
from firth.events import EpochEnd, Event, Notice, Probe, Progress, Saved


def progress(done: int, **changes: object) -> Progress:
    values = {
        "done": done, "total": 2000, "epoch": 1, "epochs": 2, "words_per_second": 1_234_567.8, "loss": 0.25,
        "rate": 0.0213, "eta": 75.0,
    }  # fmt: skip
    return Progress(**(values | changes))  # type: ignore[arg-type]


OTHERS: list[tuple[Event, str]] = [
    (EpochEnd(2, 0.5, None, 3.21), "epoch 2 done: mean loss 0.5000, after 3.2 s\n"),
    (EpochEnd(2, 0.5, 0.75, 3723.0), "epoch 2 done: mean loss 0.5000, held-out loss 0.7500, after 1 h 02 min\n"),
    (Probe(1, "king", (("queen", 0.8), ("prince", 0.71))), "  king: queen 0.80, prince 0.71\n"),
    (Notice("3 words skipped"), "note: 3 words skipped\n"),
    (Saved("model"), "saved: model\n"),
    (Probe(1, "a\x1bb", (("new\nline", 0.5), ("\udcff", 0.4))), "  a\\x1bb: new\\nline 0.50, \\xff 0.40\n"),
    (Notice("[bold]not markup[/bold] :smile:"), "note: [bold]not markup[/bold] :smile:\n"),
]


@pytest.mark.parametrize(("event", "line"), OTHERS)
def test_events_are_lines_in_a_pipe(event: Event, line: str) -> None:
    stream = io.StringIO()
    PlainDisplay(stream)(event)
    assert stream.getvalue() == line


def test_progress_in_a_pipe_is_rare_and_complete() -> None:
    stream, now = io.StringIO(), [100.0]
    display = PlainDisplay(stream, clock=lambda: now[0])
    for second in range(14):
        now[0] = 100.0 + second
        display(progress(100 * second))
    lines = stream.getvalue().splitlines()
    assert lines == [
        "epoch 1/2  25.0 %  1,234,568 words/s  loss 0.2500  rate 0.0213  1 min 15 s left",
        "epoch 1/2  50.0 %  1,234,568 words/s  loss 0.2500  rate 0.0213  1 min 15 s left",
    ]


@pytest.mark.parametrize("eta", [float("inf"), float("nan"), -1.0])
def test_unknown_loss_and_time_are_not_shown_as_numbers(eta: float) -> None:
    stream = io.StringIO()
    display = PlainDisplay(stream, clock=iter([0.0, 9.0, 9.0]).__next__)
    display(progress(0, loss=None, eta=eta, total=0))
    assert stream.getvalue() == "epoch 1/2  0.0 %  1,234,568 words/s  rate 0.0213  unknown time left\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def plain(written: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)


def test_terminal_shows_bar_rate_loss_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    display = BarDisplay(stream)
    display(progress(500))
    display(Notice("a [bold]notice[/bold]"))
    display(progress(2000, epoch=2))
    display.close()
    written = plain(stream.getvalue())
    assert "epoch 2/2" in written
    assert "100%" in written
    assert "1,234,568 words/s  loss 0.2500  rate 0.0213  1 min 15 s left" in written
    assert "note: a [bold]notice[/bold]" in written


def test_terminal_lines_are_never_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    BarDisplay(stream)(Notice("word " * 30))
    assert plain(stream.getvalue()).split() == ["note:", *["word"] * 30]


def test_quiet_is_silent_but_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.jsonl"
    with listening(quiet=True, log=log) as listen:
        listen(Notice("x"))
        listen(progress(1))
    assert capsys.readouterr().err == ""
    assert [json.loads(line)["event"] for line in log.read_text().splitlines()] == ["Notice", "Progress"]


def test_a_pipe_gets_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with listening() as listen:
        listen(Notice("x"))
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "note: x\n")


def test_a_terminal_gets_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with listening() as listen:
        listen(progress(1000))
    assert "50%" in plain(stream.getvalue())
    assert stream.getvalue().endswith("\x1b[?25h")  # the cursor is back
