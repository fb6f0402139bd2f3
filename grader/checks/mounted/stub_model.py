"""Models whose answers are known in advance, so that what the training loop does with them can be predicted."""

import numpy as np


class StubModel:
    """Hands out the given gradients, one set a training step, and starts over after the last."""

    def __init__(self, params, gradients, num_classes):
        self.params = params
        self.gradients = gradients
        self.num_classes = num_classes
        self.steps = 0

    def loss(self, X, y=None):
        if y is None:
            return np.zeros((X.shape[0], self.num_classes))
        grads = self.gradients[self.steps % len(self.gradients)]
        self.steps += 1
        return 1.0, {name: grad.copy() for name, grad in grads.items()}


class RecordingModel(StubModel):
    """Also keeps the batches it is trained on, and gets a known share of examples right after each step.

    A row of X is (label, rank): the label is predicted rightly if the rank is below `levels[steps]`. The loss of step n is n.
    """

    def __init__(self, params, gradients, num_classes, levels):
        super().__init__(params, gradients, num_classes)
        self.levels = levels
        self.batches = []

    def loss(self, X, y=None):
        if y is None:
            right = X[:, 1] < self.levels[self.steps]
            label = X[:, 0].astype(int)
            return np.eye(self.num_classes)[np.where(right, label, (label + 1) % self.num_classes)]
        self.batches.append((np.array(X), np.array(y)))
        _, grads = super().loss(X, y)
        return float(self.steps), grads
