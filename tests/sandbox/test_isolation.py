"""The layers of isolation are on, each closes its doors, and where one is missing nothing is graded."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.homework import HOMEWORK
from grader.sandbox import launch, surroundings
from grader.sandbox.errors import SandboxUnavailable
from grader.sandbox.policy import Kind, Layer, Level, Limits, required_layers
from grader.sandbox.supervisor import Sandbox
from grader.sandbox.users import private_uid
from tests.sandbox.asking import as_ordinary_user, ask

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can give student code a user of its own")

OPTIONAL = [pytest.param(Layer.UID, marks=needs_root), Layer.LANDLOCK, Layer.SECCOMP]
DOORS = [
    pytest.param(Layer.UID, "can_become_root", marks=needs_root),
    (Layer.LANDLOCK, "can_read_secrets"),
    (Layer.LANDLOCK, "can_list_secrets"),
    (Layer.SECCOMP, "can_start_processes"),
    (Layer.SECCOMP, "can_open_sockets"),
    (Layer.SECCOMP, "can_make_namespaces"),
]


def without(layer: Layer) -> list[Layer]:
    """What to leave out to be without `layer`: a jail would stand in for Landlock."""
    return [layer, Layer.JAIL] if layer is Layer.LANDLOCK else [layer]


def test_every_required_layer_is_on_and_every_door_closed(sandbox: Sandbox) -> None:
    assert set(sandbox.self_test.layers) == required_layers()
    assert sandbox.self_test.open_doors == ()
    assert all(worked == name.startswith("needs_") for name, worked in sandbox.self_test.attempts.items())
    with sandbox.session() as session:
        assert session.layers == sandbox.self_test.layers


@pytest.mark.parametrize(("layer", "door"), DOORS)
def test_the_self_test_sees_the_door_a_layer_would_close(layer: Layer, door: str, sandbox: Sandbox) -> None:
    assert door in sandbox.self_test.attempts
    with Sandbox(Level.STUDENT, kind=Kind.FORK, secrets=HOMEWORK.secrets(), disabled=without(layer)) as weakened:
        assert door in weakened.self_test.open_doors


@pytest.mark.parametrize("level", [Level.STAFF, Level.CONTAINER])
@pytest.mark.parametrize("layer", OPTIONAL)
def test_grading_is_refused_where_a_layer_is_missing(layer: Layer, level: Level) -> None:
    with pytest.raises(SandboxUnavailable, match=rf"missing layers: {layer};"):
        Sandbox(level, kind=Kind.FORK, secrets=HOMEWORK.secrets(), disabled=without(layer))


def test_grading_is_refused_in_plain_processes() -> None:
    with pytest.raises(SandboxUnavailable, match=r"missing layers: .*landlock.*seccomp"):
        Sandbox(Level.STAFF, kind=Kind.SPAWN)


@pytest.mark.parametrize("layer", OPTIONAL)
def test_a_self_check_works_without_it(layer: Layer) -> None:
    with Sandbox(Level.STUDENT, kind=Kind.FORK, disabled=without(layer)) as weakened:
        assert layer not in weakened.self_test.layers
        assert ask(weakened, "def f(): return 1") == 1


@pytest.mark.parametrize("layer", OPTIONAL)
def test_a_process_refuses_to_serve_without_a_layer_it_was_told_to_put_on(layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(Level.STUDENT, kind=Kind.FORK, disabled=without(layer)) as weakened:
        with weakened.session():
            pass
        # From here on the supervisor believes that the system has the layer; the process must find out that it has not.
        monkeypatch.setattr(weakened, "_disabled", [])
        monkeypatch.setattr(weakened, "level", Level.STAFF)
        with pytest.raises(SandboxUnavailable, match=f"required but not available: {layer}"):
            weakened.session()


def test_a_self_check_leaves_out_the_layer_that_keeps_honest_code_from_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "_readable", lambda: ["/dev/urandom"])  # as where Python's files lie somewhere unheard of
    with Sandbox(Level.STUDENT, kind=Kind.FORK) as made:
        assert set(made.self_test.layers) & {Layer.UID, Layer.LANDLOCK, Layer.SECCOMP} == {Layer.SECCOMP}
        assert ask(made, "def f():\n    import colorsys\n    return colorsys.rgb_to_hsv(1, 1, 1)") == (0, 0, 1)
    with pytest.raises(SandboxUnavailable, match="cannot read the Python installation"):
        Sandbox(Level.STAFF, kind=Kind.FORK)


def test_a_self_check_does_without_a_fork_server_where_none_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise OSError("not on this system")

    monkeypatch.setattr(launch, "start", refused)
    with Sandbox(Level.STUDENT) as made:
        assert made.kind is Kind.SPAWN
        assert ask(made, "def f(): return 1") == 1
    for level, kind in ((Level.STUDENT, Kind.FORK), (Level.STAFF, None)):
        with pytest.raises(SandboxUnavailable, match="not on this system"):
            Sandbox(level, kind=kind)


@needs_root
def test_student_code_has_a_user_of_its_own(sandbox: Sandbox) -> None:
    source = "import os\ndef f(): return list(os.getresuid()), list(os.getresgid()), os.getgroups()"
    users, groups, others = ask(sandbox, source)
    assert len({*users, *groups}) == 1
    assert users[0] == private_uid()
    assert others in ([], [users[0]])


def test_limits_are_in_force_and_cannot_be_raised(sandbox: Sandbox) -> None:
    source = """
        import resource
        def f(name):
            which = getattr(resource, "RLIMIT_" + name)
            limit = resource.getrlimit(which)
            try:
                resource.setrlimit(which, (limit[0] + 1, limit[1] + 1))
                return [*limit, "raised"]
            except (OSError, ValueError):
                return [*limit, "kept"]
        """
    limits = Limits(cpu=7, files=33)
    for name, soft, hard in (("CPU", 7, 8), ("NOFILE", 33, 33), ("FSIZE", 0, 0), ("CORE", 0, 0)):
        assert ask(sandbox, source, name, limits=limits) == [soft, hard, "kept"]


def test_privileges_cannot_grow_and_memory_cannot_be_read(sandbox: Sandbox) -> None:
    get_dumpable, get_no_new_privs = 3, 39
    source = "import ctypes\ndef f(option): return ctypes.CDLL(None).prctl(option, 0, 0, 0, 0)"
    assert ask(sandbox, source, get_no_new_privs) == 1
    assert ask(sandbox, source, get_dumpable) == 0


@pytest.mark.parametrize("kind", list(Kind))
def test_nothing_of_the_graders_environment_is_passed_on(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHENTICATION_TOKEN", "of-the-grader")
    monkeypatch.setenv("PYTHONPATH", "/of-the-grader")
    source = """
        import os, sys
        def f():
            return repr((dict(os.environ), sys.path, sys.argv, os.getcwd())), "PATH" in os.environ, "grader" in sys.modules
        """
    with Sandbox(Level.STUDENT, kind=kind) as made:
        seen, has_path, has_grader = ask(made, source)
    assert "of-the-grader" not in seen
    assert "PYTHONHASHSEED" in seen
    assert (has_path, has_grader) == (False, False)


@pytest.mark.parametrize("kind", list(Kind))
def test_what_it_was_started_with_is_not_left(kind: Kind, tmp_path: Path) -> None:
    staffs = tmp_path / "of-staff.py"
    staffs.write_text("ANSWER = 42\n", "utf-8")
    source = """
        import sys, __main__
        def f():
            seen, frame = [sys.argv, sys.orig_argv, vars(__main__)], sys._getframe()
            while frame is not None:
                seen.append(dict(frame.f_locals))
                frame = frame.f_back
            return repr(seen), len(seen)
        """
    with Sandbox(Level.STUDENT, kind=kind, ahead={"of-staff.py": staffs}, readable=[tmp_path]) as made:
        seen, frames = ask(made, source)
    assert frames > 5
    assert str(tmp_path) not in seen
    assert "readable" not in seen


AS_ORDINARY_USER = """
import json, os
from grader.sandbox.errors import SandboxUnavailable
from grader.homework import HOMEWORK
from grader.sandbox.policy import Kind, Layer, Level
from grader.sandbox.supervisor import Sandbox
from grader.sandbox.users import private_uid

