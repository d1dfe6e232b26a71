"""What a person sees: tables within 80 columns, plain text in pipes, progress and time left."""

import io
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path

import pytest
import yaml

from experiments import terminal
from planners import planner_names

pty = pytest.importorskip("pty", reason="terminals are those of POSIX")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
ALL = ",".join(planner_names())
SNAPDRAGON = ("alexnet", "--soc", "snapdragon_800")
COMMANDS = [
    ("infer", *SNAPDRAGON, "--planner", "deepx", "--options", "full"),
    ("plan", *SNAPDRAGON, "--planner", "deepx", "--options", "full", "--explain"),
    ("plan", *SNAPDRAGON, "--planner", "deepx", "--pareto"),
    ("compare", *SNAPDRAGON, "--planners", ALL),
    ("list",),
    ("sweep", "plan", "bandwidth_error"),
    ("show", "alexnet"),
    ("show", "tegra_k1"),
]


QUICK = {"infer", "compare"}


def named(commands):
    """Those that are not quick run in `make test-all` only."""
    return [
        pytest.param(
            words,
            id="-".join(words[:2] + words[-1:]),
            marks=[] if words[0] in QUICK else pytest.mark.slow,
        )
        for words in commands
    ]


def command(words):
    return [sys.executable, "-m", "experiments", *words]


def environment(columns, **changes):
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    return kept | {"COLUMNS": str(columns), "TERM": "xterm-256color", **changes}


def piped(words, columns=200):
    """Standard output in a pipe; how wide the terminal is makes no difference."""
    ran = subprocess.run(
        command(words), capture_output=True, env=environment(columns), check=True, timeout=120
    )
    return ran.stdout.decode()


def in_terminal(words, columns, **changes):
    """Standard output and error as a terminal of that width shows them."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        command(words),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(columns, **changes),
    )
    os.close(theirs)
    content = bytearray()
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        content += part
    os.close(ours)
    assert running.wait(timeout=120) == 0
    return content.decode().replace("\r\n", "\n")


def widths(text):
    return [len(line) for line in ESCAPE.sub("", text).splitlines()]


@pytest.mark.parametrize("words", named(COMMANDS))
def test_text_in_a_pipe_is_plain_and_fits(words):
    text = piped(words)
    assert "\x1b" not in text
    assert max(widths(text)) <= 80


@pytest.mark.parametrize("words", named(COMMANDS[:4]))
def test_text_fits_a_terminal_of_80_columns(words):
    text = in_terminal(words, 80)
    last = ESCAPE.sub("", text).split("\r")[-1]
    assert max(widths(last)) <= 80
    assert "\x1b[1m" in text, "no bold title on a terminal"


def test_a_narrow_terminal_loses_no_number():
    words = ("compare", *SNAPDRAGON, "--planners", "cpu_only,deepx")
    text = in_terminal(words, 50)
    shown = ESCAPE.sub("", text).split("\r")[-1]
    assert max(widths(shown)) <= 50
    letters = sorted(re.sub(r"[\s─]", "", shown))
    assert letters == sorted(re.sub(r"[\s─]", "", piped(words)))


def test_a_stream_with_policies_ends_with_all_of_them_side_by_side(tmp_path):
    shipped = Path(__file__).parent.parent / "experiments/configs/replanning_pays.yaml"
    document = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    document |= {"requests": 20, "replications": 2, "warm_up_s": 0.0}
    (tmp_path / "short.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    text = piped(("stream", str(tmp_path / "short.yaml")))
    assert max(widths(text)) <= 80
    last = text.split("means a request, by policy\n")[1].splitlines()
    titles = [policy.get("name", policy["policy"]) for policy in document["policies"]]
    told = json.loads(piped(("stream", str(tmp_path / "short.yaml"), "--json")))
    for title in titles:
        mean = told["policies"][title]["metrics"]["energy_per_request_j"]["mean"]
        assert any(title in line and f"{mean:.4g}" in line.split() for line in last)


def test_names_and_descriptions_are_two_columns():
    lines = piped(("list", "hosts")).splitlines()[1:]
    starts = {re.match(r"  \S+ +", line).end() for line in lines}
    assert len(starts) == 1


def test_no_color_means_no_escapes_in_tables():
    text = in_terminal(COMMANDS[0], 80, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", text)


def test_json_is_the_same_on_a_terminal_and_in_a_pipe():
    words = (*COMMANDS[3], "--json")
    text = in_terminal(words, 40)
    document = text[text.index("[\n") :]
    assert "\x1b" not in document
    assert json.loads(document) == json.loads(piped(words))


def test_progress_in_a_pipe_tells_the_time_left(monkeypatch):
    clock = iter([0.0, 1.0, 2.5, 5.0])
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    heard = io.StringIO()
    with redirect_stderr(heard), terminal.progress("plans", 10) as step:
        for name in "abc":
            step(name)
    assert heard.getvalue().splitlines() == [
        "plans: 2 of 10, about 10 s left, last b",
        "plans: 3 of 10, about 12 s left, last c",
    ]


def test_progress_on_a_terminal_fits_80_columns():
    text = in_terminal(("compare", *SNAPDRAGON, "--planners", ALL), 80)
    bars = [part for part in re.split(r"[\r\n]", ESCAPE.sub("", text)) if "planners" in part]
    assert any(f"/{len(planner_names())}" in part and ":" in part for part in bars)
    assert all(len(part) <= 80 for part in bars)
