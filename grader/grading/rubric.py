"""The course's policy, read from TOML: points, visibility, order, weights of parts, tolerances, limits. No mechanics here."""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from ..errors import ConfigurationError
from ..submission.text import name as shown

VISIBILITIES = ("visible", "hidden", "after_due_date", "after_published")

_TOP_KEYS = frozenset({"title", "term", "total", "limits", "defaults", "leaderboard", "elsewhere", "shipped_logs", "item"})
_LIMIT_KEYS = frozenset({"seconds", "memory_mb"})
_DEFAULT_KEYS = frozenset({"visibility"})
_LEADERBOARD_KEYS = frozenset({"enabled"})
_ELSEWHERE_KEYS = frozenset({"items", "points"})
_ITEM_KEYS = frozenset({"id", "points", "bonus", "planned", "visibility", "tags", "parts", "tolerance", "needs", "seconds"})


class Graded(Protocol):
    """What a row is held against: the parts of its check, and which of them are quiet."""

    @property
    def parts(self) -> tuple[str, ...]:
        """All parts, in order."""

    @property
    def quiet(self) -> frozenset[str]:
        """Those that count only where a row gives them a weight."""

    @property
    def tolerances(self) -> tuple[str, ...] | None:
        """The names of the limits that a row has to give; None where any will do."""


@dataclass(frozen=True, slots=True)
class Item:
    """One row: what a check is worth and who sees it.

    Attributes:
        id: the check's id, stable for ever.
        points: what it adds to the total; 0 for a row that is only shown.
        bonus: points beyond the total.
        planned: announced, not graded yet; its points are left out of what can be reached.
        parts: weight by part; empty for equal weights. Quiet parts have weight 0 unless the file gives them one.
        tolerance: named limits the check asks for.
        needs: ids of items without which this one is skipped.
        seconds: wall-clock limit of one session of this item.
    """

    id: str
    points: Fraction
    bonus: Fraction
    planned: bool
    visibility: str
    tags: tuple[str, ...]
    parts: Mapping[str, Fraction]
    tolerance: Mapping[str, float]
    needs: tuple[str, ...]
    seconds: float

    @property
    def public(self) -> bool:
        """Whether students see it at once, and can run it themselves."""
        return self.visibility == "visible"


@dataclass(frozen=True, slots=True)
class Rubric:
    """All rows in the order they are graded and shown; `digest` is the SHA-256 of the file.

    `leaderboard` tells whether the whole class sees what the homework lets it compare; `elsewhere` how many more items
    are graded with a larger copy of this rubric, and their points. `term` names the homework's term that all submissions are
    taken to be of; empty where each tells by itself. `shipped_logs` are the logs that the course handed out, by their SHA-256.
    """

    title: str
    total: Fraction
    items: tuple[Item, ...]
    memory_mb: int
    digest: str
    leaderboard: bool = False
    elsewhere: tuple[int, Fraction] = (0, Fraction(0))
    term: str = ""
    shipped_logs: frozenset[str] = frozenset()

    @property
    def public(self) -> Rubric:
        """What a student can run: the visible rows; the others are counted as graded elsewhere."""
        shown = tuple(item for item in self.items if item.public)
        others = [item for item in self.graded if not item.public]
        count, worth = self.elsewhere
        worth += sum((item.points for item in others), Fraction(0))
        return replace(self, items=shown, elsewhere=(count + len(others), worth))

    @property
    def graded(self) -> tuple[Item, ...]:
        """The rows that are graded: all but the planned ones."""
        return tuple(item for item in self.items if not item.planned)

    @property
    def reachable(self) -> Fraction:
        """The points that can be reached now: the total without planned rows."""
        return sum((item.points for item in self.graded), Fraction(0))


def load_rubric(path: Path, checks: Mapping[str, Graded], terms: Collection[str] = ()) -> Rubric:
    """Read a rubric and hold it against the checks there are.

    Args:
        path: the TOML file.
        checks: every check by its id.
        terms: the names of the homework's terms.

    Raises:
        ConfigurationError: the file is unreadable, has unknown keys, duplicate or orphan rows, checks without a row, wrong
            values, tolerances that are not those the check asks for, a cycle in `needs`, or points that do not add up to `total`.
            The message names the place.
    """
    return parse_rubric(read_rubric(path), path, checks, terms)


