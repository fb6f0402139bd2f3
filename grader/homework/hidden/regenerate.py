"""Remake every generated file of the homework, digests included: `python -m grader.homework.hidden.regenerate`.

    fixtures/golden.json       values of a rule that has none yet, from its reference; what was published stays as it is
    fixtures/slips.json        what each slip gives on the handout's golden inputs; one whose golden answer is right is left
                               out, because the golden check cannot see it
    fixtures/norms.json        gradients, and what may be recorded of them
    fixtures/unseen_norms.json the same of others, which only staff ask
    fixtures/steps.json        some steps of each rule, under every accepted reading, and under what the golden step does not show
    fixtures/spreads.json      the standard deviation He's initialization, and each slip of it, gives every layer
    fixtures/SHA256SUMS        the digest of every fixture on record
    hidden/scenarios/          questions of a rule that has none yet, and what is right under the usual reading

The public checks compare with these numbers, so that no rule, right or wrong, has to be handed out. `--scenarios` draws all
questions anew; do that between terms only, because regrades have to meet the same ones.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...grading import expect
from ...sandbox.inside import wire
from .. import published
from ..files import FIXTURES, FOLDER
from ..rules import RULES
from . import corpus, gradient_norms, initialization_stds, packed, public_steps
from .reference_rules import READINGS, follow
from .slips import variants


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Remake the generated files of the homework.")
    parser.add_argument("--scenarios", action="store_true", help="draw the hidden questions anew, between terms only")
    options = parser.parse_args()
    _complete_golden()
    _record()
    published.golden.cache_clear()
    _write(published.SLIPS, {rule: golden_answers(rule) for rule in RULES})
    asked = {published.NORMS: gradient_norms.families(), published.UNSEEN_NORMS: gradient_norms.unseen_families()}
    for (name, drawn), numbers in zip(asked.items(), gradient_norms.recorded(*asked.values()), strict=True):
        _write(name, {"families": _families(drawn), **numbers})
    _write(published.SPREADS, initialization_stds.table())
    _record()
    published.golden_slips.cache_clear()
    _write(published.STEPS, {rule: public_steps.table(rule) for rule in RULES})
    _record()
    for rule in RULES:
        _scenarios(rule, anew=options.scenarios)


def _families(drawn: Sequence[published.Family]) -> list[dict[str, Any]]:
    """Parameters and gradients as `published.norms` reads them."""
    return [
        {
            "dtype": str(next(iter(one.params.values())).dtype),
            "params": _lists(one.params),
            "gradients": [*map(_lists, one.gradients)],
        }
        for one in drawn
    ]


def _write(name: str, content: Any) -> None:
    text = json.dumps(content, indent=None, separators=(",", ":"), allow_nan=False)
    (FIXTURES.folder / name).write_text(f"{text}\n", "utf-8")


def _record() -> None:
    """Put the present digest of every fixture on record."""
    lines = [f"{hashlib.sha256((FIXTURES.folder / name).read_bytes()).hexdigest()}  {name}" for name in FIXTURES.names()]
    FIXTURES.record.write_text("\n".join(lines) + "\n", "utf-8")


def _complete_golden() -> None:
    """Give each rule that golden.json does not have its values, to nine significant digits as the published ones have."""
    path = FIXTURES.folder / published.GOLDEN
    table = json.loads(path.read_text("utf-8"))
    for rule in RULES:
        if rule not in table:
            w, dw, config = published.golden_inputs(rule)
            (right,) = follow(rule, READINGS[rule][0], w, config, [dw], [None])
            arrays = {"next_w": right.next_w.value, **{key: state.value for key, state in right.state.items()}}
            rounded = {key: [[float(f"{x:.9g}") for x in row] for row in array] for key, array in arrays.items()}
            table[rule] = rounded if right.t is None else {**rounded, "t": right.t}
            path.write_text(json.dumps(table, indent=1) + "\n", "utf-8")
            print(f"{published.GOLDEN}: {rule}, from its reference")


def _scenarios(rule: str, *, anew: bool) -> None:
    if anew or not corpus.file(rule).exists():
        corpus.file(rule).write_bytes(corpus.drawn(rule))
        corpus.scenarios.cache_clear()
        print(f"{corpus.file(rule).name}: {len(corpus.scenarios(rule))} questions")
    right = packed.worked_out(rule)
    path = packed.file(rule)
    if not path.exists() or not _agree(_decoded(path.read_bytes()), _decoded(right)):
        path.write_bytes(right)
        print(f"{path.name}: what is asked, and what is right")


def _decoded(data: bytes) -> Any:
    return wire.decode(data[wire.HEADER.size :])


def _agree(one: Any, other: Any) -> bool:
    """Whether both hold the same, up to rounding."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and bool(np.allclose(one, other, rtol=1e-9, atol=0.0, equal_nan=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_agree(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_agree, one, other))
    return bool(one == other)


def _lists(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: array.tolist() for name, array in arrays.items()}


def golden_answers(rule: str) -> dict[str, Any]:
    """For each slip that shows: next_w and what stands under each key of the state, to 12 digits."""
    case = published.golden()[rule]
    limit = _limits().get(f"optim.{rule}.golden", 1e-7)
    found: dict[str, Any] = {}
    for name, variant in variants(rule).items():
        with np.errstate(all="ignore"):
            next_w, config = variant(case.w.copy(), case.dw.copy(), {k: np.copy(v)[()] for k, v in case.config.items()})
        answer = {"next_w": next_w, **{key: config.get(key) for key in case.state}}
        right = {"next_w": case.next_w, **case.state}
        if not all(_passes(answer[key], right[key], limit) for key in right):
            found[name] = {key: _plain(value) for key, value in answer.items()}
    return found


def _limits() -> dict[str, float]:
    """The golden checks' limits, read without the checks, which may not be complete yet."""
    rows = tomllib.loads((FOLDER / "rubric.toml").read_text("utf-8"))["item"]
    return {row["id"]: row["tolerance"]["rel_error"] for row in rows if "rel_error" in row.get("tolerance", {})}


def _passes(value: Any, wanted: Any, limit: float) -> bool:
    try:
        return expect.rel_error(np.asarray(value, dtype=np.float64), np.asarray(wanted)) < limit
    except TypeError:  # nothing there
        return False


def _plain(value: Any) -> Any:
    return None if value is None else public_steps.plain(value)


if __name__ == "__main__":
    main()
