"""Preprocessing that data preparation, training and serving share: an image -> uint8 gray [32, 32, 1].

    encoded image -> decode ────┐
    array of pixels -> as_pixels┴> uint8 [N, 32, 32, 1] -> the model

A served model therefore gets exactly the pixels that it was trained on. Scaling to floats is a
layer of the model.
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from traffic_signs.errors import BoxError, ImageError
from traffic_signs.images.decode_budget import Budget, cost

SIZE = 32
SHAPE = (SIZE, SIZE, 1)
_UINT8 = np.dtype(np.uint8)
_SHAPES = (SHAPE, (SIZE, SIZE), (SIZE, SIZE, 3))
SUFFIXES = frozenset(
    {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".webp"}
)

# A short list excludes Pillow's rarer decoders and the programs that some of them start. TIFF is not on it: before any
# check, a tile of 1 MB can unpack to gigabytes, and a file can list millions of strips of one pixel.
_FORMATS = ("PNG", "JPEG", "PPM", "WEBP", "BMP", "GIF")  # in the order in which Pillow tries them
_ORIENTATION_KEYS = frozenset({"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"})
"""Keys of `Image.info`. Without one of them a search for the orientation wastes a tenth of a small image's time."""
# About 100 MB when decoded to RGB. JPEG is decoded at a reduced scale, so photos count less.
_MAX_PIXELS = 32_000_000


Box = tuple[float, float, float, float]
"""Left, top, right and bottom edge of a part of an image, in pixels; the image's own edges are 0, 0, width, height."""


def decode(data: bytes, budget: Budget | None = None, box: Box | None = None) -> np.ndarray:
    """Decode an image of any size into the pixels of the model's input.

    Args:
        data: a BMP, GIF, JPEG, PNG, PNM or WebP file; only its first frame is read.
        budget: limits shared with other images; None for new ones.
        box: the part to read, rounded to whole pixels; None for the whole image.

    Returns:
        uint8 [32, 32, 1]: ITU-R 601 luma, rotated by its EXIF orientation, stretched to the square
        with an antialiased bilinear filter.

    Raises:
        ImageError: the image is not readable, has more than 32 million pixels, or exceeds the budget.
        BoxError: the box is empty or outside of the image, or its meaning depends on an EXIF orientation.
    """
    return _decode(data, budget or Budget(), box)


def _decode(data: bytes, budget: Budget, box: Box | None = None) -> np.ndarray:
    try:
        with Image.open(budget.open(data), formats=_FORMATS) as image:
            budget.charge(image.width * image.height, cost(image, data))
            crop = _crop(box, image.size) if box else None
            if crop is None:
                image.draft("L", (2 * SIZE, 2 * SIZE))
            if image.width * image.height > _MAX_PIXELS:
                raise ImageError(
                    f"the image has {image.width} x {image.height} pixels; at most {_MAX_PIXELS:,} pixels are read"
                )
            image.load()
            if not _ORIENTATION_KEYS.isdisjoint(image.info):
                if crop and image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
                    raise BoxError(
                        "a box in an image with an EXIF orientation has two meanings; save the image rotated"
                    )
                ImageOps.exif_transpose(image, in_place=True)
            gray = _to_gray(image.crop(crop) if crop else image).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    except (ImageError, BoxError):
        raise
    except Exception as error:  # Pillow's decoders raise many types on malformed bytes
        raise ImageError(f"not a readable image ({_describe(error)})") from error
    return np.asarray(gray)[..., np.newaxis]


def decode_all(
    files: Sequence[bytes], budget: Budget | None = None, place: Callable[[int], str] = "image {}".format
) -> np.ndarray:
    """Decode several images within the limits of one budget.

    Args:
        files: encoded images, as for `decode`.
        budget: limits shared with other images; None for new ones.
        place: what error messages call the image of an index.

    Returns:
        uint8 [N, 32, 32, 1], N >= 1, in the order of *files*.

    Raises:
        ImageError: as `decode` raises it, with the image's place; or the images exceed the budget, by default
            10,000 images, 128 million pixels in all, 3 s of CPU time.
    """
    budget = budget or Budget()
    budget.add_files(len(files))
    pixels = np.empty((len(files), *SHAPE), np.uint8)
    for index, data in enumerate(files):
        try:
            pixels[index] = _decode(data, budget)
        except ImageError as error:
            raise ImageError(f"{place(index)}: {error}") from error
    return pixels


def as_pixels(array: np.ndarray, place: Callable[[int], str] = "array[{}]".format) -> np.ndarray:
    """Check an array of pixels and convert it to the model's input.

    Every value must be a whole number from 0 to 255, of any numeric dtype. Three channels are
    R, G, B and become luma as in `decode`. Other values are refused: whether values from 0 to 1
    are scaled or dark cannot be known.

    Args:
        array: shape [N, 32, 32], [N, 32, 32, 1] or [N, 32, 32, 3]; or one image, without N.
        place: what error messages call the value of an index along the first axis.

    Returns:
        uint8 [N, 32, 32, 1], N >= 1.

    Raises:
        ImageError: another shape, a dtype that is not numeric, or a value out of range.
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
            first, *rest = map(int, np.unravel_index((pixels != array).argmax(), array.shape))
            path = place(first) + "".join(f"[{index}]" for index in rest)
            raise ImageError(
                f"{path} is {array[first, *rest]:g}; pixels must be raw values: whole numbers from 0 to 255, not scaled"
            )
        array = pixels
    if array.shape[-1] == 3:
        array = np.asarray(Image.fromarray(array.reshape(-1, SIZE, 3)).convert("L"))
    return array.reshape(-1, *SHAPE)


def _crop(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return *box* in whole pixels of an image of *size*; rounding may have moved an edge out by less than a pixel."""
    width, height = size
    left, top, right, bottom = box
    if min(left, top) <= -1 or right >= width + 1 or bottom >= height + 1:
        raise BoxError(f"the box {_edges(box)} is outside of the image, which has {width} x {height} pixels")
    crop = max(round(left), 0), max(round(top), 0), min(round(right), width), min(round(bottom), height)
    if crop[0] >= crop[2] or crop[1] >= crop[3]:
        raise BoxError(f"the box {_edges(box)} covers no pixel of the image, which has {width} x {height}")
    return crop


def _edges(box: Box) -> str:
    return ", ".join(f"{edge:g}" for edge in box)


def _to_gray(image: Image.Image) -> Image.Image:
    if image.mode == "F":  # the scale of its values is unknown
        raise ImageError("an image of floating-point values is not read")
    if image.mode.startswith("I"):  # 16 bits a pixel, which convert() would clip instead of scale
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("L")


def _describe(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # its message names a Python object
        return "no BMP, GIF, JPEG, PNG, PNM or WebP file"
    return str(error) or type(error).__name__
