"""logs.*: a log file made to hurt costs its own part and nothing else; every case comes back with a verdict."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grader.grading.results import Outcome, Report
from tests.homework.conftest import Ask, assert_full_marks, assert_no_marks, judged, lost, said
from tests.homework.logfiles import RESULTS, SCHEMES, STDS, as_json, history, honest, npz

GOOD = history()


class Payload:
    """Unpickled anywhere, it ends that process."""

    def __reduce__(self) -> tuple[Callable[[int], None], tuple[int]]:
        import os

        return os._exit, (0,)


def npy(descr: str, shape: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """The bytes of an .npy file whose header says this, whatever follows."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(118 - 10) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H" if version < b"\x02" else "<I", len(header)) + header + data


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression, compresslevel=1) as target:
        for name, data in members.items():
            target.writestr(name, data)
    return out.getvalue()


def with_losses(member: bytes) -> bytes:
    """A log whose train_losses.npy is `member`; the rest is right."""
    accuracies = npy("'<f8'", "(6,)", np.full(6, 0.5).tobytes())
    return archive({"train_losses.npy": member, "train_accs.npy": accuracies, "val_accs.npy": accuracies})


def patched(data: bytes, at: int, old: int, new: int) -> bytes:
    """A zip with a 16-bit field of every local and central header replaced; `at` counts from the local header's start."""
    changed = bytearray(data)
    for signature, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        start = changed.find(signature)
        while start >= 0:
            assert struct.unpack_from("<H", changed, start + at + shift) == (old,)
            struct.pack_into("<H", changed, start + at + shift, new)
            start = changed.find(signature, start + 4)
    return bytes(changed)


