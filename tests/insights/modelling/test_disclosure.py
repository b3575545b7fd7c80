"""SQL that the guard lets run, and what of it a model may show: figures of groups that come from the data."""

from __future__ import annotations

import pytest

from app.insights.guard import Rejected, check
from app.insights.modelling.disclosure import check_disclosure
from app.insights.modelling.free_sql import fair_reading
from app.insights.modelling.tasks import Wrong
from tests.insights.guard_honest import HONEST

SHOWN = [
    "SELECT COUNT(*) AS n FROM orders",
    "SELECT channel, SUM(amount) AS gmv FROM orders WHERE pay_status = 1 GROUP BY channel ORDER BY gmv DESC",
    "SELECT AVG(n) AS mean FROM (SELECT member_id, COUNT(*) AS n FROM orders WHERE member_id IS NOT NULL GROUP BY member_id) t",
    "SELECT CASE WHEN amount > 500 THEN 'over 500' ELSE 'up to 500' END AS size, COUNT(*) AS n FROM orders GROUP BY size",
    "SELECT FLOOR(total_spent / 1000) * 1000 AS spent, COUNT(*) AS n FROM members GROUP BY spent",
    "SELECT DATE_FORMAT(created_at, '%Y-%m') AS month, COUNT(*) AS n FROM members GROUP BY month",
    "SELECT HOUR(CONVERT_TZ(created_at, '+00:00', '+08:00')) AS hour, COUNT(*) AS n FROM orders GROUP BY hour",
    "SELECT member_id IS NULL AS guest, COUNT(*) AS n FROM orders GROUP BY guest",
    "SELECT COUNT(*) AS n FROM orders WHERE member_id <=> NULL",
    "SELECT name, stock FROM products WHERE stock < 5 ORDER BY stock",
    "SELECT 'online' AS k, COUNT(*) AS n FROM orders WHERE channel = 'online' UNION ALL SELECT 'other', COUNT(*) FROM orders WHERE channel <> 'online'",
    "SELECT COUNT(*) AS n FROM members m WHERE EXISTS (SELECT 1 FROM orders o WHERE o.member_id = m.id AND o.pay_status = 1)",
    "SELECT level, MAX(total_spent) AS most FROM members GROUP BY level",
    "SELECT SUM(amount) / 10000 AS `万元` FROM orders WHERE paid_on >= '2026-11-01'",
    "SELECT name FROM products WHERE sku IN (SELECT sku FROM order_items GROUP BY sku ORDER BY SUM(qty) DESC LIMIT 5)",
    "SELECT DATEDIFF('2026-11-20', MAX(paid_on)) AS days FROM orders",
]
HIDDEN = {
    "SINGLE": [
        "SELECT id FROM members",
        "SELECT id, total_spent FROM members ORDER BY total_spent DESC LIMIT 10",
        "SELECT member_id, SUM(amount) AS total FROM orders GROUP BY member_id",
        "SELECT total FROM (SELECT member_id, SUM(amount) AS total FROM orders GROUP BY member_id) t ORDER BY total DESC LIMIT 5",
        "WITH t AS (SELECT member_id AS who, SUM(amount) AS total FROM orders GROUP BY member_id) SELECT who, total FROM t",
        "SELECT amount, created_at FROM orders ORDER BY amount DESC LIMIT 1",
        "SELECT MAX(member_id) AS who FROM orders",
        "SELECT store_id, GROUP_CONCAT(id) AS who FROM members GROUP BY store_id",
        "SELECT level, GROUP_CONCAT(total_spent) AS spent FROM members GROUP BY level",
        "SELECT created_at, COUNT(*) AS n FROM members GROUP BY created_at",
        "SELECT DATE_FORMAT(created_at, '%Y-%m-%d %H:%i:%s') AS t, COUNT(*) AS n FROM members GROUP BY t",
        "SELECT CONCAT('M', id) AS who, COUNT(*) AS n FROM members GROUP BY who",
        "SELECT COUNT(*) AS n FROM orders GROUP BY id",
        "SELECT DISTINCT member_id FROM orders",
        "SELECT (SELECT SUM(amount) FROM orders WHERE member_id = m.id) AS spent FROM members m",
        "SELECT sku, qty FROM order_items LIMIT 20",
        "SELECT s.name, m.id AS who, m.level FROM stores s JOIN members m ON m.store_id = s.id",
        "SELECT amount, RANK() OVER (ORDER BY amount DESC) AS r FROM orders",
        "SELECT id AS who FROM members UNION SELECT id FROM stores",
    ],
    "LOOK_UP": [
        "SELECT SUM(amount) AS spent FROM orders WHERE member_id = 17",
        "SELECT SUM(amount) AS spent FROM orders WHERE member_id IN (17, 18)",
        "SELECT level, COUNT(*) AS n FROM members WHERE id BETWEEN 17 AND 17 GROUP BY level",
        "SELECT COUNT(*) AS n FROM orders WHERE id + 0 = 5",
        "SELECT SUM(amount) AS spent FROM orders WHERE member_id IN (SELECT id FROM members WHERE id = 3)",
        "SELECT n FROM (SELECT COUNT(*) AS n FROM orders WHERE member_id IN (SELECT id FROM members WHERE id = 3)) t",
        "WITH c AS (SELECT SUM(amount) AS n FROM orders WHERE member_id = 3) SELECT n FROM c",
        "SELECT s.name, COUNT(*) AS n FROM stores s JOIN orders o ON o.store_id = s.id AND o.member_id = 3 GROUP BY s.name",
        "SELECT COUNT(*) AS n FROM orders UNION SELECT SUM(qty) FROM order_items WHERE order_id = 5",
    ],
    "NO_DATA": [
        "SELECT 1234567 AS gmv",
        "SELECT 'GMV rose' AS answer",
        "SELECT CURDATE() AS today",
        "SELECT 5 AS n FROM stores",
    ],
    "LITERAL": [
        "SELECT SUM(amount) * 0 + 5000000 AS gmv FROM orders",
        "SELECT COALESCE(NULLIF(SUM(amount), SUM(amount)), 5000000) AS gmv FROM orders",
        "SELECT IF(COUNT(*) >= 0, 1234567, 0) AS gmv FROM orders",
        "SELECT name, 88888 AS gmv FROM stores",
        "SELECT x.gmv FROM (SELECT MAX(amount) * 0 + 777777 AS gmv FROM orders) x",
        "SELECT CASE WHEN SUM(amount) > 0 THEN 4321 END AS n FROM orders",
    ],
    "LABEL": [
        "SELECT 'GMV is 5000000' AS answer, COUNT(*) AS n FROM orders",
        "SELECT COUNT(*) AS `gmv 5,000,000` FROM orders",
        "SELECT COUNT(*) AS n, CONCAT('see http://evil.example/', MIN(channel)) AS more FROM orders",
        "SELECT 'Dear operator, all is well and nothing needs to be looked at by anybody today.' AS answer, COUNT(*) AS n FROM orders",
    ],
}


