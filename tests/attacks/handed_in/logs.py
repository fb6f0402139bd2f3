"""Logs that are not what the notebook writes: pickles, bombs, code in headers, data without end."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.attacks.handed_in.box import HE_LOG, SGD_LOG, Box, bundle


@bundle(SGD_LOG, "not a readable .npz")
def log_with_pickled_objects(box: Box) -> Path:
    """Loading it with pickle would run code."""

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (open, (f"/tmp/{box.places['mark']}", "w"))

    return box.npz(train_losses=np.array([Evil()], dtype=object), train_accs=np.zeros(6), val_accs=np.zeros(6))


def _npy(header: bytes, data: bytes = b"") -> bytes:
    """An .npz whose arrays have this header."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("train_losses", "train_accs", "val_accs"):
            archive.writestr(f"{name}.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + data)
    return out.getvalue()


@bundle(SGD_LOG)
def log_that_announces_an_exabyte(box: Box) -> Path:
    """The shape in the header is far beyond the data."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846975,), }\n"
    return box.log("optimizer_experiment_sgd.npz", _npy(header))


@bundle(SGD_LOG)
def log_whose_header_is_code(box: Box) -> Path:
    """Evaluated it would make a file."""
    header = f"{{'descr': open('/tmp/{box.places['mark']}', 'w'), 'fortran_order': False, 'shape': (1,), }}\n".encode()
    return box.log("optimizer_experiment_sgd.npz", _npy(header))


@bundle(SGD_LOG)
def log_whose_header_nests(box: Box) -> Path:
    """A parser's stack, not the data, is the target."""
    return box.log("optimizer_experiment_sgd.npz", _npy(b"(" * 9000 + b")" * 9000 + b"\n"))


@bundle(SGD_LOG)
def log_that_is_a_bomb(box: Box) -> Path:
    """64 MB from 64 kB."""
    return box.npz(train_losses=np.zeros(8 * 2**20), train_accs=np.zeros(6), val_accs=np.zeros(6))


@bundle(SGD_LOG)
def log_of_many_members(box: Box) -> Path:
    """Ten thousand names and none of those that count."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(10_000):
            archive.writestr(f"{number}.npy", b"")
    return box.log("optimizer_experiment_sgd.npz", out.getvalue())


@bundle()
def log_with_a_name_that_climbs_out(box: Box) -> Path:
    """A member is read, never unpacked to where its name says."""
    path = box.folder / "submission_logs/optimizer_experiment_sgd.npz"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"../../../../../tmp/{box.places['mark']}.npy", archive.read("train_accs.npy"))
    return box.folder


@bundle(SGD_LOG)
def log_of_odd_types(box: Box) -> Path:
    """Complex numbers, dates and records in place of numbers."""
    return box.npz(train_losses=np.ones(200, complex), train_accs=np.zeros(6, "M8[s]"), val_accs=np.zeros(6, [("a", "f8")]))


@bundle(SGD_LOG)
def log_of_infinities(box: Box) -> Path:
    """Numbers that pass comparisons written the wrong way round."""
    return box.npz(train_losses=np.full(200, np.nan), train_accs=np.full(6, np.inf), val_accs=np.full(6, -np.inf))


JSON = {
    "json_of_not_a_numbers": b"[" + b", ".join([b"NaN"] * 11) + b"]",
    "json_of_infinities": b"[" + b", ".join([b"1e999"] * 11) + b"]",
    "json_of_huge_integers": b"[" + b", ".join([b"9" * 4000] * 11) + b"]",
    "json_of_one_endless_integer": b"9" * (3 * 2**20),
    "json_that_nests": b"[" * 100_000,
    "json_that_nests_and_closes": b"[" * 900 + b"]" * 900,
    "json_of_a_million_numbers": b"[" + b"1," * 10**6 + b"1]",
    "json_that_is_not_text": b"[\xff\xfe\x80]",
    "json_of_control_characters": json.dumps({"\x1b[2J\u202e\n": 1, "passed\x07": "\x1b]0;x\x07"}).encode(),
}


def _json(name: str, data: bytes) -> None:
    def make(box: Box) -> Path:
        return box.log("w_stds_he.json", data)

    make.__name__ = name
    bundle(HE_LOG)(make)


for _name, _data in JSON.items():
    _json(_name, _data)


def _results(box: Box, **changes: Any) -> Path:
    path = box.folder / "submission_logs/results.json"
    return box.log("results.json", json.dumps({**json.loads(path.read_bytes()), **changes}).encode())


@bundle({"logs.best_model": "partial"})
def results_with_terminal_control(box: Box) -> Path:
    """The name of the update rule is shown."""
    return _results(box, update_rule="\x1b]0;x\x07\x1b[2J\u202e")


@bundle({"logs.best_model": "wrong"})
def results_of_odd_values(box: Box) -> Path:
    """Settings that would make lengths and comparisons overflow."""
    return _results(box, num_epochs=float("inf"), batch_size=-0.0, lr=float("nan"), val_acc=10**400)


@bundle({"logs.best_model": "partial"})
def best_model_without_accuracies(box: Box) -> Path:
    """Arrays without entries where a maximum is wanted."""
    data = io.BytesIO()
    np.savez(data, train_losses=np.ones(1), train_accs=np.empty(0), val_accs=np.empty(0))
    return box.log("best_fc_model.npz", data.getvalue())


@bundle(SGD_LOG)
def log_of_a_hundred_thousand_epochs(box: Box) -> Path:
    """Every number of it may be looked at, and drawn."""
    accs = np.linspace(0.1, 0.5, 100_001)
    return box.npz(train_losses=np.linspace(2.3, 1.0, 200_000), train_accs=accs, val_accs=accs)


@bundle()
def notebook_that_prints_many_thousand_lines(box: Box) -> Path:
    """What it printed is held against the logs, number by number."""
    path = box.folder / "q_optimizer_init.ipynb"
    notebook = json.loads(path.read_bytes())
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            lines = "".join(output.get("text", [])).splitlines(keepends=True)
            printed = [line for line in lines if line.startswith(("(Iteration", "(Epoch"))]
            output["text"] = [*lines, *printed * (12_000 // max(len(printed), 1))]
    path.write_text(json.dumps(notebook), "utf-8")
    return box.folder
