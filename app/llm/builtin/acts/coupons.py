"""Coupons: what there is, claiming, and the one to order with."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

from app.language.normalise import normalise
from app.llm.builtin.desk import Act, Call, Desk, Result, error_of
from app.llm.builtin.intents import Intent
from app.llm.builtin.replies import yuan


def list_coupons(desk: Desk, intent: Intent) -> Act:
    """All coupons with what each needs, and the best for this cart."""
    if not desk.can("list_coupons"):
        return
    (result,) = yield [Call("list_coupons")]
    if desk.fail(result):
        return
    coupons = _coupons(result)
    if not coupons:
        desk.say("coupons_none")
        return
    desk.say("coupons", lines="\n".join(_coupon_line(desk, coupon) for coupon in coupons[:8]))
    best = next((coupon for coupon in coupons if coupon.get("code") == result.get("best")), None)
    if best:
        desk.say("coupon_best", name=_coupon_name(best))
    desk.memory.coupons = tuple(str(coupon.get("code")) for coupon in coupons)


def _coupons(result: Result) -> list[dict[str, Any]]:
    return [coupon for coupon in result.get("coupons") or [] if isinstance(coupon, dict)]


def _coupon_name(coupon: dict[str, Any]) -> str:
    name, label = str(coupon.get("name") or coupon.get("code")), str(coupon.get("label") or "")
    return f"{name} ({label})" if label and label not in name else name


def _coupon_line(desk: Desk, coupon: dict[str, Any]) -> str:
    return desk.phrase(
        "coupon_line", name=_coupon_name(coupon), code=coupon.get("code"), state=_state(desk, coupon)
    )


def _state(desk: Desk, coupon: dict[str, Any]) -> str:
    status = str(coupon.get("status"))
    if status in ("held", "used"):
        return desk.phrase(f"coupon_{status}")
    if coupon.get("applicable"):
        off = int(coupon.get("discount_cents") or 0)
        return (
            desk.phrase("coupon_applicable", discount=yuan(off))
            if off
            else desk.phrase("coupon_applicable_plain")
        )
    if status == "claimable":
        return desk.phrase("coupon_claimable")
    missing = int(coupon.get("missing_cents") or 0)
    return desk.phrase("coupon_missing", missing=yuan(missing)) if missing else desk.phrase("coupon_claimed")


def _matching(coupons: list[dict[str, Any]], wanted: str) -> dict[str, Any] | None:
    """The coupon a customer names: by code, by its figures (满300减50) or by a part of its name."""
    target = _plain(wanted)
    figures = re.findall(r"\d+(?:\.\d+)?", target)
    for coupon in coupons:
        said = [_plain(str(coupon.get(key) or "")) for key in ("code", "name", "label")]
        if any(target == text or (target and target in text) for text in said):
            return coupon
    for coupon in coupons:
        text = _plain(f"{coupon.get('name')} {coupon.get('label')}")
        if figures and all(figure in re.findall(r"\d+(?:\.\d+)?", text) for figure in figures):
            return coupon
    return None


def _plain(text: str) -> str:
    return re.sub(r"[\s\-_元块]", "", normalise(text))


def claim(desk: Desk, intent: Intent) -> Act:
    """Claim the coupon that was named, or the only ones there are to claim."""
    if not desk.can("claim_coupon"):
        return
    (result,) = yield [Call("list_coupons")]
    if desk.fail(result):
        return
    claimable = [coupon for coupon in _coupons(result) if coupon.get("status") == "claimable"]
    wanted = intent.coupon if intent.coupon != "best" else None
    if wanted:
        named = _matching(_coupons(result), wanted)
        claimable = [named] if named else []
        if not named:
            desk.say("coupon_unknown", q=wanted)
            return
    if not claimable:
        desk.say("claim_none")
        return
    yield from _claim_all(desk, claimable)


def _claim_all(desk: Desk, coupons: list[dict[str, Any]]) -> Act:
    results = yield [Call("claim_coupon", {"code": coupon["code"]}) for coupon in coupons[:5]]
    names = [
        _coupon_name(coupon)
        for coupon, result in zip(coupons, results, strict=False)
        if error_of(result) is None
    ]
    if names:
        desk.say("claimed", name=desk.join(names))
    for result in results:
        desk.fail(result)


def usable_code(desk: Desk, wanted: str) -> Generator[list[Call], list[Result], str | None]:
    (result,) = yield [Call("list_coupons")]
    coupons = _coupons(result)
    best = next((c for c in coupons if c.get("code") == result.get("best")), None) or next(
        (c for c in coupons if c.get("applicable")), None
    )
    coupon = best if wanted == "best" else _matching(coupons, wanted)
    if coupon is None:
        desk.say("coupon_none_usable") if wanted == "best" else desk.say("coupon_unknown", q=wanted)
        return None
    if not coupon.get("applicable") and int(coupon.get("missing_cents") or 0) > 0:
        desk.say("coupon_not_usable", name=_coupon_name(coupon), missing=yuan(int(coupon["missing_cents"])))
        return None
    if coupon.get("status") == "claimable":
        (claimed,) = yield [Call("claim_coupon", {"code": coupon["code"]})]
        if desk.fail(claimed):
            return None
    return str(coupon["code"])


ACTS = {"list_coupons": list_coupons, "claim": claim}
