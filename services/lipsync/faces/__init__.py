"""Where faces are in a picture, and where their parts are."""

from __future__ import annotations

from services.common.faces import Detection, FaceDetector
from services.lipsync.faces.landmarks import FaceReader, Landmarks
from services.lipsync.faces.person import PersonFinder

__all__ = ["Detection", "FaceDetector", "FaceReader", "Landmarks", "PersonFinder"]
