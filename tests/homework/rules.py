"""Update rules as students write them: bodies that go where the reference has its own."""

from __future__ import annotations

from typing import Final

FILE: Final = "deeplearning/optim.py"
REFERENCE: Final = {
    "sgd_momentum": """\
    v = config["momentum"] * v + dw
    next_w = w - config["learning_rate"] * v
""",
    "rmsprop": """\
    rho = config["decay_rate"]
    config["cache"] = rho * config["cache"] + (1 - rho) * dw**2
    next_w = w - config["learning_rate"] * dw / np.sqrt(config["cache"] + config["epsilon"])
""",
    "adam": """\
    beta1, beta2 = config["beta1"], config["beta2"]
    config["t"] += 1
    config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2
    m_hat = config["m"] / (1 - beta1 ** config["t"])
    v_hat = config["v"] / (1 - beta2 ** config["t"])
    next_w = w - config["learning_rate"] * m_hat / (np.sqrt(v_hat) + config["epsilon"])
""",
}
# Short names for what a rule works with, so that each variant below is one idea long.
_NAMES: Final = {
    "sgd_momentum": "lr, mu = config['learning_rate'], config['momentum']",
    "rmsprop": "lr, rho, eps, r = config['learning_rate'], config['decay_rate'], config['epsilon'], config['cache']",
    "adam": "lr, b1, b2, eps, m, v, t = (config[k] for k in ('learning_rate', 'beta1', 'beta2', 'epsilon', 'm', 'v', 't'))",
}


def edit(rule: str, *lines: str) -> tuple[str, str, str]:
    """Put these lines where the reference's body of `rule` is."""
    return FILE, REFERENCE[rule], "".join(f"    {line}\n" for line in (_NAMES[rule], *lines))


_M, _R = ["v = mu * v + dw", "next_w = w - lr * v"], ["r = rho * r + (1 - rho) * dw**2", "config['cache'] = r"]
_MOVE = "m, v, t = b1 * m + (1 - b1) * dw, b2 * v + (1 - b2) * dw**2, t + 1"
_KEEP = "config.update(m=m, v=v, t=t)"
_STEP = "next_w = w - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)"

ACCEPTED: Final = {
    "sgd_momentum": {
        "one expression": _M,
        "in place on w": ["v = mu * v + dw", "w -= lr * v", "next_w = w"],
        "state in place": ["v *= mu", "v += dw", "next_w = w - lr * v"],
        "everything in place": ["v *= mu", "v += dw", "w -= lr * v", "next_w = w"],
        "config copied": ["config = dict(config)", "v = mu * v + dw", "next_w = w - lr * v"],
        "factored": ["v = mu * (v + dw / mu)", "next_w = w - lr * mu * (v / mu)"],
        "float32 rate": ["v = mu * v + dw", "next_w = w - np.float32(lr) * v"],
        "hyper-parameters as NumPy scalars": ["v = np.float64(mu) * v + dw", "next_w = w - np.float64(lr) * v"],
        "returned as a list": ["v = mu * v + dw", "config['velocity'] = v", "return [w - lr * v, config]"],
        "extra keys": ["v = mu * v + dw", "next_w = w - lr * v", "config['old_w'], config['f'] = w, lambda x: x"],
        "entry by entry": [
            "v = np.array([mu * a + b for a, b in zip(v.ravel(), dw.ravel())]).reshape(w.shape)",
            "next_w = np.subtract(w, np.multiply(lr, v))",
        ],
    },
    "rmsprop": {
        "epsilon inside the root": [*_R, "next_w = w - lr * dw / np.sqrt(r + eps)"],
        "epsilon outside": [*_R, "next_w = w - lr * dw / (np.sqrt(r) + eps)"],
        "no epsilon at all": [*_R, "next_w = w - lr * dw / np.sqrt(r)"],
        "in place on w": [*_R, "w -= lr * dw / (np.sqrt(r) + eps)", "next_w = w"],
        "state in place": ["r *= rho", "r += (1 - rho) * np.square(dw)", "next_w = w - lr * dw * (r + eps) ** -0.5"],
        "config copied": ["config = dict(config)", *_R, "next_w = w - lr / np.sqrt(r + eps) * dw"],
    },
    "adam": {
        "as in the handout": [_MOVE, _KEEP, _STEP],
        "sqrt(1 - b2^t) form": [_MOVE, _KEEP, "next_w = w - lr * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + eps)"],
        "epsilon inside the root": [_MOVE, _KEEP, "next_w = w - lr * (m / (1 - b1**t)) / np.sqrt(v / (1 - b2**t) + eps)"],
        "epsilon in the corrections too": [
            _MOVE, _KEEP, "next_w = w - lr * (m / (1 - b1**t + eps)) / (np.sqrt(v / (1 - b2**t + eps)) + eps)"
        ],
        "in place on w": [_MOVE, _KEEP, _STEP.replace("next_w = w - ", "w -= "), "next_w = w"],
        "state in place": ["m *= b1", "m += (1 - b1) * dw", "v *= b2", "v += (1 - b2) * dw**2", "t += 1", "config['t'] = t", _STEP],
        "config copied": ["config = config.copy()", _MOVE, _KEEP, _STEP],
        "float32 rate and betas kept": [_MOVE, _KEEP, _STEP.replace("lr", "np.float32(lr)")],
        "t as a float": [_MOVE, "config.update(m=m, v=v, t=float(t))", _STEP],
        "t as a NumPy integer": [_MOVE, "config.update(m=m, v=v, t=np.int32(t))", _STEP],
        "t as an array without axes": [_MOVE, "config.update(m=m, v=v, t=np.array(t))", _STEP],
    },
}  # fmt: skip

