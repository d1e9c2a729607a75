"""How the processes write their logs: one line an event on standard output, tracebacks without anybody's data."""

import structlog


def configure_logs() -> None:
    """Call once, before the first event. Tracebacks name places in the code; the values at those places, which may be
    personal, are never printed."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        cache_logger_on_first_use=True,
    )
