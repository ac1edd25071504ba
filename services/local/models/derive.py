"""Makes a model's file from the files that packages carry; the same bytes every time."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import assert_never

import numpy as np
import onnx
from onnx import TensorProto, helper

from services.common.models import ModelFile
from services.local.models import face_api_age, face_api_recogniser, speaker_encoder
from services.local.models.tflite_to_onnx import convert

_KOKORO_DURATIONS = "/encoder/Clip_output_0"
"""Length of each token in units of 600 samples, as Kokoro's encoder rounds and clips it."""
_KOKORO_STYLE_SHAPE = (510, 256)


def derive(file: ModelFile, sources: Sequence[bytes]) -> bytes:
    """The content of `file`; `sources` are the contents of its sources, in the manifest's order."""
    match file.derivation:
        case "copy":
            (content,) = sources
            return content
        case "face_api_age":
            manifest, weights = sources
            return face_api_age.convert(manifest, weights)
        case "face_api_recogniser":
            manifest, weights = sources
            return face_api_recogniser.convert(manifest, weights)
        case "join":
            return b"".join(sources)
        case "kokoro_with_durations":
            return with_output(b"".join(sources), _KOKORO_DURATIONS)
        case "kokoro_voices":
            names = [PurePosixPath(source.member).stem for source in file.sources]
            return voices_archive(dict(zip(names, sources, strict=True)))
        case "speaker_encoder":
            (content,) = sources
            return speaker_encoder.convert(content)
        case "tflite_to_onnx":
            (content,) = sources
            return convert(content, file.inputs, file.outputs)
    assert_never(file.derivation)


def with_output(model: bytes, name: str) -> bytes:
    """The ONNX model with one more float output, the existing intermediate value `name`.

    Joining two serialised messages merges them and appends their lists (Protocol Buffers,
    "Last One Wins"), so the original bytes stay as they are.
    """
    value = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
    graph = onnx.GraphProto(output=[value])
    return model + onnx.ModelProto(graph=graph).SerializeToString(deterministic=True)


def voices_archive(voices: dict[str, bytes]) -> bytes:
    """A NumPy archive (`.npz`) of styles, float32 [510, 256] each; row n is for n tokens."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, raw in sorted(voices.items()):
            array = io.BytesIO()
            np.save(array, np.frombuffer(raw, "<f4").reshape(_KOKORO_STYLE_SHAPE))
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.create_system = 3
            archive.writestr(entry, array.getvalue())
    return target.getvalue()
