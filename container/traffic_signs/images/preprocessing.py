"""THE preprocessing: bytes of an image -> uint8 gray [32, 32, 1].

Data preparation, training and serving all call `decode` (encoded images) or `as_pixels` (arrays
that are decoded already), so a served model sees exactly what it was trained on. Scaling to
floats is not here: it is a layer of the model.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from traffic_signs.errors import ImageError
from traffic_signs.images.decode_budget import Budget, cost

SIZE = 32
SHAPE = (SIZE, SIZE, 1)
_UINT8 = np.dtype(np.uint8)
_SHAPES = (SHAPE, (SIZE, SIZE), (SIZE, SIZE, 3))
SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".webp"})

# A short list keeps Pillow's rarer decoders, and the programs some of them start, out of reach. TIFF is not on it: a
# tile of 1 MB may unpack to gigabytes, and millions of strips of a pixel each be listed, before anyone can look.
_FORMATS = ("PNG", "JPEG", "PPM", "WEBP", "BMP", "GIF")  # in the order in which they are tried
_WITH_ORIENTATION = frozenset({"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"})
"""Names in `Image.info`; to look for the orientation where none of them is costs a tenth of a small image."""
# About 100 MB once decoded to RGB. JPEG is decoded at a reduced scale, so photos count less.
_MAX_PIXELS = 32_000_000


def decode(data: bytes, budget: Budget | None = None) -> np.ndarray:
    """Decode an image of any size into the pixels that the model takes.

    Args:
        data: a BMP, GIF, JPEG, PNG, PNM or WebP file; of several frames the first counts.
        budget: what is left of it for this image; None for a new one.

    Returns:
        uint8 [32, 32, 1]: ITU-R 601 luma, turned upright by its EXIF tag, stretched to the square
        with an antialiased bilinear filter.

    Raises:
        ImageError: no readable image, one of more than 32 million pixels, or one made to take long.
    """
    return _decode(data, budget or Budget())


def _decode(data: bytes, budget: Budget) -> np.ndarray:
    try:
        with Image.open(budget.file(data), formats=_FORMATS) as image:
            budget.spend(image.width * image.height, cost(image, data))
            image.draft("L", (2 * SIZE, 2 * SIZE))
            if image.width * image.height > _MAX_PIXELS:
                raise ImageError(
                    f"image of {image.width} x {image.height} pixels; at most {_MAX_PIXELS:,} pixels are read"
                )
            image.load()
            if not _WITH_ORIENTATION.isdisjoint(image.info):
                ImageOps.exif_transpose(image, in_place=True)
            gray = _gray(image).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    except ImageError:
        raise
    except Exception as error:  # Pillow's decoders raise many types on hostile bytes
        raise ImageError(f"not a readable image ({_reason(error)})") from error
    return np.asarray(gray)[..., np.newaxis]


def decode_all(files: Sequence[bytes], budget: Budget | None = None, first: int = 0) -> np.ndarray:
    """Decode several images, with a bound on the time that they take together.

    Args:
        files: the images.
        budget: what is left of it for them; None for a new one.
        first: index of the first, for messages.

    Returns:
        uint8 [N, 32, 32, 1], N >= 1, in their order.

    Raises:
        ImageError: as `decode` does, with the image's index; or more than the budget has: as a rule 10,000
            images, 128 million pixels in all, 3 s of CPU time.
    """
    budget = budget or Budget()
    budget.add(len(files))
    pixels = np.empty((len(files), *SHAPE), np.uint8)
    for index, data in enumerate(files):
        try:
            pixels[index] = _decode(data, budget)
        except ImageError as error:
            raise ImageError(f"image {first + index}: {error}") from error
    return pixels


def as_pixels(array: np.ndarray) -> np.ndarray:
    """Check pixels that come as numbers, and bring them into the model's type.

    The one rule for all arrays: every value is a whole number from 0 to 255, of any numeric dtype;
    three channels are R, G, B and become luma as in `decode`. Anything else is refused: of values
    from 0 to 1 nobody knows whether they are scaled or dark.

    Args:
        array: [N, 32, 32], [N, 32, 32, 1] or [N, 32, 32, 3]; or one image, without N.

    Returns:
        uint8 [N, 32, 32, 1], N >= 1.

    Raises:
        ImageError: another shape, a dtype that is no number, or a value out of range.
    """
    if array.dtype == _UINT8 and array.shape[1:] == SHAPE and len(array):
        return array
    if array.shape[:1] == (0,) and array.shape[1:] in ((), *_SHAPES):  # (0,) is what an empty list becomes
        raise ImageError("no images: N is 0")
    if array.shape not in _SHAPES and array.shape[1:] not in _SHAPES:
        raise ImageError(
            f"pixels of shape {list(array.shape)}; expected [N, 32, 32], [N, 32, 32, 1] or, for RGB, [N, 32, 32, 3]"
        )
    if array.dtype.kind not in "uif":
        raise ImageError(f"pixels of dtype {array.dtype}; expected uint8")
    if array.dtype != _UINT8:
        with np.errstate(invalid="ignore"):
            pixels = array.astype(np.uint8)
        if not np.array_equal(pixels, array):
            raise ImageError("pixels must be raw values: whole numbers from 0 to 255, not scaled")
        array = pixels
    if array.shape[-1] == 3:
        array = np.asarray(Image.fromarray(array.reshape(-1, SIZE, 3)).convert("L"))
    return array.reshape(-1, *SHAPE)


def _gray(image: Image.Image) -> Image.Image:
    if image.mode == "F":  # of what scale nobody says
        raise ImageError("an image of floating-point values is not read")
    if image.mode.startswith("I"):  # 16 bits a pixel, which convert() would clip instead of scale
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("L")


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # its own text names a Python object
        return "no BMP, GIF, JPEG, PNG, PNM or WebP file"
    return str(error) or type(error).__name__
