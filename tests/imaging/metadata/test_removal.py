"""Metadata are removed from files of every format, and pictures stay the same, bit by bit."""

import io
import random
import struct
import time

import numpy as np
import pytest
from PIL import ExifTags, ImageCms, ImageOps, PngImagePlugin
from PIL import Image as Pixels
from pillow_heif import from_pillow

from catalog.exceptions import MetadataNotRemovable
from catalog.imaging.formats import AVIF, BMP, GIF, HEIF, JPEG, MEDIA_TYPES, PNG, TIFF, WEBP
from catalog.imaging.metadata.parts import Filler, PartsReader
from catalog.imaging.metadata.removal import FINDERS, without_metadata

FORMATS = {format_.name: format_ for format_ in (JPEG, PNG, WEBP, GIF, TIFF, AVIF, HEIF, BMP)}
ROTATED = 6
SECRET = b"SECRET"
ICC_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">SECRET</x:xmpmeta>'


def pixels(seed: int = 1) -> Pixels.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Pixels.fromarray(coarse).resize((96, 64))


def exif(orientation: int = ROTATED) -> Pixels.Exif:
    tags = Pixels.Exif()
    tags[ExifTags.Base.Make] = "SECRET camera"
    tags[ExifTags.Base.Orientation] = orientation
    tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSAreaInformation] = "SECRET place"
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.BodySerialNumber] = "SECRET number"
    return tags


def encode(name: str, **options: object) -> bytes:
    out = io.BytesIO()
    pixels().save(out, name, **options)
    return out.getvalue()


def heic() -> bytes:
    out = io.BytesIO()
    from_pillow(pixels()).save(out, exif=exif().tobytes(), xmp=XMP, icc_profile=ICC_PROFILE)
    return out.getvalue()


def png_texts() -> PngImagePlugin.PngInfo:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "SECRET")
    texts.add_itxt("XML:com.adobe.xmp", "SECRET", zip=False)
    texts.add(b"prVt", b"SECRET")
    return texts


def gif() -> bytes:
    frames = [pixels(number) for number in (2, 3)]
    return encode("GIF", comment=b"SECRET", save_all=True, append_images=frames, loop=0)


JPEG_FILE = encode("JPEG", exif=exif(), xmp=XMP, icc_profile=ICC_PROFILE, comment=SECRET)
FILES = {
    "JPEG": JPEG_FILE,
    "JPEG progressive": encode("JPEG", exif=exif(), progressive=True, comment=SECRET),
    "JPEG restarts": encode("JPEG", exif=exif(), comment=SECRET, restart_marker_rows=1),
    "JPEG more pictures": JPEG_FILE + JPEG_FILE,
    "JPEG film": JPEG_FILE + b"\0\0\0\x18ftypmp42SECRET",
    "PNG": encode("PNG", exif=exif(), pnginfo=png_texts(), icc_profile=ICC_PROFILE) + SECRET,
    "WEBP": encode("WEBP", exif=exif(), xmp=XMP, icc_profile=ICC_PROFILE),
    "WEBP lossless": encode("WEBP", exif=exif(), xmp=XMP, lossless=True) + SECRET,
    "WEBP animation": encode("WEBP", exif=exif(), save_all=True, append_images=[pixels(2)]),
    "GIF": gif() + SECRET,
    "TIFF": encode("TIFF", exif=exif(), icc_profile=ICC_PROFILE, tiffinfo={270: "SECRET"}) + SECRET,
    "TIFF lzw": encode("TIFF", exif=exif(), compression="tiff_lzw"),
    "TIFF big": encode("TIFF", exif=exif(), big_tiff=True),
    "TIFF pages": encode("TIFF", exif=exif(), save_all=True, append_images=[pixels(2)]),
    "AVIF": encode("AVIF", exif=exif(), xmp=XMP, icc_profile=ICC_PROFILE) + b"\0\0\0\x0efreeSECRET",
    "HEIF": heic() + b"\0\0\0\x0emdvdSECRET",
}


def public(data: bytes, name: str) -> bytes:
    return io.BufferedReader(without_metadata(io.BytesIO(data), name.partition(" ")[0])).read()


def open_picture(data: bytes, name: str) -> Pixels.Image:
    return FORMATS[name.partition(" ")[0]].decoder(io.BytesIO(data))


def frames(data: bytes, name: str) -> list[bytes]:
    picture = open_picture(data, name)
    decoded = []
    for number in range(getattr(picture, "n_frames", 1)):
        picture.seek(number)
        decoded.append(picture.convert("RGBA").tobytes())
    return decoded


def test_every_format_is_known():
    assert set(FINDERS) == set(MEDIA_TYPES)


@pytest.mark.parametrize("name", FILES)
def test_no_metadata_are_left(name):
    assert SECRET in FILES[name]
    assert SECRET not in public(FILES[name], name)


@pytest.mark.parametrize("name", FILES)
def test_the_pixels_are_the_same(name):
    before, after = frames(FILES[name], name), frames(public(FILES[name], name), name)
    assert after == before[: len(after)]
    assert len(after) == len(before)


