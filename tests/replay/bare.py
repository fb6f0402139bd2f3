"""The bare training loops of the experiments, for comparison: `python -m tests.replay.bare DATA.npy` prints seconds by log as JSON.

The reference's own code on the same images, in this process, without a sandbox, a notebook or printing.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fixtures.seeded_runs import RATES, Homework, first
from grader.homework.hidden.experiment_programs import SEEDS, Run, runs
from tests.conftest import SAMPLES

LOGS = SAMPLES / "reference" / "submission_logs"


def seconds(homework: Homework, data: dict[str, object], run: Run) -> float:
    """What the training of one run takes."""
    if run.group == "best_model":
        np.random.seed(2023)
        model, images, rate = homework.net([200] * 10, initialization="he"), data, run.cuts["lr"]
        sizes, decay = (run.cuts["batch_size"], run.cuts["num_epochs"]), run.cuts["lr_decay"]
    elif run.group == "initialization_experiment":
        model, images, rate = homework.net([50] * 10, initialization=run.name), first(data, 4000), 1e-3
        sizes, decay = (100, 5), 1.0
    else:
        compared = run.group == "sgd_momentum_compare"
        np.random.seed(run.cuts["seeds"][0] if compared else 0)
        model, images, rate = homework.net([100] * 5, weight_scale=5e-2), first(data, 6000 if compared else 4000), RATES[run.rule]
        batch = run.cuts.get("batch_sizes['sgd']", 100)
        sizes, decay = (batch, batch // 20), 1.0
    started = time.monotonic()
    homework.train(model, images, run.rule, rate, *sizes, decay)
    return time.monotonic() - started


def main() -> None:
    """The command."""
    record = np.load(sys.argv[1], mmap_mode="r", allow_pickle=False)
    data = {name: record[name] for name in record.dtype.names if name != "source"}
    settings = json.loads((LOGS / "results.json").read_text("utf-8"))
    length = np.load(LOGS / "sgd_momentum_compare_sgd_100.npz")["train_accs"].size
    batches = dict.fromkeys(SEEDS, (length - 1) * 20)
    with tempfile.TemporaryDirectory() as scratch, np.errstate(all="ignore"):
        homework = Homework(Path(scratch))
        print(json.dumps({run.log: seconds(homework, data, run) for run in runs(batches, settings)}))


if __name__ == "__main__":
    main()
