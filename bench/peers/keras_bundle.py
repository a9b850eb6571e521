"""The network of a model bundle as a Keras model: the layers of its tfjs folder, which are Keras's own."""

import json
import os
from typing import Any

import numpy as np


def _weights(folder: str, manifest: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    found = {}
    for group in manifest:
        parts = []
        for path in group["paths"]:
            with open(os.path.join(folder, path), "rb") as file:
                parts.append(file.read())
        data, at = b"".join(parts), 0
        for entry in group["weights"]:
            if entry["dtype"] != "float32" or "quantization" in entry:
                raise ValueError(f"Expected float32 for {entry['name']}")
            count = int(np.prod(entry["shape"]))
            found[entry["name"]] = np.frombuffer(data, "<f4", count, at).reshape(entry["shape"])
            at += 4 * count
    return found


def load(keras: Any, bundle: str) -> Any:
    """Tiles as (n, S, S, 3) numbers from 0 to 255 in, probabilities (n, classes) out."""
    folder = os.path.join(bundle, "tfjs")
    with open(os.path.join(folder, "model.json"), encoding="utf-8") as file:
        description = json.load(file)
    config = description["modelTopology"]["config"]
    weights = _weights(folder, description["weightsManifest"])
    tensors: dict[str, Any] = {}
    for entry in config["layers"]:
        name = entry["name"]
        own = {k: v for k, v in entry["config"].items() if k not in ("batch_input_shape", "sparse")}
        if entry["class_name"] == "InputLayer":
            shape = entry["config"]["batch_input_shape"][1:]
            tensors[name] = keras.Input(shape, name=name, dtype=own["dtype"])
            continue
        layer = getattr(keras.layers, entry["class_name"]).from_config(own)
        (inbound,) = entry["inbound_nodes"]
        inputs = [tensors[node[0]] for node in inbound]
        tensors[name] = layer(inputs if len(inputs) > 1 else inputs[0])
        layer.set_weights([weights[f"{name}/{weight.name}"] for weight in layer.weights])
    inputs = [tensors[node[0]] for node in config["input_layers"]]
    # The first output is the probabilities.
    return keras.Model(inputs[0], tensors[config["output_layers"][0][0]])
