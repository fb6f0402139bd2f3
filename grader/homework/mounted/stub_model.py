"""Models whose answers are known in advance, so that what the training loop does with them can be predicted.

To the code that is asked they are networks like any other: they have what the network of the homework has, whatever it is called
with, and asking one twice for the same is answered alike and changes nothing.
"""

import numpy as np


class Network:
    """Hands out the given gradients, one set a training step, and starts over after the last.

    A training step begins where `loss` is called with a new batch: not with `everything` that there is, of the first batch's size,
    and another array than the last one, or one that holds the same while the parameters have moved on. Whatever else is asked with
    labels is answered and not counted.
    """

    def __init__(self, params, gradients, num_classes, everything=None):
        self.params = params
        self.gradients = gradients
        self.num_classes = num_classes
        self.num_layers = sum(name.startswith("W") for name in params)
        widths = [params[f"W{layer}"].shape for layer in range(1, self.num_layers + 1)]
        self.input_dim = widths[0][0]
        self.hidden_dims = [outputs for _, outputs in widths[:-1]]
        self.dtype = params["W1"].dtype.type
        self.reg = 0.0
        self.use_batchnorm = self.use_dropout = False
        self.dropout_param = {}
        self.bn_params = []
        self._everything = everything
        self.restart()

    def restart(self):
        """Go back to the first step."""
        self.steps = 0
        self._batch = None
        self._moved_from = None

    def loss(self, X, y=None):
        if y is None:
            return np.zeros((X.shape[0], self.num_classes))
        moved = self._moved_from is not None and any(
            not np.array_equal(self._moved_from[name], value) for name, value in self.params.items()
        )
        if self._begins_a_step(X, y, moved):
            self._batch = (X, np.array(X), np.array(y))
            self._moved_from = {name: np.array(value) for name, value in self.params.items()}
            self.steps += 1
            self.begun(X, y)
            moved = False
        elsewhere = moved or not self._is_the_batch(X, y)  # then the gradients are others than those of the step
        grads = self.gradients[(self.steps - 1 + elsewhere) % len(self.gradients)]
        return 1.0, {name: grad.copy() for name, grad in grads.items()}

    def begun(self, X, y):
        """Called at the beginning of each training step."""

    def _begins_a_step(self, X, y, moved):
        if self._batch is None or X is self._everything:
            return X is not self._everything
        if len(X) != len(self._batch[1]) or X is self._batch[0]:
            return False
        return moved or not self._is_the_batch(X, y)

    def _is_the_batch(self, X, y):
        return self._batch is not None and np.array_equal(X, self._batch[1]) and np.array_equal(y, self._batch[2])


class RecordedNetwork(Network):
    """Also keeps the batches it is trained on, and gets a known share of examples right after each step.

    A row of X is (label, rank): the label is predicted rightly if the rank is below `levels[steps]`. The loss of step n is n.
    """

    def __init__(self, params, gradients, num_classes, levels, everything):
        super().__init__(params, gradients, num_classes, everything)
        self.levels = levels
        self.batches = []

    def loss(self, X, y=None):
        if y is None:
            right = X[:, 1] < self.levels[min(self.steps, len(self.levels) - 1)]
            label = X[:, 0].astype(int)
            return np.eye(self.num_classes)[np.where(right, label, (label + 1) % self.num_classes)]
        _, grads = super().loss(X, y)
        return float(self.steps), grads

    def begun(self, X, y):
        self.batches.append((np.array(X), np.array(y)))


StubModel, RecordingModel = Network, RecordedNetwork  # a student may read a class's own name, in what Python says of a mistake
