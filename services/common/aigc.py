"""The label that says of a file that it was generated, for machines to read.

China's labelling rules for generated content (GB 45438-2025) want it in the file's metadata: JSON
under the key `AIGC` (TC260-PG-20257A).
"""

from __future__ import annotations

import json

KEY = "AIGC"
_GENERATED = "1"


def aigc_label(content_id: str, producer: str) -> str:
    """The label of a content, and who makes it.

    The fields for the seals of producer and propagator stay empty: where a file is sealed, its C2PA
    manifest is the seal.
    """
    return json.dumps(
        {
            "Label": _GENERATED,
            "ContentProducer": producer,
            "ProduceID": content_id,
            "ReservedCode1": "",
            "ContentPropagator": "",
            "PropagateID": "",
            "ReservedCode2": "",
        },
        ensure_ascii=False,
    )
