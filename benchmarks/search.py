"""How fast search is with 100,000 products: `python benchmarks/search.py [--products N] [--mariadb URL]`.

Makes a shop of plausible Chinese and English names in a scratch database of each engine, asks what customers
type (a fixed seed), and prints one table: milliseconds per kind of query, without the cache, and of the whole
mix as customers would repeat it (a few queries make up most of it), with the cache as it is in production.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

from flask_migrate import upgrade
from sqlalchemy import insert

from app.catalogue import cache
from app.catalogue.filters import ProductFilter
from app.catalogue.models import Category, Product
from app.catalogue.queries import list_products
from app.catalogue.search import optimise, reindex, search
from app.config import Settings
from app.core.clock import now
from app.db import db, transaction
from app.factory import create_app
from benchmarks.program import databases
from benchmarks.table import print_table

PRODUCTS = 100_000
REPEAT = 3

LINES = (
    "水漾 Aqua|轻盈 Featherlight|柔润 Velvet|净澈 Pure|清透 Clear|舒缓 Soothing|焕亮 Radiant|紧致 Firming|丝滑 Silky|"
    "修护 Repair|控油 Matte|润泽 Dewy|深层 Deep|温和 Gentle|草本 Herbal|雪融 Snowmelt|晨露 Morning Dew|云感 Cloud|"
    "月光 Moonlight|森林 Forest|海岸 Coast|晴空 Blue Sky|初春 Early Spring|山泉 Spring Water|羽毛 Feather|暖阳 Warm Sun|"
    "静夜 Quiet Night|微光 Glimmer|纯净 Clean|鲜活 Fresh|臻选 Select|日常 Daily"
)
INGREDIENTS = (
    "玫瑰 Rose|茉莉 Jasmine|绿茶 Green Tea|蜂蜜 Honey|燕麦 Oat|芦荟 Aloe|樱花 Sakura|山茶 Camellia|积雪草 Centella|"
    "玻尿酸 Hyaluronic|烟酰胺 Niacinamide|胶原 Collagen|珍珠 Pearl|人参 Ginseng|雪莲 Snow Lotus|薰衣草 Lavender|海盐 Sea Salt|"
    "生姜 Ginger|摩洛哥坚果 Argan|乳木果 Shea|椰子 Coconut|橙花 Neroli|檀香 Sandalwood|金盏花 Calendula|洋甘菊 Chamomile|"
    "竹炭 Charcoal|维生素C Vitamin C|角鲨烷 Squalane|氨基酸 Amino Acid|水杨酸 Salicylic|神经酰胺 Ceramide|桂花 Osmanthus"
)
TYPES = (
    "精华 Serum|防晒乳 Sunscreen|洁面乳 Cleanser|面霜 Face Cream|面膜 Mask|爽肤水 Toner|喷雾 Mist|眼霜 Eye Cream|卸妆油 Cleansing Oil|"
    "卸妆水 Micellar Water|去角质啫喱 Peeling Gel|口红 Lipstick|唇釉 Lip Tint|唇膏 Lip Balm|粉底液 Foundation|气垫 Cushion|"
    "睫毛膏 Mascara|眼影盘 Eye Palette|眼线笔 Eyeliner|腮红 Blush|定妆粉 Setting Powder|遮瑕膏 Concealer|眉笔 Brow Pencil|"
    "洗发水 Shampoo|护发素 Conditioner|发膜 Hair Mask|护发精油 Hair Oil|头皮磨砂膏 Scalp Scrub|干洗喷雾 Dry Shampoo|"
    "沐浴露 Shower Gel|身体乳 Body Lotion|护手霜 Hand Cream|身体磨砂膏 Body Scrub|足膜 Foot Mask|香体露 Deodorant|浴盐 Bath Salt|"
    "洁面仪 Cleansing Brush|射频仪 Radio-frequency Device|吹风机 Hair Dryer|脱毛仪 Hair Remover|眼部按摩仪 Eye Massager|"
    "导入仪 Ion Wand|胶原蛋白饮 Collagen Drink|益生菌 Probiotics|维生素片 Multivitamin|燕窝 Bird's Nest|软糖 Gummies|"
    "花草茶 Herbal Tea|代餐奶昔 Meal Shake|礼盒 Gift Box|旅行套装 Travel Kit|双支礼盒 Duo Box|面部护理 Facial Treatment|"
    "头皮护理 Scalp Treatment|肩颈按摩 Shoulder Massage|皮肤测试 Skin Test|美甲 Manicure|香薰蜡烛 Scented Candle|扩香石 Diffuser Stone|"
    "化妆刷 Make-up Brush"
)
SIZES = "|50ml|30g|升级版|2.0|补充装|10片|旅行装|限定版|400ml"
# A description is three of these.
ABOUT = (
    "不泛白 no white cast|不油腻 no grease|通勤够用 enough for commuting|户外也安心 calm outdoors|整天水润 comfortable all day|干皮友好 kind to dry skin|"
    "无香精 no fragrance|无酒精 no alcohol|换季安心 calm when seasons change|早晚各一次 morning and night|四周看见变化 change in four weeks|"
    "小巧便携 small enough for any bag|送礼体面 a good gift|清洁不紧绷 cleans without tightness|每天能用 for every day|顾问推荐 chosen by consultants|"
    "留香一整天 a scent that stays|细软发质 for fine hair|吸收很快 absorbs quickly|质地轻薄 a light texture|适合新手 easy for beginners|"
    "懒人也能坚持 a minute a day|孕期可问顾问 ask us when pregnant|男女都能用 for men and women|孩子也喜欢 children like it|"
    "旅行方便 made for travel|瓶身可回收 a bottle to recycle|植物来源 from plants|小批量生产 made in small batches|玻璃瓶装 in glass|"
    "夜间修护 repairs overnight|妆前打底 under make-up|不闷痘 lets pores breathe|淡化细纹 softens fine lines|提亮肤色 brightens|"
    "镇定泛红 calms redness|收细毛孔 refines pores|防毛躁 tames frizz|去屑止痒 against flakes|强韧发根 stronger roots|"
    "放松肩颈 relaxes the neck|助眠 helps you sleep|低糖 low in sugar|高蛋白 rich in protein|三十天装 thirty days"
)
LONG = (
    "适合敏感肌的{z}",
    "有没有便宜点的{z}",
    "{e} for dry skin",
    "gentle {e}",
    "{z}送妈妈",
    "想要{i}味道的{z}",
    "{i}{z}",
    "{l}{i}{z}",
    "{e} {ie}",
)


def pairs(words: str) -> list[tuple[str, str]]:
    return [tuple(word.split(" ", 1)) for word in words.split("|")]  # type: ignore[misc]


def products(count: int) -> Iterator[dict[str, object]]:
    """`count` products; the seed makes them the same every time."""
    chance = random.Random(42)
    lines, ingredients, types = pairs(LINES), pairs(INGREDIENTS), pairs(TYPES)
    about = pairs(ABOUT)
    for number in range(count):
        line, ingredient = chance.choice(lines), chance.choice(ingredients)
        kind = chance.randrange(len(types))
        size, said = chance.choice(SIZES.split("|")), chance.sample(about, 3)
        yield {
            "sku": f"P{number:06d}",
            "category_id": kind * 8 // len(types) + 1,
            "name": f"{line[0]}{ingredient[0]}{types[kind][0]}{' ' if size else ''}{size}",
            "name_en": f"{line[1]} {ingredient[1]} {types[kind][1]}",
            "description": ",".join(zh for zh, _en in said),
            "description_en": ", ".join(en for _zh, en in said),
            "price_cents": chance.randrange(1900, 99_900, 100),
            "stock": chance.choice((0, 3, 20, 150)),
            "units_sold": int(chance.paretovariate(1.1)),
            "image_url": "",
            "is_retired": False,
            "created_at": now(),
            "updated_at": now(),
        }


def queries() -> dict[str, list[str]]:
    """What is typed, by kind."""
    chance = random.Random(7)
    types, ingredients, lines = pairs(TYPES), pairs(INGREDIENTS), pairs(LINES)
    asked: list[str] = []
    for _number in range(300):
        (z, e), (i, ie), (line, _le) = chance.choice(types), chance.choice(ingredients), chance.choice(lines)
        asked.append(chance.choice(LONG).format(z=z, e=e.lower(), i=i, ie=ie.lower(), l=line))
    return {
        "two characters, mid-word": [z[-2:] for z, _ in types] + [z[:2] for z, _ in types],
        "a product type, Chinese": [z for z, _ in types],
        "a product type, English plural": [f"{e.lower()}s" for _, e in types],
        "an ingredient": [word for pair in ingredients for word in pair],
        "several words": asked,
        "a SKU": [f"p{chance.randrange(100_000):06d}" for _ in range(100)],
        "one character (half of them broad)": list("乳霜水油膜仪茶唇眼发手足"),
        "broad words": ["cream", "敏感肌", "礼物", "保湿", "gift", "hair", "护肤", "skin"],
    }


# How often each kind is asked in the mix; broad words and single characters are what few people type.
SHARES = {
    "two characters, mid-word": 22,
    "a product type, Chinese": 24,
    "a product type, English plural": 12,
    "an ingredient": 12,
    "several words": 22,
    "a SKU": 4,
    "one character (half of them broad)": 1,
    "broad words": 3,
}


def mix(count: int) -> list[str]:
    """A day's queries: kinds by their share, and within a kind a few that most people ask (Zipf)."""
    chance = random.Random(11)
    kinds = queries()
    chosen = chance.choices(list(SHARES), list(SHARES.values()), k=count)
    return [kinds[kind][min(int(chance.paretovariate(0.8)) - 1, 10**6) % len(kinds[kind])] for kind in chosen]


