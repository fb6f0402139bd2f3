"""Every slip of the catalogue as a student would make it: the reference with the answer to one blank rewritten.

These are written independently of `grader/homework/hidden`, as source text for the sandbox: by hand, or, where an update rule has a
slip that is not among these, as `programs` puts it together in its plainest style.
"""

from __future__ import annotations

import textwrap
from typing import Final

from grader.homework.hidden.reference_rules import READINGS
from grader.homework.misconceptions import catalogue
from tests.conftest import FC_NET, OPTIM, SAMPLES, SOLVER
from tests.homework import programs
from tests.homework.rules import REFERENCE

_MOMENTUM, _RMSPROP, _ADAM = (textwrap.dedent(REFERENCE[rule]) for rule in ("sgd_momentum", "rmsprop", "adam"))
_HE: Final = 'self.params[f"W{i}"] = np.random.normal(0.0, np.sqrt(2.0 / fan_in), (fan_in, fan_out))\n'
_RANDOM: Final = 'self.params[f"W{i}"] = np.random.normal(0.0, weight_scale, (fan_in, fan_out))\n'
_ZERO: Final = 'self.params[f"W{i}"] = np.zeros((fan_in, fan_out))\n'
_GRAD_NORM: Final = """\
norms = [np.linalg.norm(grad) for grad in grads.values()]
self.log_grad_norm_history.append(np.mean(norms))
"""
# blank -> (file, indentation, the reference's answer)
BLANKS: Final = {
    "sgd_momentum": (OPTIM, 4, _MOMENTUM),
    "rmsprop": (OPTIM, 4, _RMSPROP),
    "adam": (OPTIM, 4, _ADAM),
    "he": (FC_NET, 16, _HE),
    "random": (FC_NET, 16, _RANDOM),
    "zero": (FC_NET, 16, _ZERO),
    "grad_norm": (SOLVER, 8, _GRAD_NORM),
}


def answered(source: str, blank: str, answer: str) -> str:
    """`source`, the reference's file, with the answer to `blank` replaced."""
    _, indentation, reference = BLANKS[blank]
    old, new = (textwrap.indent(text, " " * indentation) for text in (reference, answer.strip("\n") + "\n"))
    assert source.count(old) == 1
    return source.replace(old, new)


def files(**answers: str) -> dict[str, bytes]:
    """The three student files of the reference with other answers to the named blanks, or with whole functions of that name."""
    texts = {file: (SAMPLES / "reference" / file).read_text("utf-8") for file in (OPTIM, FC_NET, SOLVER)}
    for blank, answer in answers.items():
        file = BLANKS[blank][0]
        whole = answer.startswith("def ")  # what is defined last is what counts
        texts[file] = f"{texts[file]}\n\n{answer}" if whole else answered(texts[file], blank, answer)
    return {file: text.encode("utf-8") for file, text in texts.items()}


def _variations(rule: str, edits: dict[str, list[tuple[str, str]]]) -> dict[str, tuple[str, str]]:
    """Slip id -> (blank, answer), each made by replacing pieces of the reference's answer."""
    made = {}
    for slip, pieces in edits.items():
        answer = BLANKS[rule][2]
        for old, new in pieces:
            assert old in answer, (slip, old)
            answer = answer.replace(old, new)
        made[f"{rule}.{slip}"] = (rule, answer)
    return made


def mutants() -> dict[str, tuple[str, str]]:
    """Slip id -> (blank, the answer with that slip)."""
    plain = {f"{rule}.{slip}": (rule, programs.plain(rule, [slip]).source) for rule in READINGS for slip in programs.SLIPS[rule]}
    made = {**plain, **_MOMENTUM_SLIPS, **_RMSPROP_SLIPS, **_ADAM_SLIPS, **_INIT_SLIPS, **_GRAD_NORM_SLIPS}
    assert {name.partition(".")[0] for name in made} == {*READINGS, "init", "grad_norm"}
    return {slip: made[slip] for slip in catalogue() if slip in made}


