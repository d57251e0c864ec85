"""The body of a request, up to a bound."""

from starlette.exceptions import HTTPException
from starlette.requests import Request


async def limited(request: Request, most: int) -> bytes:
    """The body, if it has no more than `most` bytes. Raises `HTTPException` 413."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise HTTPException(413)
    return bytes(body)
