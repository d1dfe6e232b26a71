"""The YAML reader: every fault of a file, at its place, in plain words; never a traceback."""

import math
import pickle
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from profiles import examples
from pydantic import BaseModel, ConfigDict, Field, model_validator

import socs
from socs.specs import Soc
from workloads.names import UnknownName, nearest_name
from workloads.reader import (
    Fault,
    SpecError,
    fault_at,
    first_kind,
    read_bytes,
    read_document,
    read_spec,
    read_text,
    spec_of,
)
from workloads.sourced import Sourced


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Conv(Closed):
    kind: Literal["conv"]
    kernel: int = Field(gt=0)
    conv: int = 1
    """Named like its kind, to lead locations astray."""


class Dense(Closed):
    kind: Literal["dense"]
    units: int = Field(gt=0)


Layer = Annotated[Conv | Dense, Field(discriminator="kind")]


class Device(Closed):
    kind: Literal["device"] = "device"
    name: str = Field(min_length=1)
    shared: bool = False
    clock_hz: float = Field(gt=0)
    frequency: float | Literal["max", "all"] = "max"
    wake_s: Sourced
    peaks: dict[Literal["fp32", "int8"], float] = {}
    layers: tuple[Layer, ...] = ()
    pair: tuple[int, int] | None = None

    @model_validator(mode="after")
    def _named(self) -> "Device":
        if self.name == "nobody":
            raise ValueError("nobody is no name")
        return self


VALID = """\
kind: device
name: probe
shared: true
clock_hz: 450e6
frequency: all
wake_s:
  value: 0.005
  source: "By hand"
  basis: assumed
peaks: {fp32: 2, int8: 8.5}
layers:
  - kind: conv
    kernel: 3
  - {kind: dense, units: 10}
pair: [1, 2]
"""


def faults_of(text: str | bytes, model: type[BaseModel] = Device) -> list[str]:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(SpecError) as raised:
        spec_of(read_bytes(content, file="f"), model)
    assert str(raised.value) == "\n".join(map(str, raised.value.faults))
    return [str(fault) for fault in raised.value.faults]


def changed(old: str, new: str) -> str:
    assert VALID.count(old) == 1
    return VALID.replace(old, new)


