"""What can go wrong, as every service and the HTTP API call it.

DomainError
├── InvalidInput                     INVALID_ARGUMENT      422  validation_failed
│   ├── TextEmpty                                          422  text_empty
│   ├── TextTooLong                                        422  text_too_long
│   ├── UnsupportedLanguage                                422  unsupported_language
│   ├── ConsentRequired                                    422  consent_required
│   ├── ConsentNotVerified                                 422  consent_not_verified
│   ├── GuardianConsentRequired                            422  guardian_consent_required
│   ├── CodeInvalid                                        422  code_invalid
│   ├── ImageUndecodable                                   422  image_undecodable
│   ├── NoFace                                             422  no_face
│   ├── SeveralFaces                                       422  several_faces
│   ├── FaceTooSmall                                       422  face_too_small
│   ├── FaceNotFrontal                                     422  face_not_frontal
│   ├── FaceCovered                                        422  face_covered
│   ├── AudioUndecodable                                   422  audio_undecodable
│   ├── AudioSilent                                        422  audio_silent
│   ├── UnsupportedMedia                                   415  unsupported_media
│   └── PayloadTooLarge                                    413  payload_too_large
│       ├── ImageTooLarge                                  413  payload_too_large
│       └── AudioTooLong                                   413  payload_too_large
├── RangeNotSatisfiable              OUT_OF_RANGE          416  range_not_satisfiable
├── Unauthenticated                  UNAUTHENTICATED       401  unauthenticated
├── Forbidden                        PERMISSION_DENIED     403  forbidden
│   ├── AccountClosing                                     403  account_closing
│   ├── AgreementRequired                                  403  agreement_required
│   ├── ContentRejected                                    403  content_rejected
│   ├── PolicyAcceptanceRequired                           403  policy_acceptance_required
│   ├── QuotaUsedUp                                        403  quota_exceeded
│   └── Restricted                                         403  restricted
├── NotFound                         NOT_FOUND             404  not_found
│   ├── AccountNotFound  ApiKeyNotFound  AssetNotFound  AvatarNotFound  VideoNotFound  VoiceNotFound
│   ├── MemberNotFound  PersonNotFound  SessionNotFound  NoticeNotFound  PrivacyPolicyNotFound
│   ├── StreamNotFound  PolicyNotFound  ReviewNotFound  ConsentNotFound  KeyErased
│   └── PrivacyRequestNotFound  SubjectNotFound  ChallengeNotFound
├── Conflict                         FAILED_PRECONDITION   409  conflict
│   ├── ServiceClosing                                     410  service_closing
│   ├── AvatarNotReady                                     409  avatar_not_ready
│   ├── ReviewPending                                      409  review_pending
│   ├── StateConflict                                      409  conflict
│   ├── StreamEnded                                        409  stream_ended
│   ├── IdempotencyConflict                                409  idempotency_conflict
│   └── IdempotencyInProgress        (retryable)           409  idempotency_conflict
├── Overloaded                       RESOURCE_EXHAUSTED    429  overloaded       (retryable)
├── QuotaExceeded                    RESOURCE_EXHAUSTED    429  quota_exceeded   (retryable)
├── StorageFull                      RESOURCE_EXHAUSTED    507  storage_full     (retryable)
├── Unavailable                      UNAVAILABLE           503  unavailable      (retryable)
│   ├── RecordingLost                                      503  unavailable      (not retryable)
│   └── DeadlineExceeded             DEADLINE_EXCEEDED     504  unavailable      (retryable)
└── Internal                         INTERNAL              500  internal         (never by hand)
"""

from __future__ import annotations

import grpc

from services.common.domain_error import DomainError as DomainError
from services.common.domain_error import StartupError as StartupError
from services.common.not_found import AccountNotFound as AccountNotFound
from services.common.not_found import ApiKeyNotFound as ApiKeyNotFound
from services.common.not_found import AssetNotFound as AssetNotFound
from services.common.not_found import AvatarNotFound as AvatarNotFound
from services.common.not_found import ChallengeNotFound as ChallengeNotFound
from services.common.not_found import ConsentNotFound as ConsentNotFound
from services.common.not_found import KeyErased as KeyErased
from services.common.not_found import MemberNotFound as MemberNotFound
from services.common.not_found import NotFound as NotFound
from services.common.not_found import NoticeNotFound as NoticeNotFound
from services.common.not_found import PersonNotFound as PersonNotFound
from services.common.not_found import PolicyNotFound as PolicyNotFound
from services.common.not_found import PrivacyPolicyNotFound as PrivacyPolicyNotFound
from services.common.not_found import PrivacyRequestNotFound as PrivacyRequestNotFound
from services.common.not_found import ReviewNotFound as ReviewNotFound
from services.common.not_found import SessionNotFound as SessionNotFound
from services.common.not_found import StreamNotFound as StreamNotFound
from services.common.not_found import SubjectNotFound as SubjectNotFound
from services.common.not_found import VideoNotFound as VideoNotFound
from services.common.not_found import VoiceNotFound as VoiceNotFound


