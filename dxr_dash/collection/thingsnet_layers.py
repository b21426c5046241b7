"""The layers of the bundled network, apart from it: naming them should not cost the import of torch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# Usual name -> submodule whose output is that layer's value after its ReLU (fc8: the logits).
LAYERS: Mapping[str, str] = MappingProxyType(
    {name: name for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8")}
)
