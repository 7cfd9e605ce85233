"""Things of the house, drawn upright on a sheet: `dress` gives cloth and colours, `chance` varies the cut."""

from random import Random

from catalog.demo.brush import Point, Sheet, arc, box, curve, rounded
from catalog.demo.dress import Dress
from catalog.demo.palette import WHITE, mix

LIGHT = (255, 236, 190)


def bag(sheet: Sheet, dress: Dress, chance: Random) -> None:
    """A handbag: an arched handle over a wide body with a flap and a clasp."""
    flare, reach = chance.uniform(4, 9), chance.uniform(8, 15)
    sheet.line(arc((52, 46), 19, 46 - reach, 180, 360), 4, mix(dress.trim, WHITE, 0.2))
    body = rounded([(10 + flare, 40), (90 - flare, 40), (94, 94), (6, 94)], 9)
    sheet.fill(body, dress.cloth)
    sheet.shade(box(0, 84, 100, 100))
    sheet.line(arc((48, 46), 19, 42 - reach, 180, 360), 5, dress.trim)
    lip = curve([(91 - flare, 52), (70, 66), (50, 70), (30, 66), (9 + flare, 52)])
    sheet.fill([(10 + flare, 40), (90 - flare, 40), *lip], dress.main)
    sheet.line(lip, 1, dress.trim)
    sheet.fill(rounded(box(44, 63, 56, 76), 3), dress.trim)
    sheet.fill(arc((50, 70), 2.2, 2.2), dress.second)
    for x in (29, 67):
        sheet.fill(rounded(box(x - 3, 41, x + 3, 51), 2), dress.trim)


def chair(sheet: Sheet, dress: Dress, chance: Random) -> None:
    """A chair seen half from the side: a broad rail on spindles, a seat, four splayed legs."""
    top, splay = chance.uniform(10, 15), chance.uniform(3, 7)
    far = mix(dress.trim, WHITE, 0.22)
    sheet.line([(38, 69), (38 - splay, 90)], 4, far)
    sheet.line([(82, 69), (82 + splay, 90)], 4, far)
    sheet.line([(26, 60), (21, top)], 4.4, dress.trim)
    sheet.line([(68, 58), (69, top)], 4.4, dress.trim)
    for share in (0.2, 0.4, 0.6, 0.8):
        foot, crest = 26 + 42 * share, 21 + 48 * share
        sheet.line([(foot, 60), (crest, top + 10)], 2.2, far)
    sheet.fill(rounded([(15, top - 6), (75, top - 6), (72, top + 14), (19, top + 14)], 7), dress.cloth)
    sheet.shade(box(0, top + 10, 100, top + 14))
    sheet.fill(rounded([(24, 57), (70, 56), (92, 67), (18, 69)], 5), mix(dress.main, WHITE, 0.14))
    sheet.fill(rounded([(18, 66), (92, 65), (92, 72), (18, 73)], 3), dress.main)
    sheet.shade(box(0, 69, 100, 74))
    sheet.line([(23, 73), (23 - splay, 98)], 5, dress.trim)
    sheet.line([(86, 73), (86 + splay, 98)], 5, dress.trim)


def cup(sheet: Sheet, dress: Dress, chance: Random) -> None:
    """A cup of tea: a rounded body with an ear and a patterned band, on a saucer, with or without steam."""
    foot = chance.uniform(28, 34)
    sheet.fill(arc((46, 86), 44, 9), mix(dress.main, WHITE, 0.15))
    sheet.fill(arc((46, 84.5), 44, 8), mix(dress.second, WHITE, 0.3))
    sheet.shade(arc((48, 85.5), 29, 5))
    sheet.line(arc((77, 50), 15, 14, -100, 120), 6, dress.main)
    side = curve([(12, 34), (14, 50), (20, 65), (foot - 3, 76), (foot, 85)])
    sheet.fill([*side, *_mirrored(side, 46)], dress.main)
    girth = [point for point in side if 42 < point[1] < 60]
    (top, upper), (bottom, lower) = girth[0], girth[-1]
    hem = arc((46, lower), 46 - bottom, 7, 0, 180)
    sheet.fill([*hem, *reversed(girth), *arc((46, upper), 46 - top, 8, 180, 0)], dress.cloth)
    sheet.shade([*_mirrored(side, 46), *[(80 - x * 0.75, y) for x, y in side]])
    sheet.fill(arc((46, 34), 34, 9), mix(dress.second, WHITE, 0.4))
    sheet.fill(arc((46, 36), 30, 6.4), dress.trim)
    if chance.random() < 0.5:
        for x in (36, 50):
            wisp = curve([(x, 20), (x + 4, 14), (x - 2, 8), (x + 2, 2)])
            sheet.line(wisp, 2, mix(dress.second, WHITE, 0.5))


def lamp(sheet: Sheet, dress: Dress, chance: Random) -> None:
    """A lit table lamp: a pleated shade with a patterned hem, a slender neck and a turned foot."""
    crown, belly = chance.uniform(16, 21), chance.uniform(13, 17)
    sheet.line([(50, 40), (50, 92)], 4, dress.trim)
    foot = curve([(46, 58), (50 - belly, 74), (43, 90), (43, 94)])
    sheet.fill([*foot, *_mirrored(foot, 50)], dress.main)
    sheet.shade([*_mirrored(foot, 50), *[(75 - x * 0.5, y) for x, y in foot]])
    sheet.fill(rounded(box(32, 92, 68, 97), 2), dress.trim)
    sheet.fill([(50 - crown, 4), (50 + crown, 4), (88, 50), (12, 50)], mix(dress.main, LIGHT, 0.25))
    sheet.shade(arc((50, 50), 28, 40, 180, 360), LIGHT, 0.5)
    for pleat in range(-5, 6):
        fold = [(50 + pleat * crown / 6, 4), (50 + pleat * 6.3, 50)]
        sheet.line(fold, 0.9, mix(dress.main, dress.trim, 0.4))
    hem = (38 - crown) * 0.28
    sheet.fill([(12 + hem, 37), (88 - hem, 37), (88, 50), (12, 50)], dress.cloth)
    sheet.line([(12, 50), (88, 50)], 2, dress.trim)
    sheet.line([(50 - crown, 4), (50 + crown, 4)], 2, dress.trim)


def _mirrored(side: list[Point], middle: float) -> list[Point]:
    """The right side of a round thing from its left side and its middle, from the foot up."""
    return [(2 * middle - x, y) for x, y in reversed(side)]
