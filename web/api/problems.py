"""Say in one sentence why the JSON API did not do what it was asked."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from web.api.schemas import Conflict, OrderView, Problem

SENTENCES = {
    "json_invalid": "the body is not valid JSON",
    "missing": "it is missing",
    "extra_forbidden": "it is not known here",
    "string_pattern_mismatch": "it has characters that are not right here",
    "model_attributes_type": "a JSON object is right",
}
"""Words for the problems that pydantic finds, by their type; for others, pydantic's own."""
BY_STATUS = {
    404: "there is nothing at this address; openapi.json lists what there is",
    405: "this address does not know this method; openapi.json lists what there is",
}


class ApiProblem(Exception):
    """Raised where a request is refused, with its status and the response's body."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem.error)
        self.status, self.problem = status, problem


def refuse(status: int, error: str) -> ApiProblem:
    """Return the problem with a status, in one sentence."""
    return ApiProblem(status, Problem(error=error))


def conflict(status: int, error: str, order: OrderView, standing: Any = None) -> ApiProblem:
    """Return the problem of a choice that was not recorded, with the order as it is now."""
    return ApiProblem(status, Conflict(error=error, order=order, standing=standing))


def no_order(order_id: str) -> ApiProblem:
    """Return the problem of an unknown order."""
    return refuse(404, f"no order {order_id!r} is known; the next import may bring it")


def add_handlers(api: FastAPI) -> None:
    """Answer every problem with one sentence."""
    api.add_exception_handler(ApiProblem, _refused)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _by_status)
    api.add_exception_handler(OperationalError, _away)
    api.add_exception_handler(Exception, _our_fault)


def _json(status: int, error: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(Problem(error=error).model_dump(), status, headers=headers)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiProblem)  # noqa: S101 - for the type checker
    return JSONResponse(error.problem.model_dump(mode="json"), error.status)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for the type checker
    return _json(422, _sentence(error.errors()))


def _sentence(problems: Sequence[Mapping[str, Any]]) -> str:
    first = problems[0]
    words = SENTENCES.get(first["type"]) or f"{first['msg'][:1].lower()}{first['msg'][1:]}".removeprefix(
        "value error, "
    )
    if first["type"] == "json_invalid":
        return words
    place = ".".join(str(part) for part in first["loc"][1:])
    return f"{place or 'the body'}: {words}"


async def _by_status(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    return _json(error.status_code, BY_STATUS.get(error.status_code, "the body cannot be read"), error.headers)


async def _away(_: Request, __: Exception) -> JSONResponse:
    return _json(503, "the ledger cannot be reached now; try again in a minute", {"Retry-After": "60"})


async def _our_fault(_: Request, __: Exception) -> JSONResponse:
    return _json(500, "something went wrong on our side; whether it was recorded, a repetition of the request tells")
