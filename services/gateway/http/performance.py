"""What is asked of a face in a body, checked against the text that it belongs to."""

from __future__ import annotations

from services.gateway.http.problem import FieldError, InvalidFields
from services.gateway.look import Performance
from services.gateway.performance_bodies import PerformanceBody

_MAX_FAULTS = 20


def asked_performance(request: PerformanceBody | None, text: str | None) -> Performance:
    """What is asked, nothing if nothing is. Raises InvalidFields when a cue is beyond the text."""
    if request is None:
        return Performance()
    wrong = [
        FieldError(location=f"body.performance.{place}", message=fault)
        for place, fault in request.wrong_offsets(text)
    ]
    if wrong:
        raise InvalidFields(wrong[:_MAX_FAULTS])
    return request.performance(text)
