"""Accounts' policies as they come over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TypeVar

from vultus.moderation.v1 import moderation_service_pb2 as wire

from services.common.errors import InvalidInput
from services.moderation.policy import DeniedPhrase, LabelRule, Policy, UncoveredRule
from services.moderation.verdict import Label, Suggestion

_KNOWN_POLICIES = 64
_SUGGESTIONS: Mapping[int, Suggestion | None] = MappingProxyType(
    {
        wire.SUGGESTION_UNSPECIFIED: None,
        wire.SUGGESTION_PASS: Suggestion.PASS,
        wire.SUGGESTION_REVIEW: Suggestion.REVIEW,
        wire.SUGGESTION_BLOCK: Suggestion.BLOCK,
    }
)
_UNCOVERED: Mapping[int, UncoveredRule] = MappingProxyType(
    {
        wire.UNCOVERED_RULE_UNSPECIFIED: UncoveredRule.SINGLE_FACE,
        wire.UNCOVERED_RULE_SINGLE_FACE: UncoveredRule.SINGLE_FACE,
        wire.UNCOVERED_RULE_PASS: UncoveredRule.PASS,
        wire.UNCOVERED_RULE_REVIEW: UncoveredRule.REVIEW,
    }
)


ValueT = TypeVar("ValueT")


@lru_cache(maxsize=_KNOWN_POLICIES)
def read_policy(serialized: bytes) -> Policy:
    """The policy of a serialised `Policy`; raises InvalidInput when it is not sound.

    A policy comes with every request and takes up to a quarter of a second to compile, so those
    that came last are remembered by their content.
    """
    message = wire.Policy.FromString(serialized)
    return Policy(
        message.version,
        tuple(_rule(rule, f"labels[{n}]") for n, rule in enumerate(message.labels)),
        tuple(_denied(denied, f"deny[{n}]") for n, denied in enumerate(message.deny)),
        tuple(message.allow),
        tuple(message.languages),
        _known(_UNCOVERED, message.uncovered, "uncovered"),
    )


def _rule(message: wire.LabelRule, place: str) -> LabelRule:
    return LabelRule(
        _label(message.label, place),
        _known(_SUGGESTIONS, message.suggestion, f"{place}.suggestion"),
        message.review_from if message.HasField("review_from") else None,
        message.block_from if message.HasField("block_from") else None,
    )


def _denied(message: wire.DeniedPhrase, place: str) -> DeniedPhrase:
    suggestion = _known(_SUGGESTIONS, message.suggestion, f"{place}.suggestion")
    if suggestion is None:
        raise InvalidInput(f"policy.{place}.suggestion: must be REVIEW or BLOCK")
    return DeniedPhrase(message.phrase, _label(message.label, place), suggestion)


def _label(name: str, place: str) -> Label:
    if name not in list(Label):
        known = ", ".join(Label)
        raise InvalidInput(f"policy.{place}.label: no label is called {name!r}; use one of {known}")
    return Label(name)


def _known(values: Mapping[int, ValueT], number: int, place: str) -> ValueT:
    if number not in values:
        raise InvalidInput(f"policy.{place}: {number} is not known here")
    return values[number]
