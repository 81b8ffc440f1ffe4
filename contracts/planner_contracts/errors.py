"""The error catalogue: code, title, HTTP status. Codes are stable for ever (a test pins the list)."""

from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """Every code that a problem, a rejection or an item of `errors[]` may carry."""

    MALFORMED_JSON = "MALFORMED_JSON"
    INVALID_PARAMETER = "INVALID_PARAMETER"
    INVALID_CURSOR = "INVALID_CURSOR"
    INVALID_IDEMPOTENCY_KEY = "INVALID_IDEMPOTENCY_KEY"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    PLAN_NOT_FOUND = "PLAN_NOT_FOUND"
    RUN_NOT_FOUND = "RUN_NOT_FOUND"
    REVISION_NOT_FOUND = "REVISION_NOT_FOUND"
    COMMAND_NOT_FOUND = "COMMAND_NOT_FOUND"
    CALENDAR_NOT_FOUND = "CALENDAR_NOT_FOUND"
    WEBHOOK_NOT_FOUND = "WEBHOOK_NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    PLAN_COMPLETED = "PLAN_COMPLETED"
    PLAN_CANCELLED = "PLAN_CANCELLED"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    CALENDAR_IN_USE = "CALENDAR_IN_USE"
    REVISION_MISMATCH = "REVISION_MISMATCH"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    VALIDATION_FAILED = "VALIDATION_FAILED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    ACTION_UNKNOWN = "ACTION_UNKNOWN"
    BACKFILL_TOO_LARGE = "BACKFILL_TOO_LARGE"
    TENANT_MISMATCH = "TENANT_MISMATCH"
    RATE_LIMITED = "RATE_LIMITED"
    INTERNAL = "INTERNAL"
    UNAVAILABLE = "UNAVAILABLE"

    # Items of `errors[]` (scheduling.md, section 6).
    READ_ONLY_FIELD = "READ_ONLY_FIELD"
    ACTION_INVALID = "ACTION_INVALID"
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    FIELD_REQUIRED = "FIELD_REQUIRED"
    FIELD_BAD_TYPE = "FIELD_BAD_TYPE"
    FIELD_OUT_OF_RANGE = "FIELD_OUT_OF_RANGE"
    FIELD_INVALID = "FIELD_INVALID"
    FIELD_CONFLICT = "FIELD_CONFLICT"
    FIELD_NOT_APPLICABLE = "FIELD_NOT_APPLICABLE"
    RECURRENCE_TYPE_UNKNOWN = "RECURRENCE_TYPE_UNKNOWN"
    BOUNDS_REVERSED = "BOUNDS_REVERSED"
    HOLIDAY_CALENDAR_UNKNOWN = "HOLIDAY_CALENDAR_UNKNOWN"
    TZ_BAD_TYPE = "TZ_BAD_TYPE"
    TZ_UNKNOWN = "TZ_UNKNOWN"
    TZ_REQUIRED = "TZ_REQUIRED"
    DATETIME_INVALID = "DATETIME_INVALID"
    SCHEDULE_DATE_OUT_OF_RANGE = "SCHEDULE_DATE_OUT_OF_RANGE"
    OFFSET_TZ_MISMATCH = "OFFSET_TZ_MISMATCH"
    LOCAL_TIME_NONEXISTENT = "LOCAL_TIME_NONEXISTENT"
    LOCAL_TIME_AMBIGUOUS = "LOCAL_TIME_AMBIGUOUS"
    DST_POLICY_INVALID = "DST_POLICY_INVALID"
    DST_POLICY_NOT_APPLICABLE = "DST_POLICY_NOT_APPLICABLE"
    CRON_TOO_LONG = "CRON_TOO_LONG"
    CRON_TZ_PREFIX = "CRON_TZ_PREFIX"
    CRON_BAD_CHARACTER = "CRON_BAD_CHARACTER"
    CRON_UNKNOWN_ALIAS = "CRON_UNKNOWN_ALIAS"
    CRON_FIELD_COUNT = "CRON_FIELD_COUNT"
    CRON_UNSUPPORTED = "CRON_UNSUPPORTED"
    CRON_SYNTAX = "CRON_SYNTAX"
    CRON_BAD_STEP = "CRON_BAD_STEP"
    CRON_BAD_NAME = "CRON_BAD_NAME"
    CRON_OUT_OF_RANGE = "CRON_OUT_OF_RANGE"
    CRON_RANGE_REVERSED = "CRON_RANGE_REVERSED"
    RRULE_TOO_LONG = "RRULE_TOO_LONG"
    RRULE_BAD_CHARACTER = "RRULE_BAD_CHARACTER"
    RRULE_SYNTAX = "RRULE_SYNTAX"
    RRULE_UNSUPPORTED_PART = "RRULE_UNSUPPORTED_PART"
    RRULE_OUT_OF_RANGE = "RRULE_OUT_OF_RANGE"
    RRULE_UNTIL_AND_COUNT = "RRULE_UNTIL_AND_COUNT"
    RRULE_PART_NOT_ALLOWED = "RRULE_PART_NOT_ALLOWED"
    RRULE_TOO_MANY_DATES = "RRULE_TOO_MANY_DATES"
    INTERVAL_BAD_TYPE = "INTERVAL_BAD_TYPE"
    INTERVAL_SYNTAX = "INTERVAL_SYNTAX"
    INTERVAL_OUT_OF_RANGE = "INTERVAL_OUT_OF_RANGE"
    SCHEDULE_NEVER_FIRES = "SCHEDULE_NEVER_FIRES"
    SCHEDULE_TOO_SPARSE = "SCHEDULE_TOO_SPARSE"
    SCHEDULE_IN_PAST = "SCHEDULE_IN_PAST"
    SCHEDULE_TOO_FREQUENT = "SCHEDULE_TOO_FREQUENT"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """What every problem with this code says: its HTTP status and its title."""

    status: int
    title: str


