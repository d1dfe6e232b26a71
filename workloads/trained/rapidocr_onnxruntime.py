"""Direction of a line of text, of PyPI's rapidocr-onnxruntime 1.4.4 (PaddleOCR, Apache-2.0).

A MobileNetV3 (Howard et al., 2019) with depthwise convolutions and gates of channels; input: an
image of 48 x 192.
"""

from workloads.graph import Workload
from workloads.onnx.loading import load_onnx
from workloads.packaged import packaged_file


def _load(frames: int | None) -> Workload:
    inside = "models/ch_ppocr_mobile_v2.0_cls_infer.onnx"
    install = "pip install --no-deps rapidocr-onnxruntime==1.4.4"
    path = packaged_file("rapidocr_onnxruntime", inside, install)
    return load_onnx(path, frames=frames, name="ppocr_direction", shape=(3, 48, 192))


NETWORKS = {"ppocr_direction": _load}
