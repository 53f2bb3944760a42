"""The one place where errors become answers: `{"error": {"code", "message", "details"}}` over HTTP and WebSocket."""

from __future__ import annotations

import structlog
from aiohttp import web
from pydantic import ValidationError

from cti_server.domain.wrong import by_field, refused
from cti_server.errors import BadRequest, CtiError, InvalidValue, NotFound
from cti_server.web.wire import ErrorBody, Failure

log = structlog.get_logger(__name__)


class WrongMethod(BadRequest):
    status = 405


class TooLarge(BadRequest):
    status = 413


HTTP_ERRORS: dict[int, type[CtiError]] = {404: NotFound, 405: WrongMethod, 413: TooLarge}


def _wrong_fields(error: ValidationError) -> list[str]:
    return [".".join(str(part) for part in e["loc"]) for e in error.errors(include_input=False)]


def invalid(error: ValidationError) -> InvalidValue:
    """Names each wrong field and what it wants; never what was sent (it may be a password)."""
    return refused(by_field(error.errors(include_input=False), "body", deep=True))


def as_cti_error(error: Exception) -> CtiError:
    """Any exception as an error of our tree; what we did not foresee is logged and told as `internal`, without its text."""
    if isinstance(error, CtiError):
        return error
    if isinstance(error, web.HTTPException):
        return HTTP_ERRORS.get(error.status, BadRequest)(error.reason)
    if isinstance(error, ValidationError):
        log.error("answer_does_not_fit", model=error.title, fields=_wrong_fields(error))
    else:
        log.error("request_failed", exc_info=error)
    return CtiError("the server made a mistake; it is in the log")


def body_of(error: CtiError) -> ErrorBody:
    return ErrorBody(code=error.code, message=str(error), details=error.details)


def response(error: CtiError) -> web.Response:
    headers = {"Retry-After": str(error.details["retry_after"])} if "retry_after" in error.details else {}
    body = Failure(error=body_of(error)).model_dump_json().encode()
    return web.Response(body=body, status=error.status, content_type="application/json", headers=headers)
