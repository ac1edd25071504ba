"""The label that says of a file that it was generated, for machines to read.

China's labelling rules for generated content (GB 45438-2025) want it in the file's metadata: JSON
under the key `AIGC`, in an MP4 among the keys of `moov.udta.meta` (TC260-PG-20257A).
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from services.storage.refs import ObjectRef

KEY = "AIGC"
_GENERATED = "1"


def video_id_of(content: ObjectRef) -> str:
    """The video whose file goes there."""
    return PurePosixPath(content.key).stem


def label_of(content: ObjectRef, producer: str) -> str:
    """The label of a file by where it goes, whose name is the video's id, and by who makes it.

    The fields for the seals of producer and propagator stay empty: the C2PA manifest is the seal.
    """
    return json.dumps(
        {
            "Label": _GENERATED,
            "ContentProducer": producer,
            "ProduceID": video_id_of(content),
            "ReservedCode1": "",
            "ContentPropagator": "",
            "PropagateID": "",
            "ReservedCode2": "",
        },
        ensure_ascii=False,
    )