_SHARED = "global _kept\ntry:\n    _kept\nexcept NameError:\n    _kept = {start}\n"

_MOMENTUM_SLIPS: Final = _variations(
    "sgd_momentum",
    {
        "rate_in_velocity": [(_MOMENTUM, 'lr = config["learning_rate"]\nv = config["momentum"] * v - lr * dw\nnext_w = w + v')],
        "rate_in_velocity_subtracted": [
            (_MOMENTUM, 'v = config["momentum"] * v + config["learning_rate"] * dw\nw -= v\nnext_w = w')
        ],
        "velocity_not_stored": [("v = config", "new = config"), ("* v\n", "* new\n")],
        "velocity_missing": [(_MOMENTUM, _MOMENTUM + 'config["velocty"] = v\nconfig.pop("velocity", None)\nreturn next_w, config')],
        "nesterov": [('config["learning_rate"] * v\n', 'config["learning_rate"] * (config["momentum"] * v + dw)\n')],
        "damped": [("+ dw", '+ (1 - config["momentum"]) * dw')],
        "ascends": [("w - config", "w + config")],
        "stale_velocity": [(_MOMENTUM, 'next_w = w - config["learning_rate"] * v\nv = config["momentum"] * v\nv = v + dw')],
        "swapped": [('config["momentum"] * v + dw', 'v + config["momentum"] * dw')],
        "momentum_ignored": [('config["momentum"] * v', "v")],
        "no_memory": [('config["momentum"] * v + dw', "dw.copy()")],
        "negative_velocity": [("+ dw", "- dw"), ("w - config", "w + config")],
        "rate_twice": [("+ dw", '+ dw * config["learning_rate"]')],
        "rate_missing": [('w - config["learning_rate"] * v', "w - v")],
        "scaled_velocity_stored": [
            ('next_w = w - config["learning_rate"] * v\n', 'v = v * config["learning_rate"]\nnext_w = w - v\n')
        ],
        "fixed_momentum": [('config["momentum"]', "0.9")],
        "fixed_rate": [('config["learning_rate"]', "1e-2")],
        "shared_velocity": [
            (
                _MOMENTUM,
                _SHARED.format(start="v") + 'v = _kept = config["momentum"] * _kept + dw\nnext_w = w - config["learning_rate"] * v',
            )
        ],
        "gradient_changed": [("next_w", "dw[:] = v\nnext_w")],
        "single_precision": [
            (
                _MOMENTUM,
                'v = (config["momentum"] * v + dw).astype(np.float32)\nnext_w = (w - config["learning_rate"] * v).astype("float32")',
            )
        ],
    },
)

_RMSPROP_SLIPS: Final = _variations(
    "rmsprop",
    {
        "epsilon_after_division": [('np.sqrt(config["cache"] + config["epsilon"])', 'np.sqrt(config["cache"]) - config["epsilon"]')],
        "cache_not_stored": [('config["cache"] = rho', "cache = rho"), ('sqrt(config["cache"]', "sqrt(cache")],
        "cache_missing": [('config["cache"] = rho', 'cache = config["chache"] = rho'), ('sqrt(config["cache"]', "sqrt(cache"), ("next_w", 'del config["cache"]\nnext_w')],
        "root_missing": [("np.sqrt", "")],
        "decay_swapped": [("(1 - rho) * dw", "rho * dw"), ("rho * config", "(1 - rho) * config")],
        "not_squared": [("dw**2", "dw")],
        "complement_missing": [("(1 - rho) * dw**2", "np.square(dw)")],
        "adagrad": [("rho * config", "config"), ("(1 - rho) * dw**2", "dw * dw")],
        "stale_cache": [(_RMSPROP, 'old = config["cache"]\n' + _RMSPROP), ('sqrt(config["cache"]', "sqrt(old")],
        "ascends": [("w - config", "w + config")],
        "root_of_rate": [('np.sqrt(config["cache"] + config["epsilon"])', '(np.sqrt(config["learning_rate"]) + config["epsilon"])')],
        "epsilon_times_root": [('np.sqrt(config["cache"] + config["epsilon"])', '(config["epsilon"] * np.sqrt(config["cache"]))')],
        "rate_twice": [("* dw / np", '* (config["learning_rate"] * dw) / np')],
        "rate_missing": [('config["learning_rate"] * dw', "dw")],
        "product_squared": [("(1 - rho) * dw**2", "((1 - rho) * dw)**2")],
        "epsilon_missing": [(' + config["epsilon"]', "")],
        "fixed_decay": [('config["decay_rate"]', "0.99")],
        "scalar_cache": [("dw**2", "(dw**2).mean()")],
        "shared_cache": [
            ('rho = config["decay_rate"]\n', _SHARED.format(start='config["cache"]') + 'rho = config["decay_rate"]\n'),
            ('config["cache"] = rho * config["cache"]', 'config["cache"] = _kept = rho * _kept'),
        ],
        "gradient_changed": [("next_w = w", "step = dw.copy()\ndw **= 2\nnext_w = w"), ("* dw / np", "* step / np")],
        "single_precision": [
            ("dw**2", "dw**2\nconfig['cache'] = np.float32(config['cache'])"),
            ("next_w = ", "next_w = np.float32("), ('["epsilon"])', '["epsilon"]))'),
        ],
    },
)  # fmt: skip