_TITLES: dict[int, dict[ErrorCode, str]] = {
    400: {
        ErrorCode.MALFORMED_JSON: "The body is not valid JSON",
        ErrorCode.INVALID_PARAMETER: "A query parameter or header is unknown or invalid",
        ErrorCode.INVALID_CURSOR: "The cursor is not one that this list returned",
        ErrorCode.INVALID_IDEMPOTENCY_KEY: "The Idempotency-Key is not 1 to 255 printable ASCII characters",
    },
    401: {ErrorCode.UNAUTHENTICATED: "A valid token is required"},
    403: {ErrorCode.FORBIDDEN: "The token does not allow this"},
    404: {
        ErrorCode.NOT_FOUND: "There is no such route",
        ErrorCode.PLAN_NOT_FOUND: "There is no such plan",
        ErrorCode.RUN_NOT_FOUND: "There is no such run",
        ErrorCode.REVISION_NOT_FOUND: "The plan has no such revision",
        ErrorCode.COMMAND_NOT_FOUND: "There is no such command",
        ErrorCode.CALENDAR_NOT_FOUND: "There is no such calendar",
        ErrorCode.WEBHOOK_NOT_FOUND: "There is no such webhook",
    },
    405: {ErrorCode.METHOD_NOT_ALLOWED: "The route does not know this method"},
    406: {ErrorCode.NOT_ACCEPTABLE: "The answer cannot be given in an accepted media type"},
    409: {
        ErrorCode.PLAN_COMPLETED: "The plan is completed",
        ErrorCode.PLAN_CANCELLED: "The plan is cancelled",
        ErrorCode.QUOTA_EXCEEDED: "A quota of the tenant is used up",
        ErrorCode.CALENDAR_IN_USE: "Plans use this calendar",
    },
    412: {ErrorCode.REVISION_MISMATCH: "The plan or calendar is at another revision"},
    413: {ErrorCode.BODY_TOO_LARGE: "The body is too large"},
    415: {ErrorCode.UNSUPPORTED_MEDIA_TYPE: "The body must be JSON"},
    422: {
        ErrorCode.VALIDATION_FAILED: "The request is not valid",
        ErrorCode.IDEMPOTENCY_KEY_REUSED: "The key belongs to another request",
        ErrorCode.ACTION_UNKNOWN: "The action is not registered",
        ErrorCode.BACKFILL_TOO_LARGE: "The range holds more than 1000 occurrences",
        ErrorCode.TENANT_MISMATCH: "Envelope and data name different tenants",
    },
    429: {ErrorCode.RATE_LIMITED: "Too many requests"},
    500: {ErrorCode.INTERNAL: "Something went wrong on our side"},
    503: {ErrorCode.UNAVAILABLE: "The service cannot be reached just now"},
}

_ITEM = CatalogueEntry(422, "A field of the request is not valid")
CATALOGUE: dict[ErrorCode, CatalogueEntry] = dict.fromkeys(ErrorCode, _ITEM) | {
    code: CatalogueEntry(status, title) for status, titles in _TITLES.items() for code, title in titles.items()
}
