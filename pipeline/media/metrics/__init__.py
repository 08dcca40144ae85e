"""The technical metrics of a picture, measured on its proxy (upright sRGB, longest side at most 768 pixels).

The histogram facts (`Findings.histogram`), in 8-bit levels 0..255 unless said otherwise:

- `luma_p01`, `luma_p05`, `luma_p50`, `luma_p95`, `luma_p99`, `luma_mean`: percentiles and mean of luma.
- `red_mean`, `red_p01`, `red_p50`, `red_p99`, and the same for `green` and `blue`.
- `gray_world_red`, `white_patch_red`, `light_red`, and the same for `green` and `blue`: three estimates of the light's
  colour, each the natural logarithm of the channel over the mean of the three, 0 where the light is neutral; dividing
  a channel by exp(value) takes the cast out. `light` is the one that the metric `color_cast` is the length of.
- `border_luma`, `border_white` (share of the border's pixels that are white), `border_spread` (standard deviation).
"""

from pipeline.media.metrics import detail, hashes, lines, subject, tones
from pipeline.media.metrics.views import Views, views_of

__all__ = ["Views", "detail", "hashes", "lines", "subject", "tones", "views_of"]
