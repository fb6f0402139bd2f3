"""Filters for noisy signals."""

import numpy as np


def moving_average(values, width):
    """The mean of every `width` neighbours in the 1-D array `values`: an array of len(values) - width + 1 numbers."""
    averages = None
    # TODO: compute the averages
    return averages