HOSTILE_NPZ: dict[str, Callable[[], bytes]] = {
    "0 bytes": lambda: b"",
    "spaces": lambda: b"  \n",
    "text": lambda: b"train_losses = [2.3, 2.2]",
    "magic only": lambda: b"PK\x03\x04",
    "an empty zip": lambda: archive({}),
    "cut in half": lambda: GOOD[: len(GOOD) // 2],
    "without its last byte": lambda: GOOD[:-1],
    "its end only": lambda: GOOD[-60:],
    "a flipped bit": lambda: GOOD.replace(np.float64(0.5).tobytes(), np.float64(0.25).tobytes()),
    "one array, no archive": lambda: npy("'<f8'", "(6,)", np.full(6, 0.5).tobytes()),
    "a bare pickle": lambda: pickle.dumps(Payload()),
    "a pickled object": lambda: npz(train_losses=np.array([Payload()], dtype=object), train_accs=[0.5] * 6, val_accs=[0.5] * 6),
    "a pickle called an array": lambda: with_losses(pickle.dumps(Payload())),
    "a JSON file": lambda: as_json(RESULTS),
    "encrypted": lambda: patched(GOOD, 6, 0, 1),
    "an unknown compression": lambda: patched(GOOD, 8, 0, 99),
    "terabytes announced": lambda: with_losses(npy("'<f8'", f"({10**12},)")),
    "an overflowing shape": lambda: with_losses(npy("'<f8'", f"({2**62}, 4)")),
    "a shape beyond 64 bits": lambda: with_losses(npy("'<f8'", f"({10**30},)")),
    "a negative shape": lambda: with_losses(npy("'<f8'", "(-200,)", bytes(1600))),
    "nothing of a huge shape": lambda: with_losses(npy("'<f8'", f"(0, {2**62})")),
    "many dimensions": lambda: with_losses(npy("'<f8'", str((1,) * 60), bytes(8))),
    "no shape": lambda: with_losses(npy("'<f8'", "None")),
    "a shape of floats": lambda: with_losses(npy("'<f8'", "(200.0,)", bytes(1600))),
    "code for a header": lambda: with_losses(npy("__import__('os').abort()", "(200,)", bytes(1600))),
    "a dtype of objects": lambda: with_losses(npy("'|O'", "(200,)", bytes(1600))),
    "a dtype of records": lambda: with_losses(npy("[('a', '<f8'), ('b', '<f8')]", "(200,)", bytes(3200))),
    "an endless dtype": lambda: with_losses(npy(f"'V{2**31 - 1}'", "(200,)")),
    "an unknown dtype": lambda: with_losses(npy("'<q99'", "(200,)")),
    "an unknown version": lambda: with_losses(npy("'<f8'", "(200,)", bytes(1600), b"\x09\x00")),
    "a header of gigabytes": lambda: with_losses(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{"),
    "less data than announced": lambda: with_losses(npy("'<f8'", "(200,)", bytes(800))),
    "a bomb of 96 MB": lambda: with_losses(npy("'<f8'", f"({12 * 2**20},)", bytes(96 * 2**20))),
    "a bomb that is no array": lambda: with_losses(bytes(96 * 2**20)),
    "a million losses and one": lambda: with_losses(npy("'<f8'", "(1000001,)", bytes(8_000_008))),
    "5000 members": lambda: archive({f"a{number}.npy": npy("'<f8'", "(0,)") for number in range(5000)}),
    "more than a log can weigh": lambda: with_losses(np.random.default_rng(0).bytes(2**23)),
    "names that climb": lambda: archive({"../../train_losses.npy": GOOD, "/etc/train_accs.npy": GOOD}),
    "names of bytes": lambda: archive({"train_losses\udcff.npy".encode("utf-8", "replace").decode() + "é" * 999: GOOD}),
}


UNREADABLE = "not a readable .npz file"
TOLD = {
    "0 bytes": "is empty",
    "text": UNREADABLE,
    "cut in half": UNREADABLE,
    "a flipped bit": UNREADABLE,
    "one array, no archive": "single array",
    "a bare pickle": UNREADABLE,
    "a pickled object": UNREADABLE,
    "a pickle called an array": UNREADABLE,
    "encrypted": UNREADABLE,
    "an unknown compression": UNREADABLE,
    "terabytes announced": "larger than such a log can be",
    "a shape beyond 64 bits": UNREADABLE,
    "code for a header": UNREADABLE,
    "less data than announced": UNREADABLE,
    "a bomb of 96 MB": "more data than such a log can",
    "a bomb that is no array": UNREADABLE,
    "a million losses and one": "a shorter list",
    "5000 members": "train_losses",
    "more than a log can weigh": "larger than",
}


@pytest.mark.parametrize("case", HOSTILE_NPZ)
def test_a_hostile_npz_costs_its_part_and_is_named(ask: Ask, case: str) -> None:
    name = "optimizer_experiment_adam.npz"
    found = judged(ask, "optimizer_experiment", honest() | {name: HOSTILE_NPZ[case]()})
    assert lost(found) == {"adam"}, said(found)
    assert name in said(found)
    assert TOLD.get(case, "") in said(found)


BIG = "1" + 400 * "0"
HOSTILE_JSON: dict[str, bytes] = {
    "0 bytes": b"",
    "blank": b" \r\n\t",
    "cut": b"[0.0255, 0.2, 0.",
    "two values": as_json(STDS["he"]) * 2,
    "a trailing comma": b"[0.2,]",
    "Python, not JSON": repr(tuple(STDS["he"])).encode(),
    "latin-1": '["é"]'.encode("latin-1"),
    "UTF-16": json.dumps(STDS["he"]).encode("utf-16"),
    "null bytes": b"\x00" * 4096,
    "100000 brackets": b"[" * 100_000,
    "100000 brackets, closed": b"[" * 100_000 + b"]" * 100_000,
    "100000 braces": b'{"a":' * 100_000,
    "nested 50 deep": b"[" * 50 + b"]" * 50,
    "an integer of 400 digits": f"[{', '.join(11 * [BIG])}]".encode(),
    "an integer of 100000 digits": b"[" + b"9" * 100_000 + b"]",
    "an integer just too wide": as_json([2**63] * 11),
    "floats too large": f"[{', '.join(11 * ['1e999'])}]".encode(),
    "NaN": b"[" + b", ".join([b"NaN"] * 11) + b"]",
    "minus infinity": b"[" + b", ".join([b"-Infinity"] * 11) + b"]",
    "200000 numbers": as_json([0.2] * 200_000),
    "a megabyte of text": as_json("x" * 2**20),
    "half a surrogate": b'["\\ud800"]',
    "keys that collide when repaired": b'{"\\ud800": 1, "\\ud801": 2}',
    "keys twice": b'{"a": 1, "a": 2}',
    "a pickle": pickle.dumps(Payload()),
    "a zip": GOOD,
}  # fmt: skip


NO_JSON = {"cut", "two values", "a trailing comma", "latin-1", "UTF-16", "100000 brackets", "100000 braces", "a pickle", "a zip"}


@pytest.mark.parametrize("case", HOSTILE_JSON)
def test_a_hostile_json_costs_its_part_and_is_named(ask: Ask, case: str) -> None:
    found = judged(ask, "w_stds", honest() | {"w_stds_he.json": HOSTILE_JSON[case]})
    assert lost(found) == {"he"}, said(found)
    assert "w_stds_he.json" in said(found, "he")
    if case in NO_JSON:
        assert "not valid JSON" in said(found, "he")
    assert len(said(found)) < 1000


@pytest.mark.parametrize("case", HOSTILE_JSON)
def test_a_hostile_results_json_gets_no_points_and_no_error(ask: Ask, case: str) -> None:
    found = judged(ask, "best_model", honest() | {"results.json": HOSTILE_JSON[case]})
    assert_no_marks(found)
    assert "results.json" in said(found, "results")


def test_of_a_setting_given_twice_the_last_one_counts(ask: Ask) -> None:
    text = json.dumps(RESULTS)
    first, last = text.replace("{", '{"update_rule": "sgd", ', 1), text.replace("}", ', "update_rule": "sgd"}')
    assert_full_marks(judged(ask, "best_model", honest() | {"results.json": first.encode()}))
    assert lost(judged(ask, "best_model", honest() | {"results.json": last.encode()})) == {"results"}


def test_hostile_files_everywhere_leave_the_code_items_alone(graded: Callable[..., Report], make: Callable[..., Path]) -> None:
    cases = iter(HOSTILE_NPZ.values())
    files = {name: as_json([1e999] * 11) if name.endswith(".json") else next(cases)() for name in honest()}
    report = graded(make(*[(f"submission_logs/{name}", None, data) for name, data in files.items()]))
    assert not report.grader_failed
    for item in report.items:
        if item.id.startswith("logs."):
            assert_no_marks(item)
        else:
            assert item.outcome is Outcome.PASSED


def test_the_file_after_a_hostile_one_is_read(ask: Ask) -> None:
    for hostile in (
        HOSTILE_JSON["200000 numbers"],
        HOSTILE_JSON["keys that collide when repaired"],
        HOSTILE_JSON["100000 brackets"],
    ):
        files = honest() | {f"w_stds_{scheme}.json": hostile for scheme in SCHEMES[:2]}
        assert lost(judged(ask, "w_stds", files)) == {"he", "random"}
