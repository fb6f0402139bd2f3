"""Layers that are often used together, beside all single ones."""

from deeplearning.layers import *


def affine_relu_forward(x, w, b):
    """Affine layer, then a rectifier. Inputs as `affine_forward`. Returns: out (N, M), cache."""
    a, fc_cache = affine_forward(x, w, b)
    out, relu_cache = relu_forward(a)
    return out, (fc_cache, relu_cache)


def affine_relu_backward(dout, cache):
    """Gradients of `affine_relu_forward`. Returns: dx, dw, db."""
    fc_cache, relu_cache = cache
    return affine_backward(relu_backward(dout, relu_cache), fc_cache)


def affine_bn_relu_forward(x, w, b, gamma, beta, bn_param):
    """Affine layer, batch normalization, rectifier. Returns: out (N, M), cache."""
    a, fc_cache = affine_forward(x, w, b)
    n, bn_cache = batchnorm_forward(a, gamma, beta, bn_param)
    out, relu_cache = relu_forward(n)
    return out, (fc_cache, bn_cache, relu_cache)


def affine_bn_relu_backward(dout, cache):
    """Gradients of `affine_bn_relu_forward`. Returns: dx, dw, db, dgamma, dbeta."""
    fc_cache, bn_cache, relu_cache = cache
    dn, dgamma, dbeta = batchnorm_backward(relu_backward(dout, relu_cache), bn_cache)
    dx, dw, db = affine_backward(dn, fc_cache)
    return dx, dw, db, dgamma, dbeta
