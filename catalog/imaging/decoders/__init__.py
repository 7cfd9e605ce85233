"""Decoding in child processes, which a picture can crash, stall or fill without harm to the program.

A picture file of a stranger reaches the decoders of a dozen C libraries. Here each decoder process has limits on memory
and time, and no network, database or secret. The parent sends the bytes and the functions that render what it needs,
and gets back only their results. They are never unpickled.
"""

from catalog.imaging.decoders.messages import Renderer, Rendering, Request
from catalog.imaging.decoders.pool import DecoderPool

__all__ = ["DecoderPool", "Renderer", "Rendering", "Request"]