def test_valid_file_is_read() -> None:
    device = read_text(VALID, Device)
    assert device.clock_hz == 450e6
    assert device.layers == (Conv(kind="conv", kernel=3), Dense(kind="dense", units=10))
    assert device.pair == (1, 2)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("kind: device", "kind: devise", "f:1:7: kind: is 'devise', must be 'device'"),
        ("kind: device\n", "", "f:1:1: kind: is missing, must be 'device'"),
        ("name: probe", "name: 5", "f:2:7: name: is 5, must be text (write it in quotes)"),
        ("name: probe", "name:", "f:2:6: name: is empty, must be text"),
        (
            "name: probe",
            "name: ''",
            "f:2:7: name: is '', must have at least 1 character",
        ),
        ("name: probe", "name: true", "f:2:7: name: is true, must be text (write it in quotes)"),
        ("name: probe", "name: nobody", "f:1:1: file: nobody is no name"),
        ("shared: true", "shared: yes", "f:3:9: shared: is 'yes', must be true or false"),
        (
            "clock_hz: 450e6",
            "clock_hz: on",
            "f:4:11: clock_hz: is 'on', must be a number of hertz, or text such as '450 MHz'",
        ),
        ("clock_hz: 450e6", "clock_hz: -1", "f:4:11: clock_hz: is -1, must be greater than 0"),
        ("450e6", ".nan", "f:4:11: clock_hz: is .nan, must be a finite number"),
        ("450e6", "-.inf", "f:4:11: clock_hz: is -.inf, must be a finite number"),
        ("450e6", "1e999", "f:4:11: clock_hz: is 1e999, must be a finite number"),
        (
            "450e6",
            "20 Mbit/s",
            "f:4:11: clock_hz: is '20 Mbit/s' and is in Mbit/s, a unit of rate, must be a number "
            "of hertz, or text such as '450 MHz'",
        ),
        (
            "450e6",
            "20 furlongs",
            "f:4:11: clock_hz: is '20 furlongs' and has the unknown unit 'furlongs', must be a "
            "number of hertz, or text such as '450 MHz'",
        ),
        (
            "clock_hz: 450e6\n",
            "clock_mhz: 450\n",
            "f:4:1: clock_mhz: is no key that is known here, did you mean 'clock_hz'?",
        ),
        (
            "clock_hz: 450e6\n",
            "",
            "f:1:1: clock_hz: is missing, must be a number of hertz, or text such as '450 MHz'",
        ),
        (
            "frequency: all",
            "frequency: most",
            "f:5:12: frequency: is 'most', must be a number, or must be 'max' or 'all'",
        ),
        ("  basis: assumed\n", "", "f:6:1: wake_s.basis: is missing, must be 'measured' or "),
        (
            "basis: assumed",
            "basis: asumed",
            "f:9:10: wake_s.basis: is 'asumed', must be 'measured', 'datasheet', 'derived', "
            "'assumed' or 'calibrated' (did you mean 'assumed'?)",
        ),
        ("basis: assumed", "basis: calibrated", "f:6:1: wake_s: a calibrated figure needs low"),
        (
            "basis: assumed",
            "basis: assumed\n  low: 1",
            "f:7:10: wake_s.value: is 0.005, must be at least low, 1",
        ),
        ("int8: 8.5", "int7: 8.5", "f:10:18: peaks.int7: is no key that is known here, did you"),
        ("int8: 8.5", "fp32: 3", "f:10:18: peaks.fp32: is given twice, first in line 10, must be"),
        ("kernel: 3", "kernel: 3.5", "f:13:13: layers.0.kernel: is 3.5, must be a whole number"),
        (
            "kernel: 3",
            "kernel: 3.0",
            "f:13:13: layers.0.kernel: is 3.0, must be a whole number, written 3",
        ),
        ("kernel: 3", "conv: 3", "f:12:5: layers.0.kernel: is missing, must be a whole number"),
        ("kernel: 3", "kernel: 3\n    conv: x", "f:14:11: layers.0.conv: is 'x', must be a whole"),
        (
            "kind: conv",
            "kind: covn",
            "f:12:11: layers.0.kind: is 'covn', must be 'conv' or 'dense' (did you mean 'conv'?)",
        ),
        (
            "kind: dense, ",
            "",
            "f:14:5: layers.1.kind: is missing, must be 'conv' or 'dense'",
        ),
        ("units: 10", "units: -10", "f:14:26: layers.1.units: is -10, must be greater than 0"),
        ("{kind: dense, units: 10}", "7", "f:14:5: layers.1: is 7, must be a mapping"),
        ("[1, 2]", "[1]", "f:15:1: pair.1: is missing, must be a whole number"),
        ("[1, 2]", "[1, 2, 3]", "f:15:1: pair: is a list, must have at most 2 entries"),
        ("[1, 2]", "5", "f:15:7: pair: is 5, must be a list"),
        ("[1, 2]", "&two [1, 2]", "f:15:7: pair: has the anchor &two, must be without"),
        ("[1, 2]", "*two", "f:15:7: pair: is the alias *two, must be written out"),
        ("[1, 2]", "!!set [1, 2]", "f:15:7: pair: has the tag tag:yaml.org,2002:set, must be"),
        ("pair: [1, 2]", "? [a]\n: 3", "f:15:3: file: has a key that is no plain text, must be"),
        ("pair: [1, 2]", '"a\\nb": 3', "f:15:1: file: has the key 'a\\nb', must be a name"),
        ('"By hand"', '"By \\x07 hand"', "f:8:11: wake_s.source: holds '\\x07', must be printable"),
        ("  basis", "\tbasis", "f:9:1: file: a tab indents this line, must be spaces"),
        ("pair: [1, 2]", "pair: [1, 2", "f:15:7: file: "),
        ("name: probe", "name: a: b", "f:2:8: file: mapping values are not allowed "),
        ("pair: [1, 2]", "--- {}", "f:15:1: file: a second document starts here, must be one"),
        (
            "pair: [1, 2]",
            "pair: " + "[" * 50,
            "f:15:47: pair.0.0.0.0.0.0.0.0.0...: is too much, a file has at most 40 levels",
        ),
        ("probe", "p\x00obe", "f:2:8: file: holds the character U+0000, must be printable text"),
    ],
)
def test_one_fault_at_its_place(old: str, new: str, fault: str) -> None:
    lines = faults_of(changed(old, new))
    assert any(line.startswith(fault) for line in lines), lines


