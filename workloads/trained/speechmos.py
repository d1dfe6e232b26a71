"""DNSMOS of PyPI's speechmos 0.0.1.1 (Microsoft, MIT): opinion scores of noisy speech.

Reddy, Gopal, Cutler: DNSMOS P.835, ICASSP 2022. Inputs are log spectra of some nine seconds.
"""

from functools import partial

from workloads.graph import Workload
from workloads.onnx.loading import load_onnx
from workloads.packaged import packaged_file

_FILES = {
    "dnsmos_p808": "model_v8.onnx",
    "dnsmos_sig": "sig.onnx",
    "dnsmos_bak_ovr": "bak_ovr.onnx",
}


def _load(name: str, frames: int | None) -> Workload:
    inside = f"dnsmos_models/{_FILES[name]}"
    path = packaged_file("speechmos", inside, "pip install --no-deps speechmos==0.0.1.1")
    return load_onnx(path, frames=frames, name=name)


NETWORKS = {name: partial(_load, name) for name in _FILES}
