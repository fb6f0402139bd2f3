"""Notebooks made from the reference's executed one by one change: forged ones with the finding, and honest ones without."""

from __future__ import annotations

import copy
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from tests.conftest import ROOT, SAMPLES

NAME = "q_optimizer_init.ipynb"
Notebook = dict[str, Any]
Files = dict[str, bytes | None]
TUNED, COMPARED, RULES, SCHEMES, BEST, RESULTS = (
    "optimizer_experiment_{update_rule}", "sgd_momentum_compare", "learning_rates = ", "initialization_experiment",
    "best_solver = Solver", '"val_acc": val_acc',
)  # fmt: skip


@cache
def _reference() -> str:
    return (SAMPLES / "reference" / NAME).read_text("utf-8")


def reference() -> Notebook:
    """The executed notebook, as data to be changed."""
    notebook: Notebook = json.loads(_reference())
    return notebook


def cell(notebook: Notebook, word: str) -> dict[str, Any]:
    """The first code cell whose source holds `word`."""
    return next(one for one in notebook["cells"] if one["cell_type"] == "code" and word in "".join(one["source"]))


def source(notebook: Notebook, word: str, old: str, new: str) -> None:
    """Replace text in that cell's source."""
    found = cell(notebook, word)
    text = "".join(found["source"])
    assert text.count(old) == 1, (old, text.count(old))
    found["source"] = text.replace(old, new).splitlines(keepends=True)


def printed(notebook: Notebook, word: str, old: str, new: str) -> None:
    """Replace the first match of a pattern in what that cell printed."""
    (output,) = cell(notebook, word)["outputs"]
    text, count = re.subn(old, new, "".join(output["text"]), count=1)
    assert count == 1, old
    output["text"] = text.splitlines(keepends=True)


def code(text: str, count: int | None = None, outputs: Any = ()) -> dict[str, Any]:
    """A code cell."""
    return {"cell_type": "code", "execution_count": count, "metadata": {}, "outputs": list(outputs), "source": text}


def insert(notebook: Notebook, word: str, *cells: dict[str, Any], after: bool = False) -> None:
    """Put cells before (or after) that cell."""
    at = notebook["cells"].index(cell(notebook, word)) + after
    notebook["cells"][at:at] = cells


def as_bytes(notebook: Notebook) -> bytes:
    """The file."""
    return json.dumps(notebook).encode()


@dataclass(frozen=True)
class Forgery:
    """A change to the notebook (and the logs beside it), and the part that should see it."""

    part: str
    make: Callable[[Notebook, Files], None]


FORGERIES: dict[str, Forgery] = {}
HONEST: dict[str, Callable[[Notebook, Files], bytes | None]] = {}


def _named(function: Callable[..., Any]) -> str:
    return function.__name__.replace("_", " ")


def edited(part: str, name: str, word: str, old: str, new: str) -> None:
    """A forgery that replaces text in a cell's source; for the part `printed` the first match in its output."""
    change = printed if part == "printed" else source
    FORGERIES[name] = Forgery(part, lambda notebook, _files: change(notebook, word, old, new))


def forgery(part: str) -> Callable[..., Any]:
    """Register any other forgery under its function's name."""

    def register(make: Callable[[Notebook, Files], None]) -> Callable[[Notebook, Files], None]:
        FORGERIES[_named(make)] = Forgery(part, make)
        return make

    return register