_T = 'config["t"] += 1\n'
_MHAT, _VHAT = '(1 - beta1 ** config["t"])', '(1 - beta2 ** config["t"])'
_ADAM_SLIPS: Final = _variations(
    "adam",
    {
        "t_not_stored": [(_T, 't = config["t"] + 1\n'), ('** config["t"]', "** t")],
        "t_before_increment": [(_T, ""), ("next_w = ", "next_w = "), ('config["epsilon"])\n', 'config["epsilon"])\nconfig["t"] += 1\n')],
        "t_never_incremented": [(_T, "")],
        "t_twice": [('config["epsilon"])\n', 'config["epsilon"])\nconfig["t"] = config["t"] + 1\n')],
        "no_correction": [(f" / {_MHAT}", ""), (f" / {_VHAT}", "")],
        "power_missing": [(' ** config["t"]', "")],
        "power_of_complement": [("(1 - beta1 **", "(1 - (1 - beta1) **"), ("(1 - beta2 **", "(1 - (1 - beta2) **")],
        "moments_not_stored": [
            ('config["m"] = beta1', "m = beta1"), ('config["v"] = beta2', "v = beta2"),
            ('m_hat = config["m"]', "m_hat = m"), ('v_hat = config["v"]', "v_hat = v"),
        ],
        "moments_missing": [('config["epsilon"])\n', 'config["epsilon"])\nconfig = {"t": config["t"], **{k: config[k] for k in config if k not in ("m", "v")}}\n')],
        "corrected_stored": [("m_hat = ", 'm_hat = config["m"] = '), ("v_hat = ", 'v_hat = config["v"] = ')],
        "epsilon_after_division": [("(np.sqrt(v_hat) + config", "np.sqrt(v_hat) - (config")],
        "beta1_for_both": [('config["beta1"], config["beta2"]', 'config["beta1"], config["beta1"]')],
        "beta2_for_both": [('config["beta1"], config["beta2"]', 'config["beta2"], config["beta2"]')],
        "beta1_corrects_both": [(_VHAT, _MHAT)],
        "beta2_corrects_both": [(_MHAT, _VHAT)],
        "betas_swapped": [("beta1, beta2 = ", "beta2, beta1 = ")],
        "complement_swapped": [
            ("= beta1 * config", "= (1 - beta1) * config"), ("+ (1 - beta1) * dw", "+ beta1 * dw"),
            ("= beta2 * config", "= (1 - beta2) * config"), ("+ (1 - beta2) * dw", "+ beta2 * dw"),
        ],
        "root_missing": [("np.sqrt(v_hat)", "v_hat")],
        "not_squared": [("dw**2", "dw")],
        "squares_m": [("dw**2", 'config["m"] ** 2')],
        "complement_missing_m": [("(1 - beta1) * dw", "dw")],
        "complement_missing_v": [("(1 - beta2) * dw**2", "dw**2")],
        "only_m_corrected": [(f" / {_VHAT}", "")],
        "only_v_corrected": [(f" / {_MHAT}", "")],
        "correction_multiplied": [(f"/ {_MHAT}", f"* {_MHAT}"), (f"/ {_VHAT}", f"* {_VHAT}")],
        "folded_without_root": [
            ("m_hat = ", f'lr = config["learning_rate"] * {_VHAT} / {_MHAT}\nm_hat = '), (f" / {_MHAT}\nv", "\nv"), (f" / {_VHAT}\nn", "\nn"),
            ('config["learning_rate"] * m_hat', "lr * m_hat"),
        ],
        "epsilon_times_root": [("np.sqrt(v_hat) + config", "np.sqrt(v_hat) * config")],
        "epsilon_missing": [(' + config["epsilon"]', "")],
        "ascends": [("w - config", "w + config")],
        "gradient_for_m": [("* m_hat /", "* dw /")],
        "stale_moments": [
            ('config["m"] = beta1', 'm, v = config["m"], config["v"]\nconfig["m"] = beta1'),
            ('m_hat = config["m"]', "m_hat = m"), ('v_hat = config["v"]', "v_hat = v"),
        ],
        "aliased_moments": [
            ('config["m"] = beta1 * config["m"]', 'config["m"] = config["v"] = beta1 * config["m"]'),
            ('config["v"] = beta2', 'config["m"] = config["v"] = beta2'),
        ],
        "rate_twice": [("* m_hat /", '* config["learning_rate"] * m_hat /')],
        "rate_missing": [('config["learning_rate"] * m_hat', "m_hat")],
        "rate_in_m": [("(1 - beta1) * dw", '(1 - beta1) * dw * config["learning_rate"]'), ('config["learning_rate"] * m_hat', "m_hat")],
        "amsgrad": [('config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2', 'config["v"] = np.maximum(config["v"], beta2 * config["v"] + (1 - beta2) * dw**2)')],
        "fixed_betas": [('config["beta1"], config["beta2"]', "0.9, 0.999")],
        "shared_t": [(_T, _SHARED.format(start="0") + '_kept += 1\nconfig["t"] = _kept\n')],
        "gradient_changed": [("next_w = ", "dw **= 2\nnext_w = ")],
        "single_precision": [
            ("m_hat = ", 'config["m"] = np.float32(config["m"])\nconfig["v"] = np.float32(config["v"])\nm_hat = '),
            ("next_w = ", "next_w = np.float32("), ('config["epsilon"])\n', 'config["epsilon"]))\n'),
        ],
    },
)  # fmt: skip


