"""Laws of the container: what was written comes back, and nothing else is ever believed."""

import errno
import hashlib
import json
import math
import os
import stat
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as some

from shoal.errors import FileError, ModelFileError
from shoal.files import container
from shoal.files.atomic import atomic_write
from shoal.files.container import read, write
from shoal.files.layout import MAX_DEPTH, MAX_HEADER, MAX_TENSORS

DOCUMENT = {"activation": "tanh", "classes": ["no", "straße"], "alpha": 1e-4, "seed": 3}
TENSORS = {
    "W1": np.array([[0.5, -0.0], [1e-45, 3e38]], dtype=np.float32),
    "b1": np.array([[math.pi], [-1.0]]),
    "counts": np.array([1, -(2**63)]),
    "words": np.frombuffer(b"no", dtype=np.uint8),
    "nothing": np.zeros((0, 3)),
}

# ------------------------------------------------------------------ what may be written

_dtypes = st.sampled_from(["<f4", ">f4", "<f8", ">f8", "<i8", ">i8", "u1"])
_shapes = some.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=5)
_finite = {"allow_nan": False, "allow_infinity": False}
_arrays = _dtypes.flatmap(
    lambda dtype: some.arrays(dtype, _shapes, elements=_finite if "f" in dtype else None)
)
_names = st.text().filter(lambda name: name != "__metadata__")
_tensors = st.dictionaries(_names, _arrays, max_size=4)
_leaves = st.none() | st.booleans() | st.integers() | st.floats(**_finite) | st.text()
_documents = st.dictionaries(
    st.text(),
    st.recursive(
        _leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
    ),
    max_size=4,
)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder per example: hypothesis runs many of them within one `tmp_path`."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "m.shoal"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "m.shoal"
    write(path, DOCUMENT, TENSORS)
    return path


def raises(error):
    def fail(*_, **__):
        raise error

    return fail


def same_bits(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


# ------------------------------------------------------------------ round trips


@given(_documents, _tensors)
@settings(deadline=None, max_examples=60)
@example({}, {})
@example({"half a pair": "\ud800", "zero": -0.0, "long": 2**1000}, {"": np.array(1.5)})
@example({}, {"wide": np.zeros((0, 1 << 40)), "turned": np.ones((3, 2)).T, "thin": np.ones(9)[::3]})
def test_what_was_written_comes_back(document, tensors):
    with scratch() as path:
        write(path, document, tensors)
        back = read(path)
    assert json.dumps(back.document, sort_keys=True) == json.dumps(document, sort_keys=True)
    assert back.tensors.keys() == tensors.keys()
    for name, array in tensors.items():
        native = array.astype(array.dtype.newbyteorder("="))
        assert same_bits(back.tensors[name], native)
        flags = back.tensors[name].flags
        assert flags.aligned
        assert flags.c_contiguous
        assert not flags.writeable


@given(_documents, _tensors, st.randoms())
@settings(deadline=None, max_examples=25)
def test_one_content_has_one_sequence_of_bytes(document, tensors, random):
    def shuffled(items):
        return dict(random.sample(list(items.items()), len(items)))

    with scratch() as path:
        write(path, document, tensors)
        first = path.read_bytes()
        write(path, shuffled(document), shuffled(tensors))
        assert path.read_bytes() == first
        write(path, *read(path))
        assert path.read_bytes() == first


def test_the_bytes_of_today_are_the_bytes_of_tomorrow(file):
    # A golden hash: when it changes, files of older versions may have become unreadable.
    golden = "6970fc5abbea8a0989fe6f88293699870966fa4cc03b32ca5f053b7f87ce3f62"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == golden


def test_the_layout_is_safetensors(file):
    content = file.read_bytes()
    (n,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + n])
    assert (8 + n) % 64 == 0
    assert json.loads(header["__metadata__"]["shoal"]) == DOCUMENT
    for name, array in TENSORS.items():
        begin, end = header[name]["data_offsets"]
        assert header[name]["shape"] == list(array.shape)
        assert content[8 + n :][begin:end] == array.tobytes()
        assert begin % array.itemsize == 0


# ------------------------------------------------------------------ damage


def refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.endswith(".")
    assert len(message) < 700
    message.encode()  # Half a surrogate pair from the file would break whoever prints it.
    return message


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80])
def test_every_changed_byte_is_noticed(file, flip):
    content = file.read_bytes()
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= flip
        refused(file, changed)