edited("fixed_values", "a narrower network", BEST, "width = 200", "width = 100")
edited("fixed_values", "a wider network by arithmetic", BEST, "width = 200", "width = 2 * 200")
edited("fixed_values", "fewer layers", BEST, "n_layers = 10 ", "n_layers = 5 ")
edited("fixed_values", "layers written out", BEST, "[width] * n_layers", "[100, 100, 100]")
edited("fixed_values", "another seed for the best model", BEST, "seed(2023)", "seed(7)")
edited("fixed_values", "no seed for the best model", BEST, "np.random.seed(2023)  # please don't change this\n", "")
edited("fixed_values", "another seed for the four rules", RULES, "seed(0)", "seed(1)")
edited("fixed_values", "a third seed changed", COMPARED, "[100, 200, 300]", "[100, 200, 301]")
edited("fixed_values", "a faster comparison", COMPARED, "1e-2", "2e-2")
edited("fixed_values", "another rate for Adam", RULES, '"adam": 1e-3', '"adam": 3e-3')
edited("fixed_values", "another rate for RMSProp by arithmetic", RULES, '"rmsprop": 1e-4', '"rmsprop": 10 * 1e-4')
edited("settings", "another learning rate", BEST, "lr = 1e-3", "lr = 2e-3")
edited("settings", "more epochs", BEST, "num_epochs = 6", "num_epochs = 20")
edited("settings", "another batch size by arithmetic", BEST, "batch_size = 200", "batch_size = 2 * 50")
edited("settings", "another decay", BEST, "lr_decay = 0.9", "lr_decay = 0.95")
edited("settings", "another rule", BEST, 'update_rule = "adam"', 'update_rule = "sgd"')
edited("settings", "settings in one line", BEST, "lr = 1e-3\nnum_epochs = 6\n", "lr, num_epochs = 1e-3, 7\n")
edited("printed", "a better last epoch", BEST, r"(\(Epoch 6 / 6\) .*val_acc: )\S+", r"\g<1>0.612000")
edited("printed", "a better training accuracy", BEST, r"(\(Epoch 3 / 6\) train acc: )[^;]+", r"\g<1>0.712000")
edited("printed", "the last digit of a loss", RULES, r"(\(Iteration 11 / 200\) loss: \S+)\d", r"\g<1>x".replace("x", "0"))
edited("printed", "a loss of the first run from he", SCHEMES, r"(\(Iteration 21 / 200\) loss: )\S+", r"\g<1>1.912345")
edited("printed", "a better validation accuracy", RESULTS, r"(Validation accuracy: )\S+", r"\g<1>0.654")
edited("printed", "a better test accuracy", RESULTS, r"(Test accuracy: +)\S+", r"\g<1>0.65")
edited("printed", "a better average", COMPARED, r"(Average training accuracy, sgd: +)\S+", r"\g<1>0.594")
edited("printed", "a smaller difference", COMPARED, r"(Difference: )\S+", r"\g<1>0.0012")
edited("printed", "another accuracy in the comparison", COMPARED, r"(\(Epoch 5 / 5\) train acc: )[^;]+", r"\g<1>0.700000")


@forgery("settings")
def a_rate_from_an_earlier_cell(notebook: Notebook, _files: Files) -> None:
    insert(notebook, BEST, code("best_lr = 5e-3"))
    source(notebook, BEST, "lr = 1e-3", "lr = best_lr")


@forgery("settings")
def two_cells_and_neither_fits(notebook: Notebook, _files: Files) -> None:
    source(notebook, BEST, "lr = 1e-3", "lr = 4e-3")
    insert(notebook, BEST, copy.deepcopy(cell(notebook, BEST)))
    source(notebook, BEST, "lr = 4e-3", "lr = 2e-3")


@forgery("printed")
def losses_of_another_run(notebook: Notebook, _files: Files) -> None:
    (output,) = cell(notebook, RULES)["outputs"]
    output["text"] = re.sub(r"loss: (\S+)", lambda found: f"loss: {0.97 * float(found[1]):f}", "".join(output["text"]))


@forgery("printed")
def a_log_improved_beside_the_notebook(_notebook: Notebook, files: Files) -> None:
    files["best_fc_model.npz"] = log("best_fc_model", lambda arrays: arrays["train_losses"].__imul__(0.9))


@forgery("printed")
def results_improved_beside_the_notebook(_notebook: Notebook, files: Files) -> None:
    files["results.json"] = (SAMPLES / "reference/submission_logs/results.json").read_bytes().replace(b"0.554", b"0.654")