def _he(std: str, shape: str = "fan_in, fan_out") -> tuple[str, str]:
    return "he", f'self.params[f"W{{i}}"] = np.random.randn({shape}) * {std}\n'


def _drawn(values: str) -> tuple[str, str]:
    return "he", f'self.params[f"W{{i}}"] = {values}\n'


_INIT_SLIPS: Final = {
    "init.fan_out": _he("np.sqrt(2 / fan_out)"),
    "init.variance_as_std": _he("(2 / fan_in)"),
    "init.gain_missing": _he("np.sqrt(1 / fan_in)"),
    "init.glorot": _he("np.sqrt(2 / (fan_in + fan_out))"),
    "init.gain_not_rooted": _he("2 / np.sqrt(fan_in)"),
    "init.root_of_gain_only": _he("np.sqrt(2) / fan_in"),
    "init.scaled_by_weight_scale": _he("weight_scale * np.sqrt(2 / fan_in)"),
    "init.weight_scale_for_he": _he("weight_scale"),
    "init.unit_normal": _he("1.0"),
    "init.first_fan_everywhere": _he("np.sqrt(2 / input_dim)"),
    "init.last_layer": _he("(np.sqrt(2 / fan_in) if i < self.num_layers else weight_scale / 100)"),
    "init.uniform": (
        "he",
        'bound = np.sqrt(6 / fan_in)\nself.params[f"W{i}"] = np.random.uniform(-bound, bound, (fan_in, fan_out))\n',
    ),
    "init.positive": ("he", 'self.params[f"W{i}"] = np.abs(np.random.randn(fan_in, fan_out)) * np.sqrt(2 / fan_in)\n'),
    "init.biases_drawn": ("he", _HE + 'self.params[f"b{i}"] = 0.01 * np.random.randn(fan_out)\n'),
    "init.not_zero": ("zero", 'self.params[f"W{i}"] = 1e-6 * np.random.randn(fan_in, fan_out)\n'),
    "init.transposed": _he("np.sqrt(2 / fan_in)", "fan_out, fan_in"),
    "init.uniform_narrow": _drawn("np.random.uniform(-np.sqrt(2 / fan_in), np.sqrt(2 / fan_in), (fan_in, fan_out))"),
    "init.torch_default": _drawn("np.random.uniform(-1 / np.sqrt(fan_in), 1 / np.sqrt(fan_in), (fan_in, fan_out))"),
    "init.uniform_positive": _drawn("np.random.rand(fan_in, fan_out) * np.sqrt(2 / fan_in)"),
    "init.uniform_half": _drawn("(np.random.rand(fan_in, fan_out) - 0.5) * np.sqrt(2 / fan_in)"),
    "init.constant": _drawn("np.full((fan_in, fan_out), np.sqrt(2 / fan_in))"),
    "init.same_draw": ("he", "np.random.seed(7)\n" + _HE),
    "init.fan_mean": _he("np.sqrt(2 / ((fan_in + fan_out) / 2))"),
    "init.gain_six": _he("np.sqrt(6 / fan_in)"),
    "init.gain_inverse": _he("np.sqrt(1 / (2 * fan_in))"),
    "init.divided": _drawn("np.random.randn(fan_in, fan_out) / np.sqrt(2 / fan_in)"),
    "init.root_twice": _drawn("np.random.normal(0, np.sqrt(np.sqrt(2 / fan_in)), (fan_in, fan_out))"),
    "init.variance_squared": _he("(2 / fan_in) ** 2"),
    "init.fan_product": _he("np.sqrt(2 / (fan_in * fan_out))"),
    "init.first_layer": _he("(np.sqrt(2 / fan_in) if i > 1 else weight_scale / 100)"),
    "init.biases_constant": ("he", _HE + 'self.params[f"b{i}"] = np.ones(fan_out)\n'),
    "init.biases_missing": ("he", _HE + 'self.params.pop(f"b{i}")\n'),
    "init.biases_shape": ("he", _HE + 'self.params[f"b{i}"] = np.zeros((1, fan_out))\n'),
    "init.counted_from_zero": ("he", _HE.replace("{i}", "{i - 1}")),
    "init.dtype_ignored": ("he", _HE + "dtype = np.float32\n"),
    "init.he_for_random": ("random", _HE),
    "init.scale_squared": ("random", _RANDOM.replace("weight_scale", "weight_scale**2")),
    "init.scale_rooted": ("random", _RANDOM.replace("weight_scale", "np.sqrt(weight_scale)")),
    "init.scale_fixed": ("random", _RANDOM.replace("weight_scale", "1e-2")),
}