@contextmanager
def shop(url: str, count: int) -> Iterator[None]:
    """A migrated scratch shop with `count` products."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(
            app_env="test", mcpshop_home=Path(home), database_url=url, log_level="ERROR", _env_file=None
        )
        app = create_app(settings)
        with app.app_context():
            upgrade()
            with transaction() as session:
                for number in range(1, 9):
                    session.add(Category(id=number, name=f"类{number}", name_en=f"Shelf {number}"))
                session.flush()
                rows = list(products(count))
                for start in range(0, count, 1000):
                    session.execute(insert(Product), rows[start : start + 1000])
                reindex()
            optimise()
            yield
            db.session.remove()
            db.engine.dispose()


def milliseconds(ask: Callable[[str], object], asked: Sequence[str], repeat: int = 1) -> list[float]:
    """The time of each query; of `repeat` tries the best, so that other programs on the machine do not count."""
    return [min(_once(ask, q) for _try in range(repeat)) for q in asked]


def _once(ask: Callable[[str], object], q: str) -> float:
    started = time.perf_counter()
    ask(q)
    db.session.rollback()
    return (time.perf_counter() - started) * 1000


Row = list[object]


def row(engine: str, label: str, times: list[float], hits: object = "") -> Row:
    cuts = quantiles(times, n=100, method="inclusive")
    return [label, engine, len(times), hits, f"{cuts[49]:.1f}", f"{cuts[94]:.1f}", f"{max(times):.1f}"]


def measure(engine: str) -> Iterator[Row]:
    """By kind of query without any cache, then a day's mix without and with the program's own short cache."""
    for label, asked in queries().items():
        milliseconds(search, asked[:10])
        found = sorted(len(search(q)) for q in asked)
        yield row(engine, label, milliseconds(search, asked, REPEAT), found[len(found) // 2])
    yield row(engine, "the mix, no cache", milliseconds(search, mix(1000), REPEAT))
    cache.clear()
    served = milliseconds(lambda q: list_products(ProductFilter(q=q)), mix(1000))
    yield row(engine, "the mix: hits, counts and page, as served", served)


def main() -> None:
    """Print one table. Each uncached query is tried three times and the best counts."""
    rows: list[Row] = []
    with databases() as found:
        for engine, url in found.items():
            with shop(url, PRODUCTS):
                rows += measure(engine)
    head = ("queries", "engine", "asked", "hits (median)", "p50 ms", "p95 ms", "max ms")
    print_table(f"Search: {PRODUCTS:,} products, target p95 15 ms", head, rows)


if __name__ == "__main__":
    main()
