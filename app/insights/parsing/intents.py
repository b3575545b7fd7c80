"""What a sentence wants: a report, a reason, a plan, or something this desk does not do."""

from __future__ import annotations

import re
from typing import Literal

Reason = Literal["write", "personal", "secret", "future", "before_data", "not_in_data", "off_topic", "sql"]

_WRITE = re.compile(
    r"删除|删掉|删了|删去|清空|清除|清掉|抹掉|修改|更改|篡改|改价|调价|作废|撤销|插入|写入|录入|下架|停用|禁用|重置|退款给|给.{0,8}退款|"
    r"(?<!被)(?<!已)(?<!被用户)取消(?!率|数|占|的|了的|掉的|订单[数量]).{0,6}(?:订单|会员|单子)|(?:把|将).{1,20}(?:(?:改|设置?|调|变|更新|换|移|标记)(?:成|为|到|至|一下)(?!.{0,3}(?:图|表|按))|取消|删|关闭|打.{1,2}折|涨价|降价)|"
    r"更新.{0,6}(?:价格|库存|订单|状态|数据库|会员|商品|密码)|(?:创建|新建|添加|增加)(?:一|个|条|笔|新)*(?:订单|商品|会员|用户|账号|门店)(?!数|量|率)|"
    r"(?<![a-z])(?:delete|erase|wipe|truncate|purge|destroy|insert|overwrite|deactivate)(?![a-z])|(?<![a-z])drop (?:the )?(?:table|database|tables|all|orders|members|column)|(?<![a-z])alter (?:the )?table|"
    r"(?<![a-z])update (?:the |all |our |every |a )*(?:prices?|stock|orders?|members?|products?|database|status|users?|table|passwords?|levels?)|(?<![a-z])(?:set|change|modify|edit|raise|lower|increase|reduce|cut|double|adjust) (?:the |all |our |every |a )*(?:price|prices|stock|level|levels|status|password)(?![a-z])|"
    r"(?<![a-z])(?:remove|cancel) (?:the |all |our |every |a |this |that |last |these |those )*(?:[a-z]+'?s? )?(?:orders?|members?|products?|customers?|users?|records?|data|payments?)(?![a-z])(?! from the (?:report|chart|table))|(?<![a-z])refund (?:the |all |order|customer|every|this)|"
    r"(?<![a-z])(?:create|add|insert|register) (?:a |an |new |another )+(?:user|order|product|account|member|store|admin)(?![a-z])|(?<![a-z])(?:grant|revoke) "
)
_SQL = re.compile(
    r"(?<![a-z])select\s.{1,200}\sfrom\s|(?<![a-z])union (?:all )?select|;\s*(?:drop|select|delete|update)|/\*|--\s|information_schema|sleep\(|load_file"
)
_PEOPLE = r"(?:会员|顾客|客户|用户|买家|客人|消费者|员工|顾问|人)"
_PERSONAL = re.compile(
    rf"手机号?|电话|联系方式|联系人|邮箱|电子邮件|邮件地址|收货地址|家庭住址|住址|{_PEOPLE}.{{0,6}}地址|地址.{{0,6}}{_PEOPLE}|住在哪|姓名|{_PEOPLE}(?:的|们的)?(?:名字|名称|名单|名册|列表|清单|资料|信息|隐私|档案)|"
    rf"名单|身份证|(?:会员|客户|顾客)[\u4e00-\u9fff]{2, 4}买了(?:什么|哪些|啥)|生日|出生|微信号?|银行卡|卡号|个人(?:信息|资料|数据)|隐私|(?:是|都有)?谁(?!的|家店)(?:买|花|消费|下|最|在|是)?|(?:哪|那)(?:个|位|些|几位|几个)(?:老|新|高价值)?{_PEOPLE}|(?:每|各)(?:个|位|一位|名)(?:会员|顾客|客户|用户|买家)(?!等级)|"
    rf"(?:列出|列一下|导出|给我|显示|查)(?:所有|全部|每个)?(?:的)?(?:会员|顾客|客户|用户)(?:$|[,。?!吗吧]|的?(?:名|信|资|列))|前\d+(?:名|位|个)?(?:的)?(?:会员|顾客|客户|用户)(?!等级)|最(?:多|高|大)的(?:前)?\d*(?:名|位|个)?(?:会员|顾客|客户|用户|人)(?!等级|数|群)|"
    r"(?:会员|客户|顾客|用户)(?:消费)?(?:排名|排行|id|编号)|"
    r"(?<![a-z])(?:phones?(?: numbers?)?|telephones?|mobile numbers?|e-?mails?(?: address(?:es)?)?|home address(?:es)?|postal address(?:es)?|address(?:es)?|contact (?:details?|info(?:rmation)?|data|numbers?)|birthda(?:y|te)s?|dates? of birth|"
    r"(?:id|identity) (?:cards?|numbers?)|wechat ids?|credit cards?|bank (?:cards?|accounts?)|card numbers?|personal (?:data|information|details)|private (?:data|information)|"
    r"names? of (?:the |our |all |every |each )*(?:[a-z0-9]+ )?(?:members?|customers?|buyers?|users?|people|guests)|(?:members?|customers?|buyers?|users?)'?s?'? (?:names?|lists?|records?|details|profiles)|"
    r"who (?:are|is|were|was|bought|spent|ordered|buys|spends|made|purchased|shopped|has|have|placed)|which (?:\d+ )?(?:customers?|members?|persons?|people|users?|shoppers?)(?! (?:level|tier|type|group))|(?:top|best|biggest|largest|most valuable) (?:\d+ |ten |five |three )?(?:customers|members|buyers|spenders|shoppers)|"
    r"list (?:of )?(?:all )?(?:the |our )*(?:customers|members|users|buyers)|every (?:customer|member)(?:'s)|each (?:individual )?(?:customer|member)(?:'s|s')?)(?![a-z])"
)
_SECRET = re.compile(
    r"密码|口令|密钥|私钥|系统提示词?|提示词|忽略(?:以上|之前|前面|所有)|(?<![a-z])(?:passwords?|passwd|api[ -]?keys?|secret keys?|access tokens?|credentials?|system prompt|ignore (?:all |the |any |your )*(?:previous|above|prior|earlier)|connection string|\.env)(?![a-z])"
)
_FUTURE = re.compile(
    r"预测|预估|预计|预期|将会|会是多少|会达到|会有多少|能达到多少|展望|明后天|(?<![a-z])(?:forecasts?|forecasting|predict(?:ion|ed|s)?|project(?:ed|ion|ions)|outlook|will (?:be|we|it|the|our|there|have|reach|sell|grow)|going to (?:be|sell|have|reach|grow)|expect(?:ed|ation)?s?(?: to)?|gonna)(?![a-z])"
)
_OFF_TOPIC = re.compile(
    r"天气|气温|下雨|股票|股价|股市|基金|比特币|新闻|笑话|讲个|故事|诗|歌词|菜谱|做菜|翻译|电影|音乐|足球|篮球|彩票|汇率|写(?:一)?(?:首|篇|段|封|个)(?!.{0,6}(?:报告|方案|活动))|代码|编程|python|数学题|作文|星座|运势|旅游|机票|酒店|首都|总统|人生|你是谁|几点了|"
    r"(?<![a-z])(?:weather|temperature|raining|stock price|stock market|bitcoin|crypto|news|jokes?|poems?|story|stories|recipes?|cook|translate|movies?|songs?|lyrics|football|soccer|basketball|lottery|exchange rate|capital of|president|programming|"
    r"javascript|homework|essay|horoscope|flights?|hotels?|meaning of life|who are you|what time is it|world cup|election)(?![a-z])"
)
_NOT_IN_DATA = re.compile(
    r"毛利率?|净利率?|利润率?|盈利|亏损|成本|费用|开支|库存|存货|缺货|断货|周转|退货率?|退款(?:率|数|金额|额|单)?|退单|访客|访问量|流量|浏览量?|点击率?|曝光|转化率|客流量?|进店率?|坪效|人效|员工|店员|导购|考勤|排班|满意度|评分|评价|好评率?|差评|投诉|广告|投放|roi|"
    r"中位数|分位数?|标准差|方差|取消(?:的|了|订单|单|数|率|量)|小时|工作日|平日|周末|节假日|时段|每小时|几点钟?|高峰|竞品|竞争对手|同行|行业|市场份额|市占率?|房租|租金|工资|薪资|奖金|年龄|性别|男女|职业|留存率?|流失率?|生命周期价值|配送时[长间]|物流|快递|核销|领券|领取|拼团|直播|抖音|粉丝|小红书|"
    r"(?<![a-z])(?:profits?|profitability|margins?|gross margin|costs?|expenses?|inventory|in stock|out of stock|stock levels?|stockouts?|turnover rate|refunds?|refunded|refund rate|return rate|returns|returned|visitors?|visits|traffic|page ?views?|clicks?|click[- ]through|impressions?|conversion rates?|footfall|"
    r"staff|employees?|sales ?(?:people|persons?|staff)|satisfaction|nps|ratings?|reviews?|complaints?|ad spend|advertising|ads|roi|roas|competitors?|competition|market share|industry|rents?|wages?|salar(?:y|ies)|age groups?|ages?|genders?|churn|retention|lifetime value|ltv|clv|"
    r"median|percentiles?|standard deviation|variance|cancel(?:led|ed|lations?)|weekdays?|weekends?|holidays|hourly|by hour|per hour|hours?|time of day|delivery times?|shipping|redemptions?|redeemed|followers|tax(?:es)?|cash ?flow|bank balance|debts?|loans?)(?![a-z])"
)
_WHY = re.compile(
    r"为什么|为何|为啥|因为什么|咋回事|怎么回事|什么原因|(?:可能|主要|真正|背后|具体|根本)?(?:的)?原因|归因|诊断|根因|怎么(?:会|就|突然|又|一直|老是|总是|总|越来越|都|还|在|这么|开始)*(?:下降|下跌|跌|降|掉|变|少|低|差|下滑|减少|涨|上升|上涨)|(?:是)?什么(?:导致|造成|引起|影响)|导致|哪里出(?:了)?问题|"
    r"出(?:了)?(?:什么|啥)问题|怎么了|怎么办|啥情况|什么情况|分析.{0,16}(?:下降|下滑|下跌|变低|变差|变少|走低|异常|减少|波动)|(?:下降|下滑|下跌|变低|变差|减少|异常|波动).{0,8}(?:分析|排查|解释)|"
    r"(?<![a-z])(?:why|how come|reasons?|causes?|caused|causing|diagnos[a-z]*|root[- ]causes?|what(?:'s| is| was| are| were)? (?:behind|driving|wrong|responsible|to blame|hurting|going on)|what (?:drove|drives|led|happened|explains|made|pulled|pushed|went wrong)|"
    r"(?:explain|investigate|look into|dig into|understand)(?! how)|(?:analy[sz]e|examine) (?:the |our |this )*(?:[a-z]+ )*(?:drop|decline|fall|decrease|dip|slump|change))(?![a-z])"
)
_PLAN_NOUN_ZH = r"(?:活动|促销|营销|方案|策划|优惠券|发券|满减|满\d+减\d+|打折|折扣券|拉新|唤醒|召回|促活|挽回|大促|福利|推广|会员日)"
_PLAN = re.compile(
    rf"(?:唤醒|召回|挽回|激活|促活).{{0,16}}(?:客|会员|用户)|(?:做|策划|设计|制定|制订|搞|办|举办|发起|安排|规划|推出|生成|拟|写|出|来|想|开展|组织|筹备|计划|准备|帮|弄|发|推).{{0,24}}{_PLAN_NOUN_ZH}(?!期间的?|前后|效果|带来|的效果)|{_PLAN_NOUN_ZH}.{{0,16}}(?:策划|方案|计划|怎么做|预算)|预算.{{0,24}}{_PLAN_NOUN_ZH}|{_PLAN_NOUN_ZH}.{{0,30}}预算|预算 ?[\d一二两三四五六七八九十]|"
    r"(?<![a-z])(?:plan|design|create|launch|run|set up|prepare|propose|draft|make|organi[sz]e|come up with|build|suggest|give|need|want|start|do|develop|put together|devise|outline)(?: me| us)? .{0,60}(?:campaigns?|promotions?|promo|coupons?|vouchers?|offers?|discount code|incentives?|win[- ]?back)(?![a-z])|"
    r"(?<![a-z])(?:campaign|promotion|promo|coupon|offer|win[- ]?back)(?![a-z]).{0,80}(?<![a-z])budget|(?<![a-z])budget(?![a-z]).{0,80}(?:campaign|promotion|promo|coupon|offer|win[- ]?back)|(?<![a-z])(?:win|bring|lure|get) .{0,30}(?:customers?|members?|buyers?) back|(?<![a-z])campaign (?:plan|for|to)|(?<![a-z])budget (?:of |is |: ?)?[¥$]?\d"
)
_PLAN_REPORT = re.compile(
    r"活动(?:期间|前后)|(?:during|before|after) the (?:campaign|promotion)|预算(?:执行|完成|达成)"
)