def attempt(level, *disabled):
    try:
        with Sandbox(level, kind=Kind.FORK, secrets=HOMEWORK.secrets(), disabled=disabled) as made, made.session() as session:
            session.load({"m.py": b"def f(): return 1"})
            (answer,) = session.fetch(session.module("m").attr("f")())
            return {"answer": answer, "layers": made.self_test.layers, "doors": made.self_test.open_doors}
    except SandboxUnavailable as error:
        return {"refused": str(error)}

without = {Layer.LANDLOCK: (Layer.LANDLOCK, Layer.JAIL), Layer.SECCOMP: (Layer.SECCOMP,)}
tried = {layer: (attempt(Level.STAFF, *off), attempt(Level.STUDENT, *off)) for layer, off in without.items()}
jail = attempt(Level.STAFF, Layer.LANDLOCK)
print(json.dumps({"uid": os.geteuid(), "full": attempt(Level.STAFF), "jail": jail, **tried}))
"""


@pytest.fixture(scope="module")
def ordinary() -> dict[str, Any]:
    """What an ordinary user's sandboxes do; run as nobody when the tests run as root."""
    process = as_ordinary_user(AS_ORDINARY_USER)
    assert process.returncode == 0, process.stderr
    found: dict[str, Any] = json.loads(process.stdout)
    return found