def read_rubric(path: Path) -> bytes:
    """The text of a rubric file.

    Raises:
        ConfigurationError: it is unreadable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); name another rubric file") from error


def parse_rubric(data: bytes, path: Path, checks: Mapping[str, Graded], terms: Collection[str] = ()) -> Rubric:
    """As `load_rubric`, from the text itself; messages call it by the name of `path`.

    Raises:
        ConfigurationError: as `load_rubric`.
    """
    try:
        table = tomllib.loads(data.decode("utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: is not valid TOML: {error}") from error
    try:
        policy = _build(table, checks, hashlib.sha256(data).hexdigest())
        return replace(policy, term=_term(table, terms), shipped_logs=_shipped_logs(table))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path.name}: {error}") from None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A clause that suggests the nearest known word, or an empty text."""
    folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), list(folded), n=1)
    return f"; did you mean '{folded[near[0]]}'?" if near else ""


def _build(table: dict[str, Any], checks: Mapping[str, Graded], digest: str) -> Rubric:
    _only(table, _TOP_KEYS, "at the top")
    limits = _table(table, "limits")
    _only(limits, _LIMIT_KEYS, "in [limits]")
    defaults = _table(table, "defaults")
    _only(defaults, _DEFAULT_KEYS, "in [defaults]")
    rows = table.get("item")
    if not isinstance(rows, list) or not rows:
        raise ConfigurationError("has no [[item]] rows")
    seconds = _above_zero(limits.get("seconds", 10), "limits.seconds")
    visibility = defaults.get("visibility", "visible")
    items = tuple(_item(row, checks, visibility, seconds) for row in rows)
    elsewhere = _elsewhere(table)
    _consistent(items, checks if "elsewhere" not in table else [])  # a part of a rubric leaves checks out
    total = _number(table.get("total", 100), "total")
    reached = sum((item.points for item in items), elsewhere[1])
    if reached != total:
        raise ConfigurationError(f"the points of all rows add up to {_show(reached)}, but total = {_show(total)}")
    memory = int(_above_zero(limits.get("memory_mb", 512), "limits.memory_mb"))
    return Rubric(str(table.get("title", "")), total, items, memory, digest, _leaderboard(table), elsewhere)


def _elsewhere(table: dict[str, Any]) -> tuple[int, Fraction]:
    more = _table(table, "elsewhere")
    _only(more, _ELSEWHERE_KEYS, "in [elsewhere]")
    return int(_number(more.get("items", 0), "elsewhere.items")), _points(more, "points", "in [elsewhere]")


def _term(table: dict[str, Any], terms: Collection[str]) -> str:
    term = table.get("term", "")
    if "term" in table and term not in terms:
        known = f"there are {', '.join(terms)}" if terms else "this homework has none"
        raise ConfigurationError(f"term = {term!r} is unknown; {known}")
    return str(term)


def _leaderboard(table: dict[str, Any]) -> bool:
    wishes = _table(table, "leaderboard")
    _only(wishes, _LEADERBOARD_KEYS, "in [leaderboard]")
    enabled = wishes.get("enabled", False)
    if not isinstance(enabled, bool):
        raise ConfigurationError("enabled in [leaderboard] must be true or false")
    return enabled


def _shipped_logs(table: dict[str, Any]) -> frozenset[str]:
    digests = _texts(table, "shipped_logs", "at the top")
    for number, digest in enumerate(digests, start=1):
        if not re.fullmatch("[0-9a-fA-F]{64}", digest):
            raise ConfigurationError(
                f"entry {number} of 'shipped_logs' at the top must be a SHA-256, 64 hex digits, not '{shown(digest, 80)}'"
            )
    return frozenset(map(str.lower, digests))


def _item(row: Any, checks: Mapping[str, Graded], visibility: str, seconds: Fraction) -> Item:
    if not isinstance(row, dict) or not isinstance(row.get("id"), str):
        raise ConfigurationError("an [[item]] has no id")
    name = row["id"]
    where = f"in item '{name}'"
    _only(row, _ITEM_KEYS, where)
    planned = row.get("planned", False)
    if not isinstance(planned, bool):
        raise ConfigurationError(f"planned {where} must be true or false")
    if not planned and name not in checks:
        raise ConfigurationError(f"item '{name}' has no check{did_you_mean(name, checks)}")
    shown = row.get("visibility", visibility)
    if shown not in VISIBILITIES:
        raise ConfigurationError(f"visibility '{shown}' {where} is unknown{did_you_mean(str(shown), VISIBILITIES)}")
    return Item(
        id=name,
        points=_points(row, "points", where),
        bonus=_points(row, "bonus", where),
        planned=planned,
        visibility=shown,
        tags=tuple(_texts(row, "tags", where)),
        parts=_weights(row, checks[name], where) if name in checks else {},
        tolerance=_tolerance(row, checks.get(name), where),
        needs=tuple(_texts(row, "needs", where)),
        seconds=float(_above_zero(row["seconds"], f"seconds {where}") if "seconds" in row else seconds),
    )


