"""An event loop that no slow name server can hold up: neither who waits for a name, nor the end of the process."""

import asyncio
import socket
from contextlib import suppress
from threading import Thread
from typing import Any


class LookupLoop(asyncio.SelectorEventLoop):
    """Looks up names in threads that may be left behind; asyncio's own are waited for when the process ends."""

    async def getaddrinfo(self, host: Any, port: Any, **hints: int) -> Any:
        """See `socket.getaddrinfo`."""
        found: asyncio.Future[Any] = self.create_future()

        def look_up() -> None:
            try:
                addresses = socket.getaddrinfo(host, port, **hints)
            except (OSError, UnicodeError) as error:
                self._tell(found, None, error)
            else:
                self._tell(found, addresses, None)

        Thread(target=look_up, name="name lookup", daemon=True).start()
        return await found

    def _tell(self, found: "asyncio.Future[Any]", addresses: Any, error: Exception | None) -> None:
        def settle() -> None:
            if found.done():
                return
            if error is None:
                found.set_result(addresses)
            else:
                found.set_exception(error)

        with suppress(RuntimeError):  # closed: nobody waits for the answer
            self.call_soon_threadsafe(settle)