def test_changed_padding_is_found_where_it_is(file):
    content = file.read_bytes()
    at = 8 + struct.unpack("<Q", content[:8])[0] - 1
    assert content[at : at + 1] == b" "
    message = refused(file, content[:at] + b"\t" + content[at + 1 :])
    assert f"it differs from byte {at} on" in message


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_no_change_of_a_few_bytes_is_overlooked(data):
    with scratch() as path:
        write(path, DOCUMENT, TENSORS)
        content = path.read_bytes()
        at = data.draw(st.integers(0, len(content)))
        cut = data.draw(st.integers(0, 9))
        put = data.draw(st.binary(max_size=9))
        changed = content[:at] + put + content[at + cut :]
        if changed != content:
            refused(path, changed)


def test_every_truncation_and_every_tail_is_noticed(file):
    content = file.read_bytes()
    for end in range(len(content)):
        refused(file, content[:end])
    assert "a header up to byte" in refused(file, content[:99])
    assert "numbers from byte" in refused(file, content[:-1])
    assert f"ends at byte {len(content) + 1}" in refused(file, content + b"\0")


@given(st.binary(max_size=200), st.booleans())
@settings(deadline=None, max_examples=150)
def test_random_bytes_are_never_believed(noise, framed):
    with scratch() as path:
        refused(path, struct.pack("<Q", len(noise) + 1) + b"{" + noise if framed else noise)


def forged(header, numbers=b"", pad=True):
    """A file with a header of our making, which only its content can betray."""
    line = header if isinstance(header, bytes) else json.dumps(header).encode()
    line += b" " * (-(8 + len(line)) % 64 if pad else 0)
    return struct.pack("<Q", len(line)) + line + numbers


METADATA = {"format": "shoal", "shoal": "{}", "checksum": ""}


def one_tensor(**changes):
    entry = {"dtype": "U8", "shape": [3], "data_offsets": [0, 3], **changes}
    return {"__metadata__": METADATA, "a": {k: v for k, v in entry.items() if v != "absent"}}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (one_tensor(), "the header as shoal writes it"),
        (one_tensor(dtype="F16"), "F32, F64, I64 or U8"),
        (one_tensor(dtype=["U8"]), "F32, F64, I64 or U8"),
        (one_tensor(shape=[1, 1, 3]), "at most 2 natural numbers"),
        (one_tensor(shape=[True, 3]), "at most 2 natural numbers"),
        (one_tensor(shape=[-1, -3]), "at most 2 natural numbers"),
        (one_tensor(shape=[3.0]), "at most 2 natural numbers"),
        (one_tensor(shape=[0, 10**400]), "at most 2 natural numbers"),
        (one_tensor(shape=3), "at most 2 natural numbers"),
        (one_tensor(shape=[4]), "offsets 0 to 4"),
        (one_tensor(data_offsets=[1, 4]), "offsets 0 to 3"),
        (one_tensor(data_offsets=None), "offsets 0 to 3"),
        (one_tensor(data_offsets="absent"), "data_offsets, dtype and shape"),
        (one_tensor(colour="red"), "data_offsets, dtype and shape"),
        ({"__metadata__": METADATA, "a": []}, "data_offsets, dtype and shape"),
        ({"__metadata__": METADATA, "\ud800" * 9999: {}}, "data_offsets, dtype and shape"),
        ({"a": one_tensor()["a"]}, "does not say that it is shoal's"),
        ({"__metadata__": {"format": "pt"}}, "does not say that it is shoal's"),
        ({"__metadata__": {**METADATA, "shoal": 1}}, "metadata made of strings"),
        ({"__metadata__": {**METADATA, "more": "1"}}, "metadata checksum, format and shoal"),
        ({"__metadata__": METADATA, **{str(i): {} for i in range(257)}}, "at most 256 tensors"),
        (b'{"a":1,"a":2}', "comes twice"),
        (b'{"a":NaN}', "there is NaN"),
        (b'{"a":' + b"9" * 5000 + b"}", "thousands of digits"),
        (b'{"a":' + b"[" * 500_000, "nested deeper"),
        (b'{"a":' * 50_000, "nested deeper"),
        (b'{"a"', "JSON in the header"),
        (b'{"\xff"}', "byte 10 is 0xff"),
        (b"[1, 2]", "'{' at byte 8"),
    ],
)
def test_a_forged_header_is_refused_in_words(tmp_path, header, words):
    assert words in refused(tmp_path / "m.shoal", forged(header, b"abc"))


