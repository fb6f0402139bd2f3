"""Update rules: how parameters move along their gradients.

Every rule has the same interface:

    def rule(w, dw, config=None):

Inputs:
  - w: array, the parameters as they are now.
  - dw: array of the same shape, the gradient of the loss with respect to w. It is not to be changed.
  - config: dict with hyper-parameters (learning rate, momentum, ...). Rules that remember something from step to step
    (a velocity, moving averages, a step count) keep it in config too, under the key named in their documentation.

Returns:
  - next_w: the parameters after the step. Changing w in place and returning it is fine.
  - config: the dict for the next call: what the rule remembers must be stored in it.

Hyper-parameters missing from config get default values, which the code below sets for you.
"""

import numpy as np


def sgd(w, dw, config=None):
    """Plain stochastic gradient descent.

    config:
      - learning_rate: a number (default 1e-2).
    """
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-2)

    w -= config["learning_rate"] * dw
    return w, config


def sgd_momentum(w, dw, config=None):
    """Stochastic gradient descent with momentum.

    config:
      - learning_rate: a number (default 1e-2).
      - momentum: a number between 0 and 1 (default 0.9).
      - velocity: array of the shape of w, the running sum of gradients (default zeros).
    """
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-2)
    config.setdefault("momentum", 0.9)
    v = config.get("velocity", np.zeros_like(w))

    next_w = None
    ###########################################################################
    # TODO: Write the momentum update as the notebook gives it. Put the new   #
    # parameters into next_w, and keep the new velocity for the next step.    #
    ###########################################################################
    pass
    ###########################################################################
    #                             END OF YOUR CODE                            #
    ###########################################################################
    config["velocity"] = v

    return next_w, config


def rmsprop(w, dw, config=None):
    """RMSProp: a step size of its own for every parameter. This part is optional.

    config:
      - learning_rate: a number (default 1e-2).
      - decay_rate: a number between 0 and 1 (default 0.99).
      - epsilon: a small number against division by zero (default 1e-8).
      - cache: array of the shape of w, the moving average of squared gradients (default zeros).
    """
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-2)
    config.setdefault("decay_rate", 0.99)
    config.setdefault("epsilon", 1e-8)
    config.setdefault("cache", np.zeros_like(w))

    next_w = None
    ###########################################################################
    # TODO: Write the RMSProp update as the notebook gives it. Put the new    #
    # parameters into next_w and the new moving average into config["cache"]. #
    ###########################################################################
    pass
    ###########################################################################
    #                             END OF YOUR CODE                            #
    ###########################################################################

    return next_w, config


def adam(w, dw, config=None):
    """Adam: moving averages of the gradient and of its square, both corrected for their start at zero.

    config:
      - learning_rate: a number (default 1e-3).
      - beta1, beta2: numbers between 0 and 1, the decay rates of the two averages (defaults 0.9 and 0.999).
      - epsilon: a small number against division by zero (default 1e-8).
      - m, v: arrays of the shape of w, the averages before correction (default zeros).
      - t: how many steps have been taken (default 0).
    """
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-3)
    config.setdefault("beta1", 0.9)
    config.setdefault("beta2", 0.999)
    config.setdefault("epsilon", 1e-8)
    config.setdefault("m", np.zeros_like(w))
    config.setdefault("v", np.zeros_like(w))
    config.setdefault("t", 0)

    next_w = None
    ###########################################################################
    # TODO: Write the Adam update as the notebook gives it. Put the new       #
    # parameters into next_w, and keep m, v and t in config. Count this step  #
    # before you use t.                                                       #
    ###########################################################################
    pass
    ###########################################################################
    #                             END OF YOUR CODE                            #
    ###########################################################################

    return next_w, config