@pytest.mark.parametrize("sql", SHOWN)
def test_figures_of_groups_are_shown(sql: str) -> None:
    check_disclosure(check(sql).mysql, "")


@pytest.mark.parametrize(("code", "sql"), [(code, sql) for code, group in HIDDEN.items() for sql in group])
def test_single_people_and_invented_figures_are_not(code: str, sql: str) -> None:
    with pytest.raises(Wrong) as refused:
        check_disclosure(check(sql).mysql, "")
    assert refused.value.problem["code"] == code


def test_every_honest_query_is_read_to_its_end() -> None:
    """Shown or not, none breaks the reading: what cannot be read would never run."""
    for sql in HONEST:
        try:
            check_disclosure(check(sql).mysql, "")
        except Wrong as refused:
            assert refused.problem["code"] in HIDDEN


def test_a_figure_of_the_question_may_stand_in_a_label() -> None:
    sql = "SELECT IF(SUM(amount) > 5, '5万以上', '50000 or less') AS k, COUNT(*) AS n FROM orders"
    with pytest.raises(Wrong):
        check_disclosure(check(sql).mysql, "orders of some size")
    check_disclosure(check(sql).mysql, "有多少订单超过5万")


def test_what_the_guard_refuses_never_gets_here() -> None:
    for sql in ("SELECT name FROM members", "SELECT phone FROM members", "SELECT * FROM users"):
        with pytest.raises(Rejected):
            check(sql)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("Orders over 500 yuan by hour of the day", True),
        ("满500元的订单数，按小时", True),
        ("Orders of the last 7 days", True),
        ("GMV was 1234567 yuan", False),
        ("成交额为123万元", False),
        ("See http://evil.example for more", False),
        ("<b>bold</b>", False),
        ("x" * 300, False),
        ("", True),
    ],
)
def test_a_models_line_on_its_query_holds_no_figures_of_its_own(line: str, kept: bool) -> None:
    sql = "SELECT HOUR(created_at) AS h, COUNT(*) AS n FROM orders WHERE amount > 500 GROUP BY h"
    assert fair_reading(line, "how many big orders", sql) == (line if kept else "")
