"""What is not there, or not the caller's; the tree of all errors is in errors.py."""

from __future__ import annotations

import grpc

from services.common.domain_error import DomainError


class NotFound(DomainError):
    """It is not there, or not the caller's."""

    reason = "NOT_FOUND"
    code = "not_found"
    title = "Not found"
    status = grpc.StatusCode.NOT_FOUND
    http_status = 404


class AccountNotFound(NotFound):
    """No such account."""

    reason = "ACCOUNT_NOT_FOUND"


class ApiKeyNotFound(NotFound):
    """No such API key."""

    reason = "API_KEY_NOT_FOUND"


class AssetNotFound(NotFound):
    """No such asset."""

    reason = "ASSET_NOT_FOUND"


class AvatarNotFound(NotFound):
    """No such avatar."""

    reason = "AVATAR_NOT_FOUND"


class VideoNotFound(NotFound):
    """No such video."""

    reason = "VIDEO_NOT_FOUND"


class VoiceNotFound(NotFound):
    """No such voice."""

    reason = "VOICE_NOT_FOUND"


class StreamNotFound(NotFound):
    """No such stream."""

    reason = "STREAM_NOT_FOUND"


class PolicyNotFound(NotFound):
    """No such version of the policy."""

    reason = "POLICY_NOT_FOUND"


class ConsentNotFound(NotFound):
    """No such consent."""

    reason = "CONSENT_NOT_FOUND"


class PrivacyRequestNotFound(NotFound):
    """No such request of a person."""

    reason = "PRIVACY_REQUEST_NOT_FOUND"


class NoticeNotFound(NotFound):
    """No such notice."""

    reason = "NOTICE_NOT_FOUND"


class PrivacyPolicyNotFound(NotFound):
    """No such version of the privacy policy, or none at all."""

    reason = "PRIVACY_POLICY_NOT_FOUND"


class ChallengeNotFound(NotFound):
    """No such challenge."""

    reason = "CHALLENGE_NOT_FOUND"


class SubjectNotFound(NotFound):
    """No such subject."""

    reason = "SUBJECT_NOT_FOUND"


class KeyErased(NotFound):
    """What is asked for can't be read by anyone any more: its owner's key was erased."""

    reason = "KEY_ERASED"


class ReviewNotFound(NotFound):
    """No such review."""

    reason = "REVIEW_NOT_FOUND"


class MemberNotFound(NotFound):
    """No such member, nor anybody invited."""

    reason = "MEMBER_NOT_FOUND"


class PersonNotFound(NotFound):
    """No such person."""

    reason = "PERSON_NOT_FOUND"


class SessionNotFound(NotFound):
    """No such session."""

    reason = "SESSION_NOT_FOUND"