EDITS = {
    "name: probe": ("name: 5", (2, "name")),
    "shared: true": ("shared: 1", (3, "shared")),
    "clock_hz: 450e6": ("clock_hz: 5 ms", (4, "clock_hz")),
    "frequency: all": ("frequncy: all", (5, "frequncy")),
    "  value: 0.005": ("  value: .inf", (7, "wake_s.value")),
    '  source: "By hand"': ("  source:", (8, "wake_s.source")),
    "  basis: assumed": ("  bases: assumed", (9, "wake_s.bases")),
    "int8: 8.5": ("int8: *a", (10, "peaks.int8")),
    "    kernel: 3": ("    kernel: 0", (13, "layers.0.kernel")),
    "units: 10": ("units: 10, units: 11", (14, "layers.1.units")),
    "pair: [1, 2]": ("pair: [1, x]", (15, "pair.1")),
}


@given(st.sets(st.sampled_from(sorted(EDITS)), min_size=1))
def test_all_faults_are_told_at_once(chosen: set[str]) -> None:
    text, expected = VALID, set[tuple[int, str]]()
    for old in chosen:
        new, place = EDITS[old]
        text, expected = text.replace(old, new), expected | {place}
    with pytest.raises(SpecError) as raised:
        read_text(text, Device)
    told = {(fault.line, fault.field) for fault in raised.value.faults}
    assert expected <= told
    assert {field for _, field in told - expected} <= {"wake_s.basis"}  # lost where misspelt
    assert [fault.line for fault in raised.value.faults] == sorted(
        fault.line for fault in raised.value.faults
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "f:1:1: file: is empty, must be a mapping with name, clock_hz, wake_s"),
        ("- a", "f:1:1: file: is a list, must be a mapping with name, clock_hz, wake_s"),
        ("a", "f:1:1: file: is 'a', must be a mapping with name, clock_hz, wake_s"),
        ("name: [\n", "f:1:7: file: "),
        (b"kind: device\nname: \xff", "f:2:7: file: holds the byte 0xff, must be UTF-8 text"),
        (b"\xef\xbb\xbfkind: \xe4", "f:1:7: file: holds the byte 0xe4, must be UTF-8 text"),
        (b"\x7fELF\x02\x01\x01\x00", "f:1:1: file: holds the character U+007F, must be printable"),
        ("kind: device\r\nname: 5\r\n", "f:2:7: name: is 5, must be text"),
        (b"x" * 4_000_001, "f:1:1: file: is larger than 4000000 bytes, must be"),
        ("a: [" + "1, " * 200_001, "f:1:599999: a.199998: is too much, a file has at most 200000"),
    ],
)
def test_whole_file_faults(text: str | bytes, fault: str) -> None:
    lines = faults_of(text)
    assert any(line.startswith(fault) for line in lines), lines


def test_byte_order_mark_is_no_fault() -> None:
    assert spec_of(read_bytes(b"\xef\xbb\xbf" + VALID.encode(), file="f"), Device).name == "probe"


def test_alias_bomb_is_refused_at_once() -> None:
    levels = "".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9)}]\n" for n in range(1, 40))
    lines = faults_of("b0: &b0 [x]\n" + levels)
    assert "f:1:5: b0: has the anchor &b0, must be without: aliases are refused" in lines
    assert "f:2:10: b1.0: is the alias *b0, must be written out" in lines


def test_file_of_another_kind_gets_one_fault() -> None:
    other = "kind: cloud\nname: x\nlaunch_s: 1\nbusy_w: 2\nmemory_bytes: 3\n"
    assert faults_of(other) == ["f:1:7: kind: is 'cloud', must be 'device'"]


