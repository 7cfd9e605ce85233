"""Things of outdoors, drawn upright on a sheet: `dress` gives cloth and colours, `chance` varies the cut."""

from math import cos, radians, sin
from random import Random

from catalog.demo.brush import Paint, Point, Sheet, arc, curve, rounded
from catalog.demo.dress import Dress
from catalog.demo.palette import WHITE, Colour, mix


def bicycle(sheet: Sheet, dress: Dress, chance: Random) -> None:
    """A bicycle from the side, with a basket before the handlebar."""
    radius, high = chance.uniform(19, 21), chance.uniform(26, 31)
    back, front = (22, 70), (78, 70)
    pedals, seat, head = (46, 70), (38, high + 10), (68, high + 6)
    for hub in (back, front):
        _wheel(sheet, hub, radius, dress)
    for tube in ([back, seat], [back, pedals], [pedals, seat], [pedals, head], [seat, head], [head, front]):
        sheet.line(tube, 3.6, dress.main)
    sheet.line([seat, (36, high + 3)], 2.6, dress.trim)
    sheet.fill(rounded([(25, high), (46, high), (44, high + 5), (28, high + 5)], 2), dress.trim)
    sheet.line(curve([head, (66, high - 6), (62, high - 10), (54, high - 9)]), 2.6, dress.trim)
    sheet.fill(rounded([(70, high - 8), (94, high - 8), (90, high + 12), (73, high + 12)], 3), dress.cloth)
    sheet.fill(arc(pedals, 5, 5), dress.trim)
    sheet.line([(42, 80), pedals, (50, 60)], 2, dress.trim)


def fish(sheet: Sheet, dress: Dress, chance: Random) -> None:
    """A fish swimming to the left: rows of pale scales, a patterned forked tail, a round eye."""
    plump, fork = chance.uniform(19, 23), chance.uniform(20, 24)
    fin = mix(dress.main, dress.trim, 0.3)
    sheet.fill(curve([(30, 40), (36, 46 - plump), (52, 18), (68, 26), (66, 44)], closed=True), fin)
    sheet.fill(curve([(44, 60), (50, 80), (58, 85), (65, 78), (62, 58)], closed=True), fin)
    tail = curve([(82, 45), (98, 50 - fork), (92, 50), (98, 50 + fork), (82, 55)])
    sheet.fill([(74, 50), *tail], dress.cloth)
    back = curve([(3, 52), (16, 52 - plump * 0.75), (40, 50 - plump), (66, 50 - plump * 0.55), (86, 50)])
    belly = curve([(86, 50), (66, 50 + plump * 0.55), (40, 50 + plump), (16, 52 + plump * 0.7), (3, 52)])
    sheet.fill([*back, *belly], dress.main)
    sheet.fill([*belly, (16, 58), (40, 62), (66, 55)], dress.second)
    _scales(sheet, plump, dress.second)
    gill = curve([(26, 52 - plump * 0.78), (33, 50), (26, 50 + plump * 0.78)])
    sheet.line(gill, 1.6, dress.trim)
    sheet.fill(curve([(38, 54), (54, 56), (52, 66), (42, 64)], closed=True), fin)
    sheet.fill(arc((17, 46), 5.4, 5.4), WHITE)
    sheet.fill(arc((16.4, 46), 3, 3), dress.trim)


def leaf(sheet: Sheet, dress: Dress, chance: Random) -> None:
    """A twig with pairs of two-coloured leaves, the youngest at the tip."""
    long, lift = chance.uniform(29, 34), chance.uniform(0.45, 0.65)
    sheet.line(curve([(50, 14), (50, 60), (54, 98)]), 2, dress.trim)
    for y, share in ((86, 0.85), (70, 1.05), (54, 1.05), (39, 0.85), (26, 0.6)):
        for way in (-1, 1):
            tip = 50 + way * long * share * 1.25, y - long * share * lift
            _leaflet(sheet, (50.5, y), tip, dress)
    _leaflet(sheet, (50, 18), (50, 0), dress)


def umbrella(sheet: Sheet, dress: Dress, chance: Random) -> None:
    """An open umbrella: a scalloped dome of light and dark panels on a stick with a crook."""
    dome, hook = chance.uniform(40, 45), chance.choice((-1, 1))
    sheet.line([(50, 4), (50, 88)], 3, dress.trim)
    sheet.line(arc((50 + hook * 6, 88), 6, 8, 90 + hook * 90, 90 - hook * 90), 3.4, dress.trim)
    pale = mix(dress.second, dress.main, 0.12)
    panels: list[Paint] = [dress.cloth, pale] * 3
    edges = (46, 36, 19, 0, -19, -36, -46)
    for outer, inner, paint in zip(edges[:-1], edges[1:], panels, strict=True):
        hem = arc((50 + (outer + inner) / 2, 54), (outer - inner) / 2, 5, 180, 360)
        sheet.fill([*_rib(outer, dome), *_rib(inner, dome)[::-1], *hem], paint)
    sheet.shade([*_rib(46, dome), *_rib(19, dome)[::-1]])
    for rib in edges[1:-1]:
        sheet.line(_rib(rib, dome), 0.9, mix(dress.main, dress.trim, 0.6))


def _scales(sheet: Sheet, plump: float, tone: Colour) -> None:
    """Rows of half rings, shorter rows nearer the tail."""
    for column, x in enumerate(range(38, 80, 7)):
        reach = plump * (84 - x) / 46
        for step in range(-3, 2):
            y = 50 + (step + column % 2 / 2) * 7.5
            if 53 - reach < y < min(60, 47 + reach):
                sheet.line(arc((x, y), 4, 3.75, -85, 85), 2, tone)


def _leaflet(sheet: Sheet, base: Point, tip: Point, dress: Dress) -> None:
    """One leaf from its base to its tip, one half pale."""
    along, across = (tip[0] - base[0], tip[1] - base[1]), (base[1] - tip[1], tip[0] - base[0])

    def at(share: float, width: float) -> Point:
        return base[0] + along[0] * share + across[0] * width, base[1] + along[1] * share + across[1] * width

    upper = curve([base, at(0.3, 0.16), at(0.62, 0.16), tip])
    lower = curve([base, at(0.3, -0.16), at(0.62, -0.16), tip])
    sheet.fill([*upper, *reversed(lower)], dress.main)
    sheet.fill([*lower, base], dress.second)
    sheet.line([base, at(0.85, 0)], 0.9, dress.trim)


def _rib(across: float, dome: float) -> list[Point]:
    """From the hem, `across` from the stick, up to the tip of a dome."""
    return [(50 + across * cos(radians(step * 9)), 54 - dome * sin(radians(step * 9))) for step in range(11)]


def _wheel(sheet: Sheet, hub: Point, radius: float, dress: Dress) -> None:
    for spoke in range(0, 180, 30):
        ends = arc(hub, radius, radius, spoke, spoke + 180)
        sheet.line([ends[0], ends[-1]], 0.6, mix(dress.trim, WHITE, 0.45))
    sheet.line(arc(hub, radius, radius), 3.2, dress.trim)
    sheet.line(arc(hub, radius - 2.4, radius - 2.4), 1, dress.second)
    sheet.fill(arc(hub, 2.6, 2.6), dress.trim)
