"""Writes logs/roughness.json: how rough a noisy curve still is after averages of growing width."""

import json
from pathlib import Path

import numpy as np
from signals.filters import moving_average

curve = np.sin(np.linspace(0, 6, 200)) + np.random.default_rng(0).normal(0, 0.2, 200)
rough = [float(np.abs(np.diff(moving_average(curve, width))).mean()) for width in (1, 3, 9, 27)]
Path("logs").mkdir(exist_ok=True)
Path("logs/roughness.json").write_text(json.dumps(rough))
