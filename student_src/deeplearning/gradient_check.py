"""Numerical gradients by central differences, to hold analytic ones against."""

from random import randrange

import numpy as np


def eval_numerical_gradient(f, x, verbose=True, h=1e-5):
    """Gradient of a function with one number as its value.

    Inputs: f(x) -> number, x an array that is changed and restored entry by entry. Returns: array of x's shape.
    """
    grad = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        old = x[index]
        x[index] = old + h
        above = f(x)
        x[index] = old - h
        below = f(x)
        x[index] = old
        grad[index] = (above - below) / (2 * h)
        if verbose:
            print(index, grad[index])
    return grad


def eval_numerical_gradient_array(f, x, df, h=1e-5):
    """Gradient of a function with an array as its value, for the upstream gradient `df` (of the shape of f(x))."""
    grad = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        old = x[index]
        x[index] = old + h
        above = np.array(f(x), copy=True)
        x[index] = old - h
        below = np.array(f(x), copy=True)
        x[index] = old
        grad[index] = np.sum((above - below) * df) / (2 * h)
    return grad


def eval_numerical_gradient_blobs(f, inputs, output, h=1e-5):
    """Gradients of a function that works on blobs: objects with arrays `vals` and `diffs`.

    Inputs: f(*inputs, output) writes output.vals; inputs, a tuple of blobs whose vals are changed and restored;
    output.diffs, the upstream gradient. Returns: list of arrays, one for each input.
    """
    grads = []
    for blob in inputs:
        grad = np.zeros_like(blob.diffs)
        for index in np.ndindex(*blob.vals.shape):
            old = blob.vals[index]
            found = []
            for moved in (old + h, old - h):
                blob.vals[index] = moved
                f(*inputs, output)
                found.append(np.array(output.vals, copy=True))
            blob.vals[index] = old
            grad[index] = np.sum((found[0] - found[1]) * output.diffs) / (2 * h)
        grads.append(grad)
    return grads


def eval_numerical_gradient_net(net, inputs, output, h=1e-5):
    """The same for a net whose `forward()` computes `output` from `inputs`."""
    return eval_numerical_gradient_blobs(lambda *_: net.forward(), inputs, output, h=h)


def grad_check_sparse(f, x, analytic_grad, num_checks=10, h=1e-5):
    """Compare an analytic gradient with the numerical one at a few entries drawn at random, and print both."""
    for _ in range(num_checks):
        index = tuple(randrange(size) for size in x.shape)
        old = x[index]
        x[index] = old + h
        above = f(x)
        x[index] = old - h
        below = f(x)
        x[index] = old
        numerical = (above - below) / (2 * h)
        analytic = analytic_grad[index]
        error = abs(numerical - analytic) / max(abs(numerical) + abs(analytic), 1e-12)
        print(f"numerical: {numerical:f} analytic: {analytic:f}, relative error: {error:e}")