def sealed(text, numbers=b"", **tensors):
    """A file as another writer might make it: the form and the checksum are right."""
    listed = [[name, *told] for name, told in tensors.items()]
    seal = text.encode() + json.dumps(listed, separators=(",", ":")).encode() + numbers
    header = {"__metadata__": {"checksum": hashlib.sha256(seal).hexdigest(), "format": "shoal"}}
    header["__metadata__"]["shoal"] = text
    for name, (kind, shape) in tensors.items():
        header[name] = {"data_offsets": [0, len(numbers)], "dtype": kind, "shape": shape}
    line = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    return forged(line, numbers)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a":1e999}', "document['a'] is inf"),
        ('{"a":[0,-Infinity]}', "there is -Infinity"),
        ('{"a":1,"a":1}', "comes twice"),
        ("[]", "a JSON object in the document"),
        ("", "JSON in the document"),
        ("{}x", "JSON in the document"),
        ('{"a":' + "[" * 40 + "]" * 40 + "}", "nested deeper than 32"),
        ('{"a":' + "[" * 200_000, "nested deeper"),
        ('{"a":' + "9" * 400 + "}", "too long an integer"),
    ],
)
def test_a_sealed_document_is_still_not_believed(tmp_path, text, words):
    path = tmp_path / "m.shoal"
    assert words in refused(path, sealed(text))


@pytest.mark.parametrize("key", [b'"checksum":"', b'"shoal":"'])
def test_half_a_surrogate_pair_in_the_metadata_is_refused(tmp_path, key):
    header = sealed("{}")[8:].replace(key, key + b"\\ud800").rstrip()
    assert "expected the checksum" in refused(tmp_path / "m.shoal", forged(header))


def test_sealed_numbers_must_be_finite(tmp_path):
    path = tmp_path / "m.shoal"
    path.write_bytes(sealed("{}", np.array([1.0, 2.0]).tobytes(), a=["F64", [2]]))
    np.testing.assert_array_equal(read(path).tensors["a"], [1, 2])
    content = sealed("{}", np.array([[1.0, np.nan]]).tobytes(), a=["F64", [1, 2]])
    assert "tensor 'a' has nan at [0, 1]" in refused(path, content)


@pytest.mark.parametrize("length", [MAX_HEADER + 1, 2**31, 2**63, 2**64 - 1])
def test_a_claimed_length_is_checked_before_it_is_used(tmp_path, length):
    path = tmp_path / "m.shoal"
    content = struct.pack("<Q", length) + b"{" + b" " * (MAX_HEADER + 8)
    assert str(length) in refused(path, content)


def test_a_claimed_shape_is_checked_before_it_is_used(tmp_path):
    side = 1 << 40
    content = sealed("{}", a=["F64", [side, side]]).rstrip()
    claimed = content[8:].replace(b"[0,0]", b"[0,%d]" % (8 * side**2))
    assert "the file ends at byte" in refused(tmp_path / "m.shoal", forged(claimed))


def test_numbers_beyond_the_memory_are_refused(file, monkeypatch):
    monkeypatch.setattr(np, "empty", raises(MemoryError()))
    with pytest.raises(ModelFileError, match="does not fit into memory"):
        read(file)


# ------------------------------------------------------------------ files that are something else


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"age,income,bought\n31,52000,yes\n", "text (a table?)"),
        (b"8.5,3.1\n" * 9, "text (a table?)"),
        ("größe,preis\n1,2\n".encode("latin-1"), "text (a table?)"),
        (b"\x80\x04\x95\x10\0\0\0\0\0\0\0", "a Python pickle"),
        (b"\x93NUMPY\x01\0v\0{'descr'", "a NumPy array"),
        (b"PAR1\x15\x04\x15\x10", "a Parquet table"),
    ],
)
def test_another_kind_of_file_is_told_so(tmp_path, content, words):
    message = refused(tmp_path / "m.shoal", content)
    assert words in message
    assert "is not a shoal model" in message


def test_a_zip_archive_is_told_so(tmp_path):
    path = tmp_path / "m.shoal"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"1234")
    assert "a zip archive" in refused(path, path.read_bytes())