def test_an_ordinary_user_gets_every_layer_but_the_uid(ordinary: dict[str, Any]) -> None:
    assert ordinary["uid"] != 0
    assert ordinary["full"] == {
        "answer": 1,
        "layers": [str(layer) for layer in Layer if layer not in (Layer.UID, Layer.JAIL)],
        "doors": [],
    }


@pytest.mark.parametrize("layer", [Layer.LANDLOCK, Layer.SECCOMP])
def test_an_ordinary_user_is_refused_too_where_a_layer_is_missing(ordinary: dict[str, Any], layer: Layer) -> None:
    staff, student = ordinary[layer]
    assert f"missing layers: {layer};" in staff["refused"]
    assert student["answer"] == 1
    assert layer not in student["layers"]
    assert student["doors"]


@pytest.fixture(scope="module")
def jailed() -> Iterator[Sandbox]:
    """A sandbox as on a kernel without Landlock."""
    try:
        made = Sandbox(Level.STAFF, kind=Kind.FORK, secrets=HOMEWORK.secrets(), disabled=[Layer.LANDLOCK])
    except SandboxUnavailable as error:
        pytest.skip(f"no jail can be had here: {error}")
    with made:
        yield made


def test_a_jail_stands_in_for_landlock(jailed: Sandbox) -> None:
    assert Layer.JAIL in jailed.self_test.layers
    assert Layer.LANDLOCK not in jailed.self_test.layers
    assert jailed.self_test.open_doors == ()
    source = """
        import os
        def f():
            return [p for p in ("/etc", "/proc", "/usr", "/tmp", "/dev/shm", "/..") if os.path.exists(p)], os.getcwd()
        """
    assert ask(jailed, source) == (["/.."], "/")


def test_what_was_not_loaded_before_can_be_imported_in_a_jail(jailed: Sandbox) -> None:
    source = """
        def f():
            import asyncio, colorsys, sqlite3, unittest, xml.etree.ElementTree
            import numpy.testing
            from concurrent import futures
            return "€".encode("cp1252"), futures.__name__, numpy.testing.assert_allclose(1, 1)
        """
    assert ask(jailed, source) == (b"\x80", "concurrent.futures", None)


def test_an_ordinary_user_has_a_jail_where_the_kernel_offers_user_namespaces(ordinary: dict[str, Any]) -> None:
    if "refused" in ordinary["jail"]:
        pytest.skip(f"no user namespaces here: {ordinary['jail']['refused']}")
    assert ordinary["jail"]["answer"] == 1
    assert "jail" in ordinary["jail"]["layers"]
    assert ordinary["jail"]["doors"] == []
