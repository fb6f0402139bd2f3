"""Walks an update rule through prepared steps inside the sandbox; the grader compares what comes back.

A scenario is {"layout", "rates", "tracks"}; a track, one parameter, is {"w", "config", "grads"}. All tracks of a scenario are
stepped side by side, each with its own config. The record of a step is (answer, dw), both frozen as they are right after the
call. A scenario ends early where the rule raises or does not answer with an array and a dict.

Where every answer of a scenario has the same form, its steps travel together as columns: one array for all of them. Where all
answers have the form that was asked for, all of them together travel as one array.
"""

import json
import math

import numpy as np
from inside import wire

_NUMBERS = (np.float64, np.float32)
_SCALARS = frozenset([int, float, bool, str, type(None), *_NUMBERS])


def run(rule, scenarios):
    """The records of every scenario: for each a list of steps, for each of these one record a track, and whether it raised."""
    return [_told(scenario, *_tolerant(rule, scenario)) for scenario in scenarios]


class Walk:
    """A rule's way through the scenarios that `hidden/packed.py` made one plan of; `keys` are those of its state."""

    def __init__(self, rule, keys, counted, plan, arrays):
        self.keys, self.counted = keys, counted
        self.walked = [(group, (scenario, *_tolerant(rule, scenario))) for group, scenario in _unpacked(plan, arrays)]

    def records(self):
        """As `run` tells them."""
        return [_told(*one) for _, one in self.walked]

    def beyond(self):
        """Of `records` those of what lies beyond."""
        return [_told(*one) for group, one in self.walked if group == "beyond"]

    def packed(self):
        """All answers of each group as one array a type; None where they have another form."""
        groups = {}
        for group, one in self.walked:
            groups.setdefault(group, []).append(one)
        return {group: self._joined(walked) for group, walked in groups.items()}

    def _joined(self, walked):
        parts, counts, texts = {np.dtype(np.float64): [], np.dtype(np.float32): []}, [], []
        for scenario, steps, raised in walked:
            if raised or len(steps) != len(scenario["rates"]) or any(len(step) != len(scenario["tracks"]) for step in steps):
                return None
            for which, track in enumerate(scenario["tracks"]):
                records = [step[which] for step in steps]
                if any(type(record) is not tuple for record in records):
                    return None
                kept = [record[0][1] for record in records]
                columns = [[record[0][0] for record in records]]
                columns += [[config.get(key) for config in kept] for key in self.keys]
                columns.append([record[1] for record in records])
                shape, dtype = track["w"].shape, track["w"].dtype
                like = (np.ndarray,) if shape else (np.ndarray, dtype.type)
                for column in columns:
                    if any(type(value) not in like or value.shape != shape or value.dtype != dtype for value in column):
                        return None
                    parts[dtype] += [value.tobytes() for value in column]
                if self.counted:
                    counts += [config.get("t") for config in kept]
                for key, text in (track["config"] or {}).items():
                    if type(text) is str:
                        texts += [config.get(key) for config in kept]
        if any(type(count) is not int or abs(count) >= 2**62 for count in counts):
            return None
        found = {str(dtype): np.frombuffer(b"".join(arrays), dtype) for dtype, arrays in parts.items()}
        return {**found, "counts": np.array(counts, np.int64), "texts": texts}


def _unpacked(plan, arrays):
    """The scenarios of a plan, each with its group."""
    places = dict.fromkeys(arrays, 0)

    def following(shape, dtype):
        size, at = math.prod(shape), places[dtype]
        places[dtype] = at + size
        return arrays[dtype][at : at + size].reshape(shape)

    for group, layout, rates, given in json.loads(plan):
        tracks = []
        for shape, dtype, config in given:
            w = following(shape, dtype)
            if config is not None:
                config = {key: following(shape, dtype) if value is None else value for key, value in config.items()}
            tracks.append({"w": w, "config": config, "grads": [following(shape, dtype) for _ in rates]})
        yield group, {"layout": layout, "rates": rates, "tracks": tracks}