# ------------------------------------------------------------------ files that cannot be read


def test_a_missing_file_suggests_its_neighbours(file):
    with pytest.raises(FileError, match=r"Did you mean m\.shoal\?") as caught:
        read(file.with_name("n.shoal"))
    assert caught.value.errno == errno.ENOENT
    assert caught.value.file == str(file.with_name("n.shoal"))
    with pytest.raises(FileError, match=r"no such file\. Correct the path"):
        read(file.with_name("something else entirely"))
    with pytest.raises(FileError, match=r"the folder .*nowhere does not exist"):
        read(file.parent / "nowhere" / "m.shoal")


def test_a_folder_a_pipe_and_a_loose_link_are_not_models(tmp_path):
    with pytest.raises(FileError, match="it is a folder"):
        read(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="a pipe or a device"):
        read(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(FileError, match=r"is a link to .*gone, which does not exist"):
        read(tmp_path / "link")


@pytest.mark.parametrize("name", ["a\0b", "half \ud800"])
def test_an_impossible_name_is_told_so(name):
    for touch in (read, lambda path: write(path, {}, {})):
        with pytest.raises(FileError, match="impossible characters"):
            touch(name)


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="the system has no /proc")
def test_a_failing_device_is_told_in_words():
    with pytest.raises(
        FileError, match="/proc/self/mem: the file cannot be read: the device failed"
    ):
        read("/proc/self/mem")


# ------------------------------------------------------------------ what cannot be written

_ring: list = []
_ring.append(_ring)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"loss": [1.0, math.nan]}, r"document\['loss'\]\[1\] is nan"),
        ({"loss": -math.inf}, r"document\['loss'\] is -inf"),
        ({"a": {1: 2, "1": 3}}, r"document\['a'\] has the key 1, which is not a word"),
        ({"a": {1, 2}}, r"document\['a'\] is a set, which JSON does not have"),
        ({"a": np.float32(1)}, r"document\['a'\] is a float32"),
        ({"a": 1 << 5000}, "too long an integer"),
        ({"a": _ring}, f"nested deeper than {MAX_DEPTH} levels"),
        ({"words": "x" * MAX_HEADER}, f"a header of at most {MAX_HEADER} bytes"),
    ],
)
def test_a_document_that_would_not_come_back_is_refused(file, document, words):
    before = file.read_bytes()
    with pytest.raises(ModelFileError, match=words) as caught:
        write(file, document, TENSORS)
    assert str(caught.value).startswith(str(file))
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"W1": np.array([[0.0, np.inf]])}, r"tensor 'W1' has inf at \[0, 1\]"),
        ({"W1": np.array(np.nan, np.float32)}, r"tensor 'W1' has nan at \[\]"),
        ({"W1": np.zeros(3, np.float16)}, "tensor 'W1' has float16"),
        ({"W1": np.zeros(3, bool)}, "tensor 'W1' has bool"),
        ({"W1": np.array(["a"])}, "tensor 'W1' has <U1"),
        ({"W1": np.zeros((1, 1, 1))}, r"shape \(1, 1, 1\)"),
        ({"W1": np.zeros((0, 1 << 41))}, "Convert it"),
        ({"__metadata__": np.zeros(3)}, "cannot name a tensor"),
        ({str(i): np.zeros(1) for i in range(MAX_TENSORS + 1)}, f"at most {MAX_TENSORS} tensors"),
    ],
)
def test_tensors_that_would_not_come_back_are_refused(file, tensors, words):
    before = file.read_bytes()
    with pytest.raises(ModelFileError, match=words):
        write(file, DOCUMENT, tensors)
    assert file.read_bytes() == before


def test_a_header_of_the_greatest_length_is_read(tmp_path):
    path = tmp_path / "m.shoal"
    document = {"words": "x" * (MAX_HEADER - 300)}
    write(path, document, {})
    assert read(path).document == document


# ------------------------------------------------------------------ the old file survives


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("step", ["fsync", "replace", "open"])
@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (
            FULL,
            FileError,
            "m.shoal: the file cannot be written: no space is left on the device. Free",
        ),
        (OSError(errno.EIO, "?"), FileError, "the device failed"),
        (OSError(errno.EACCES, "?"), FileError, "permission is denied"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
def test_the_old_file_survives_a_failure(file, monkeypatch, step, error, expected, words):
    before = file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, step, raises(error))
        with pytest.raises(expected, match=words) as caught:
            write(file, {"new": True}, {})
    assert getattr(caught.value, "errno", None) == getattr(error, "errno", None)
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]


