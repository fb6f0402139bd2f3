"""What only staff ask under the public items, so that no table of right answers that lies in the handout is a solution.

The gradient norm is asked on more gradients, and each part of an initialization of one more network. A part's own network tells
apart what its public one does: as deep or shallow, of the same type, with the default weight_scale or another, but no layer of
it has a number of inputs that the handout's table knows, or one near it.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from ..fc_net import Build, also_build
from ..published import UNSEEN_NORMS, norms
from ..solver import also_train_on
from .initialization_stds import stds

NETWORKS: Final = {
    "handout_network": Build((28,) * 6, input_dim=200),
    "other_widths": Build((28, 75, 28), input_dim=75, classes=45, weight_scale=2e-2, dtype="float64"),
    "one_hidden_layer": Build((75,), input_dim=28, classes=25, weight_scale=0.3, seed=11),
}

also_train_on(partial(norms, UNSEEN_NORMS))
for _part, _build in NETWORKS.items():
    also_build(_part, _build, stds(_build))
