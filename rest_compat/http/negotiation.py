"""What a client accepts: all answers are JSON, and 406 is returned to clients that refuse it."""

from starlette.requests import Request

from rest_compat.http.responses import RestError, not_found

READS_JSON = frozenset({"*/*", "*/json", "application/*", "application/json"})


def require_json(request: Request) -> None:
    """Raise ``RestError`` where a client takes no JSON.

    406 by its ``Accept`` header, 404 by the parameter ``format``, both before anything else is
    looked at. Weights and other parameters of a type do not count, as in the old system.
    """
    if request.query_params.get("format", "") not in ("", "json"):
        raise not_found()
    if "accept" not in request.headers:
        return
    accepted = ",".join(request.headers.getlist("accept")).lower().split(",")
    if not any(kind.partition(";")[0].strip() in READS_JSON for kind in accepted):
        raise RestError(406, {"detail": "Could not satisfy the request Accept header."})
