"""Numerical gradients by central differences, to hold analytic ones against."""

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
