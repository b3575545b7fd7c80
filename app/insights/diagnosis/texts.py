"""The words of a diagnosis: Chinese and English of each sentence, with the places of its cells."""

from __future__ import annotations

from collections.abc import Mapping

# key: (Chinese, English)
TEXTS: Mapping[str, tuple[str, str]] = {
    "moved_up": ("上升", "rose"),
    "moved_down": ("下降", "fell"),
    "moved_flat": ("持平", "did not change"),
    "pushed_up": ("推高", "raised it by"),
    "pushed_down": ("拉低", "lowered it by"),
    "pushed_flat": ("没有影响", "did nothing:"),
    "more_up": ("多", "more"),
    "more_down": ("少", "fewer"),
    "more_flat": ("一样", "as many"),
    # findings
    "no_base": (
        "{base_start} 至 {base_end} 没有可对比的数据，无法判断{metric}在 {start} 至 {end} 是升是降。",
        "There is no data from {base_start} to {base_end} to compare with, so nothing can be said of a change of {metric} from {start} to {end}.",
    ),
    "premise_moved": (
        "{metric}在 {start} 至 {end} 为 {now}，在 {base_start} 至 {base_end} 为 {then}：{moved} {change}（幅度 {relative}）。",
        "{metric} was {now} from {start} to {end}, and {then} from {base_start} to {base_end}: it {moved} by {change} ({relative} of what it was).",
    ),
    "premise_from_zero": (
        "{metric}在 {start} 至 {end} 为 {now}，在 {base_start} 至 {base_end} 为 {then}：{moved} {change}。",
        "{metric} was {now} from {start} to {end}, and {then} from {base_start} to {base_end}: it {moved} by {change}.",
    ),
    "premise_flat": (
        "{metric}在 {start} 至 {end} 为 {now}，与 {base_start} 至 {base_end} 的 {then} 相同。",
        "{metric} was {now} from {start} to {end}, the same as the {then} from {base_start} to {base_end}.",
    ),
    "wrong_down": (
        "前提不成立：{metric}并没有下降，对比期是 {then}，本期是 {now}。",
        "The premise does not hold: {metric} did not fall; it was {then} before and is {now} now.",
    ),
    "wrong_up": (
        "前提不成立：{metric}并没有上升，对比期是 {then}，本期是 {now}。",
        "The premise does not hold: {metric} did not rise; it was {then} before and is {now} now.",
    ),
    "noise": (
        "{metric}的整体变化只有 {z} 个标准差，在日常波动之内（样本 {n_then} → {n_now}），单看总数不能断定有原因。",
        "The change of {metric} as a whole is {z} standard deviations, within its usual ups and downs (samples {n_then} and {n_now}); by itself it needs no cause.",
    ),
    "formula": (
        "按公式拆分，影响最大的是{label}（变化率 {relative}），使{metric}变化 {contribution}。",
        "By the formula, {label} matters most (a relative change of {relative}) and moved {metric} by {contribution}.",
    ),
    "split_sum": (
        "按{dimension}拆分，{label}影响最大：{then} → {now}，贡献 {contribution}（样本 {n_then} → {n_now}{small}）。",
        "By {dimension}, {label} matters most: {then} to {now}, a contribution of {contribution} (samples {n_then} and {n_now}{small}).",
    ),
    "split_ratio": (
        "按{dimension}拆分，{label}影响最大：自身 {then} → {now}，权重 {weight_then} → {weight_now}；贡献 {contribution}，其中行为 {behaviour}、结构 {mix}（样本 {n_then} → {n_now}{small}）。",
        "By {dimension}, {label} matters most: its own figure {then} to {now}, its weight {weight_then} to {weight_now}; a contribution of {contribution}, of it behaviour {behaviour} and mix {mix} (samples {n_then} and {n_now}{small}).",
    ),
    "note_base": (
        "两期取同样的天数：与 {start} 至 {end} 相比。",
        "Both periods have as many days: compared with {start} to {end}.",
    ),
    "note_partial": (
        "数据从 {first} 开始，对比期不完整。",
        "The data begins on {first}; the period before is not complete.",
    ),
    "note_weekdays": (
        "两期包含的星期不同，周末多少会影响比较。",
        "The two periods hold different days of the week, which matters to the comparison.",
    ),
    "note_late": (
        "数据量大，部分常见原因没能在时限内查完，未作判断。",
        "There is so much data that some of the usual causes could not be checked in time; nothing is said of them.",
    ),
    "small": ("，小样本，不作结论", ", a small sample: nothing is concluded from it"),
    "behaviour_mix": (
        "按{label}看，行为变化合计 {behaviour}，结构变化合计 {mix}，两者相加就是全部变化 {change}。",
        "By {label}, behaviour adds up to {behaviour} and mix to {mix}; together they are the whole change of {change}.",
    ),
    "nothing_stands_out": (
        "按各维度和常见原因检查，没有哪一组的变化超出偶然波动，不认定任何原因。",
        "No group, by any dimension or usual cause, moved by more than chance: no cause is claimed.",
    ),
    # checks: causes that were found
    "group_sum": (
        "{label}（{dimension}）的走势与其他不同：{then} → {now}，变化 {change}，贡献 {contribution}（样本 {n_then} → {n_now}）。",
        "{label} ({dimension}) went a way of its own: {then} to {now}, a change of {change}, contributing {contribution} (samples {n_then} and {n_now}).",
    ),
    "group_ratio": (
        "{label}（{dimension}）自身从 {then} 变为 {now}，与其他组不同，行为贡献 {behaviour}（样本 {n_then} → {n_now}）。",
        "{label} ({dimension}) itself went from {then} to {now}, unlike the others; its behaviour contributes {behaviour} (samples {n_then} and {n_now}).",
    ),
    "weight_ratio": (
        "{label}（{dimension}）的权重从 {weight_then} 变为 {weight_now}，结构贡献 {mix}（样本 {n_then} → {n_now}）。",
        "The weight of {label} ({dimension}) went from {weight_then} to {weight_now}; this mix contributes {mix} (samples {n_then} and {n_now}).",
    ),
    "frequency": (
        "{label}的下单频次{moved} {rate_change}：每百人订单数从 {rate_then} 变为 {rate_now}，订单 {orders_then} → {orders_now}（人群 {pool_then} → {pool_now}）。",
        "{label}: how often they order {moved} by {rate_change}, from {rate_then} to {rate_now} orders per hundred of them; orders {orders_then} to {orders_now} (of {pool_then} and {pool_now} in the group).",
    ),
    "people": (
        "{label}的人数{moved} {people_change}：{people_then} → {people_now}，订单 {orders_then} → {orders_now}。",
        "{label}: their number {moved} by {people_change}, {people_then} to {people_now}; orders {orders_then} to {orders_now}.",
    ),
    "orders": (
        "{label}的订单数{moved} {orders_change}：{orders_then} → {orders_now}。",
        "{label}: orders {moved} by {orders_change}, {orders_then} to {orders_now}.",
    ),
    "order_value": (
        "{label}的客单价{moved} {value_change}：{value_then} → {value_now}（订单 {orders_then} → {orders_now}）。",
        "{label}: the order value {moved} by {value_change}, {value_then} to {value_now} (orders {orders_then} and {orders_now}).",
    ),
    "payment_store": (
        "{label}的支付失败率从 {rate_then} 变为 {rate_now}（{failed_then}/{tries_then} → {failed_now}/{tries_now}），其余为 {others_now}。",
        "{label}: failed payments went from {rate_then} to {rate_now} ({failed_then} of {tries_then}, then {failed_now} of {tries_now}); elsewhere they are {others_now}.",
    ),
    "payment_all": (
        "支付失败率整体从 {rate_then} 变为 {rate_now}（{failed_then}/{tries_then} → {failed_now}/{tries_now}）。",
        "Failed payments went from {rate_then} to {rate_now} everywhere ({failed_then} of {tries_then}, then {failed_now} of {tries_now}).",
    ),
    "stock_out": (
        "{label}缺货（库存 {stock}），最后售出日 {last_on}，已 {silent} 天没有售出；按之前的销售速度约影响 {missed} 件、{lost}。",
        "{label} is out of stock ({stock} left), last sold on {last_on}, {silent} days without a sale; at its former pace about {missed} units, {lost}.",
    ),
    "sales_stopped": (
        "{label}停止售出：最后售出日 {last_on}，已 {silent} 天没有售出；按之前的销售速度约影响 {missed} 件、{lost}。",
        "{label} stopped selling: last sold on {last_on}, {silent} days without a sale; at its former pace about {missed} units, {lost}.",
    ),
    "price": (
        "{label}的价格从 {price_then} 变为 {price_now}（变化率 {price_change}），销量 {units_then} → {units_now}。",
        "{label}: the price went from {price_then} to {price_now} (a change of {price_change}), units {units_then} to {units_now}.",
    ),
    "discounts": (
        "{label}从 {then} 变为 {now}，变化 {change}（订单 {n_then} → {n_now}）。",
        "{label} went from {then} to {now}, a change of {change} (orders {n_then} and {n_now}).",
    ),
    "coupon_ended": (
        "期间结束的优惠券有“{label}”，结束日 {ended}。",
        "The coupon “{label}” ended meanwhile, on {ended}.",
    ),
    "channel_mix": (
        "{label}的订单占比从 {share_then} 变为 {share_now}，对客单价的结构影响 {mix}。",
        "The share of orders of {label} went from {share_then} to {share_now}; this mix moves the order value by {mix}.",
    ),
    "closed_days": (
        "{label}本期有 {closed_now} 天没有订单（对比期 {closed_then} 天），按平日约少 {missed} 单。",
        "{label} had {closed_now} days without an order (before: {closed_then}), about {missed} orders missed.",
    ),
    "today_partial": (
        "{label}还没有结束：至今 {orders} 单，相当于平日的 {part}，本期的总数因此偏低。",
        "{label} is not over: {orders} orders so far, {part} of a usual day, so the period's totals are low.",
    ),
    # checks: what was ruled out
    "no_customers": (
        "新客与老客：没有哪个客群的人数、频次或客单价有超出偶然的变化。",
        "New and returning customers: no group's number, frequency or order value moved by more than chance.",
    ),
    "no_payments": (
        "支付失败：没有门店或渠道的失败率有超出偶然的变化，排除。",
        "Failed payments: no store's or channel's rate moved by more than chance; ruled out.",
    ),
    "no_stock": (
        "缺货：没有一直在卖的商品停止售出，排除。",
        "Stock-outs: no product that sold steadily stopped selling; ruled out.",
    ),
    "no_prices": (
        "调价：没有商品调价后销量有超出偶然的变化，排除。",
        "Prices: no product's units moved by more than chance after a change of price; ruled out.",
    ),
    "no_discounts": (
        "优惠券：用优惠的订单占比和折扣率没有超出偶然的变化，排除。",
        "Coupons: neither the share of orders with a discount nor the discount rate moved by more than chance; ruled out.",
    ),
    "no_channels": (
        "渠道结构：各渠道的订单占比没有超出偶然的变化，排除。",
        "Channel mix: no channel's share of orders moved by more than chance; ruled out.",
    ),
    "no_open_days": (
        "营业天数：没有门店多出无订单的日子，排除。",
        "Closed days: no store had more days without orders than before; ruled out.",
    ),
    # next steps
    "next_payments": (
        "先修{label}的支付：与对比期的失败率相比多失败约 {extra} 笔，约合成交额 {lost}。",
        "Repair payments of {label} first: about {extra} failures above the former rate, worth {lost} of GMV.",
    ),
    "next_regulars": (
        "把{label}作为召回对象：目前 {pool_now} 人，其中本期购买 {people_now} 人。",
        "Win back {label}: there are {pool_now} of them, of whom {people_now} bought in the period.",
    ),
    "next_new_value": (
        "提高{label}的首单金额：本期 {orders_now} 单，客单价 {value_now}，对比期为 {value_then}。",
        "Raise the first orders of {label}: {orders_now} orders at {value_now} each, after {value_then} before.",
    ),
    "next_stock": (
        "先补{label}：停售期间估计少卖 {lost}。",
        "Restock {label} first: an estimated {lost} of sales was missed.",
    ),
    "next_group": (
        "先看{label}（{dimension}）：本期 {now}，对比期 {then}。",
        "Look at {label} ({dimension}) first: {now} now, {then} before.",
    ),
    "next_today": (
        "{label}只到平日的 {part}：等这一天结束，或改问到前一天为止的时段，再下结论。",
        "{label} is at {part} of a usual day: wait for its end, or ask for the days up to the one before, before concluding anything.",
    ),
    # the knowledge base
    "kb_cause": (
        "可能的解释，《{title}》：“{quotation}”",
        "A possible explanation, from {title}: “{quotation}”",
    ),
    "kb_reading": (
        "怎么读这个指标，《{title}》：“{quotation}”",
        "How to read this figure, from {title}: “{quotation}”",
    ),
    "kb_next": ("建议，《{title}》：“{quotation}”", "Advice, from {title}: “{quotation}”"),
}