# rule -> slip -> the body, and the parts that are still right.
MISTAKES: Final[dict[str, dict[str, tuple[list[str], set[str]]]]] = {
    "sgd_momentum": {
        "CS231n's convention": (["v = mu * v - lr * dw", "next_w = w + v"], set()),
        "Nesterov": (["v = mu * v + dw", "next_w = w - lr * (dw + mu * v)"], {"velocity"}),
        "damped": (["v = mu * v + (1 - mu) * dw", "next_w = w - lr * v"], set()),
        "uphill": (["v = mu * v + dw", "next_w = w + lr * v"], {"velocity"}),
        "old velocity used": (["next_w = w - lr * v", "v = mu * v + dw"], {"velocity"}),
        "rate applied twice": (["v = mu * v + dw", "next_w = w - lr * lr * v"], {"velocity"}),
        "velocity not stored": ([*_M, "v = config['velocity']"], {"next_w"}),
        "velocity times rate stored": ([*_M, "v = lr * v"], {"next_w"}),
        "gradient alone": (["v = dw", "next_w = w - lr * v"], set()),
        "default momentum": (["v = 0.99 * v + dw", "next_w = w - lr * v"], set()),
    },
    "rmsprop": {
        "precedence": ([*_R, "next_w = w - lr * dw / np.sqrt(r) + eps"], {"cache"}),
        "precedence, in brackets": ([*_R, "next_w = w - (lr * dw / np.sqrt(r) + eps)"], {"cache"}),
        "root of the rate": ([*_R, "next_w = w - np.sqrt(lr) * dw / (r + eps)"], {"cache"}),
        "times epsilon": ([*_R, "next_w = w - lr * dw / (np.sqrt(r) * eps)"], {"cache"}),
        "rate applied twice": ([*_R, "next_w = w - lr * lr * dw / np.sqrt(r + eps)"], {"cache"}),
        "cache not stored": ([_R[0], "next_w = w - lr * dw / np.sqrt(r + eps)"], {"next_w"}),
        "rates of decay swapped": (["r = (1 - rho) * r + rho * dw**2", _R[1], "next_w = w - lr * dw / np.sqrt(r + eps)"], set()),
        "gradient not squared": (["r = rho * r + (1 - rho) * dw", _R[1], "next_w = w - lr * dw / np.sqrt(r + eps)"], set()),
        "AdaGrad": (["r = r + dw**2", _R[1], "next_w = w - lr * dw / np.sqrt(r + eps)"], set()),
        "no root": ([*_R, "next_w = w - lr * dw / (r + eps)"], {"cache"}),
    },
    "adam": {
        "t used before it is counted": ([_MOVE, _KEEP, _STEP.replace("**t", "**(t - 1)")], {"m", "v", "t"}),
        "t never counted": ([_MOVE.replace("t + 1", "t"), _KEEP, _STEP], {"m", "v"}),
        "t never stored": ([_MOVE, "config.update(m=m, v=v)", _STEP], {"next_w", "m", "v"}),
        "t counted twice": ([_MOVE, _KEEP, "config['t'] += 1", _STEP], {"next_w", "m", "v"}),
        "no bias correction": ([_MOVE, _KEEP, "next_w = w - lr * m / (np.sqrt(v) + eps)"], {"m", "v", "t"}),
        "power t missing": ([_MOVE, _KEEP, _STEP.replace("**t", "")], {"m", "v", "t"}),
        "1 - (1 - b)^t": ([_MOVE, _KEEP, _STEP.replace("b1**t", "(1 - b1)**t").replace("b2**t", "(1 - b2)**t")], {"m", "v", "t"}),
        "beta1 for both": (["b2 = b1", _MOVE, _KEEP, _STEP], {"m", "t"}),
        "corrected averages stored": ([_MOVE, _STEP, "m, v = m / (1 - b1**t), v / (1 - b2**t)", _KEEP], {"next_w", "t"}),
        "m not stored": ([_MOVE, "config.update(v=v, t=t)", _STEP], {"next_w", "v", "t"}),
        "v not stored": ([_MOVE, "config.update(m=m, t=t)", _STEP], {"next_w", "m", "t"}),
        "nothing stored": ([_MOVE, _STEP], {"next_w"}),
        "m and v swapped": ([_MOVE, _STEP, "m, v = v, m", _KEEP], {"next_w", "t"}),
        "root forgotten": ([_MOVE, _KEEP, _STEP.replace("np.sqrt", "")], {"m", "v", "t"}),
        "root of the rate": ([_MOVE, _KEEP, _STEP.replace("lr *", "np.sqrt(lr) *")], {"m", "v", "t"}),
        "rate applied twice": ([_MOVE, _KEEP, _STEP.replace("lr *", "lr * lr *")], {"m", "v", "t"}),
    },
}  # fmt: skip

