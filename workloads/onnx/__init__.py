"""Trained networks from ONNX files, as workloads with the file's own weights."""
