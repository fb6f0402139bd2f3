"""Walks an update rule through prepared steps inside the sandbox; the grader compares what comes back.

A scenario is {"layout", "rates", "tracks"}; a track, one parameter, is {"w", "config", "grads"}. All tracks of a scenario are
stepped side by side, each with its own config. The record of a step is (answer, dw), both frozen as they are right after the
call. A scenario ends early where the rule raises or does not answer with an array and a dict.
"""

import numpy as np
from inside import wire


def run(rule, scenarios):
    """The records of every scenario: for each a list of steps, for each of these one record a track, and whether it raised."""
    return [_tolerant(rule, scenario) for scenario in scenarios]


def play(rule, scenario):
    """The records of one scenario; whatever the rule raises comes through."""
    steps = []
    _play(rule, scenario, steps)
    return steps


def _tolerant(rule, scenario):
    steps = []
    try:
        _play(rule, scenario, steps)
    except BaseException:
        return {"steps": steps, "raised": True}
    return {"steps": steps, "raised": False}


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
            records.append(wire.encoded((answer, dw)))
            if not _can_go_on(answer):
                return
            at[which], configs[which] = answer


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