def log(name: str, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """One of the reference's logs, changed in place."""
    arrays: dict[str, Any] = {
        key: np.array(values) for key, values in np.load(SAMPLES / "reference/submission_logs" / f"{name}.npz").items()
    }
    change(arrays)
    held = io.BytesIO()
    np.savez(held, **arrays)
    return held.getvalue()


def honest(make: Callable[[Notebook, Files], Any]) -> Callable[[Notebook, Files], Any]:
    """Register an honest variation; it changes the notebook, or returns the file's bytes, or None for no file."""
    HONEST[_named(make)] = lambda notebook, files: as_bytes(notebook) if (made := make(notebook, files)) is None else made or None
    return make


@honest
def as_handed_in(_notebook: Notebook, _files: Files) -> None:
    pass


@honest
def version_3(notebook: Notebook, _files: Files) -> bytes:
    cells = []
    for one in notebook["cells"]:
        if one["cell_type"] != "code":
            cells.append({**one, "source": "".join(one["source"])})
            continue
        outputs = [{"output_type": "stream", "stream": "stdout", "text": output["text"]} for output in one["outputs"]]
        outputs.append({"output_type": "pyout", "prompt_number": one["execution_count"], "text": ["<Figure>"], "png": "AAAA"})
        held = {"input": one["source"], "prompt_number": one["execution_count"], "language": "python", "collapsed": False}
        cells.append({"cell_type": "code", "metadata": {}, "outputs": outputs, **held})
    cells.insert(0, {"cell_type": "heading", "level": 2, "source": "Mine", "metadata": {}})
    return as_bytes({"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]})


@honest
def from_Colab(notebook: Notebook, _files: Files) -> None:
    notebook["metadata"] = {"colab": {"provenance": [], "collapsed_sections": ["x"]}, "accelerator": "GPU", "kernelspec": {}}
    for number, one in enumerate(notebook["cells"]):
        one["metadata"] = {"id": f"c{number}", "colab": {"base_uri": "https://localhost:8080/", "height": 1000}, "outputId": "7"}
    insert(notebook, "import json", code("from google.colab import drive\ndrive.mount('/content')\n%cd $SYM_PATH\n!git pull", 1))


@honest
def stripped_of_outputs(notebook: Notebook, _files: Files) -> None:
    for one in notebook["cells"]:
        if one["cell_type"] == "code":
            one["outputs"], one["execution_count"] = [], None


@honest
def scratch_cells(notebook: Notebook, _files: Files) -> None:
    texts = (
        "lr_finder(",
        "print(best_solver.val_acc_history",
        "%%bash\nls -l",
        "np.dot?",
        "",
        "for a in [1, 2]:\n  print(a)",
        "lr",
    )
    for count, text in enumerate(texts, start=50):
        insert(notebook, BEST, code(text, count, [{"output_type": "error", "ename": "E", "evalue": "", "traceback": ["x"]}]))
    insert(notebook, BEST, code("width = 50\nsmall = FullyConnectedNet([width] * 3)", 60))


@honest
def one_cell_run_again(notebook: Notebook, _files: Files) -> None:
    cell(notebook, RULES)["execution_count"] = 41


@honest
def cells_moved(notebook: Notebook, _files: Files) -> None:
    notebook["cells"].reverse()


@honest
def line_ends_of_Windows(notebook: Notebook, _files: Files) -> bytes:
    for one in notebook["cells"]:
        one["source"] = [line.replace("\n", "\r\n") for line in one["source"]]
    return b"\xef\xbb\xbf" + json.dumps(notebook, indent=1).replace("\n", "\r\n").encode()


@honest
def magics_within(notebook: Notebook, _files: Files) -> None:
    for word in (TUNED, COMPARED, RULES, BEST, RESULTS):
        found = cell(notebook, word)
        magics = "%%time\n%matplotlib inline\n!nvidia-smi\nfiles = !ls\nif True:\n    %autoreload 2\n"
        found["source"] = magics + "".join(found["source"])


@honest
def sources_as_one_text(notebook: Notebook, _files: Files) -> None:
    for one in notebook["cells"]:
        one["source"] = "".join(one["source"])
        for output in one.get("outputs", []):
            output["text"] = "".join(output["text"])


@honest
def no_notebook(_notebook: Notebook, _files: Files) -> bytes:
    return b""


@honest
def the_one_handed_out(_notebook: Notebook, _files: Files) -> bytes:
    return (ROOT / "student_src" / NAME).read_bytes()


@honest
def output_cut_off_by_the_front_end(notebook: Notebook, _files: Files) -> None:
    for one in notebook["cells"]:
        for output in one.get("outputs", []):
            output["text"] = ["Streaming output truncated to the last lines.\n", *output["text"][len(output["text"]) // 2 :]]


@honest
def first_lines_cut_off(notebook: Notebook, _files: Files) -> None:
    for word in (RULES, SCHEMES, BEST):
        cell(notebook, word)["outputs"][0]["text"][:9] = ["... truncated ...\n"]


@honest
def nothing_printed_while_training(notebook: Notebook, _files: Files) -> None:
    for one in notebook["cells"]:
        for output in one.get("outputs", []):
            output["text"] = [line for line in output["text"] if not line.startswith("(")]


@honest
def printed_less_often(notebook: Notebook, _files: Files) -> None:
    for one in notebook["cells"]:
        for output in one.get("outputs", []):
            output["text"] = [line for line in output["text"] if not re.match(r"\(Iteration \d*[2-9]1 ", line)]


@honest
def a_copy_run_before(notebook: Notebook, _files: Files) -> None:
    tried = copy.deepcopy(cell(notebook, BEST))
    tried["execution_count"], tried["outputs"] = 12, []
    tried["source"] = "".join(tried["source"]).replace("lr = 1e-3", "lr = 4e-3").replace("width = 200", "width = 100")
    insert(notebook, BEST, tried)


@honest
def a_copy_with_a_higher_count_from_before_a_restart(notebook: Notebook, _files: Files) -> None:
    tried = copy.deepcopy(cell(notebook, BEST))
    tried["execution_count"] = 77
    tried["source"] = "".join(tried["source"]).replace("lr = 1e-3", "lr = 4e-3")
    insert(notebook, BEST, tried, after=True)
    printed(notebook, BEST, r"(\(Epoch 6 / 6\) .*val_acc: )\S+", r"\g<1>0.512000")
    notebook["cells"].reverse()


@honest
def trained_again_after_the_results(notebook: Notebook, _files: Files) -> None:
    source(notebook, BEST, "lr = 1e-3", "lr = 4e-3")
    printed(notebook, BEST, r"(\(Epoch 6 / 6\) .*val_acc: )\S+", r"\g<1>0.512000")
    cell(notebook, BEST)["execution_count"] = 20


@honest
def run_again_and_interrupted(notebook: Notebook, _files: Files) -> None:
    for word in (RULES, SCHEMES, BEST):
        text = cell(notebook, word)["outputs"][0]["text"]
        text[:] = [line.replace(" loss: 2", " loss: 1") for line in text[: 2 * len(text) // 3]]


@honest
def the_first_comparison_run_last(notebook: Notebook, files: Files) -> None:
    runs = "".join(cell(notebook, TUNED)["outputs"][0]["text"]).split("running with ")[1:]
    for run, name in zip(runs, ("optimizer_experiment_sgd", "optimizer_experiment_sgd_momentum"), strict=True):
        losses = [(int(at) - 1, float(loss)) for at, loss in re.findall(r"\(Iteration (\d+) .*loss: (\S+)", run)]
        accuracies = np.array(re.findall(r"train acc: (\S+); val_acc: (\S+)", run), dtype=float)

        def replace(arrays: dict[str, Any], losses: Any = losses, accuracies: Any = accuracies) -> None:
            for at, loss in losses:
                arrays["train_losses"][at] = loss
            arrays["train_accs"], arrays["val_accs"] = accuracies.T

        files[f"{name}.npz"] = log(name, replace)
    cell(notebook, TUNED)["execution_count"] = 30


@honest
def warnings_within_the_output(notebook: Notebook, _files: Files) -> None:
    for one in notebook["cells"]:
        for output in one.get("outputs", []):
            text = "".join(output["text"])
            middle = len(text) // 2  # within a line
            warning = {"name": "stderr", "output_type": "stream", "text": "RuntimeWarning: divide by zero\n"}
            parts = [{**output, "text": text[:middle]}, warning, {**output, "text": text[middle:]}]
            one["outputs"] = parts


@honest
def batch_sizes_tried_in_copies(notebook: Notebook, _files: Files) -> None:
    tried = copy.deepcopy(cell(notebook, COMPARED))
    tried["source"] = "".join(tried["source"]).replace('"sgd": 600', '"sgd": 300')
    text = "".join(tried["outputs"][0]["text"]).replace("/ 30)", "/ 15)")
    tried["outputs"][0]["text"] = re.sub(r"(accuracy, sgd: +|Difference: )\S+", r"\g<1>0.41", text)
    insert(notebook, COMPARED, tried)


@honest
def settings_computed(notebook: Notebook, _files: Files) -> None:
    insert(notebook, BEST, code("base = 1e-2\nepochs: int = 3"))
    source(notebook, BEST, "lr = 1e-3\nnum_epochs = 6\n", "lr, num_epochs = base / 10, epochs * 2\n")
    source(notebook, BEST, "batch_size = 200\n", "batch_size = int(2e2)\n")
    source(notebook, BEST, "width = 200", "width = 100 * 2")


@honest
def settings_from_a_search(notebook: Notebook, _files: Files) -> None:
    source(notebook, BEST, "lr = 1e-3\n", "for lr in candidates:\n    pass\nlr_decay = pick(0.5)\n")
    source(notebook, BEST, "num_epochs = 6\n", "num_epochs = 1\nnum_epochs += 5\n")


@honest
def settings_in_a_cell_of_their_own(notebook: Notebook, _files: Files) -> None:
    lines = "".join(cell(notebook, BEST)["source"]).partition("np.random.seed(2023)")
    insert(notebook, BEST, code(lines[0], 12), code("np.random.seed(2023)", 12))
    cell(notebook, "best_solver.train()")["source"] = lines[2].partition("\n")[2]


@honest
def numbers_in_other_forms(notebook: Notebook, _files: Files) -> None:
    for one in notebook["cells"]:
        for output in one.get("outputs", []):
            text = re.sub(r"(acc: )(0\.\d+)", lambda found: f"{found[1]}{float(found[2]):.2f}", "".join(output["text"]))
            text = re.sub(r"(loss: )(\d+\.\d+)", lambda found: f"{found[1]}{Decimal(found[2]):e}", text)
            output["text"] = re.sub(r"((?:Validation|Test) accuracy: +)(\S+)", r"\g<1>np.float64(\2)", text)


@honest
def RMSProp_left_out(notebook: Notebook, files: Files) -> None:
    source(notebook, RULES, ', "rmsprop"]', "]")
    text = cell(notebook, RULES)["outputs"][0]["text"]
    text[:] = text[: text.index("running with rmsprop\n")]
    files["optimizer_experiment_rmsprop.npz"] = None


@honest
def one_output_cleared(notebook: Notebook, _files: Files) -> None:
    cell(notebook, RULES)["outputs"] = []


@honest
def odd_metadata(notebook: Notebook, _files: Files) -> None:
    notebook |= {"metadata": None, "nbformat": "4.5", "nbformat_minor": None}
    for number, one in enumerate(notebook["cells"]):
        one["metadata"] = [None, 7, "x", {}][number % 4]
    notebook["cells"] += [None, 7, [], {}, {"cell_type": 3, "source": {}}, {**code("x"), "outputs": {}}]
    notebook["cells"] += [{**code("1"), "execution_count": odd} for odd in ("5", 1.5, True, -1, 10**40, [1])]
    outputs: list[Any] = [None, 3, {}, *({"output_type": "stream", "text": odd} for odd in (None, 3, [4]))]
    notebook["cells"] += [{**code("1"), "outputs": outputs}, {**code("2"), "outputs": "3"}]
