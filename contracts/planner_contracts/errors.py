"""The error catalogue: code, title, HTTP status, meaning. Codes are stable for ever (a test pins the list)."""

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
    """What every problem with this code says: its HTTP status and its title. `meaning`: what it is about and what to do."""

    status: int
    title: str
    meaning: str


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

_MEANINGS: dict[ErrorCode, str] = {
    ErrorCode.MALFORMED_JSON: "The body, or a line of it, is not JSON as RFC 8259 has it, or names a member twice; mend the text.",
    ErrorCode.INVALID_PARAMETER: "A parameter or header is misspelt, given twice or has a value it does not take; the detail names it.",
    ErrorCode.INVALID_CURSOR: "A cursor belongs to the list, filters and order that returned it; begin again without one.",
    ErrorCode.INVALID_IDEMPOTENCY_KEY: "Write a key of 1 to 255 printable ASCII characters, such as a UUID.",
    ErrorCode.UNAUTHENTICATED: "The token is missing, expired or of an issuer not trusted here; send a valid one as a Bearer token.",
    ErrorCode.FORBIDDEN: "The token is valid and lacks the scope or the organization that this asks for; the detail names it.",
    ErrorCode.NOT_FOUND: "No route has this path; compare it with the OpenAPI document.",
    ErrorCode.PLAN_NOT_FOUND: "The tenant has no plan with this id; a plan of another tenant is answered alike.",
    ErrorCode.RUN_NOT_FOUND: "The plan has no run with this id.",
    ErrorCode.REVISION_NOT_FOUND: "The plan never had a revision of this number.",
    ErrorCode.COMMAND_NOT_FOUND: "The tenant sent no command with this id, or what became of it is no longer kept.",
    ErrorCode.CALENDAR_NOT_FOUND: "The tenant has no holiday list of this name; make it with PUT /api/v1/calendars/{name}.",
    ErrorCode.WEBHOOK_NOT_FOUND: "The tenant has no webhook with this id.",
    ErrorCode.METHOD_NOT_ALLOWED: "The path is right and the method is not; the Allow header lists those that are.",
    ErrorCode.NOT_ACCEPTABLE: "Answers are JSON; accept application/json.",
    ErrorCode.PLAN_COMPLETED: "The plan has had its last occurrence and changes no more; create another.",
    ErrorCode.PLAN_CANCELLED: "The plan was cancelled and changes no more; create another.",
    ErrorCode.QUOTA_EXCEEDED: "The tenant has as many of these as it may have; the detail names the limit.",
    ErrorCode.CALENDAR_IN_USE: "Active or paused plans name this list; change or cancel them first.",
    ErrorCode.REVISION_MISMATCH: "It was changed since it was read; read it again, then repeat the change with the new ETag.",
    ErrorCode.BODY_TOO_LARGE: "The request has more bytes than are taken; send less.",
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: "Send the body with the Content-Type that the operation takes; it is JSON throughout.",
    ErrorCode.VALIDATION_FAILED: "The request can be read, and fields of it are wrong; errors[] lists each with pointer and code.",
    ErrorCode.IDEMPOTENCY_KEY_REUSED: "The key, or the command id, came with another request before; take a new one for a new request.",
    ErrorCode.ACTION_UNKNOWN: "No action of this name is registered with the service; check the spelling, or have it registered.",
    ErrorCode.BACKFILL_TOO_LARGE: "Ask for a shorter range.",
    ErrorCode.TENANT_MISMATCH: "A command on Kafka names one tenant in its envelope and another in its data; send the same in both.",
    ErrorCode.RATE_LIMITED: "Wait as long as Retry-After says, then repeat the request.",
    ErrorCode.INTERNAL: "A fault of the service, in its log under the request_id; a repeat with the same Idempotency-Key is safe.",
    ErrorCode.UNAVAILABLE: "A part of the service is away; repeat the request under the same Idempotency-Key after Retry-After.",
    ErrorCode.READ_ONLY_FIELD: "The server sets this field; leave it out.",
    ErrorCode.ACTION_INVALID: "An action's name has lower-case letters and digits, in parts joined by single dots or hyphens.",
    ErrorCode.UNKNOWN_FIELD: "This object has no such field; the hint names the nearest one, or those there are.",
    ErrorCode.FIELD_REQUIRED: "The field is missing or null; give it a value.",
    ErrorCode.FIELD_BAD_TYPE: "The value has another JSON type than the field takes; the detail names the type.",
    ErrorCode.FIELD_OUT_OF_RANGE: "The number, or the length of the text or list, is outside of its limits; the detail names them.",
    ErrorCode.FIELD_INVALID: "The value is not one that the field takes, or asks for what this version does not support.",
    ErrorCode.FIELD_CONFLICT: "Two fields exclude each other, such as execute_at and recurrence; leave one out.",
    ErrorCode.FIELD_NOT_APPLICABLE: "The field has no meaning beside the others, such as ends_at with execute_at; leave it out.",
    ErrorCode.RECURRENCE_TYPE_UNKNOWN: "A recurrence is of type cron, interval, rrule or calendar.",
    ErrorCode.BOUNDS_REVERSED: "ends_at is earlier than starts_at; exchange or mend them.",
    ErrorCode.HOLIDAY_CALENDAR_UNKNOWN: "The tenant has no such holiday list; PUT /api/v1/calendars/{name} makes it, or give holidays.",
    ErrorCode.TZ_BAD_TYPE: "A timezone is a string.",
    ErrorCode.TZ_UNKNOWN: "The zone is not in the IANA list; write a name like Europe/Amsterdam, in which upper and lower case count.",
    ErrorCode.TZ_REQUIRED: "execute_at is a local time and no zone says whose; give timezone, or end the date with Z or an offset.",
    ErrorCode.DATETIME_INVALID: "The text has not the form this field takes, which the hint shows, or there is no such day or time.",
    ErrorCode.SCHEDULE_DATE_OUT_OF_RANGE: "Dates lie in the years 1970 to 2200, in UTC too.",
    ErrorCode.OFFSET_TZ_MISMATCH: "The zone has another offset at that instant; write the offset that the detail gives, or Z.",
    ErrorCode.LOCAL_TIME_NONEXISTENT: "The clock skips this local time; give an offset, or dst.gap to say what it becomes.",
    ErrorCode.LOCAL_TIME_AMBIGUOUS: "The clock shows this local time twice; give an offset, or dst.fold to say which pass is meant.",
    ErrorCode.DST_POLICY_INVALID: "dst.gap or dst.fold has a value that is not for this kind of schedule; the detail lists those that are.",
    ErrorCode.DST_POLICY_NOT_APPLICABLE: "The schedule follows elapsed time, which daylight saving does not touch; leave dst out.",
    ErrorCode.CRON_TOO_LONG: "A cron rule has at most 256 characters; make two plans of it.",
    ErrorCode.CRON_TZ_PREFIX: "A zone in front of a cron rule is not read; give it as timezone.",
    ErrorCode.CRON_BAD_CHARACTER: "A character has no place in a cron rule; the position points at it.",
    ErrorCode.CRON_UNKNOWN_ALIAS: "What begins with @ is none of the aliases; the hint lists them.",
    ErrorCode.CRON_FIELD_COUNT: "A cron rule has five fields, minute first, or six with seconds in front.",
    ErrorCode.CRON_UNSUPPORTED: "H, R and L-n are of other dialects; write the value, and jitter_seconds where load is to be spread.",
    ErrorCode.CRON_SYNTAX: "A member of a field cannot be read; a member is *, a value or a range, each with or without a step.",
    ErrorCode.CRON_BAD_STEP: "A step is at least 1 and at most as many as its field has values; for more take an interval.",
    ErrorCode.CRON_BAD_NAME: "Months and weekdays have three-letter English names, such as JAN and MON; other fields have none.",
    ErrorCode.CRON_OUT_OF_RANGE: "A value is outside of what its field takes; the detail names the limits.",
    ErrorCode.CRON_RANGE_REVERSED: "A range ends before it begins; split it as the hint shows.",
    ErrorCode.RRULE_TOO_LONG: "A recurrence rule has at most 1024 characters; make two plans of it.",
    ErrorCode.RRULE_BAD_CHARACTER: "A character has no place in a recurrence rule; the position points at it.",
    ErrorCode.RRULE_SYNTAX: "A part is not NAME=value as RFC 5545 has it; the position points at it.",
    ErrorCode.RRULE_UNSUPPORTED_PART: "A part, or a value of one, is of RFC 5545 and not supported here, or is no part at all.",
    ErrorCode.RRULE_OUT_OF_RANGE: "A number in the rule is outside of what its part takes; the detail names the limits.",
    ErrorCode.RRULE_UNTIL_AND_COUNT: "UNTIL and COUNT exclude each other; leave one out.",
    ErrorCode.RRULE_PART_NOT_ALLOWED: "A part does not go with this FREQ or with another part; the detail names it.",
    ErrorCode.RRULE_TOO_MANY_DATES: "exdates and rdates have at most 1000 dates together.",
    ErrorCode.INTERVAL_BAD_TYPE: "every_seconds is a JSON integer, and every is a string.",
    ErrorCode.INTERVAL_SYNTAX: "every is a duration like PT15M, P1DT12H or P2W; months and years have no fixed length.",
    ErrorCode.INTERVAL_OUT_OF_RANGE: "An interval is 1 to 315360000 seconds, ten years, long.",
    ErrorCode.SCHEDULE_NEVER_FIRES: "No instant satisfies the rule, or none within starts_at and ends_at; the detail says which.",
    ErrorCode.SCHEDULE_TOO_SPARSE: "The search for a first occurrence took too long; this version searches to the end, and never says so.",
    ErrorCode.SCHEDULE_IN_PAST: "All that it names is over; take a later execute_at or ends_at, or a longer misfire.max_lateness_seconds.",
    ErrorCode.SCHEDULE_TOO_FREQUENT: "Occurrences lie closer together than the tenant may have them; the detail names the least distance.",
}

_ITEM = (422, "A field of the request is not valid")
_SHOWN = dict.fromkeys(ErrorCode, _ITEM) | {code: (status, title) for status, titles in _TITLES.items() for code, title in titles.items()}
CATALOGUE: dict[ErrorCode, CatalogueEntry] = {
    code: CatalogueEntry(status, title, _MEANINGS[code]) for code, (status, title) in _SHOWN.items()
}