def test_a_pipe_without_a_reader_is_told_in_words_and_stays_a_pipe(tmp_path):
    # A pipe of our own, never a node of /dev: a broken build, run as root, would replace it.
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    output = atomic_write(path)
    file = output.__enter__()
    os.close(reader)
    file.write(b"nobody listens")
    with pytest.raises(FileError, match="pipe: the file cannot be written: its reader has gone"):
        output.__exit__(None, None, None)
    assert stat.S_ISFIFO(path.stat().st_mode)


@pytest.mark.parametrize("error", [KeyError("mine"), FileNotFoundError(errno.ENOENT, "?", "other")])
def test_an_error_of_the_block_stays_its_own(file, error):
    before = file.read_bytes()

    def fail_half_way():
        with atomic_write(file) as output:
            output.write(b"half of it")
            output.flush()
            raise error

    with pytest.raises(type(error)) as caught:
        fail_half_way()
    assert caught.value is error
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]


def test_a_folder_that_cannot_be_synced_does_not_deny_the_rename(file, monkeypatch):
    calls = []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fsync)
    write(file, {"new": True}, {})
    assert len(calls) == 2
    assert read(file).document == {"new": True}


def test_the_content_appears_only_at_the_end_even_if_closed_early(file):
    before = file.read_bytes()
    with atomic_write(file) as output:
        output.write(b"new")
        output.close()
        assert file.read_bytes() == before
    assert file.read_bytes() == b"new"
    assert os.listdir(file.parent) == [file.name]


def test_a_new_file_has_the_usual_mode_and_a_replaced_one_keeps_its_own(tmp_path):
    usual, path = tmp_path / "usual", tmp_path / "m.shoal"
    usual.touch()
    write(path, {}, {})
    assert path.stat().st_mode == usual.stat().st_mode
    path.chmod(0o640)
    write(path, {}, {})
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_and_its_target_is_replaced(file):
    away = file.parent / "away"
    away.mkdir()
    link = away / "link.shoal"
    link.symlink_to(Path("..") / file.name)
    write(link, {"new": True}, {})
    assert link.is_symlink()
    assert read(file).document == {"new": True}
    assert os.listdir(away) == [link.name]


def test_a_pipe_is_written_straight():
    reading, writing = os.pipe()
    with atomic_write(f"/dev/fd/{writing}") as output:
        output.write(b"hello")
    os.close(writing)
    with open(reading, "rb") as pipe:
        assert pipe.read() == b"hello"


def test_a_file_that_may_not_be_written_is_not_replaced(file, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # The tests may run as root.
    with pytest.raises(FileError, match="permission is denied"):
        write(file, {}, {})


def test_a_place_that_cannot_be_is_told_so(file):
    with pytest.raises(FileError, match=r"it is a folder\. Add a file name"):
        write(file.parent, {}, {})
    with pytest.raises(FileError, match=r"it is a folder\. Add a file name"):
        write(f"{file.parent}/models/", {}, {})
    with pytest.raises(FileError, match=r"its folder does not exist\. Create"):
        write(file.parent / "models" / "m.shoal", {}, {})
    with pytest.raises(FileError, match="a part of its path is a file"):
        write(file / "m.shoal", {}, {})
    with pytest.raises(FileError, match="name is too long"):
        write(file.with_name("m" * 300), {}, {})
    write(file.with_name("m" * 255), {}, {})
    loop = file.with_name("loop")
    loop.symlink_to(loop)
    with pytest.raises(FileError, match="run in a circle"):
        write(loop, {}, {})


def test_numbers_that_change_while_they_are_saved_do_not_spoil_the_file(tmp_path, monkeypatch):
    numbers, usual = np.zeros(5), container.checksum_of

    def checksum_of(*arguments):
        found = usual(*arguments)
        numbers[:] = 7
        return found

    monkeypatch.setattr(container, "checksum_of", checksum_of)
    container.write(tmp_path / "m.shoal", {}, {"W": numbers})
    monkeypatch.undo()
    np.testing.assert_array_equal(container.read(tmp_path / "m.shoal").tensors["W"], np.zeros(5))