# "Members who have not ordered" says whom a campaign is for; it asks for nobody's name.
_AUDIENCE = re.compile(
    r"(?<![a-z])(members?|customers?|buyers?|shoppers?|users?|people|those|everybody|everyone) who(?= )"
)


def refusal_of(said: str) -> Reason | None:
    """Why this may not be answered whatever else it says, or None."""
    asked = _AUDIENCE.sub(r"\1", said) if asks_for_plan(said) else said
    for pattern, reason in ((_SQL, "sql"), (_WRITE, "write"), (_SECRET, "secret"), (_PERSONAL, "personal")):
        if pattern.search(asked):
            return reason  # type: ignore[return-value]
    return None


def asks_why(said: str) -> bool:
    return bool(_WHY.search(said))


_WHAT_HAPPENS = re.compile(
    r"(?:啥|什么)情况|怎么了|怎么回事|咋回事|what(?:'s| is) (?:going on|happening)|what (?:happened|is wrong|went wrong)"
)


def asks_what_happens(said: str) -> bool:
    """What is going on: a reason for something, once it is known for what."""
    return bool(_WHAT_HAPPENS.search(said))


_BARE_WHY = re.compile(
    r"(?:那|这|它|最近|近来)?(?:为什么|为何|为啥|怎么|怎么回事|什么原因|什么情况)(?:会|就|又|突然|一直|都)?(?:下降|下跌|下滑|减少|降低|变低|变少|变差|上升|上涨|增长|变高|跌|降|少|低|差|涨|掉)?(?:得)?(?:了|的|呢|啊|这么多|这么快|那么多)*|"
    r"(?:so )?(?:why|how come)(?: did| has| is| was| does)?(?: it| that| this)?(?: fall(?:en|ing)?| fell| drop(?:ped|ping)?| declin(?:e|ed|ing)| decreas(?:e|ed|ing)| go(?:ne|ing)? (?:down|up)| went (?:down|up)| down| up| lower| higher| rise(?:n)?| rose| grow(?:n)?| so much)*"
)


def is_bare_why(said: str) -> bool:
    """Why did it fall: a reason is asked for, of what is not said."""
    return bool(_BARE_WHY.fullmatch(said.strip(" ?,.!")))


def asks_for_plan(said: str) -> bool:
    return bool(_PLAN.search(said)) and not _PLAN_REPORT.search(said)


def asks_about_future(said: str) -> bool:
    return bool(_FUTURE.search(said))


def is_off_topic(said: str) -> bool:
    return bool(_OFF_TOPIC.search(said))


# The chain's people, which "店" in them must not make a store.
_STAFF = re.compile(
    r"店员|导购|收银员|店长(?:的|们)|员工|(?<![a-z])(?:employees?|sales ?(?:people|persons?|staff|clerks?)|cashiers?|clerks?)(?![a-z])"
)
_COUPONS = re.compile(r"优惠券|代金券|券(?!商)|(?<![a-z])(?:coupons?|vouchers?)(?![a-z])")


def not_in_data(said: str, left: str) -> str | None:
    """The word for something that reports do not hold: coupons, or in what has not been understood otherwise."""
    found = _COUPONS.search(said) or _STAFF.search(said) or _NOT_IN_DATA.search(left)
    return found[0] if found else None
