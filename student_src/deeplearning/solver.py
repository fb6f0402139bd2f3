"""The training loop."""

import numpy as np

from deeplearning import optim


class Solver:
    """Trains a model with mini-batches and an update rule, and keeps a record.

    The model has `params` (a dict of arrays) and `loss(X, y)`, which returns scores if y is None and else the loss and
    a dict of gradients with the keys of `params`. The data is a dict with X_train and X_val (n, d_1, ..., d_k), and
    y_train and y_val (n,) with integer labels.

        solver = Solver(model, data, update_rule='sgd', optim_config={'learning_rate': 1e-3}, num_epochs=10)
        solver.train()

    Afterwards the model holds the parameters that were best on the validation set, and the solver these histories:
    loss_history, train_acc_history, val_acc_history, log_acc_iteration_history, log_grad_norm_history.
    """

    def __init__(
        self,
        model,
        data,
        update_rule="sgd",
        optim_config={},  # noqa: B006 (it is only read)
        lr_decay=1.0,
        batch_size=100,
        num_epochs=10,
        print_every=10,
        verbose=True,
        log_acc_iteration=False,
    ):
        """Get ready to train.

        Inputs:
        - model, data: see above.
        - update_rule: name of a function in optim.py.
        - optim_config: hyper-parameters for that rule.
        - lr_decay: the learning rate is multiplied by this after each epoch.
        - batch_size, num_epochs: as usual.
        - print_every: print the loss every so many iterations.
        - verbose: whether to print at all.
        - log_acc_iteration: whether to keep the iterations at which accuracies were taken.
        """
        self.model = model
        self.X_train = data["X_train"]
        self.y_train = data["y_train"]
        self.X_val = data["X_val"]
        self.y_val = data["y_val"]

        self.optim_config = optim_config
        self.lr_decay = lr_decay
        self.batch_size = batch_size
        self.num_epochs = num_epochs
        self.print_every = print_every
        self.verbose = verbose
        self.log_acc_iteration = log_acc_iteration

        if not hasattr(optim, update_rule):
            raise ValueError(f"unknown update rule: {update_rule!r}")
        self.update_rule = getattr(optim, update_rule)

        self._reset()

    def _reset(self):
        """Start over with empty records and one copy of the configuration for each parameter."""
        self.epoch = 0
        self.best_val_acc = 0
        self.best_params = {}
        self.loss_history = []
        self.train_acc_history = []
        self.val_acc_history = []
        self.log_acc_iteration_history = []
        self.log_grad_norm_history = []
        self.optim_configs = {name: dict(self.optim_config) for name in self.model.params}

    def _step(self):
        """One step: draw a mini-batch, get the gradients, update every parameter."""
        num_train = self.X_train.shape[0]
        batch_mask = np.random.choice(num_train, self.batch_size)
        X_batch = self.X_train[batch_mask]
        y_batch = self.y_train[batch_mask]

        loss, grads = self.model.loss(X_batch, y_batch)
        self.loss_history.append(loss)

        #######################################################################
        # TODO: Append to self.log_grad_norm_history the mean of the L2 norms #
        # of the gradients in grads (one norm for each entry of the dict).    #
        #######################################################################
        pass
        #######################################################################
        #                           END OF YOUR CODE                          #
        #######################################################################

        for name, w in self.model.params.items():
            next_w, next_config = self.update_rule(w, grads[name], self.optim_configs[name])
            self.model.params[name] = next_w
            self.optim_configs[name] = next_config

    def check_accuracy(self, X, y, num_samples=None, batch_size=100):
        """Share of examples the model gets right.

        Inputs: X (N, d_1, ..., d_k), y (N,), num_samples: if given and smaller than N, use a draw of that many,
        batch_size: examples evaluated at a time. Returns: a number between 0 and 1.
        """
        if num_samples is not None and X.shape[0] > num_samples:
            mask = np.random.choice(X.shape[0], num_samples)
            X, y = X[mask], y[mask]
        predictions = [
            np.argmax(self.model.loss(X[start : start + batch_size]), axis=1)
            for start in range(0, X.shape[0], batch_size)
        ]
        return np.mean(np.hstack(predictions) == y)

    def train(self):
        """Train; see the class for what is there afterwards."""
        num_train = self.X_train.shape[0]
        iterations_per_epoch = max(num_train // self.batch_size, 1)
        num_iterations = self.num_epochs * iterations_per_epoch

        for t in range(num_iterations):
            self._step()
            if self.verbose and t % self.print_every == 0:
                print(f"(Iteration {t + 1} / {num_iterations}) loss: {self.loss_history[-1]:f}")

            epoch_end = (t + 1) % iterations_per_epoch == 0
            if epoch_end:
                self.epoch += 1
                for config in self.optim_configs.values():
                    config["learning_rate"] *= self.lr_decay

            if t == 0 or epoch_end:
                train_acc = self.check_accuracy(self.X_train, self.y_train, num_samples=1000)
                val_acc = self.check_accuracy(self.X_val, self.y_val)
                self.train_acc_history.append(train_acc)
                self.val_acc_history.append(val_acc)
                if self.log_acc_iteration:
                    self.log_acc_iteration_history.append(t + 1)
                if self.verbose:
                    progress = f"(Epoch {self.epoch} / {self.num_epochs})"
                    print(f"{progress} train acc: {train_acc:f}; val_acc: {val_acc:f}")
                if val_acc > self.best_val_acc:
                    self.best_val_acc = val_acc
                    self.best_params = {name: w.copy() for name, w in self.model.params.items()}

        if self.best_params:
            self.model.params = self.best_params

    def record_histories_as_npz(self, filename):
        """Save train_losses (one for each iteration), train_accs and val_accs (one for each check) as an npz archive.

        Input: filename: a name (".npz" is added if it is missing) or a file object open for writing bytes.
        """
        np.savez(
            filename, train_losses=self.loss_history, train_accs=self.train_acc_history, val_accs=self.val_acc_history
        )
