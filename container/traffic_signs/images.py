"""THE preprocessing: bytes of an image -> uint8 gray [32, 32, 1].

Data preparation, training and serving all call `decode` (encoded images) or `as_pixels` (arrays
that are decoded already), so a served model sees exactly what it was trained on. Scaling to
floats is not here: it is a layer of the model.
"""

import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from traffic_signs.errors import ImageError

SIZE = 32
SHAPE = (SIZE, SIZE, 1)
SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})

# A short list keeps Pillow's rarer decoders, and the programs some of them start, out of reach.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
# About 100 MB once decoded to RGB. JPEG is decoded at a reduced scale, so photos count less.
_MAX_PIXELS = 32_000_000


def decode(data: bytes) -> np.ndarray:
    """Decode an image of any size into the pixels that the model takes.

    Args:
        data: a BMP, GIF, JPEG, PNG, PNM, TIFF or WebP file; of several frames the first counts.

    Returns:
        uint8 [32, 32, 1]: ITU-R 601 luma, turned upright by its EXIF tag, stretched to the square
        with an antialiased bilinear filter.

    Raises:
        ImageError: no readable image, or one of more than 32 million pixels.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            image.draft("L", (2 * SIZE, 2 * SIZE))
            if image.width * image.height > _MAX_PIXELS:
                raise ImageError(
                    f"image of {image.width} x {image.height} pixels; at most {_MAX_PIXELS:,} pixels are read"
                )
            ImageOps.exif_transpose(image, in_place=True)
            gray = _gray(image).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    except ImageError:
        raise
    except Exception as error:  # Pillow's decoders raise many types on hostile bytes
        raise ImageError(f"not a readable image ({_reason(error)})") from error
    return np.asarray(gray)[..., np.newaxis]


def as_pixels(array: np.ndarray) -> np.ndarray:
    """Check pixels that come as numbers, and bring them into the model's type.

    Args:
        array: gray values as [N, 32, 32, 1], [N, 32, 32], [32, 32, 1] or [32, 32]; any numeric
            dtype, if every value is a whole number from 0 to 255.

    Returns:
        uint8 [N, 32, 32, 1], N >= 1.

    Raises:
        ImageError: another shape, a dtype that is no number, or a value out of range.
    """
    single = array.shape in (SHAPE, SHAPE[:2])
    if not single and array.shape[1:] not in (SHAPE, SHAPE[:2]):
        raise ImageError(f"pixels of shape {list(array.shape)}; expected [N, 32, 32, 1] or [N, 32, 32]")
    if array.size == 0:
        raise ImageError("no images: N is 0")
    if array.dtype.kind not in "uif":
        raise ImageError(f"pixels of dtype {array.dtype}; expected uint8")
    if array.dtype != np.uint8:
        with np.errstate(invalid="ignore"):
            pixels = array.astype(np.uint8)
        if not np.array_equal(pixels, array):
            raise ImageError("pixels must be raw gray values: whole numbers from 0 to 255, not scaled")
        array = pixels
    return array.reshape(-1, *SHAPE)


def _gray(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a pixel, which convert() would clip instead of scale
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("L")


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # its own text names a Python object
        return "no BMP, GIF, JPEG, PNG, PNM, TIFF or WebP file"
    return str(error) or type(error).__name__
