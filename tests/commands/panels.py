"""A half-done homework, and pages that show its panel; `python -m tests.commands.panels docs/images/panel.png` makes the picture in
the students' guide (see `tests.classroom.chromium`)."""

from __future__ import annotations

import io
import json
import sys
import tempfile
from pathlib import Path

from tests.commands.conftest import REFERENCE, in_folder, laid_over, unpacked, with_answers
from tests.conftest import run

# Momentum and He are right, Adam's t is used before it counts this step, the gradient norm is a sum; nothing else is written yet.
_EARLY_T = """\
beta1, beta2 = config["beta1"], config["beta2"]
config["m"] = beta1 * config["m"] + (1 - beta1) * dw
config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2
m_hat = config["m"] / (1 - beta1 ** config["t"])
v_hat = config["v"] / (1 - beta2 ** config["t"])
next_w = w - config["learning_rate"] * m_hat / (np.sqrt(v_hat) + config["epsilon"])
config["t"] += 1
"""
_SUM = "self.log_grad_norm_history.append(sum(np.linalg.norm(grad) for grad in grads.values()))\n"
_CALL = '<span style="opacity:.55">In [12]: </span>check("optim", "solver")'
_WIDTH, _COLOURS = 940, 64
_LOGS = ("optimizer_experiment_sgd.npz", "optimizer_experiment_sgd_momentum.npz", "sgd_momentum_compare_")


def half_done(homework: Path) -> Path:
    """Put a half-done homework into an unpacked handout: three right answers, two slips, the logs of sections 2.1 and 2.2."""
    with_answers(homework, adam=_EARLY_T, grad_norm=_SUM, rmsprop="pass", zero="pass")
    optim = homework / "deeplearning/optim.py"
    optim.write_text(optim.read_text("utf-8").replace("    pass\n", "    next_w = None\n"), "utf-8")
    (homework / "submission_logs").mkdir(exist_ok=True)
    for path in (REFERENCE / "submission_logs").iterdir():
        if path.name.startswith(_LOGS):
            (homework / "submission_logs" / path.name).write_bytes(path.read_bytes())
    return homework


def complete(homework: Path) -> Path:
    """Put the reference into an unpacked handout."""
    return laid_over(homework, REFERENCE)


def page(*panels: str) -> str:
    """A page that shows each panel below its call, as a notebook does: on white, and the second on black."""
    shown = []
    for panel, (background, ink, cell) in zip(
        panels, (("#fff", "#1f2328", "#f3f4f6"), ("#111418", "#e6e6e6", "#1f242b")), strict=False
    ):
        call = f'<pre style="background:{cell};border-radius:4px;padding:.5em .9em;margin:0 0 .6em;font-size:13px">{_CALL}</pre>'
        style = f"padding:14px 18px;background:{background};color:{ink};font-family:system-ui,sans-serif"
        shown.append(f'<div style="{style}">{call}{panel}</div>')
    return f'<!doctype html><meta charset="utf-8"><body style="margin:0">{"".join(shown)}</body>'


def main() -> None:
    """Make the picture."""
    from PIL import Image

    from grader.report.panel import panel
    from tests.classroom.chromium import browser

    with tempfile.TemporaryDirectory() as folder, browser() as one:
        archive = Path(folder) / "handout.zip"
        run("build", "handout", "-o", archive)
        found = in_folder(half_done(unpacked(archive, Path(folder))), "check", "--only", "optim,solver", "--json")
        made = panel(json.loads(found.stdout))
        shown = Path(folder) / "page.html"
        shown.write_text(page(made, made), "utf-8")
        one.look(_WIDTH, 600)
        one.open(shown)
        one.look(_WIDTH, int(one.run("document.documentElement.scrollHeight")))
        picture = Image.open(io.BytesIO(one.picture())).convert("RGB").quantize(_COLOURS)
    picture.save(sys.argv[1], optimize=True)


if __name__ == "__main__":
    main()
