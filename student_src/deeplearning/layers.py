"""Forward and backward passes of single layers.

A forward pass returns its output and a cache; the backward pass takes the upstream gradient `dout` and that cache and
returns gradients for everything the forward pass took. Arrays are float32 or float64 and results have the type of the
inputs; labels are integers.
"""

import numpy as np


def affine_forward(x, w, b):
    """Affine layer: flatten each example, multiply, add.

    Inputs: x (N, d_1, ..., d_k), w (D, M) with D = d_1 * ... * d_k, b (M,).
    Returns: out (N, M), cache.
    """
    out = x.reshape(x.shape[0], -1).dot(w) + b
    return out, (x, w, b)


def affine_backward(dout, cache):
    """Gradients of an affine layer.

    Inputs: dout (N, M), cache of `affine_forward`.
    Returns: dx (N, d_1, ..., d_k), dw (D, M), db (M,).
    """
    x, w, _ = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = dout.sum(axis=0)
    return dx, dw, db


def relu_forward(x):
    """Rectifier, entry by entry. Input: x of any shape. Returns: out of the same shape, cache."""
    return np.maximum(x, 0), x


def relu_backward(dout, cache):
    """Gradient of the rectifier. Inputs: dout, cache of `relu_forward`. Returns: dx."""
    return dout * (cache > 0)


def batchnorm_forward(x, gamma, beta, bn_param):
    """Batch normalization over the examples.

    Inputs: x (N, D), gamma (D,), beta (D,), bn_param with "mode" ("train" or "test"), "eps" (1e-5), "momentum" (0.9)
    and the running averages "running_mean" and "running_var" (D,), which training keeps there.
    Returns: out (N, D), cache (None in test mode).
    """
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    running_mean = bn_param.get("running_mean", np.zeros(x.shape[1], dtype=x.dtype))
    running_var = bn_param.get("running_var", np.zeros(x.shape[1], dtype=x.dtype))
    if bn_param["mode"] == "test":
        return gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta, None
    mean = x.mean(axis=0)
    var = x.var(axis=0)
    scale = 1.0 / np.sqrt(var + eps)
    normalized = (x - mean) * scale
    bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * mean
    bn_param["running_var"] = momentum * running_var + (1 - momentum) * var
    return gamma * normalized + beta, (normalized, scale, gamma)


def batchnorm_backward(dout, cache):
    """Gradients of batch normalization in training mode.

    Inputs: dout (N, D), cache of `batchnorm_forward`. Returns: dx (N, D), dgamma (D,), dbeta (D,).
    """
    normalized, scale, gamma = cache
    dgamma = np.sum(dout * normalized, axis=0)
    dbeta = np.sum(dout, axis=0)
    inner = dout * gamma
    dx = scale * (inner - inner.mean(axis=0) - normalized * np.mean(inner * normalized, axis=0))
    return dx, dgamma, dbeta


def dropout_forward(x, dropout_param):
    """Inverted dropout.

    Inputs: x of any shape, dropout_param with "mode" ("train" or "test"), "p" (probability of dropping an entry) and,
    to repeat a mask, "seed". Returns: out of the shape of x, cache.
    """
    p, mode = dropout_param["p"], dropout_param["mode"]
    if mode == "test":
        return x, (dropout_param, None)
    if dropout_param.get("seed") is not None:
        np.random.seed(dropout_param["seed"])
    mask = (np.random.rand(*x.shape) >= p) / (1.0 - p)
    return (x * mask).astype(x.dtype, copy=False), (dropout_param, mask)


def dropout_backward(dout, cache):
    """Gradient of inverted dropout. Inputs: dout, cache of `dropout_forward`. Returns: dx."""
    _, mask = cache
    return dout if mask is None else (dout * mask).astype(dout.dtype, copy=False)


def svm_loss(x, y):
    """Multiclass hinge loss with margin 1, averaged over the examples.

    Inputs: x (N, C) scores, y (N,) labels in 0 ... C - 1. Returns: loss (a number), dx (N, C).
    """
    rows = np.arange(x.shape[0])
    margins = np.maximum(0, x - x[rows, y][:, np.newaxis] + 1.0)
    margins[rows, y] = 0
    dx = (margins > 0).astype(x.dtype)
    dx[rows, y] -= dx.sum(axis=1)
    return margins.sum() / x.shape[0], dx / x.shape[0]


def softmax_loss(x, y):
    """Cross-entropy of softmax scores, averaged over the examples.

    Inputs: x (N, C) scores, y (N,) labels in 0 ... C - 1. Returns: loss (a number), dx (N, C).
    """
    probs = np.exp(x - np.max(x, axis=1, keepdims=True))
    probs /= np.sum(probs, axis=1, keepdims=True)
    n = x.shape[0]
    loss = -np.sum(np.log(probs[np.arange(n), y])) / n
    dx = probs.copy()
    dx[np.arange(n), y] -= 1
    dx /= n
    return loss, dx
