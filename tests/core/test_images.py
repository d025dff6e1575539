"""Every format and mode against Pillow's own pixels; files that are broken; sizes."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from core import images
from core.decoding import eight_bits
from core.errors import InputError

ROOT = Path(__file__).parents[2]
# smooth, so that JPEG and WebP change little, and with a corner that shows which way is up
RAMP = np.add.outer(np.arange(40), 2 * np.arange(60)).astype(np.uint8)
COLOR = np.dstack([RAMP, 160 - RAMP, np.full_like(RAMP, 90)]).astype(np.uint8)
COLOR[:8, :8] = (250, 20, 20)


def written(image: Image.Image, fmt: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, fmt, **options)
    return file.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    sum_ = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + sum_


def black_png(width: int, height: int) -> bytes:
    """A whole 1-bit PNG of any size in about a thousandth of its pixels."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    data = b"".join(packer.compress(row * 100) for _ in range(height // 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(
    ("fmt", "options", "mean_error"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, 4),
        ("JPEG", {"quality": 95}, 4),
        ("JPEG", {"quality": 95, "progressive": True}, 4),
    ],
)
def test_color_formats(fmt: str, options: dict[str, Any], mean_error: int) -> None:
    got = images.decode(written(Image.fromarray(COLOR), fmt, **options))
    assert got.shape == COLOR.shape and got.dtype == np.uint8 and got.flags.writeable
    assert np.abs(got.astype(int) - COLOR).mean() <= mean_error


@pytest.mark.parametrize("fmt", ["PNG", "BMP", "TIFF", "JPEG", "GIF"])
def test_grey_stays_grey(fmt: str) -> None:
    got = images.decode(written(Image.fromarray(RAMP), fmt))
    if fmt == "GIF":  # has palettes only
        got = images.gray(got)
    assert got.shape == RAMP.shape
    assert np.abs(got.astype(int) - RAMP).max() <= (8 if fmt == "JPEG" else 0)


def test_transparency_is_laid_on_white() -> None:
    rgba = np.dstack([COLOR, np.full_like(RAMP, 255)])
    rgba[:20, :, 3] = 0
    rgba[20:30, :, 3] = 128
    for fmt, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {})):
        got = images.decode(written(Image.fromarray(rgba), fmt, **options)).astype(int)
        assert (got[:20] == 255).all()
        assert np.abs(got[20:30] - (COLOR[20:30] * (128 / 255) + 127)).max() <= 1.01
        assert (got[30:] == COLOR[30:]).all()
    la = np.dstack([RAMP, rgba[..., 3]])
    got = images.decode(written(Image.fromarray(la), "PNG"))
    assert got.shape == RAMP.shape
    assert (got[:20] == 255).all() and (got[30:] == RAMP[30:]).all()


def test_palette_and_its_transparent_color() -> None:
    image = Image.fromarray(np.repeat([[0, 1]], 4, axis=0).astype(np.uint8), "L").convert("P")
    image.putpalette([255, 0, 0, 0, 0, 255])
    assert images.decode(written(image, "PNG"))[0].tolist() == [[255, 0, 0], [0, 0, 255]]
    see_through = images.decode(written(image, "PNG", transparency=1))
    assert see_through[0].tolist() == [[255, 0, 0], [255, 255, 255]]


def test_first_frame_of_a_gif_and_of_a_tiff() -> None:
    first, second = Image.new("RGB", (9, 7), "red"), Image.new("RGB", (9, 7), "blue")
    for fmt in ("GIF", "TIFF", "WEBP"):
        options = {"lossless": True} if fmt == "WEBP" else {}
        data = written(first, fmt, save_all=True, append_images=[second], **options)
        assert (images.decode(data) == (255, 0, 0)).all()


@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
def test_sixteen_bits_keep_the_upper_byte(fmt: str) -> None:
    deep = (RAMP.astype(np.uint16) << 8) + 77
    assert (images.decode(written(Image.fromarray(deep), fmt)) == RAMP).all()


def test_other_depths() -> None:
    bit = Image.fromarray(RAMP > 80)
    assert images.decode(written(bit, "PNG")).tolist() == (255 * (RAMP > 80)).tolist()
    floats = Image.fromarray((RAMP / 255).astype(np.float32))
    assert (images.decode(written(floats, "TIFF")) == RAMP).all()
    cmyk = Image.fromarray(COLOR).convert("CMYK")
    for fmt, mean_error in (("TIFF", 0), ("JPEG", 6)):
        got = images.decode(written(cmyk, fmt))
        assert np.abs(got.astype(int) - COLOR).mean() <= mean_error


