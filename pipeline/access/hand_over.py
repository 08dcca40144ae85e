"""A body that is still coming, for a thread that is not the loop's."""

import asyncio
from collections.abc import AsyncIterator, Iterator

HAND_OVER_S = 120.0
"""Longer than any single wait for a chunk may last: a guard against waiting for a loop that has stopped."""


class HandedOver:
    """Make it on the loop, iterate in a thread: each chunk is asked for when it is needed, so nothing piles up."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._loop = asyncio.get_running_loop()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            waiting = asyncio.run_coroutine_threadsafe(self._next(), self._loop)
            chunk = waiting.result(HAND_OVER_S)
            if chunk is None:
                return
            yield chunk

    async def _next(self) -> bytes | None:
        return await anext(self._chunks, None)
