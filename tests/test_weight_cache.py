"""The cache of weights: one build a key, never trusts a damaged file, never fails for a folder."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from networks import document, network

from workloads import cache, weights
from workloads.building import build
from workloads.cache import cache_folder, load_or_build
from workloads.specs import WorkloadSpec
from workloads.spectra import load_profile
from workloads.weights import cache_key, make_weights

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros((0, 4), np.float32)}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def build_counted(calls):
    def build():
        calls.append(1)
        return dict(ARRAYS)

    return build


def test_the_cache_builds_once(folder):
    calls = []
    for _ in range(3):
        found = load_or_build("key", build_counted(calls), folder)
        assert {name: array.tolist() for name, array in found.items()} == {
            name: array.tolist() for name, array in ARRAYS.items()
        }
    assert len(calls) == 1
    load_or_build("other key", build_counted(calls), folder)
    assert len(calls) == 2
    assert not list(folder.glob("*.part"))


DAMAGE = {
    "a bit of the data": lambda content: content[:-3] + bytes([content[-3] ^ 1]) + content[-2:],
    "end missing": lambda content: content[:-4],
    "more at the end": lambda content: content + b"x",
    "empty": lambda content: b"",
    "another file": lambda content: b"hello\n",
    "binary": lambda content: bytes(range(256)) * 9,
    "shape of as many values": lambda content: content.replace(b"[2, 3]", b"[3, 2]", 1),
    "other shape": lambda content: content.replace(b"[2, 3]", b"[9, 3]", 1),
    "endless shape": lambda content: content.replace(b"[2, 3]", b"[1e999]", 1),
    "name": lambda content: content.replace(b'"name": "a"', b'"name": "c"', 1),
    "digest of the header": lambda content: b"0" + content[1:],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_rebuilt(folder, damage):
    calls = []
    load_or_build("key", build_counted(calls), folder)
    (path,) = folder.glob("*.arrays")
    content = path.read_bytes()
    changed = DAMAGE[damage](content)
    path.write_bytes(changed)
    found = load_or_build("key", build_counted(calls), folder)
    assert set(found) == set(ARRAYS)
    np.testing.assert_array_equal(found["a"], ARRAYS["a"])
    assert len(calls) == 1 + (changed != content)
    assert path.read_bytes() == content
    load_or_build("key", build_counted(calls), folder)
    assert len(calls) == 1 + (changed != content)


@pytest.mark.parametrize("at", range(0, 360, 7))
def test_no_flipped_byte_goes_unnoticed(folder, at):
    calls = []
    load_or_build("key", build_counted(calls), folder)
    (path,) = folder.glob("*.arrays")
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 4
    path.write_bytes(bytes(content))
    load_or_build("key", build_counted(calls), folder)
    assert len(calls) == 2


def test_a_self_consistent_header_of_impossible_sizes_is_rebuilt(folder):
    calls = []
    load_or_build("key", build_counted(calls), folder)
    (path,) = folder.glob("*.arrays")
    _, header = path.read_bytes().split(b"\n")[0].split(b" ", 1)
    for shape in (b"[1e999]", b"[99999999999999999999999]", b"[-1]", b"null", b"[[2]]"):
        forged = header.replace(b"[2, 3]", shape, 1)
        path.write_bytes(cache._digest(forged).encode() + b" " + forged + b"\n")
        load_or_build("key", build_counted(calls), folder)
    assert len(calls) == 6


def test_what_another_version_or_key_wrote_is_not_taken(folder, monkeypatch):
    calls = []
    load_or_build("key", build_counted(calls), folder)
    (path,) = folder.glob("*.arrays")
    load_or_build("other", build_counted(calls), folder)
    (other,) = set(folder.glob("*.arrays")) - {path}
    other.write_bytes(path.read_bytes())
    load_or_build("other", build_counted(calls), folder)
    assert len(calls) == 3
    monkeypatch.setattr(cache, "VERSION", cache.VERSION + 1)
    load_or_build("key", build_counted(calls), folder)
    assert len(calls) == 4


def test_a_folder_that_cannot_be_written_only_means_no_cache(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    calls = []
    load_or_build("key", build_counted(calls), blocked)

    def refuse(*_args, **_kwargs):
        raise PermissionError("read-only")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    load_or_build("key", build_counted(calls), tmp_path)
    load_or_build("key", build_counted(calls), tmp_path)
    assert len(calls) == 3
    assert sorted(tmp_path.iterdir()) == [blocked]


def test_a_disk_that_fills_up_leaves_nothing_behind(folder, monkeypatch):
    def refuse(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    load_or_build("key", lambda: dict(ARRAYS), folder)
    assert list(folder.iterdir()) == []


def test_an_interrupted_build_leaves_nothing_behind(folder, monkeypatch):
    def interrupt(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_or_build("key", lambda: dict(ARRAYS), folder)
    assert list(folder.iterdir()) == []


def test_the_environment_names_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPX_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("DEEPX_CACHE")
    assert cache_folder().name == "deepx-sim"


WRITER = """
import sys
import numpy as np
from pathlib import Path
from workloads import cache
big = {"a": np.arange(1_000_000, dtype=np.float32)}
for _ in range(20):
    cache._store(Path(sys.argv[1]) / "shared.arrays", "key", big)
    found = cache._load(Path(sys.argv[1]) / "shared.arrays", "key")
    assert found is not None and np.array_equal(found["a"], big["a"])
"""


def test_processes_that_write_at_once_never_show_half_a_file(folder):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for writer in writers:
        _, complaints = writer.communicate(timeout=120)
        assert writer.returncode == 0, complaints.decode()
    assert [path.name for path in folder.iterdir()] == ["shared.arrays"]


LAYERS = [{"kind": "dense", "units": 12}, {"kind": "relu"}, {"kind": "dense", "units": 5}]
SPEC = WorkloadSpec.model_validate(document([10], LAYERS))


def test_weights_from_disk_are_those_that_were_built(folder):
    net = build(SPEC)
    built, loaded = (make_weights(net, cache=folder) for _ in range(2))
    assert len(list(folder.glob("*.arrays"))) == 1
    for name in built:
        for part in ("matrix", "bias", "left", "right"):
            np.testing.assert_array_equal(getattr(built[name], part), getattr(loaded[name], part))


def test_a_key_per_seed_and_specification_but_not_per_number_of_frames():
    net = build(SPEC)
    assert cache_key(net, 0) == cache_key(build(SPEC, frames=7), 0)
    assert cache_key(net, 0) != cache_key(net, 1)
    wider = network([10], {"kind": "dense", "units": 13})
    assert cache_key(net, 0) != cache_key(wider, 0)


def test_weights_do_not_depend_on_the_number_of_frames(tmp_path):
    few, many = build(SPEC, frames=1), build(SPEC, frames=9)
    first = make_weights(few, cache=tmp_path / "few")
    second = make_weights(many, cache=tmp_path / "many")
    for name in first:
        np.testing.assert_array_equal(first[name].matrix, second[name].matrix)
        np.testing.assert_array_equal(first[name].bias, second[name].bias)


def test_an_edited_profile_changes_the_key(monkeypatch):
    net, profile = build(SPEC), load_profile("convolution")
    before = cache_key(net, 0)
    edited = profile.model_copy(update={"leading_share": profile.leading_share * 1.01})
    monkeypatch.setattr(weights, "load_profile", lambda _name: edited)
    assert cache_key(net, 0) != before
