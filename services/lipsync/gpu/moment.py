"""What of an avatar is another in every frame, as a graph takes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.lipsync.expression import Expression
from services.lipsync.gpu.avatar import BALL, CHANGES, EYE_FIELDS, REGIONS
from services.lipsync.gpu.form import Form
from services.lipsync.gpu.layout import Layout
from services.lipsync.renderer import PictureRenderer
from services.lipsync.renderer.creases import crease_weights
from services.lipsync.renderer.eyes import EyePose
from services.lipsync.renderer.fields import FIELDS
from services.lipsync.renderer.mouth import Mouth, MouthPose
from services.lipsync.renderer.shading import Shading
from services.lipsync.renderer.shape import SAMPLES

MOMENT = Layout(
    weights=(len(FIELDS),),
    edges=(4, 1, SAMPLES),
    places=(4, 3, 2),
    deep_light=(1,),
    own_share=(1,),
    parted=(1,),
    soft=(1,),
    eyes=(2, BALL, EYE_FIELDS),
    shadow=(2,),
    steep=(2,),
    skin_changes=(REGIONS, CHANGES),
)
"""The numbers of one frame."""


def moment(renderer: PictureRenderer, form: Form, expression: Expression) -> NDArray[np.float32]:
    """The numbers of an expression, in the order of MOMENT."""
    made, weights = renderer.posed(expression)
    mouth = renderer.mouth.pose(weights, made.mouth, made.composed)
    eyes = [eye.pose(weights, made) for eye in renderer.eyes]
    edges = mouth.edges
    return MOMENT.packed(
        {
            "weights": weights,
            "edges": np.stack([edges.upper, edges.upper_outer, edges.lower, edges.lower_outer])[
                :, None
            ],
            "places": _places(renderer.mouth, mouth, form),
            "deep_light": renderer.mouth.interior.deep_light(mouth.behind),
            "own_share": mouth.own_share,
            "parted": mouth.parted,
            "soft": mouth.soft,
            "eyes": np.stack([_eye(pose, weights) for pose in eyes]),
            "shadow": [pose.shadow for pose in eyes],
            "steep": [pose.shadow > 0.0 for pose in eyes],
            "skin_changes": _creases(renderer.shadings, made),
        }
    )


def _places(mouth: Mouth, pose: MouthPose, form: Form) -> NDArray[np.float64]:
    """Where a zone's pixels (x, y, 1) lie in the sheets of a mouth, tongue, lower and upper teeth,
    and in what the picture shows inside [4, 3, 2]."""
    still = np.column_stack([np.eye(2), -pose.behind.head_px])
    affines = np.stack([*mouth.interior.places(mouth.zone, pose.behind), still])
    room = form.mouth.pixels
    sides = np.array([[form.sheet, form.sheet // 2]] * 3 + [[room, room]])
    scaled = affines * (2.0 / (sides - 1.0))[..., None]
    scaled[..., 2] -= 1.0
    return np.swapaxes(scaled, 1, 2)


def _creases(shadings: Sequence[Shading], expression: Expression) -> NDArray[np.float32]:
    """How strongly everything that changes the light on skin takes part [regions, changes]."""
    weights = crease_weights(expression)
    changes = np.zeros((REGIONS, CHANGES), np.float32)
    for n, part in enumerate(shadings):
        own = part.taking_part(weights)
        changes[n, : len(own)] = own
    return changes


def _eye(pose: EyePose, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """How strongly each of an eye's fields moves its upper side, its lower side and the ball."""
    moved = np.zeros((BALL, EYE_FIELDS), np.float32)
    moved[:, : len(weights)] = weights
    moved[0, -4], moved[1, -3], moved[2, -2:] = pose.upper, pose.lower, pose.gaze_px
    return moved