# The tags under which the knowledge base keeps what defines a metric, where it is not the metric itself.
METRIC_TAGS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("payment_failure_rate", "failed_payments"), ("payment_success_rate",)),
    **dict.fromkeys(("new_buyer_rate", "returning_buyers", "returning_buyer_rate"), ("new_buyers", "buyers")),
    **dict.fromkeys(("units_per_order", "unit_price"), ("aov", "units")),
    **dict.fromkeys(("orders_per_buyer", "spend_per_buyer"), ("buyers",)),
    **dict.fromkeys(("discount_rate", "list_sales"), ("discount",)),
}

# What the knowledge base is asked about a cause: hypotheses, and what to do; and the tags that fit best.
SEARCHES: Mapping[str, tuple[tuple[str, str], tuple[str, str], tuple[str, ...]]] = {
    "frequency": (
        ("老客 下单频次 下降 流失 原因", "returning customers order less often churn causes"),
        ("老客召回 活动 对象 优惠 门槛", "win back returning customers audience offer"),
        ("repeat_rate", "win_back"),
    ),
    "people": (
        ("新客突然变多 复购率 稀释", "new customers in numbers dilution repeat rate"),
        ("新客 第二单 推动", "second order of new customers"),
        ("repeat_rate", "new_buyers", "second_order"),
    ),
    "order_value": (
        ("新客订单上升 首单金额下降 门槛 券", "new customers orders rise size falls threshold coupon"),
        ("首单券门槛 目标客单价 组合装", "threshold of first-order coupons sets"),
        ("new_buyers", "aov", "basket"),
    ),
    "payment_failures": (
        ("支付失败集中在一家门店 收银终端 网络", "failed payments one store till network"),
        ("恢复之后 付款提醒 找回", "remind customers of failed orders to pay"),
        ("payment_success_rate",),
    ),
    "stock_out": (
        ("缺货商品 损失 连带", "out of stock products loss"),
        ("缺货 先看库存 销量靠前", "stock look first at products sold best"),
        ("stock",),
    ),
    "sales_stopped": (
        ("缺货商品 损失 连带", "out of stock products loss"),
        ("缺货 先看库存 销量靠前", "stock look first at products sold best"),
        ("stock",),
    ),
    "price": (
        ("调价 价格敏感 销量", "price change sensitive units"),
        ("调价 活动 分开", "prices campaign told apart"),
        ("price",),
    ),
    "discounts": (
        ("优惠券到期 回落 透支", "coupon ends demand brought forward"),
        ("优惠券 叠加 毛利 风险", "coupon stacking margin"),
        ("coupon", "discount"),
    ),
    "channel_mix": (
        ("渠道占比变化 结构", "channel share mix change"),
        ("渠道 会员 换了渠道", "members changed channels"),
        ("channel",),
    ),
    "closed_days": (
        ("门店下降 店内 装修", "store falling inside building works"),
        ("门店 同店同期", "compare a store with itself"),
        ("store",),
    ),
    "group:store": (
        ("一家店下降 同城 其他店 原因", "one store falling others of its city cause"),
        ("门店 同店同期 比较", "compare a store with itself"),
        ("store",),
    ),
    "group:city": (
        ("同城都降 原因在城市 天气 商圈", "all of a city falling weather events competitors"),
        ("门店 同店同期 比较", "compare a store with itself"),
        ("store",),
    ),
    "group:channel": (
        ("渠道 订单 移到", "orders move between channels"),
        ("渠道 会员 换了渠道", "members changed channels"),
        ("channel",),
    ),
    "group:category": (
        ("品类销售下降 头部商品 在架", "category falls leading products on the shelf"),
        ("缺货 先看库存 销量靠前", "stock look first at products sold best"),
        ("stock", "category_sales"),
    ),
    "group:customer": (
        ("新客 老客 客单价 结构", "new returning customers structure"),
        ("新客 第二单 推动", "second order of new customers"),
        ("new_buyers", "aov"),
    ),
    "group:level": (
        ("会员 等级 权益", "member level benefits"),
        ("会员日 等级 活动", "member day campaign"),
        ("members",),
    ),
}
