"""Whether a notebook, as it was saved, shows the runs that write the logs. Runs inside the sandbox; nothing of it is executed."""

from notebook_format import MAX_CELLS, Unreadable, cells_of, count_of, kind_of, outputs_of, printed_by, source_of, text_of

_RECORDS = ".record_histories_as_npz("  # in every cell that writes a log of a run
_STAND_IN = ("source: synthetic stand-in", "A SYNTHETIC STAND-IN with")
_REAL = "source: CIFAR-10"


def saved_state(data):
    """{"error": clause} or {"ran", "silent", "failed", "stand_in"}.

    "ran": whether any code cell was run. Of the cells that write logs "silent" holds the places (from 1) of those that show no run,
    "failed" of those that ended with an error. "stand_in": whether what was printed says that the images were the stand-in's.
    """
    try:
        cells = cells_of(data)[:MAX_CELLS]
    except Unreadable as error:
        return {"error": str(error)}
    code = [(at, cell) for at, cell in enumerate(cells, start=1) if kind_of(cell) == "code"]
    ran = {at for at, cell in code if count_of(cell) is not None or outputs_of(cell)}
    failed = {at for at, cell in code if any(one.get("output_type") in ("error", "pyerr") for one in outputs_of(cell))}
    writers = [at for at, cell in code if _records(text_of(source_of(cell)))]
    printed = [printed_by(outputs_of(cell)) for _, cell in code]
    stand_in = any(words in text for words in _STAND_IN for text in printed) and not any(_REAL in text for text in printed)
    return {
        "ran": bool(ran),
        "silent": [at for at in writers if at not in ran],
        "failed": [at for at in writers if at in failed],
        "stand_in": stand_in,
    }


def _records(source):
    return any(_RECORDS in line and not line.lstrip().startswith("#") for line in source.splitlines())
