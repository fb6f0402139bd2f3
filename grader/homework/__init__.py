"""Everything that knows the homework q_optimizer_init, and nothing that does not: its checks, one module a file or folder that is
handed in; what is published about it; and, in `hidden/`, what students never get."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

from ..grading.curves import CurveGroup, PublishedCurve, Series
from ..grading.homework import ROOT, Homework, Leaderboard
from .files import FC_NET, FIXTURES_FOLDER, FOLDER, LAYOUT, OPTIM, SOLVER
from .sections import SECTIONS
from .support_digests import KNOWN_SUPPORT

if TYPE_CHECKING:
    from ..grading.experiments import Experiments
    from ..grading.homework import Opener
    from ..grading.results import Report
    from ..submission.collect import Submission


class OptimizersAndInitialization(Homework):
    """The homework as the core asks about it; what takes time is loaded when it is asked for."""

    def verify(self) -> None:
        """Hold the catalogue of slips and the recorded facts against each other; see `Homework.verify`."""
        from . import consistency

        consistency.verify()
        if self.hidden.is_dir():
            from .hidden import completeness

            completeness.verify()

    def slip_names(self) -> Mapping[str, str]:
        """See `Homework.slip_names`."""
        from .misconceptions import catalogue

        return {slip.id: slip.name for slip in catalogue().values()}

    def published_curve(self, log: str, entries: Mapping[str, int]) -> PublishedCurve | None:
        """See `Homework.published_curve`; None in a student's copy."""
        if not self.hidden.is_dir():
            return None
        from .hidden.curve_comparison import published_curve

        return published_curve(log, entries)

    @property
    def beside(self) -> Collection[str]:
        """See `Homework.beside`: each initialization builds four networks."""
        return (FC_NET,)

    def code_of(self, item: str) -> tuple[str, tuple[str, ...]]:
        """See `Homework.code_of`."""
        file, *rest = item.split(".")
        return {
            "optim": (OPTIM, tuple(rest[:1])),
            "fc_net": (FC_NET, ("FullyConnectedNet.__init__",) if rest[0] == "init" else ("FullyConnectedNet.loss",)),
            "solver": (SOLVER, ("Solver._step",)),
        }.get(file, ("", ()))

    def findings_order(self) -> tuple[str, ...]:
        """See `Homework.findings_order`; nothing in a student's copy."""
        if not self.hidden.is_dir():
            return ()
        from .hidden.log_consistency import MOST_TELLING

        return MOST_TELLING

    def built_on(self, submission: Submission, term: str) -> str:
        """See `Homework.built_on`."""
        from .terms import starter_of

        return starter_of(submission, term).told

    def incomplete(self, submission: Submission) -> list[str]:
        """See `Homework.incomplete`: logs that no run left, by the cell that writes them."""
        from .submission_logs import missing_logs

        return missing_logs(submission)

    def warnings(self, submission: Submission, report: Report, opened: Opener) -> list[str]:
        """See `Homework.warnings`."""
        from .last_look import warnings

        return warnings(submission, report, opened)

    def handout_files(self) -> Mapping[str, bytes]:
        """See `Homework.handout_files`: the slips that the public checks can tell, with a student's words alone."""
        from .misconceptions import public_catalogue

        return {"misconceptions.toml": public_catalogue().encode()}

    def experiments(self) -> Experiments | None:
        """See `Homework.experiments`; None in a student's copy."""
        if not self.hidden.is_dir():
            return None
        from .hidden.experiments import TrainingRuns

        return TrainingRuns(self)


HOMEWORK: Final = OptimizersAndInitialization(
    package=__name__,
    name="q_optimizer_init",
    title="q_optimizer_init",
    layout=LAYOUT,
    folder=FOLDER,
    starter_folder=ROOT / "student_src",
    fixtures_folder=FIXTURES_FOLDER,
    sample=FIXTURES_FOLDER / "submissions" / "reference",
    modules=("fc_net", "optim", "solver", "submission_logs"),
    hidden_modules=("behaviour", "log_consistency", "notebook_consistency", "trajectories", "unseen_questions"),
    known_support=KNOWN_SUPPORT,
    sections=SECTIONS,
    example=("optim.adam", "fc_net,solver"),
    public_fixtures=("golden.json", "slips.json", "norms.json", "spreads.json", "steps.json"),
    scripts=("deeplearning/datasets/get_datasets.sh",),
    notebook_reader=("notebook_reader.py", "read_notebook"),
    reader_files=(
        *("blank_finder.py", "notebook_state.py", "notebook_format.py"),
        *("notebook_reader.py", "notebook_source.py", "notebook_values.py"),
    ),
    by_hand=("question", "plot", "gradient norms"),
    terms=("2023", "sp25", "fa25", "fa26", "handout"),
    leaderboard=Leaderboard("val_accuracy", "Best validation accuracy"),
    curve_series=(  # accuracies are taken after iteration 1, then by epoch
        Series("train_losses", "loss, by iteration", "loss", 1),
        Series("train_accs", "training accuracy, by epoch", "training", 0, shared="accuracy, by epoch"),
        Series("val_accs", "validation accuracy, by epoch", "validation", 0, shared="accuracy, by epoch"),
    ),
    curve_groups=(
        CurveGroup("Optimizers", "optimizer_experiment_"),
        CurveGroup("SGD with momentum, three seeds", "sgd_momentum_compare_sgd_momentum_"),
        CurveGroup("Plain SGD, three seeds", "sgd_momentum_compare_sgd_"),
        CurveGroup("Initialization", "initialization_experiment_"),
        CurveGroup("Best model", "best_fc_model"),
    ),
)