class InvalidInput(DomainError):
    """The request can't be understood; its message names what to change."""

    reason = "INVALID_INPUT"
    code = "validation_failed"
    title = "The request is not valid"
    status = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 422


class TextEmpty(InvalidInput):
    """The text holds nothing that can be said."""

    reason = "TEXT_EMPTY"
    code = "text_empty"
    title = "Nothing to say"


class TextTooLong(InvalidInput):
    """The text is over its limit."""

    reason = "TEXT_TOO_LONG"
    code = "text_too_long"
    title = "The text is too long"


class UnsupportedLanguage(InvalidInput):
    """The text is in a script that no voice can read."""

    reason = "UNSUPPORTED_LANGUAGE"
    code = "unsupported_language"
    title = "The language is not supported"


class ConsentRequired(InvalidInput):
    """The person shown or heard has not been said to allow it."""

    reason = "CONSENT_REQUIRED"
    code = "consent_required"
    title = "Consent is required"


class CodeInvalid(InvalidInput):
    """The one-time code is wrong, too old, was used, or was tried too often."""

    reason = "CODE_INVALID"
    code = "code_invalid"
    title = "The code is not valid"


class ConsentNotVerified(InvalidInput):
    """The statement on camera was not as it must be; the message names what to do."""

    reason = "CONSENT_NOT_VERIFIED"
    code = "consent_not_verified"
    title = "The consent is not verified"


class GuardianConsentRequired(InvalidInput):
    """A person or an account's holder is, or seems to be, a minor, and no guardian consented."""

    reason = "GUARDIAN_CONSENT_REQUIRED"
    code = "guardian_consent_required"
    title = "A guardian's consent is required"


class ImageUndecodable(InvalidInput):
    """The file is no sound image."""

    reason = "IMAGE_UNDECODABLE"
    code = "image_undecodable"
    title = "The image can't be read"


class NoFace(InvalidInput):
    """No human face was found."""

    reason = "NO_FACE"
    code = "no_face"
    title = "No face was found"


class SeveralFaces(InvalidInput):
    """Several faces, none clearly the largest."""

    reason = "SEVERAL_FACES"
    code = "several_faces"
    title = "Several faces were found"


class FaceTooSmall(InvalidInput):
    """The face has too few pixels."""

    reason = "FACE_TOO_SMALL"
    code = "face_too_small"
    title = "The face is too small"


class FaceNotFrontal(InvalidInput):
    """The face looks too far aside, up or down."""

    reason = "FACE_NOT_FRONTAL"
    code = "face_not_frontal"
    title = "The face is not frontal"


class FaceCovered(InvalidInput):
    """Something hides the mouth or the eyes."""

    reason = "FACE_COVERED"
    code = "face_covered"
    title = "The face is covered"


class AudioUndecodable(InvalidInput):
    """The file is no sound recording."""

    reason = "AUDIO_UNDECODABLE"
    code = "audio_undecodable"
    title = "The audio can't be read"


class AudioSilent(InvalidInput):
    """Nothing can be heard."""

    reason = "AUDIO_SILENT"
    code = "audio_silent"
    title = "The audio is silent"


class UnsupportedMedia(InvalidInput):
    """A sound file, but of a kind that has no use here."""

    reason = "UNSUPPORTED_MEDIA"
    code = "unsupported_media"
    title = "The kind of file is not supported"
    http_status = 415


class PayloadTooLarge(InvalidInput):
    """More bytes than allowed."""

    reason = "PAYLOAD_TOO_LARGE"
    code = "payload_too_large"
    title = "The file is too large"
    http_status = 413


class ImageTooLarge(PayloadTooLarge):
    """More pixels than allowed."""

    reason = "IMAGE_TOO_LARGE"


class AudioTooLong(PayloadTooLarge):
    """More minutes than allowed."""

    reason = "AUDIO_TOO_LONG"


class RangeNotSatisfiable(DomainError):
    """The asked range lies outside the object."""

    reason = "RANGE_NOT_SATISFIABLE"
    code = "range_not_satisfiable"
    title = "The range is outside the file"
    status = grpc.StatusCode.OUT_OF_RANGE
    http_status = 416


class Unauthenticated(DomainError):
    """No key, or one that opens nothing."""

    reason = "UNAUTHENTICATED"
    code = "unauthenticated"
    title = "The API key is missing or not valid"
    status = grpc.StatusCode.UNAUTHENTICATED
    http_status = 401


class Forbidden(DomainError):
    """Known caller, but not allowed."""

    reason = "FORBIDDEN"
    code = "forbidden"
    title = "Not allowed"
    status = grpc.StatusCode.PERMISSION_DENIED
    http_status = 403


