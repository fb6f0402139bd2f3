"""Correct answers to each blank as different people write them: every accepted reading, form and habit."""

from __future__ import annotations

from typing import Final

STYLES: Final[dict[str, list[str]]] = {
    "sgd_momentum": [
        'v = config["momentum"] * v + dw\nnext_w = w - config["learning_rate"] * v',
        'v *= config["momentum"]\nv += dw\nw -= config["learning_rate"] * v\nnext_w = w',
        'v = np.add(np.multiply(config["momentum"], v), dw)\nnext_w = np.subtract(w, config["learning_rate"] * v)',
        'mu, lr = config["momentum"], config["learning_rate"]\nv = dw + v * mu\nnext_w = w + (-lr) * v',
        'v = v - (1 - config["momentum"]) * v + dw\nnext_w = w - v * config["learning_rate"]',
        'config["velocity"] = config["momentum"] * v + dw\nv = config["velocity"]\nw[...] = w - config["learning_rate"] * v\nnext_w = w',
        "config = dict(config)\n"
        'v = config.get("momentum") * config.get("velocity", np.zeros(w.shape, dtype=w.dtype)) + dw\n'
        'next_w = w - np.float64(config["learning_rate"]) * v',
        'v = (config["momentum"] * v.astype(np.float64) + dw).astype(w.dtype) if w.dtype == np.float32 else config["momentum"] * v + dw\n'
        'next_w = (w - config["learning_rate"] * v).astype(w.dtype)',
        'v[:] = config["momentum"] * v + dw\nnext_w = np.copy(w)\nnext_w[:] -= config["learning_rate"] * v',
        'step = -config["learning_rate"] * (config["momentum"] * v + dw)\nv = config["momentum"] * v + dw\nnext_w = w + step',
    ],
    "rmsprop": [
        'rho = config["decay_rate"]\nconfig["cache"] = rho * config["cache"] + (1 - rho) * dw**2\n'
        'next_w = w - config["learning_rate"] * dw / np.sqrt(config["cache"] + config["epsilon"])',
        'config["cache"] = config["decay_rate"] * config["cache"] + (1 - config["decay_rate"]) * (dw * dw)\n'
        'next_w = w - config["learning_rate"] * dw / (np.sqrt(config["cache"]) + config["epsilon"])',
        'r = config["cache"]\nr *= config["decay_rate"]\nr += (1 - config["decay_rate"]) * np.square(dw)\n'
        'w -= config["learning_rate"] / np.sqrt(r + config["epsilon"]) * dw\nnext_w = w',
        'r = config["cache"] + (1.0 - config["decay_rate"]) * (dw**2 - config["cache"])\nconfig["cache"] = r\n'
        'next_w = w - config["learning_rate"] * dw * (r + config["epsilon"]) ** -0.5',
        'r, rho, lr, eps = (config[k] for k in ("cache", "decay_rate", "learning_rate", "epsilon"))\n'
        "r = rho * r + (1 - rho) * np.power(dw, 2)\nconfig.update(cache=r)\nnext_w = w - np.divide(lr * dw, np.sqrt(r) + eps)",
        'config = {**config, "cache": config["decay_rate"] * config["cache"] + (1 - config["decay_rate"]) * dw**2}\n'
        'next_w = w - config["learning_rate"] * (dw / np.sqrt(config["cache"] + config["epsilon"]))',
        'rho = config["decay_rate"]\nconfig["cache"] = rho * config["cache"] + dw**2 - rho * dw**2\n'
        'next_w = w - config["learning_rate"] * dw / np.sqrt(config["cache"] + config["epsilon"])',
    ],
    "adam": [
        'b1, b2 = config["beta1"], config["beta2"]\nconfig["t"] += 1\nconfig["m"] = b1 * config["m"] + (1 - b1) * dw\n'
        'config["v"] = b2 * config["v"] + (1 - b2) * dw**2\nmh = config["m"] / (1 - b1 ** config["t"])\n'
        'vh = config["v"] / (1 - b2 ** config["t"])\nnext_w = w - config["learning_rate"] * mh / (np.sqrt(vh) + config["epsilon"])',
        't = config["t"] = config["t"] + 1\nm = config["m"]\nm *= config["beta1"]\nm += (1 - config["beta1"]) * dw\n'
        'v = config["v"]\nv *= config["beta2"]\nv += (1 - config["beta2"]) * dw * dw\n'
        'lr = config["learning_rate"] * np.sqrt(1 - config["beta2"] ** t) / (1 - config["beta1"] ** t)\n'
        'w -= lr * m / (np.sqrt(v) + config["epsilon"])\nnext_w = w',
        'b1, b2, eps = config["beta1"], config["beta2"], config["epsilon"]\nconfig["t"] += 1\nt = config["t"]\n'
        'm = config["m"] = b1 * config["m"] + (1 - b1) * dw\nv = config["v"] = b2 * config["v"] + (1 - b2) * np.square(dw)\n'
        'next_w = w - config["learning_rate"] * (m / (1 - b1**t)) / np.sqrt(v / (1 - b2**t) + eps)',
        'b1, b2, eps = config["beta1"], config["beta2"], config["epsilon"]\nt = config["t"] + 1\n'
        'm = b1 * config["m"] + (1 - b1) * dw\nv = b2 * config["v"] + (1 - b2) * dw**2\n'
        'config = dict(config, m=m, v=v, t=t)\n'
        'next_w = w - config["learning_rate"] * (m / (1 - b1**t + eps)) / (np.sqrt(v / (1 - b2**t + eps)) + eps)',
        'config["t"] = float(config["t"]) + 1.0\nc1 = 1 - np.power(config["beta1"], config["t"])\nc2 = 1 - np.power(config["beta2"], config["t"])\n'
        'config["m"] = config["m"] + (1 - config["beta1"]) * (dw - config["m"])\n'
        'config["v"] = config["v"] + (1 - config["beta2"]) * (dw * dw - config["v"])\n'
        'next_w = w - config["learning_rate"] * (config["m"] / c1) / (np.sqrt(config["v"] / c2) + config["epsilon"])',
        'config["t"] += 1\nlr_t = config["learning_rate"] * np.sqrt(1 - config["beta2"] ** config["t"]) / (1 - config["beta1"] ** config["t"])\n'
        'config["m"] = config["beta1"] * config["m"] + (1 - config["beta1"]) * dw\n'
        'config["v"] = config["beta2"] * config["v"] + (1 - config["beta2"]) * dw**2\n'
        'next_w = w - lr_t * config["m"] / np.sqrt(config["v"] + config["epsilon"])',
        'keys = ("learning_rate", "beta1", "beta2", "epsilon", "m", "v", "t")\nlr, b1, b2, eps, m, v, t = [config[k] for k in keys]\nt += 1\n'
        'm = b1 * m + (1.0 - b1) * dw\nv = b2 * v + (1.0 - b2) * (dw**2)\nupdate = lr * m / (1.0 - b1**t)\nupdate /= np.sqrt(v / (1.0 - b2**t)) + eps\n'
        'config["m"], config["v"], config["t"] = m, v, t\nnext_w = np.array(w)\nnext_w -= update',
        'config["t"] = np.int64(config["t"] + 1)\nm = config["beta1"] * config["m"] + (1 - config["beta1"]) * dw\n'
        'v = config["beta2"] * config["v"] + (1 - config["beta2"]) * dw**2\n'
        'mt = np.true_divide(m, 1 - config["beta1"] ** int(config["t"]))\nvt = np.true_divide(v, 1 - config["beta2"] ** int(config["t"]))\n'
        'next_w = w + -config["learning_rate"] * mt * (1 / (vt**0.5 + config["epsilon"]))\nconfig["m"] = m\nconfig["v"] = v',
    ],
    "he": [
        'self.params[f"W{i}"] = np.random.normal(0.0, np.sqrt(2.0 / fan_in), (fan_in, fan_out))',
        'self.params["W" + str(i)] = np.random.randn(fan_in, fan_out) * np.sqrt(2 / fan_in)',
        'self.params[f"W{i}"] = np.random.randn(fan_in, fan_out) / np.sqrt(fan_in / 2)',
        'self.params["W%d" % i] = np.random.default_rng().standard_normal((fan_in, fan_out)) * (2 / fan_in) ** 0.5',
        'self.params[f"W{i}"] = np.random.RandomState(i).normal(scale=(2.0 / fan_in) ** 0.5, size=(fan_in, fan_out))',
        'self.params[f"W{i}"] = np.sqrt(2) * np.random.standard_normal((fan_out, fan_in)).T / np.sqrt(fan_in)',
        'import random as r\nself.params[f"W{i}"] = np.array([r.gauss(0, (2 / fan_in) ** 0.5) for _ in range(fan_in * fan_out)]).reshape(fan_in, fan_out)',
    ],
    "zero": [
        'self.params[f"W{i}"] = np.zeros((fan_in, fan_out))',
        'self.params["W" + str(i)] = np.zeros([dims[i - 1], dims[i]])',
        'self.params[f"W{i}"] = 0 * np.random.randn(fan_in, fan_out)',
        'self.params[f"W{i}"] = np.full((fan_in, fan_out), 0.0, dtype=dtype)',
        'self.params[f"W{i}"] = np.zeros((fan_in, fan_out), dtype=int)',
    ],
    "grad_norm": [
        "self.log_grad_norm_history.append(np.mean([np.linalg.norm(g) for g in grads.values()]))",
        "self.log_grad_norm_history.append(np.mean([np.linalg.norm(g, 2) for g in grads.values()]))",
        "self.log_grad_norm_history.append(sum(np.sqrt((g**2).sum()) for g in grads.values()) / len(grads))",
        "total = 0.0\nfor key in grads:\n    total += np.linalg.norm(grads[key].ravel(), ord=2)\nself.log_grad_norm_history.append(total / len(grads.keys()))",
        "self.log_grad_norm_history += [float(np.average([np.linalg.norm(grads[p], 'fro') if grads[p].ndim == 2 else np.linalg.norm(grads[p]) for p in grads]))]",
        "import math\nself.log_grad_norm_history.append(np.array([math.sqrt(np.vdot(g, g)) for g in grads.values()]).mean())",
    ],
}  # fmt: skip
COUNT: Final = 30


def style(number: int) -> dict[str, str]:
    """One complete correct implementation; over all `COUNT` of them every way to write each blank occurs."""
    return {blank: ways[number % len(ways)] for blank, ways in STYLES.items()}