def test_shipped_files_of_other_kinds() -> None:
    folder = Path(socs.__file__).parent
    for path in sorted(folder.glob("[!d]*/*.yaml")):
        with pytest.raises(SpecError, match=f"kind: is '{first_kind(path)}', must be 'soc'"):
            read_spec(path, Soc)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("450 MHz", 450e6),
        ("450MHz", 450e6),
        ("'450 MHz'", 450e6),
        (".45 GHz", 450e6),
        ("4.5e2 MHz", 450e6),
        ("4.5e+8", 450e6),
        ("4_50_000_000", 450e6),
        ("0x10", 16.0),
        ("010", 10.0),
        ("100000000000000000000", 1e20),
    ],
)
def test_numbers_and_units(text: str, value: float) -> None:
    assert read_text(changed("450e6", text), Device).clock_hz == value


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("uplink_bytes_per_s", "20 Mbit/s", 2.5e6),
        ("bytes_per_s", "2 GB/s", 2e9),
        ("memory_bytes", "2 GiB", 2**31),
        ("latency_s", "5 ms", 0.005),
        ("latency_s", "700 us", 0.0007),
        ("rail_v", "700 mV", 0.7),
        ("idle_w", "350 mW", 0.35),
        ("upload_j_per_byte", "40 nJ/B", 40e-9),
        ("battery_j", "1 Wh", 3600.0),
        ("peak_macs_per_s", "1.5 TMAC/s", 1.5e12),
        ("die_c", "25 °C", 25.0),
        ("source", "5 ms", "5 ms"),
        ("steps_per_s", "5 ms", "5 ms"),
        ("latency_s", "5", 5),
        ("latency_s", "fast", "fast"),
        ("latency_s", "1e99999 ms", "1e99999 ms"),
    ],
)
@pytest.mark.parametrize("form", ["{}: {}", "{}: {{value: {}}}", "{}: [{}]"])
def test_units_go_by_the_name_of_the_field(
    tmp_path: Path, form: str, field: str, text: str, value: object
) -> None:
    (tmp_path / "f.yaml").write_text(form.format(field, text), encoding="utf-8")
    found = read_document(tmp_path / "f.yaml").data[field]
    if isinstance(found, dict | list):
        found = found["value"] if isinstance(found, dict) else found[0]
    assert found == value
    assert isinstance(found, type(value))


def test_text_that_looks_like_a_switch_stays_text() -> None:
    for text in ("on", "yes", "off", "no", "1:30", "2026-01-01", "nan", "=", "<<"):
        assert read_text(changed("probe", text), Device).name == text


def test_unreadable_files(tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path, "Is a directory"),
        (tmp_path / "none.yaml", "No such file or directory"),
        ("a\x00b", "embedded null byte"),
        ("/dev/zero", "is larger than"),
    ):
        with pytest.raises(SpecError, match=reason) as raised:
            read_spec(path, Device)
        assert "\n" not in str(raised.value)


def test_semantic_faults_find_their_line(tmp_path: Path) -> None:
    path = tmp_path / "device.yaml"
    path.write_text(VALID, encoding="utf-8")
    document = read_document(path)
    at = {
        ("layers", 0, "kernel"): (13, 13),
        ("layers", 0): (12, 5),
        ("layers", 0, "stride"): (12, 5),
        ("layers", 1, "stride"): (14, 5),
        ("layers",): (11, 1),
        ("wake_s", "low"): (6, 1),
        ("nothing", 3, "here"): (1, 1),
    }
    for where, place in at.items():
        fault = fault_at(document, where, "is odd, must be even")
        assert (fault.line, fault.column) == place
        assert str(fault).endswith(f": {'.'.join(map(str, where))}: is odd, must be even")


