"""MySQL's functions on dates as plain SQLite expressions. Arguments and results are SQL texts."""

from __future__ import annotations

from app.insights.schema import Kind

SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400, "WEEK": 604_800}
MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
DIRECT = {
    "Y": "%Y",
    "m": "%m",
    "d": "%d",
    "H": "%H",
    "i": "%M",
    "s": "%S",
    "S": "%S",
    "j": "%j",
    "w": "%w",
    "T": "%H:%M:%S",
}
PARTS = {
    "YEAR": "%Y",
    "MONTH": "%m",
    "DAY": "%d",
    "HOUR": "%H",
    "MINUTE": "%M",
    "SECOND": "%S",
    "DAYOFYEAR": "%j",
}
MONTH_NAMES = tuple(
    enumerate(
        [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        start=1,
    )
)
DAY_NAMES = tuple(enumerate(["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]))


def part(name: str, value: str) -> str:
    """YEAR(x), MONTH(x) and so on as a whole number."""
    if name == "QUARTER":
        return f"(({part('MONTH', value)} + 2) / 3)"
    if name == "WEEKDAY":
        return f"((CAST(STRFTIME('%w', {value}) AS INTEGER) + 6) % 7)"
    if name == "DAYOFWEEK":
        return f"(CAST(STRFTIME('%w', {value}) AS INTEGER) + 1)"
    return f"CAST(STRFTIME('{PARTS[name]}', {value}) AS INTEGER)"


def week(value: str, mode: str) -> str:
    """WEEK(x, mode) for the modes 0 (from Sunday, 0 to 53), 1 (from Monday, 0 to 53) and 3 (ISO)."""
    day = part("DAYOFYEAR", value)
    if mode == "0":
        return f"(({day} + 6 - CAST(STRFTIME('%w', {value}) AS INTEGER)) / 7)"
    if mode == "1":
        return f"(({day} + 9 - {part('WEEKDAY', value)}) / 7)"
    return f"(({part('DAYOFYEAR', _thursday(value))} + 6) / 7)"


def year_week(value: str, mode: str) -> str:
    """YEARWEEK(x, mode): the year that the week belongs to, times 100, and the week."""
    day = f"DATE({value}, '-6 days', 'weekday 0')" if mode == "0" else _thursday(value)
    number = week(day, "0") if mode == "0" else f"(({part('DAYOFYEAR', day)} + 6) / 7)"
    return f"({part('YEAR', day)} * 100 + {number})"


def _thursday(value: str) -> str:
    """The Thursday of the ISO week, which decides the year the week belongs to."""
    return f"DATE({value}, '-3 days', 'weekday 4')"


def add(value: str, kind: Kind, steps: int, unit: str) -> str:
    """DATE_ADD: a date stays a date, all else becomes a moment. The 31st plus a month is the month's last day."""
    function = "DATE" if kind is Kind.DATE else "DATETIME"
    if unit not in MONTHS:
        seconds = steps * SECONDS[unit]
        amount, name = (seconds // 86_400, "days") if seconds % 86_400 == 0 else (seconds, "seconds")
        return f"{function}({value}, '{amount:+d} {name}')"
    months = steps * MONTHS[unit]
    month = f"{value}, 'start of month', '{months:+d} months'"
    overflowing = f"DATE({month}, '+' || (STRFTIME('%d', {value}) - 1) || ' days')"
    day = f"MIN({overflowing}, DATE({month}, '+1 month', '-1 day'))"
    return day if function == "DATE" else f"DATETIME({day} || STRFTIME(' %H:%M:%S', {value}))"


def difference(unit: str, start: str, end: str) -> str:
    """TIMESTAMPDIFF: whole units from start to end, towards zero."""
    if unit in SECONDS:
        return f"((STRFTIME('%s', {end}) - STRFTIME('%s', {start})) / {SECONDS[unit]})"
    months = (
        f"(({part('YEAR', end)} - {part('YEAR', start)}) * 12 + {part('MONTH', end)} - {part('MONTH', start)}"
        f" - ({end} >= {start} AND {_in_month(end)} < {_in_month(start)})"
        f" + ({end} < {start} AND {_in_month(end)} > {_in_month(start)}))"
    )
    return f"({months} / {MONTHS[unit]})"


def _in_month(value: str) -> str:
    return f"STRFTIME('%d %H:%M:%S', {value})"


def formatted(value: str, pattern: str) -> str:
    """DATE_FORMAT, piece by piece; only the letters that the guard lets through come here."""
    pieces, direct, letters = [], "", iter(pattern)
    for letter in letters:
        code = next(letters) if letter == "%" else ""
        if not code or code == "%":
            direct += "%%" if letter == "%" else letter
        elif code in DIRECT:
            direct += DIRECT[code]
        else:
            pieces += _strftime(direct, value)
            direct = ""
            pieces.append(_computed(code, value))
    pieces += _strftime(direct, value)
    return f"({' || '.join(pieces)})" if pieces else "''"


def _strftime(pattern: str, value: str) -> list[str]:
    quoted = pattern.replace("'", "''")
    return [f"STRFTIME('{quoted}', {value})"] if pattern else []


def named(name: str, value: str, letters: int = 0) -> str:
    """MONTHNAME(x) or DAYNAME(x) in English, as MySQL has them, or their first letters."""
    names, code = (MONTH_NAMES, "%m") if name == "MONTHNAME" else (DAY_NAMES, "%w")
    cases = " ".join(f"WHEN {number} THEN '{word[: letters or None]}'" for number, word in names)
    return f"CASE CAST(STRFTIME('{code}', {value}) AS INTEGER) {cases} END"


def _computed(code: str, value: str) -> str:
    """What SQLite's STRFTIME has no letter for."""
    texts = {
        "y": f"SUBSTR(STRFTIME('%Y', {value}), 3)",
        "c": part("MONTH", value),
        "e": part("DAY", value),
        "k": part("HOUR", value),
        "x": f"STRFTIME('%Y', {_thursday(value)})",
        "v": f"SUBSTR('0' || {week(value, '3')}, -2)",
        "u": f"SUBSTR('0' || {week(value, '1')}, -2)",
        "M": named("MONTHNAME", value),
        "b": named("MONTHNAME", value, 3),
        "W": named("DAYNAME", value),
        "a": named("DAYNAME", value, 3),
    }
    return texts[code]


def shifted_zone(value: str, source: str, target: str) -> str:
    """CONVERT_TZ between two fixed offsets such as '+00:00' and '+08:00'."""
    return f"DATETIME({value}, '{_minutes(target) - _minutes(source):+d} minutes')"


def _minutes(offset: str) -> int:
    hours, minutes = offset[1:].split(":")
    total = int(hours) * 60 + int(minutes)
    return -total if offset[0] == "-" else total
