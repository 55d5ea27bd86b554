"""libvips, set up once: quiet, without memory of past pictures, closed to loaders that were not hardened."""

import functools
import logging
from types import ModuleType


@functools.cache
def load_vips() -> ModuleType:
    """The `pyvips` module, ready for use.

    Its operation cache is off (it would hold pictures that nobody needs, and show an old file under a name
    that was overwritten). libvips' warnings go to the logger `pyvips`, silent unless a program listens to it.
    """
    logging.getLogger("pyvips").addHandler(logging.NullHandler())
    import pyvips

    pyvips.cache_set_max(0)
    pyvips.block_untrusted_set(True)
    module: ModuleType = pyvips
    return module


def forget_errors() -> None:
    """Empty libvips' error text, where loaders leave remarks even when they succeed."""
    load_vips().vips_lib.vips_error_clear()