def test_first_kind(tmp_path: Path) -> None:
    path = tmp_path / "device.yaml"
    for text, fault in (
        ("name: x", "1:1: kind: is missing"),
        ("kind: 5", "1:7: kind: is 5, must be a name"),
        ("kind: *a", "1:7: kind: "),
        ("[]", "1:1: file: is a list"),
        ("", "1:1: file: is empty"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(SpecError, match=fault):
            first_kind(path)
    path.write_text("name: 5\nkind: unheard_of\n", encoding="utf-8")
    assert first_kind(path) == "unheard_of"


def test_spec_errors_travel_between_processes() -> None:
    with pytest.raises(SpecError) as raised:
        read_text("kind: [", Device)
    assert pickle.loads(pickle.dumps(raised.value)).faults == raised.value.faults


def test_unknown_names_offer_the_nearest() -> None:
    names = ("tegra_k1", "snapdragon_800")
    error = nearest_name("soc", "tegra", names)
    assert isinstance(error, UnknownName)
    assert error.nearest == ("tegra_k1",)
    assert str(error) == "no soc named 'tegra'; did you mean 'tegra_k1'?"
    assert "there is snapdragon_800, tegra_k1" in str(nearest_name("soc", "exynos", names))
    assert "there is none" in str(nearest_name("soc", "exynos", ()))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_sourced_figures_are_finite(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Sourced(value=value, source="x", basis="assumed")


SOC = (Path(socs.__file__).parent / "data" / "tegra_k1.yaml").read_bytes()
FILES: dict[bytes, type[BaseModel]] = {VALID.encode(): Device, SOC: Soc}

SCRAPS = st.sampled_from(
    [
        *[
            b"&a ",
            b"*a",
            b"!!int ",
            b"<<: ",
            b"? ",
            b"- ",
            b": ",
            b"[",
            b"{",
            b"}",
            b"]",
            b"'",
            b'"',
        ],
        *[
            b"|\n",
            b">-\n",
            b"\t",
            b"\x00",
            b"\xff",
            b"\xe2\x80\xa8",
            b"\xc2\x85",
            b"\r",
            b"\n",
            b"#",
        ],
        *[b".nan", b"1e999", b"-", b"9" * 400, b"1e-400", b"\\ud800", b'"\\ud800"', b"%YAML 9\n"],
        *[b"---\n", b"...\n", b"[" * 60, b"kind: ", b"value", b" MHz", b"\xef\xbb\xbf", b"@", b"`"],
    ]
)


@st.composite
def mutated(draw: st.DrawFn, content: bytes) -> bytes:
    """A file after one to six flips of a bit, insertions, deletions or swaps of lines."""
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        way = draw(st.sampled_from(["flip", "insert", "delete", "swap", "random"]))
        if way == "flip" and content:
            flipped = content[at] ^ (1 << draw(st.integers(0, 7)))
            content = content[:at] + bytes([flipped]) + content[at + 1 :]
        elif way == "insert":
            content = content[:at] + draw(SCRAPS) + content[at:]
        elif way == "delete":
            content = content[:at] + content[at + draw(st.integers(1, 40)) :]
        elif way == "swap":
            lines = content.split(b"\n")
            first, second = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
            lines[first], lines[second] = lines[second], lines[first]
            content = b"\n".join(lines)
        else:
            content = content[:at] + draw(st.binary(max_size=8)) + content[at:]
    return content


def check_survives(content: bytes, model: type[BaseModel]) -> None:
    """Either a specification or faults with places inside the file, one line each."""
    spec: BaseModel | None = None
    faults: tuple[Fault, ...] = ()
    try:
        spec = spec_of(read_bytes(content, file="f"), model)
    except SpecError as error:
        faults = error.faults
    assert isinstance(spec, model) != bool(faults)
    last = content.count(b"\n") + content.count(b"\r") + 1
    for fault in faults:
        assert 1 <= fault.line <= last + 1
        assert 1 <= fault.column <= len(content) + 2
        assert str(fault).isprintable()
        assert "pydantic" not in str(fault)
        str(fault).encode()


@settings(max_examples=examples(200))
@given(st.sampled_from(list(FILES)).flatmap(lambda file: st.tuples(st.just(file), mutated(file))))
def test_mutated_files_are_survived(case: tuple[bytes, bytes]) -> None:
    original, content = case
    check_survives(content, FILES[original])


@settings(max_examples=examples(200))
@given(st.binary(max_size=200) | st.lists(SCRAPS, max_size=40).map(b"".join))
@example(b"\xff\xfe")
@example(b"?" * 100)
@example(b"a: !")
@example(b"a: |\n" + b" " * 1000 + b"\n b")
def test_any_bytes_are_survived(content: bytes) -> None:
    check_survives(content, Device)
