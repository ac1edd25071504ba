"""One utterance: text comes in, speech goes out, one segment ahead of what is taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import Executor
from contextlib import aclosing

from services.common.errors import TextEmpty, TextTooLong
from services.tts.engine import Interrupt
from services.tts.scripts import check_scripts
from services.tts.segmenter import Segment, Segmenter
from services.tts.speaker import Speaker, Speech


async def speak(
    pieces: AsyncIterator[str], speaker: Speaker, executor: Executor, *, max_characters: int
) -> AsyncGenerator[Speech]:
    """Yields the segments of a text, spoken in the executor, in order.

    While one is taken, the next is spoken, and no more. Leaving early stops the work within
    milliseconds. Raises TextEmpty, TextTooLong, UnsupportedLanguage, and what `pieces` raises.
    """
    interrupt = Interrupt()
    segments = _segments(pieces, max_characters)
    async with aclosing(_spoken(segments, speaker, executor, interrupt)) as spoken:
        upcoming = asyncio.ensure_future(anext(spoken, None))
        try:
            while (speech := await upcoming) is not None:
                upcoming = asyncio.ensure_future(anext(spoken, None))
                yield speech
        finally:
            interrupt.throw()
            upcoming.cancel()
            await asyncio.wait([upcoming])


async def _spoken(
    segments: AsyncGenerator[Segment],
    speaker: Speaker,
    executor: Executor,
    interrupt: Interrupt,
) -> AsyncGenerator[Speech]:
    loop = asyncio.get_running_loop()
    empty = True
    async with aclosing(segments):
        async for segment in segments:
            speech = await loop.run_in_executor(executor, speaker.say, segment, interrupt)
            if speech is not None:
                empty = False
                yield speech
    if empty:
        raise TextEmpty("the text holds nothing that can be said")


async def _segments(pieces: AsyncIterator[str], max_characters: int) -> AsyncGenerator[Segment]:
    segmenter = Segmenter()
    characters = 0
    async for piece in pieces:
        characters += len(piece)
        if characters > max_characters:
            raise TextTooLong(f"the text is longer than {max_characters} characters")
        check_scripts(piece)
        for segment in segmenter.feed(piece):
            yield segment
    for segment in segmenter.finish():
        yield segment