class AccountClosing(Forbidden):
    """The account is being deregistered: nothing new is made in it."""

    reason = "ACCOUNT_CLOSING"
    code = "account_closing"
    title = "The account is being deregistered"


class AgreementRequired(Forbidden):
    """The account has not accepted what has to be agreed on for that."""

    reason = "AGREEMENT_REQUIRED"
    code = "agreement_required"
    title = "An agreement is required"


class ContentRejected(Forbidden):
    """Moderation refused the content; context `categories` holds the labels, comma separated."""

    reason = "CONTENT_REJECTED"
    code = "content_rejected"
    title = "The content was rejected by moderation"


class QuotaUsedUp(Forbidden):
    """The account has used what it may; context as in QuotaExceeded, and `resets_at` if it does."""

    reason = "QUOTA_USED_UP"
    code = "quota_exceeded"
    title = "The account's limit is reached"


class Restricted(Forbidden):
    """Its use was restricted on request: it may be stored, told and erased."""

    reason = "RESTRICTED"
    code = "restricted"
    title = "Its use is restricted"


class PolicyAcceptanceRequired(Forbidden):
    """The account has to accept the privacy policy before it goes on; `version` names it."""

    reason = "POLICY_ACCEPTANCE_REQUIRED"
    code = "policy_acceptance_required"
    title = "The privacy policy has to be accepted"


class Conflict(DomainError):
    """The thing is in no state for this."""

    reason = "CONFLICT"
    code = "conflict"
    title = "Not possible in the present state"
    status = grpc.StatusCode.FAILED_PRECONDITION
    http_status = 409


class AvatarNotReady(Conflict):
    """The avatar is still preparing, or could not be made."""

    reason = "AVATAR_NOT_READY"
    code = "avatar_not_ready"
    title = "The avatar is not ready"


class ReviewPending(Conflict):
    """A person has to decide on the content first; context `review_id` names the review."""

    reason = "REVIEW_PENDING"
    code = "review_pending"
    title = "A person has to decide on the content first"


class StateConflict(Conflict):
    """Another has moved it on meanwhile."""

    reason = "STATE_CONFLICT"


class ServiceClosing(Conflict):
    """The service comes to its end: it takes nothing new."""

    reason = "SERVICE_CLOSING"
    code = "service_closing"
    title = "The service is closing"
    http_status = 410


class StreamEnded(Conflict):
    """The stream has ended: nothing more can be said or seen in it."""

    reason = "STREAM_ENDED"
    code = "stream_ended"
    title = "The stream has ended"


class IdempotencyConflict(Conflict):
    """The key was used with another request."""

    reason = "IDEMPOTENCY_CONFLICT"
    code = "idempotency_conflict"
    title = "The idempotency key was used for another request"


class IdempotencyInProgress(Conflict):
    """The key's first request is still being answered."""

    reason = "IDEMPOTENCY_IN_PROGRESS"
    code = "idempotency_conflict"
    title = "The first request with this idempotency key is still running"
    retryable = True


class Overloaded(DomainError):
    """Too much at once; refused before any work was done."""

    reason = "OVERLOADED"
    code = "overloaded"
    title = "Too many requests"
    status = grpc.StatusCode.RESOURCE_EXHAUSTED
    http_status = 429
    retryable = True


class QuotaExceeded(DomainError):
    """The account has as many at once as it may; context `quota`, `limit` and `used`."""

    reason = "QUOTA_EXCEEDED"
    code = "quota_exceeded"
    title = "The account's limit is reached"
    status = grpc.StatusCode.RESOURCE_EXHAUSTED
    http_status = 429
    retryable = True


class StorageFull(DomainError):
    """No room is left for the object."""

    reason = "STORAGE_FULL"
    code = "storage_full"
    title = "No storage space is left"
    status = grpc.StatusCode.RESOURCE_EXHAUSTED
    http_status = 507
    retryable = True


class Unavailable(DomainError):
    """Something that is needed is down for the moment."""

    reason = "UNAVAILABLE"
    code = "unavailable"
    title = "Temporarily unavailable"
    status = grpc.StatusCode.UNAVAILABLE
    http_status = 503
    retryable = True


class RecordingLost(Unavailable):
    """What was recorded of a stream is gone with the process that recorded it."""

    reason = "RECORDING_LOST"
    title = "The recording was lost"
    retryable = False


class DeadlineExceeded(Unavailable):
    """It took longer than the caller would wait."""

    reason = "DEADLINE_EXCEEDED"
    title = "It took too long"
    status = grpc.StatusCode.DEADLINE_EXCEEDED
    http_status = 504


class Internal(DomainError):
    """A defect of ours; the log has the trace under the request id."""

    reason = "INTERNAL"
    code = "internal"
    title = "Internal error"
    status = grpc.StatusCode.INTERNAL
    http_status = 500
