"""A training step for the Solver of any term, to judge the loop around a step that raises. It records losses and nothing else."""

import numpy as np


def plain_step(solver):
    """Draw a mini-batch, get the gradients, update every parameter. The attributes it uses are there in all terms."""
    batch = np.random.choice(solver.X_train.shape[0], solver.batch_size)
    loss, gradients = solver.model.loss(solver.X_train[batch], solver.y_train[batch])
    solver.loss_history.append(loss)
    for name, values in solver.model.params.items():
        following, config = solver.update_rule(values, gradients[name], solver.optim_configs[name])
        solver.model.params[name] = following
        solver.optim_configs[name] = config
