"""Structured logs: one event name, and fields."""

import logging
import sys

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(*, process: str, level: str, log_format: str) -> None:
    """Set up this process's logs: to standard error, as JSON lines or for people."""
    renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if log_format == "console" else structlog.processors.JSONRenderer()
    fields: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*fields, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    of_libraries = logging.StreamHandler(sys.stderr)
    of_libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*fields, structlog.stdlib.add_logger_name, _library_event],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=logging.ERROR, handlers=[of_libraries])
    quiet_libraries()


def quiet_libraries() -> None:
    """What aiokafka finds wrong it raises too, and we say it in our own words."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger for events named `<name>.…`."""
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger


def _library_event(_logger: object, _method: str, event: EventDict) -> EventDict:
    """A library writes sentences, not event names."""
    return {**event, "event": "library.logged", "message": event["event"]}
