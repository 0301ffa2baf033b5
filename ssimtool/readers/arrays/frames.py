"""The axis of frames of an array, and the choice of one frame of an array or a file."""

from __future__ import annotations

from ssimtool.errors import SsimtoolError
from ssimtool.settings import ImageLayout


def frame_count(shape: tuple[int, ...], layout: ImageLayout) -> int | None:
    """Return the number of frames of an array; None if it has no axis of frames.

    The first axis is that of the frames if there are four, or three in the layout `thw`.

    >>> frame_count((12, 64, 48, 3), "auto"), frame_count((12, 64, 48), "thw")
    (12, 12)
    >>> frame_count((64, 48, 3), "auto") is None
    True
    """
    has_frames = len(shape) == 4 or (len(shape) == 3 and layout == "thw")
    return shape[0] if has_frames and all(shape) else None


def chosen_frame(count: int, name: str, frame: int | None) -> tuple[int, tuple[str, ...]]:
    """Return the number of the frame to read, and warnings.

    Args:
        count: number of frames.
        name: name of the file or the array in messages.
        frame: the requested number; None takes the first and warns if there are several.

    Raises:
        SsimtoolError: `unsupported`, there is no such frame.
    """
    if count == 1:
        return 0, (f"{name}: has one frame, --frame {frame} is ignored",) if frame else ()
    if frame is None:
        return 0, (f"{name}: has {count} frames, frame 0 is compared; choose one with --frame",)
    if frame >= count:
        raise SsimtoolError(
            "unsupported",
            f"{name}: has {count} frames and no frame {frame}, expected 0 to {count - 1}; "
            "change --frame",
        )
    return frame, ()
