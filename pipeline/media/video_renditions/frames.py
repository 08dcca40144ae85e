"""Filters: any picture of any video becomes upright, square-pixelled and small enough."""

PREVIEW_SIDE = 640
_MIN_GAP_S = 0.03
"""Frames that follow closer are left out: 50 and 60 a second become 25 and 30; up to 30 a second all are kept."""


def even_scale(side: int = PREVIEW_SIDE) -> str:
    """A filter: the longer side is at most this, both are even and at least 2, pixels are square, 8 bit 4:2:0.

    The decoder's rotation is applied by ffmpeg before any filter. `sar` is 1 where the file says nothing.
    """
    factor = f"min(1,{side}/max(iw*sar,ih))"
    width, height = f"max(2,2*trunc(iw*sar*{factor}/2))", f"max(2,2*trunc(ih*{factor}/2))"
    return f"scale=w='{width}':h='{height}':flags=area:out_range=tv,setsar=1,format=yuv420p"


def still_scale(side: int) -> str:
    """A filter: the longer side is at most this, pixels are square; full range and BT.601, as JPEG has it."""
    factor = f"min(1,{side}/max(iw*sar,ih))"
    width, height = f"max(1,trunc(iw*sar*{factor}+0.5))", f"max(1,trunc(ih*{factor}+0.5))"
    return f"scale=w='{width}':h='{height}':flags=area:out_range=pc:out_color_matrix=bt601,setsar=1,format=yuvj420p"


def thinned() -> str:
    """A filter: no more than about 30 frames a second, each with its own time, none repeated."""
    return f"select='isnan(prev_selected_t)+gte(t-prev_selected_t,{_MIN_GAP_S})'"