@pytest.mark.parametrize("name", FILES)
def test_the_picture_is_shown_upright_and_in_its_colours(name):
    before, after = (open_picture(data, name) for data in (FILES[name], public(FILES[name], name)))
    for picture in (before, after):
        picture.load()
    assert ImageOps.exif_transpose(after).tobytes() == ImageOps.exif_transpose(before).tobytes()
    assert after.info.get("icc_profile") == before.info.get("icc_profile")
    assert after.info.get("duration") == before.info.get("duration")
    assert after.info.get("loop") == before.info.get("loop")


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_only_the_orientation_is_left_of_exif(name):
    assert dict(open_picture(public(FILES[name], name), name).getexif()) == {ExifTags.Base.Orientation: ROTATED}


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_an_upright_picture_has_no_exif_at_all(name):
    assert "exif" not in open_picture(public(encode(name, exif=exif(1)), name), name).info


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_a_file_without_metadata_stays_as_it_is(name):
    data = encode(name)
    assert public(data, name) == data


def test_transparency_and_gamma_of_a_png_are_kept():
    out = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", struct.pack(">I", 45455))
    pixels().quantize(16).save(out, "PNG", transparency=3, pnginfo=info)
    assert public(out.getvalue(), "PNG") == out.getvalue()


def test_cmyk_of_a_jpeg_keeps_the_segment_of_its_colour_transform():
    out = io.BytesIO()
    pixels().convert("CMYK").save(out, "JPEG", exif=exif())
    assert b"Adobe" in public(out.getvalue(), "JPEG")
    assert frames(public(out.getvalue(), "JPEG"), "JPEG") == frames(out.getvalue(), "JPEG")


def test_the_preview_in_a_jfif_segment_is_removed():
    plain = encode("JPEG")
    preview = b"SECRET pixels".ljust(3 * 8 * 2, b"S")
    segment = plain[6:18] + bytes([8, 2]) + preview
    data = plain[:2] + b"\xff\xe0" + struct.pack(">H", len(segment) + 2) + segment + plain[20:]
    assert public(data, "JPEG") == plain


def test_what_decoders_skip_between_the_segments_of_a_jpeg_is_removed():
    data = encode("JPEG")
    end = 2 + 2 + int.from_bytes(data[4:6], "big")  # of the first segment
    for start in (end, end + 2 + int.from_bytes(data[end + 2 : end + 4], "big")):
        served = public(data[:start] + SECRET + data[start:], "JPEG")
        assert SECRET not in served
        assert open_picture(served, "JPEG").tobytes() == open_picture(data, "JPEG").tobytes()


def webp_chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content


def with_chunk_in_frames(data: bytes, chunk: bytes) -> bytes:
    """Add a chunk at the end of each frame of a WebP animation."""
    body, position = b"", 12
    while position < len(data):
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        kind, content = data[position : position + 4], data[position + 8 : position + 8 + length]
        body += webp_chunk(kind, content + chunk if kind == b"ANMF" else content) + bytes(length % 2)
        position += 8 + length + length % 2
    return webp_chunk(b"RIFF", b"WEBP" + body)


def test_unknown_chunks_in_the_frames_of_a_webp_animation_are_removed():
    transparent = [pixels(number).convert("RGBA") for number in (1, 2, 3)]
    for picture in transparent:
        picture.putalpha(100)
    out = io.BytesIO()
    transparent[0].save(out, "WEBP", save_all=True, append_images=transparent[1:])
    data = out.getvalue()
    assert b"ALPH" in data
    changed = with_chunk_in_frames(data, webp_chunk(b"note", b"SECRET"))
    assert changed.count(SECRET) == 3
    assert frames(changed, "WEBP") == frames(data, "WEBP")
    assert public(changed, "WEBP") == data


def test_a_webp_with_a_longer_header_than_there_may_be_is_refused():
    data = encode("WEBP", exif=exif())
    header = data[12:30]
    assert header.startswith(b"VP8X")
    changed = webp_chunk(b"RIFF", b"WEBP" + webp_chunk(b"VP8X", header[8:] + b"SECRET") + data[30:])
    with pytest.raises(MetadataNotRemovable):
        public(changed, "WEBP")


def test_an_animation_of_avif_is_refused():
    data = encode("AVIF", save_all=True, append_images=[pixels(2)])
    with pytest.raises(MetadataNotRemovable):
        public(data, "AVIF")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "start", "part"),
    [
        ("JPEG", 2, b"\xff\xfe\0\2"),
        ("PNG", 33, b"\0\0\0\0tEXt\0\0\0\0"),
        ("WEBP", 12, b"JUNK\0\0\0\0"),
        ("GIF", 13, b"\x21\xfe" + b"\1x" * 50 + b"\0"),
    ],
)
def test_a_file_of_too_many_parts_is_refused_before_it_takes_long(name, start, part):
    data = bytearray(encode(name)[:start] + part * 100_001)
    if name == "WEBP":
        data[4:8] = struct.pack("<I", len(data) - 8)
    if name == "GIF":
        data[10] = 0  # no colour table
    started_at = time.process_time()
    with pytest.raises(MetadataNotRemovable):
        public(bytes(data), name)
    assert time.process_time() - started_at < 5