def test_eight_bits_of_any_number() -> None:
    assert eight_bits(np.array([0, 100, 255])).tolist() == [0, 100, 255]
    assert eight_bits(np.array([-1.0, 0.0, 1.0])).tolist() == [0, 128, 255]
    assert eight_bits(np.array([0, 1 << 20])).tolist() == [0, 255]
    assert eight_bits(np.array([np.nan, np.inf, 1.0])).tolist() == [0, 0, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    for fmt in ("JPEG", "PNG", "TIFF", "WEBP"):
        options = {"lossless": True} if fmt == "WEBP" else {}
        data = written(Image.fromarray(COLOR), fmt, exif=exif, **options)
        with Image.open(io.BytesIO(data)) as image:
            wanted = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        assert (images.decode(data) == wanted).all(), fmt
        seen = images.inspect(data)
        assert (seen.height, seen.width) == wanted.shape[:2]


def test_reduced_decoding_keeps_enough_pixels() -> None:
    photo = images.resized(COLOR, 600, 400)
    for picture in (photo, images.gray(photo)):
        data = images.encode_jpeg(picture)
        for at_least, shape in ((None, (400, 600)), (201, (400, 600)), (200, (200, 300))):
            assert images.decode(data, at_least).shape[:2] == shape
        small = images.decode(data, 30)
        assert small.shape[:2] == (50, 75) and small.ndim == picture.ndim
        wanted = images.resized(picture, 75, 50)
        assert np.abs(small.astype(int) - wanted).mean() < 3


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
def test_a_file_cut_short_is_refused(fmt: str, kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    data = written(Image.fromarray(noise), fmt)
    cut = data[: int(len(data) * kept)]
    with pytest.raises(InputError):
        images.decode(cut)
    assert images.inspect(cut).reason


DAMAGE = """
import io, sys, warnings
import numpy as np
from PIL import Image
from core import images
from core.decoding import opened

rng = np.random.default_rng(0)
smooth = np.add.outer(np.arange(120), np.arange(90)).astype(np.uint8)
seen = unusable = 0
for fmt in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"):
    for image in (Image.fromarray(smooth), Image.fromarray(np.dstack([smooth] * 3))):
        file = io.BytesIO()
        image.save(file, fmt)
        good = np.frombuffer(file.getvalue(), np.uint8)
        for _ in range(50):
            bad = good.copy()
            at = rng.integers(0, min(len(bad), 900), rng.integers(1, 8))
            bad[at] = rng.integers(0, 256, len(at))
            seen += 1
            unusable += bool(images.inspect(bad.tobytes()).reason)
opened(open(sys.argv[1], "rb").read())
print(seen, unusable)
"""


def test_damage_ends_in_a_reason_and_nothing_on_standard_error(tmp_path: Path) -> None:
    large = tmp_path / "99 megapixels.png"
    large.write_bytes(black_png(9_900, 10_000))
    command = [sys.executable, "-c", DAMAGE, str(large)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    seen, unusable = map(int, done.stdout.split())
    assert seen == 600 and 100 < unusable < 600


def test_what_is_no_image() -> None:
    assert images.inspect(b"").reason == "the file is empty"
    assert "not a JPEG" in images.inspect(b"some text, named .png").reason
    assert "not a JPEG" in images.inspect(b"%!PS-Adobe-3.0 EPSF-3.0\n").reason


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (12_000, 10_000)])
def test_too_many_pixels_are_refused_by_the_header(width: int, height: int) -> None:
    data = black_png(width, height)
    reason = images.inspect(data).reason
    assert f"{width * height / 1e6:.0f} megapixels" in reason and "100 allowed" in reason
    with pytest.raises(InputError, match="megapixels"):
        images.decode(data)


def test_fitted() -> None:
    assert images.fitted(COLOR, None, "gray").shape == (40, 60)
    assert images.fitted(RAMP, 16).shape == (16, 16, 3)
    assert images.fitted(COLOR, 30, "gray", "longest").shape == (20, 30)
    line = np.zeros((1, 500), np.uint8)
    assert images.fitted(line, 16, "gray", "longest").shape == (1, 16)
    board = (np.indices((8, 8)).sum(axis=0) % 2 * 200).astype(np.uint8)
    assert (images.fitted(board, 4, "gray") == 100).all()  # area: the mean of each 2 x 2
    step = np.repeat([[0, 200]], 4, axis=0).astype(np.uint8)
    enlarged = images.fitted(step, 8, "gray")
    assert enlarged[0, 0] == 0 and 0 < enlarged[0, 3] < 100 < enlarged[0, 4] < 200
    tall = np.zeros((100, 4), np.uint8)
    tall[::2] = 200
    assert np.ptp(images.fitted(tall, 10, "gray")) == 0  # averaged down though made wider
    for wrong in ({"size": 0}, {"mode": "hsv"}, {"fit": "crop"}):
        with pytest.raises(InputError):
            images.fitted(RAMP, **{"size": 4, **wrong})


def test_grey_is_luma() -> None:
    primaries = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert images.gray(primaries).tolist() == [[76, 150, 29]]


def test_thumbnail_and_encoding() -> None:
    assert images.thumbnail(COLOR, 30).shape == (20, 30, 3)
    assert images.thumbnail(RAMP, 100) is RAMP
    for picture in (COLOR, RAMP):
        assert (images.decode(images.encode_png(picture)) == picture).all()
        again = images.decode(images.encode_jpeg(picture, 95))
        assert again.shape == picture.shape
        assert np.abs(again.astype(int) - picture).mean() < 4


def test_inspection_tells_what_is_in_a_file() -> None:
    data = written(Image.fromarray(COLOR).resize((600, 300)), "JPEG")
    seen = images.inspect(data)
    assert (seen.width, seen.height, seen.mode, seen.reason) == (600, 300, "RGB", "")
    assert seen.digest == images.inspect(bytes(data)).digest and not seen.constant
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn, nearly square, decoded at an eighth: 101 x 101
    turned = images.inspect(written(Image.new("RGB", (806, 801)), "JPEG", exif=exif))
    assert (turned.width, turned.height) == (801, 806)
    dot = np.zeros((900, 900), np.uint8)
    assert images.inspect(images.encode_jpeg(dot)).constant
    dot[450:452, 450:452] = 255  # lost when decoded at reduced size, so looked for in full
    assert not images.inspect(images.encode_jpeg(dot)).constant


def test_fingerprints_of_copies_differ_little_and_of_others_much() -> None:
    rng = np.random.default_rng(0)
    photo, other = (
        images.resized(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8), 300, 200) for _ in "ab"
    )
    copy = images.decode(images.encode_jpeg(images.resized(photo, 150, 100), 60))
    print_ = images.fingerprint(photo)
    assert (print_ ^ images.fingerprint(copy)).bit_count() <= 3
    assert (print_ ^ images.fingerprint(other)).bit_count() > 15
