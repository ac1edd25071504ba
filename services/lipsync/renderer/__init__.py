"""Draws a face: an expression in, a picture out."""

from __future__ import annotations

from services.lipsync.renderer.picture import PictureRenderer

__all__ = ["PictureRenderer"]