def _weights(row: dict[str, Any], graded: Graded, where: str) -> dict[str, Fraction]:
    given = {key: _number(value, f"weight of part '{key}' {where}") for key, value in _table(row, "parts").items()}
    for part in given:
        if part not in graded.parts:
            raise ConfigurationError(f"part '{part}' {where} is unknown{did_you_mean(part, graded.parts)}")
    if not given and not graded.quiet:
        return {}
    loud = [part for part in graded.parts if part not in graded.quiet]
    weights = {part: Fraction(0) for part in graded.parts} | (given or dict.fromkeys(loud, Fraction(1)))
    absent = [part for part in loud if given and part not in given]
    if absent or not any(weights.values()):
        what = ", ".join(absent) or "a weight above 0"
        raise ConfigurationError(f"the weights of parts {where} are incomplete: {what} is missing")
    return weights


def _tolerance(row: dict[str, Any], graded: Graded | None, where: str) -> dict[str, float]:
    """The named limits of a row; a planned one has no check yet that asks for any."""
    given = {key: float(_number(value, f"tolerance.{key} {where}")) for key, value in _table(row, "tolerance").items()}
    if graded is None or graded.tolerances is None:
        return given
    for key in given:
        if key not in graded.tolerances:
            known = f"; there is {', '.join(graded.tolerances)}" if graded.tolerances else "; its check has none"
            raise ConfigurationError(f"tolerance '{key}' {where} is unknown{did_you_mean(key, graded.tolerances) or known}")
    for key in graded.tolerances:
        if key not in given:
            raise ConfigurationError(f"the tolerance '{key}' {where} is missing")
    return given


def _consistent(items: tuple[Item, ...], checks: Iterable[str]) -> None:
    """Refuse rows that stand twice or need what does not stand above them, and `checks` without a row."""
    seen: set[str] = set()
    known = {item.id for item in items}
    for item in items:
        if item.id in seen:
            raise ConfigurationError(f"item '{item.id}' stands twice")
        for needed in item.needs:
            if needed not in known:
                raise ConfigurationError(f"item '{item.id}' needs unknown item '{needed}'{did_you_mean(needed, known)}")
            if needed not in seen:
                raise ConfigurationError(f"item '{item.id}' needs '{needed}', which must stand above it (a cycle cannot be graded)")
        seen.add(item.id)
    for name in checks:
        if name not in seen:
            raise ConfigurationError(f"check '{name}' has no row; add one (points = 0 shows it without points)")


def _only(table: dict[str, Any], known: frozenset[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise ConfigurationError(f"unknown key '{key}' {where}{did_you_mean(key, known)}")


def _table(table: dict[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise ConfigurationError(f"'{key}' must be a table")
    return value


def _texts(row: dict[str, Any], key: str, where: str) -> list[str]:
    value = row.get(key, [])
    if not isinstance(value, list) or any(not isinstance(text, str) for text in value):
        raise ConfigurationError(f"'{key}' {where} must be a list of texts")
    return value


def _number(value: Any, what: str) -> Fraction:
    number = Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else Decimal("nan")
    if not number.is_finite() or number < 0 or not -30 < number.adjusted() < 9:
        shown = str(value) if isinstance(value, Decimal) else repr(value)
        raise ConfigurationError(f"{what} must be a number of at least 0 and below 1,000,000,000, not {shown}")
    return Fraction(number)


def _points(row: Mapping[str, Any], key: str, where: str) -> Fraction:
    """Points have at most the two decimals that are displayed, so that the displayed maxima add up to the total."""
    value = _number(row.get(key, 0), f"{key} {where}")
    if (value * 100).denominator != 1:
        raise ConfigurationError(f"{key} {where} must have at most two decimals, not {_show(value)}")
    return value


def _above_zero(value: Any, what: str) -> Fraction:
    number = _number(value, what)
    if not number:
        raise ConfigurationError(f"{what} must be above 0")
    return number


def _show(value: Fraction) -> str:
    return f"{float(value):g}"
