"""A server that streams are sent to: FFmpeg, which knows nothing of us, waiting for one sender."""

from __future__ import annotations

import io
import socket
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import IO, Any, cast

import av
import imageio_ffmpeg
import numpy as np

DARK = 128
"""Flashes are brighter."""
QUIET = 0.1
"""Beeps are louder."""


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Receiver:
    """Takes one stream and decodes it; times are in seconds on the stream's own timeline."""

    source: Sequence[str]
    """FFmpeg's options and address of what it listens at."""
    pictures: list[tuple[float, float]] = field(default_factory=list)
    """Time and brightness, 0 to 255."""
    sounds: list[tuple[float, float]] = field(default_factory=list)
    """Time and loudness, 0 to 1, of each millisecond."""
    codecs: set[str] = field(default_factory=set)
    ended: bool = False

    def start(self) -> None:
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            *("-loglevel", "error", "-analyzeduration", "500000", "-copyts"),
            *(*self.source, "-map", "0", "-c", "copy"),
            *("-f", "nut", "-flush_packets", "1", "pipe:1"),
        ]
        self._process = subprocess.Popen(  # noqa: S603 - a program of ours, with our arguments
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._said = b""
        self._threads = [
            threading.Thread(target=self._decode, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """As by kill -9."""
        self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join(timeout=10)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    @property
    def complaints(self) -> str:
        """What FFmpeg had to say."""
        return self._said.decode(errors="replace")

    def flashes(self) -> list[float]:
        return _onsets(self.pictures, DARK)

    def beeps(self) -> list[float]:
        return _onsets(self.sounds, QUIET)

    def _read_errors(self) -> None:
        for line in cast("IO[bytes]", self._process.stderr):
            self._said += line

    def _decode(self) -> None:
        pipe = cast("io.FileIO", self._process.stdout)
        try:
            with av.open(pipe, "r", format="nut", options={"analyzeduration": "1"}) as container:
                for packet in container.demux():
                    self.codecs.add(packet.stream.codec_context.name)
                    for frame in packet.decode():
                        self._take(frame)
        except av.error.FFmpegError:
            pass
        finally:
            self.ended = True

    def _take(self, frame: Any) -> None:
        at_s = float(frame.pts * frame.time_base)
        if isinstance(frame, av.VideoFrame):
            self.pictures.append((at_s, float(frame.to_ndarray(format="gray").mean())))
            return
        samples = np.abs(frame.to_ndarray()[0].astype(np.float32))
        step = frame.sample_rate // 1000
        for at in range(0, len(samples), step):
            peak = float(samples[at : at + step].max())
            self.sounds.append((at_s + at / frame.sample_rate, peak))


def _onsets(levels: Sequence[tuple[float, float]], above: float) -> list[float]:
    """When it rose above a level after at least a tenth of a second below it."""
    onsets: list[float] = []
    loud_s = -1.0
    for (_, before), (at_s, level) in pairwise(levels):
        if level > above:
            if before <= above and at_s - loud_s > 0.1:
                onsets.append(at_s)
            loud_s = at_s
    return onsets
