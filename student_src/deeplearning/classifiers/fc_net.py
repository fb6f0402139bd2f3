"""Fully connected networks."""

import math

import numpy as np

from deeplearning.layer_utils import *


class FullyConnectedNet:
    """Any number of hidden layers with rectifiers, and a softmax loss.

    {affine - [batch norm] - relu - [dropout]} x (L - 1) - affine - softmax

    The parameters are in `self.params`: W1, b1, W2, b2, ..., WL, bL, and gamma1, beta1, ... with batch normalization.
    """

    def __init__(
        self,
        hidden_dims,
        input_dim=3 * 32 * 32,
        num_classes=10,
        dropout=0,
        use_batchnorm=False,
        reg=0.0,
        weight_scale=1e-2,
        dtype=np.float32,
        seed=None,
        initialization="random",
    ):
        """Make a network with freshly initialized parameters.

        Inputs:
        - hidden_dims: list with the size of each hidden layer.
        - input_dim: size of the flattened input.
        - num_classes: number of classes.
        - dropout: probability of dropping an entry; 0 means no dropout.
        - use_batchnorm: whether to use batch normalization.
        - reg: strength of L2 regularization.
        - weight_scale: standard deviation for the initialization 'random'.
        - dtype: type of all parameters and computations.
        - seed: if given, dropout masks repeat.
        - initialization: 'random', 'he' or 'zero'.
        """
        self.use_batchnorm = use_batchnorm
        self.use_dropout = dropout > 0
        self.reg = reg
        self.num_layers = 1 + len(hidden_dims)
        self.dtype = dtype
        self.params = {}

        dims = [input_dim] + list(hidden_dims) + [num_classes]
        for i in range(1, self.num_layers + 1):
            fan_in, fan_out = dims[i - 1], dims[i]
            self.params[f"b{i}"] = np.zeros(fan_out)
            if initialization == "random":
                self.params[f"W{i}"] = np.random.normal(0.0, weight_scale, (fan_in, fan_out))
            elif initialization == "he":
                ###############################################################
                # TODO: He initialization with a normal distribution, as the  #
                # notebook describes it. Set self.params[f"W{i}"].            #
                ###############################################################
                pass
                ###############################################################
                #                       END OF YOUR CODE                      #
                ###############################################################
            elif initialization == "zero":
                ###############################################################
                # TODO: Set self.params[f"W{i}"] to zeros.                    #
                ###############################################################
                pass
                ###############################################################
                #                       END OF YOUR CODE                      #
                ###############################################################
            else:
                raise ValueError(f"unknown initialization: {initialization!r}")
            if use_batchnorm and i < self.num_layers:
                self.params[f"gamma{i}"] = np.ones(fan_out)
                self.params[f"beta{i}"] = np.zeros(fan_out)

        self.dropout_param = {}
        if self.use_dropout:
            self.dropout_param = {"mode": "train", "p": dropout}
            if seed is not None:
                self.dropout_param["seed"] = seed

        self.bn_params = [{"mode": "train"} for _ in hidden_dims] if use_batchnorm else []

        for name, value in self.params.items():
            self.params[name] = value.astype(dtype)

    def loss(self, X, y=None):
        """Scores, or loss and gradients.

        Inputs: X (N, d_1, ..., d_k), y (N,) labels or None.
        Returns: scores (N, C) if y is None; else the loss and a dict of gradients with the keys of self.params.
        """
        X = X.astype(self.dtype)
        mode = "test" if y is None else "train"
        if self.use_dropout:
            self.dropout_param["mode"] = mode
        for bn_param in self.bn_params:
            bn_param["mode"] = mode

        caches, masks = {}, {}
        out = X
        for i in range(1, self.num_layers):
            w, b = self.params[f"W{i}"], self.params[f"b{i}"]
            if self.use_batchnorm:
                gamma, beta = self.params[f"gamma{i}"], self.params[f"beta{i}"]
                out, caches[i] = affine_bn_relu_forward(out, w, b, gamma, beta, self.bn_params[i - 1])
            else:
                out, caches[i] = affine_relu_forward(out, w, b)
            if self.use_dropout:
                out, masks[i] = dropout_forward(out, self.dropout_param)
        last = self.num_layers
        scores, caches[last] = affine_forward(out, self.params[f"W{last}"], self.params[f"b{last}"])
        if y is None:
            return scores

        loss, dout = softmax_loss(scores, y)
        grads = {}
        dout, grads[f"W{last}"], grads[f"b{last}"] = affine_backward(dout, caches[last])
        for i in range(last - 1, 0, -1):
            if self.use_dropout:
                dout = dropout_backward(dout, masks[i])
            if self.use_batchnorm:
                dout, dw, db, grads[f"gamma{i}"], grads[f"beta{i}"] = affine_bn_relu_backward(dout, caches[i])
            else:
                dout, dw, db = affine_relu_backward(dout, caches[i])
            grads[f"W{i}"], grads[f"b{i}"] = dw, db
        for i in range(1, last + 1):
            w = self.params[f"W{i}"]
            loss += 0.5 * self.reg * np.sum(w * w)
            grads[f"W{i}"] += self.reg * w
        return loss, grads


class TwoLayerNet(FullyConnectedNet):
    """One hidden layer: affine - relu - affine - softmax. Not used in this homework."""

    def __init__(self, input_dim=3 * 32 * 32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
        super().__init__([hidden_dim], input_dim=input_dim, num_classes=num_classes, weight_scale=weight_scale, reg=reg)
