"""The forms in which answers to this homework's questions are read: see `sandbox/forms.py`.

A form leaves room for honest slips, a product over all pairs of a few entries for instance, so that what is said of them is
exact; what is beyond is named by its size and not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..grading.expect import Array
from ..sandbox.forms import ArrayOf, Either, Form, Keys, ListOf, Number, OneOf, Row, Text
from .rules import RULES

_SLIP, _SMALL = 4, 1_000  # an array may be so many times too large, and small ones somewhat more


def array(size: int, *, rows: int | None = None) -> Form:
    """An array that should have `size` entries; with `rows`, of several answers, one a row."""
    return ArrayOf((rows or 1) * (_SLIP * size + _SMALL), rows)


def config(rule: str, size: int) -> Form:
    """The config of an update rule for a parameter of `size` entries."""
    return Keys(_config(rule, array(size), Number()))


def answer(rule: str, size: int) -> Form:
    """What an update rule returns."""
    return Row((array(size), config(rule, size)))


def steps(rule: str, tracks: Sequence[Array], count: int) -> Form:
    """What `rule_driver` tells of a scenario: parameters of these arrays' sizes, stepped so many times."""
    columns = [_columns(rule, track.size, count) for track in tracks]
    records = [Row((answer(rule, track.size), array(track.size))) for track in tracks]
    most = max((track.size for track in tracks), default=0)
    record = records[0] if len(records) == 1 else Row((answer(rule, most), array(most)))
    return OneOf(
        {
            "columns": Keys({"columns": Row(columns)}, most=0),
            "steps": Keys({"steps": ListOf(ListOf(record, len(records)), count), "raised": Number()}, most=0),
        }
    )


def _columns(rule: str, size: int, count: int) -> Form:
    """One parameter's answers, all steps together: an array with a row a step, or a list with an item a step."""
    kept = _config(rule, _column(size, count), _column(1, count))
    column = array(size, rows=count)
    return Keys({"next_w": column, "dw": column, "kept": Keys(kept, _column(1, count))}, most=0)


def _column(size: int, count: int) -> Form:
    return Either(array(size, rows=count), ListOf(Text(), count, exactly=True))


def _config(rule: str, arrays: Form, numbers: Form) -> Mapping[str, Form]:
    known = RULES[rule]
    counter = {"t": numbers} if known.counted else {}
    return {**dict.fromkeys(known.defaults, numbers), **dict.fromkeys(known.state, arrays), **counter}


def params(shapes: Mapping[str, int]) -> Form:
    """A network's parameters or gradients: by name, how many entries each should have."""
    return Keys({name: array(size) for name, size in shapes.items()})


def history(length: int) -> Form:
    """A history of so many numbers; in place of a number, what a slip records: a short list or array."""
    inner = Either(array(1), ListOf(Either(array(1), Number()), _SMALL))
    return Either(array(length), ListOf(inner, _SLIP * length + _SMALL))


def batches(count: int, rows: int, features: int) -> Form:
    """What a model was trained on: (X, y) a step."""
    return ListOf(Row((array(rows * features), array(rows))), _SLIP * count)