def play(rule, scenario):
    """The records of one scenario; whatever the rule raises comes through."""
    steps = []
    _play(rule, scenario, steps)
    return steps


def _tolerant(rule, scenario):
    """The steps it got to, and whether the rule raised."""
    steps = []
    try:
        _play(rule, scenario, steps)
    except BaseException:
        return steps, True
    return steps, False


def _told(scenario, steps, raised):
    if raised:
        return {"steps": steps, "raised": True}
    columns = [_columns([step[which] for step in steps if len(step) > which]) for which in range(len(scenario["tracks"]))]
    if None in columns or any(len(step) != len(columns) for step in steps) or len(steps) != len(scenario["rates"]):
        return {"steps": steps, "raised": False}
    return {"columns": columns}


def _play(rule, scenario, steps):
    tracks = scenario["tracks"]
    at = [laid_out(track["w"], scenario["layout"]) for track in tracks]
    configs = [None if track["config"] is None else dict(track["config"]) for track in tracks]
    for number, rate in enumerate(scenario["rates"]):
        records = []
        steps.append(records)
        for which, track in enumerate(tracks):
            if rate is not None:
                if configs[which] is None:
                    configs[which] = {}
                configs[which]["learning_rate"] = rate
            dw = laid_out(track["grads"][number], scenario["layout"])
            answer = rule(at[which], dw, configs[which])
            record = _frozen(answer, dw)
            records.append(record)
            if type(record) is not tuple and not _can_go_on(answer):
                return
            at[which], configs[which] = answer


def _frozen(answer, dw):
    """A copy of the usual form of an answer; what is anything else goes as it will travel, for the grader to judge."""
    if type(answer) is tuple and len(answer) == 2 and type(dw) is np.ndarray and type(answer[1]) is dict:
        next_w, kept = answer[0], {}
        if type(next_w) is np.ndarray:
            next_w = next_w.copy()
        elif type(next_w) not in _NUMBERS:
            return wire.encoded((answer, dw))
        for key, value in answer[1].items():
            if type(value) is np.ndarray:
                kept[key] = value.copy()
            elif type(value) in _SCALARS and type(key) is str:
                kept[key] = value
            else:
                break
        else:
            return (next_w, kept), dw.copy()
    return wire.encoded((answer, dw))


def _columns(records):
    """{"next_w": …, "kept": {key: …}, "dw": …}, all steps of one track together; None where they differ in form."""
    if not records or any(type(record) is not tuple or type(record[0][0]) is not np.ndarray for record in records):
        return None
    keys = records[0][0][1].keys()
    if any(answer[1].keys() != keys for answer, _ in records):
        return None
    kept = {key: _column([answer[1][key] for answer, _ in records]) for key in keys}
    found = {"next_w": _column([answer[0] for answer, _ in records]), "dw": _column([dw for _, dw in records])}
    if any(column is None for column in (*kept.values(), *found.values())):
        return None
    return {**found, "kept": kept}


def _column(values):
    """Arrays of one shape and type as one array, a step a row; scalars as a list; None for anything mixed."""
    first = values[0]
    if type(first) is not np.ndarray:
        return None if any(type(value) is np.ndarray for value in values) else values
    if any(type(value) is not np.ndarray or value.shape != first.shape or value.dtype != first.dtype for value in values):
        return None
    return np.stack(values) if first.dtype.kind in "iuf" else None


def _can_go_on(answer):
    """Whether the answer has a form that the next step could start from; the grader judges the rest."""
    if not (isinstance(answer, (tuple, list)) and len(answer) == 2):
        return False
    return isinstance(answer[0], (np.ndarray, np.generic)) and isinstance(answer[1], dict)


def laid_out(array, layout):
    """A fresh copy of `array` in memory order "C" or "F", or as a view that is not contiguous: "strided", "reversed"."""
    if layout == "F":
        return np.array(array, order="F")
    if layout == "strided" and array.ndim:
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    if layout == "reversed" and array.ndim:
        return np.array(array[..., ::-1])[..., ::-1]
    return np.array(array)