# How older handouts name the arguments; everything else is the student's own layout.
OLDER: Final = """\
import numpy as np


def sgd_momentum(x, dx, config=None):
    if config is None: config = {}
    config.setdefault('learning_rate', 1e-2)
    config.setdefault('momentum', 0.9)
    v = config.get('velocity', np.zeros_like(x))
    v = config['momentum'] * v + dx
    next_x = x - config['learning_rate'] * v
    config['velocity'] = v
    return next_x, config


def rmsprop(x, dx, config=None):
    if config is None: config = {}
    config.setdefault('learning_rate', 1e-2)
    config.setdefault('decay_rate', 0.99)
    config.setdefault('epsilon', 1e-8)
    config.setdefault('cache', np.zeros_like(x))
    config['cache'] = config['decay_rate'] * config['cache'] + (1 - config['decay_rate']) * dx**2
    return x - config['learning_rate'] * dx / (np.sqrt(config['cache']) + config['epsilon']), config


def adam(x, dx, config=None):
    if config is None: config = {}
    for key, value in (('learning_rate', 1e-3), ('beta1', 0.9), ('beta2', 0.999), ('epsilon', 1e-8), ('t', 0)):
        config.setdefault(key, value)
    config.setdefault('m', np.zeros_like(x))
    config.setdefault('v', np.zeros_like(x))
    lr, b1, b2 = config['learning_rate'], config['beta1'], config['beta2']
    config['t'] = t = config['t'] + 1
    config['m'] = m = b1 * config['m'] + (1 - b1) * dx
    config['v'] = v = b2 * config['v'] + (1 - b2) * dx**2
    return x - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + config['epsilon']), config
"""