# A damaged Exif block may be shorter than the one that replaces it.
MAX_ADDED_BYTES = 100


@pytest.mark.parametrize(("names", "count"), [([*FILES], 600), ([name for name in FILES if "TIFF" in name], 300)])
@pytest.mark.filterwarnings("ignore")  # Pillow's, about damaged Exif
def test_damaged_files_are_refused_or_served(names, count):
    """No other exception, and the length is the announced one, and no longer than that of the file."""
    chance = random.Random(7)  # noqa: S311
    for _ in range(count):
        name = chance.choice(names)
        data = bytearray(FILES[name][: chance.choice([len(FILES[name]), chance.randrange(len(FILES[name]))])])
        for _ in range(chance.randint(1, 4)):
            if data:
                data[chance.randrange(min(len(data), chance.choice([48, 600, 10**6])))] = chance.randrange(256)
        try:
            reader = without_metadata(io.BytesIO(bytes(data)), name.partition(" ")[0])
        except MetadataNotRemovable:
            continue
        assert reader.length <= len(data) + MAX_ADDED_BYTES
        assert len(io.BufferedReader(reader).read()) == reader.length


def test_a_tiff_whose_pages_share_their_strips_is_refused_before_it_takes_long():
    count, pages = 50_000, 1000
    numbers = struct.pack("<I", 8) * count  # each strip is eight bytes long, at position 8
    start = 8 + len(numbers)
    page_bytes = 2 + 2 * 12 + 4
    directories = b"".join(
        struct.pack("<H", 2)
        + struct.pack("<HHII", 273, 4, count, 8)
        + struct.pack("<HHII", 279, 4, count, 8)
        + struct.pack("<I", start + (page + 1) * page_bytes if page + 1 < pages else 0)
        for page in range(pages)
    )
    data = b"II*\0" + struct.pack("<I", start) + numbers + directories
    started_at = time.process_time()
    with pytest.raises(MetadataNotRemovable):
        public(data, "TIFF")
    assert time.process_time() - started_at < 5


def test_a_tiff_that_refers_to_places_after_its_end_is_refused():
    """Its length would be that of the zeros up to these places."""
    profile_tag, undefined = 34675, 7
    data = bytearray(encode("TIFF", icc_profile=ICC_PROFILE))
    entry = data.index(struct.pack("<HHI", profile_tag, undefined, len(ICC_PROFILE)))
    data[entry + 8 : entry + 12] = struct.pack("<I", 2**32 - 2)
    with pytest.raises(MetadataNotRemovable):
        public(bytes(data), "TIFF")


def box(kind: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I4s", len(content) + 8, kind) + content


@pytest.mark.parametrize(("method", "length"), [(2, 8), (0, 0)], ids=["in another item", "without a length"])
def test_a_heic_that_does_not_say_where_its_exif_is_is_refused(method, length):
    item = box(b"infe", b"\2\0\0\0", struct.pack(">HH4s", 1, 0, b"Exif"))
    place = struct.pack(">HHHHII", 1, method, 0, 1, 0, length)
    iloc = box(b"iloc", b"\1\0\0\0", b"\x44\0", struct.pack(">H", 1), place)
    data = box(b"ftyp", b"heic", bytes(4)) + box(b"meta", bytes(4), box(b"iinf", bytes(6), item), iloc)
    with pytest.raises(MetadataNotRemovable):
        public(data, "HEIF")


@pytest.mark.slow
def test_a_heic_with_items_of_countless_parts_is_refused_before_it_takes_long():
    items = (b"\0\1\0\0" + b"\xff\xff") * 2000  # of no length, so that they take no space
    iloc = b"\0\0\0\0" + b"\0\0" + struct.pack(">H", 2000) + items
    boxes = b"".join(
        struct.pack(">I4s", len(box) + 8, kind) + box for kind, box in ((b"iinf", bytes(6)), (b"iloc", iloc))
    )
    meta = bytes(4) + boxes
    data = struct.pack(">I4s", 16, b"ftyp") + b"heic\0\0\0\0" + struct.pack(">I4s", len(meta) + 8, b"meta") + meta
    started_at = time.process_time()
    with pytest.raises(MetadataNotRemovable):
        public(data, "HEIF")
    assert time.process_time() - started_at < 5


def test_a_reader_reads_any_part_of_the_parts():
    whole = b"23abc\0\0\0\0\0" + b"7"
    for start in range(len(whole) + 1):
        reader = PartsReader(io.BytesIO(b"0123456789"), [range(2, 4), b"abc", Filler(5), range(7, 8)])
        reader.seek(start)
        assert io.BufferedReader(reader).read() == whole[start:]
    assert reader.length == len(whole)


def test_closing_a_reader_closes_its_source():
    source = io.BytesIO(b"x")
    PartsReader(PartsReader(source, [range(1)]), [range(1)]).close()
    assert source.closed
