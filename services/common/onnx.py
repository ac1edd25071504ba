"""Sessions of ONNX Runtime on exactly the execution providers that were asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.common.errors import StartupError

CUDA = "CUDAExecutionProvider"
_EXACT = {"use_tf32": "0"}


class ProviderMissing(StartupError):
    """An execution provider that the settings demand can't be used here."""


class Network(Protocol):
    """A network with one image as its input."""

    def __call__(self, image: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        """The outputs by name."""
        ...


class OnnxNetwork:
    """One session; calls may come from any thread."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._input: str = session.get_inputs()[0].name
        self._outputs: list[str] = [output.name for output in session.get_outputs()]

    @property
    def about(self) -> Mapping[str, str]:
        """What the file says of itself."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def __call__(self, image: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        """The outputs by name."""
        return dict(zip(self._outputs, self._session.run(None, {self._input: image}), strict=True))


def open_network(path: Path, providers: Sequence[str], threads: int = 1) -> OnnxNetwork:
    """A network on the given providers; raises ProviderMissing rather than using fewer of them."""
    return OnnxNetwork(open_session(path, providers, threads))


def open_session(
    model: Path | bytes, providers: Sequence[str], threads: int = 1, *, exact: bool = False
) -> onnxruntime.InferenceSession:
    """A session of a model on the given providers; raises ProviderMissing rather than using fewer.

    `exact`: products of matrices keep all of float32, where CUDA would shorten it to TF32."""
    missing = set(providers) - set(onnxruntime.get_available_providers())
    if missing:
        raise ProviderMissing(
            f"ONNX Runtime has no {', '.join(sorted(missing))} here: install a build with it, "
            "or change the service's setting ONNX_PROVIDERS"
        )
    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model if isinstance(model, bytes) else str(model),
        options,
        providers=list(providers),
        provider_options=[_EXACT if exact and name == CUDA else {} for name in providers],
    )
    # A provider that fails to initialise is dropped by the runtime with a mere warning.
    dropped = set(providers) - set(session.get_providers())
    if dropped:
        raise ProviderMissing(
            f"{', '.join(sorted(dropped))} could not be started: see ONNX Runtime's message above"
        )
    return session