def _norm(expression: str) -> tuple[str, str]:
    return "grad_norm", f"self.log_grad_norm_history.append({expression})\n"


_GRAD_NORM_SLIPS: Final = {
    "grad_norm.nothing": ("grad_norm", "norms = [np.linalg.norm(g) for g in grads.values()]\n"),
    "grad_norm.sum": _norm("sum(np.linalg.norm(grads[k]) for k in grads)"),
    "grad_norm.squared": _norm("np.mean([(g * g).sum() for g in grads.values()])"),
    "grad_norm.parameters": _norm("np.mean([np.linalg.norm(p) for p in self.model.params.values()])"),
    "grad_norm.last_only": (
        "grad_norm",
        "for g in grads.values():\n    norm = np.linalg.norm(g)\nself.log_grad_norm_history.append(norm)\n",
    ),
    "grad_norm.first_only": _norm("np.linalg.norm(grads['W1'])"),
    "grad_norm.flattened": _norm("np.sqrt(sum((g**2).sum() for g in grads.values()))"),
    "grad_norm.flattened_mean": _norm("np.sqrt(sum((g**2).sum() for g in grads.values())) / len(grads)"),
    "grad_norm.weights_only": _norm("np.mean([np.linalg.norm(grads[k]) for k in grads if k.startswith('W')])"),
    "grad_norm.biases_only": _norm("np.mean([np.linalg.norm(g) for k, g in grads.items() if k[0] != 'W'])"),
    "grad_norm.lists": _norm("[np.linalg.norm(g) for g in grads.values()]"),
    "grad_norm.absolute": _norm("np.mean([np.abs(g).sum() for g in grads.values()])"),
    "grad_norm.root_mean_square": _norm("np.mean([np.sqrt(np.mean(g**2)) for g in grads.values()])"),
    "grad_norm.largest": _norm("np.max([np.linalg.norm(g) for g in grads.values()])"),
    "grad_norm.mean_gradient": _norm("np.mean([g.mean() for g in grads.values()])"),
    "grad_norm.running": (
        "grad_norm",
        _GRAD_NORM.replace("np.mean(norms)", "np.mean(norms) + (self.log_grad_norm_history or [0])[-1]"),
    ),
    "grad_norm.step_before": (
        "grad_norm",
        'self.kept, last = np.mean([np.linalg.norm(g) for g in grads.values()]), getattr(self, "kept", 0.0)\n'
        "self.log_grad_norm_history.append(last)\n",
    ),
    "grad_norm.in_loop": (
        "grad_norm",
        "total = 0.0\nfor g in grads.values():\n    total += np.linalg.norm(g)\n"
        "    self.log_grad_norm_history.append(total / len(grads))\n",
    ),
    "grad_norm.each_norm": ("grad_norm", "self.log_grad_norm_history += [np.linalg.norm(g) for g in grads.values()]\n"),
    "grad_norm.quadratic_mean": _norm("np.sqrt(np.mean([(g**2).sum() for g in grads.values()]))"),
    "grad_norm.largest_entry": _norm("np.mean([np.abs(g).max() for g in grads.values()])"),
    "grad_norm.times_rate": _norm("np.mean([np.linalg.norm(self.optim_configs[k]['learning_rate'] * grads[k]) for k in grads])"),
    "grad_norm.over_batch": _norm("np.mean([np.linalg.norm(g) for g in grads.values()]) / len(X_batch)"),
    "grad_norm.by_layers": _norm("sum(np.linalg.norm(g) for g in grads.values()) / self.model.num_layers"),
    "grad_norm.last_layer_only": _norm("np.mean([np.linalg.norm(grads[f'{k}{self.model.num_layers}']) for k in 'Wb'])"),
    "grad_norm.running_mean": (
        "grad_norm",
        "self.norms = getattr(self, 'norms', []) + [np.linalg.norm(g) for g in grads.values()]\n"
        "self.log_grad_norm_history.append(np.mean(self.norms))\n",
    ),
    "grad_norm.other_gradients": (
        "grad_norm",
        "_, full = self.model.loss(self.X_train, self.y_train)\n"
        "self.log_grad_norm_history.append(np.mean([np.linalg.norm(g) for g in full.values()]))\n",
    ),
    "grad_norm.overwritten": ("grad_norm", "self.log_grad_norm_history = [np.mean([np.linalg.norm(g) for g in grads.values()])]\n"),
    "grad_norm.reversed": (
        "grad_norm",
        "self.log_grad_norm_history.insert(0, np.mean([np.linalg.norm(g) for g in grads.values()]))\n",
    ),
}
