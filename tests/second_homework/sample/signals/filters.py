"""Filters for noisy signals."""

import numpy as np


def moving_average(values, width):
    """The mean of every `width` neighbours in the 1-D array `values`: an array of len(values) - width + 1 numbers."""
    averages = np.convolve(values, np.ones(width) / width, mode="valid")
    return averages
