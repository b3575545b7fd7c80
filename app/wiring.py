"""The one place that knows every feature: blueprints, tools, outbox handlers, template globals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from app.accounts import account_views, contact_views
from app.accounts import api as accounts_api
from app.accounts import login as accounts_login
from app.accounts import messages as accounts_messages
from app.accounts import models as _accounts  # noqa: F401
from app.accounts import service as accounts_service
from app.accounts import views as accounts_views
from app.admin import api as admin_api
from app.admin import navigation as admin_navigation
from app.admin import views as admin_views
from app.agent import api as agent_api
from app.agent import consultant_views, person_views
from app.agent import silencing as agent_silencing
from app.agent import views as agent_views
from app.audit import models as _audit  # noqa: F401
from app.campaigns import api as campaigns_api
from app.campaigns import mock_crm as campaigns_mock_crm
from app.campaigns import models as _campaigns  # noqa: F401
from app.campaigns import tools as campaigns_tools
from app.campaigns import views as campaigns_views
from app.cart import api as cart_api
from app.cart import badge as cart_badge
from app.cart import models as _cart  # noqa: F401
from app.cart import queries as cart_queries
from app.cart import tools as cart_tools
from app.cart import views as cart_views
from app.catalogue import api as catalogue_api
from app.catalogue import meaning as catalogue_meaning
from app.catalogue import navigation as catalogue_navigation
from app.catalogue import tools as catalogue_tools
from app.catalogue import views as catalogue_views
from app.cli import register_commands
from app.config import Settings
from app.consultants import api as consultants_api
from app.consultants import canned_views
from app.consultants import jobs as consultants_jobs
from app.consultants import models as _consultants  # noqa: F401
from app.consultants import service as consultants_service
from app.consultants import tools as consultants_tools
from app.conversations import models as _conversations  # noqa: F401
from app.conversations import service as conversations_service
from app.coupons import api as coupons_api
from app.coupons import models as _coupons  # noqa: F401
from app.coupons import tools as coupons_tools
from app.coupons import views as coupons_views
from app.coupons.goods import lend_goods
from app.customers import tools as customers_tools
from app.delivery import api as delivery_api
from app.delivery import desk_views as delivery_desk_views
from app.delivery import models as _delivery  # noqa: F401
from app.delivery import planning as delivery_planning
from app.delivery import views as delivery_views
from app.extensions import csrf, login_manager
from app.external import api as external_api
from app.external import models as _external  # noqa: F401
from app.external import views as external_views
from app.external.catalogue import attached_tools
from app.external.queries import attached_servers
from app.gateway import api as gateway_api
from app.gateway import models as _gateway  # noqa: F401
from app.gateway import ratings_api, ratings_views, usage_views
from app.gateway import views as gateway_views
from app.insights import tools as insights_tools
from app.insights.knowledge import meaning as knowledge_meaning
from app.insights.knowledge import models as _knowledge  # noqa: F401
from app.insights.knowledge import views as knowledge_views
from app.insights.saved import models as _saved_reports  # noqa: F401
from app.mcp import connect_views as mcp_connect_views
from app.mcp import groups_api as mcp_groups_api
from app.mcp import groups_views as mcp_groups_views
from app.mcp import log_api as mcp_log_api
from app.mcp import log_views as mcp_log_views
from app.mcp import overview_views as mcp_overview_views
from app.mcp import sse_views as mcp_sse_views
from app.mcp import tools_api as mcp_tools_api
from app.mcp import tools_views as mcp_tools_views
from app.mcp import views as mcp_views
from app.members import models as _members  # noqa: F401
from app.members import queries as members_queries
from app.members import service as members_service
from app.notifications import models as _notifications  # noqa: F401
from app.notifications import service as notifications_service
from app.oauth import account_views as oauth_account_views
from app.oauth import admin_views as oauth_admin_views
from app.oauth import consent as oauth_consent
from app.oauth import metadata as oauth_metadata
from app.oauth import models as _oauth  # noqa: F401
from app.oauth import protocol as oauth_protocol
from app.onboarding import api as onboarding_api
from app.onboarding import models as _onboarding  # noqa: F401
from app.onboarding import starting as onboarding_starting
from app.onboarding import steps as onboarding_steps
from app.onboarding import views as onboarding_views
from app.onboarding import welcome_views
from app.onboarding.workflow import TOPIC as REGISTERED
from app.operations import api as operations_api
from app.operations import models as _operations  # noqa: F401
from app.operations import views as operations_views
from app.operations.saved import api as saved_reports_api
from app.operations.saved import views as saved_reports_views
from app.orders import api as orders_api
from app.orders import checkout as orders_checkout
from app.orders import console as orders_console
from app.orders import models as _orders  # noqa: F401
from app.orders import tools as orders_tools
from app.orders import views as orders_views
from app.outbox.service import subscribe
from app.sales import models as _sales  # noqa: F401
from app.semantic.sources import SOURCES
from app.tools import api as tools_api
from app.tools import models as _tools  # noqa: F401
from app.tools import servers as tool_servers
from app.tools.registry import registry
from app.voice import api as voice_api
from app.voice import console as voice_console
from app.voice import models as _voice  # noqa: F401
from app.voice import speech_api as voice_speech_api
from app.voice import views as voice_views
from app.web.errors import init_errors
from app.web.routing import init_routing
from app.web.security import init_security
from app.web.templating import init_templating, load_ui_macros

BLUEPRINTS = (
    accounts_views.bp,
    accounts_api.bp,
    account_views.bp,
    contact_views.bp,
    catalogue_views.bp,
    catalogue_api.bp,
    cart_views.bp,
    cart_api.bp,
    coupons_views.bp,
    coupons_api.bp,
    orders_views.bp,
    orders_checkout.bp,
    orders_console.bp,
    orders_api.bp,
    tools_api.bp,
    gateway_views.bp,
    gateway_api.bp,
    usage_views.bp,
    ratings_views.bp,
    ratings_api.bp,
    consultants_api.bp,
    canned_views.bp,
    agent_views.bp,
    person_views.bp,
    consultant_views.bp,
    agent_api.bp,
    operations_api.bp,
    saved_reports_api.bp,
    saved_reports_views.bp,
    operations_views.bp,
    mcp_views.bp,
    external_views.bp,
    external_api.bp,
    oauth_metadata.bp,
    oauth_protocol.bp,
    oauth_consent.bp,
    oauth_account_views.bp,
    oauth_admin_views.bp,
    mcp_groups_api.bp,
    mcp_log_api.bp,
    mcp_log_views.bp,
    mcp_overview_views.bp,
    mcp_tools_api.bp,
    mcp_groups_views.bp,
    mcp_tools_views.bp,
    mcp_sse_views.bp,
    mcp_connect_views.bp,
    knowledge_views.bp,
    campaigns_views.bp,
    campaigns_api.bp,
    campaigns_mock_crm.bp,
    voice_views.bp,
    voice_console.bp,
    voice_api.bp,
    onboarding_views.bp,
    onboarding_api.bp,
    welcome_views.bp,
    voice_speech_api.bp,
    delivery_views.bp,
    delivery_api.bp,
    delivery_desk_views.bp,
    admin_views.bp,
    admin_api.bp,
)
TOOL_MODULES = (
    catalogue_tools,
    cart_tools,
    coupons_tools,
    orders_tools,
    consultants_tools,
    insights_tools,
    campaigns_tools,
    customers_tools,
)


def wire(app: Flask, settings: Settings) -> None:
    """Register everything with the application."""
    init_routing(app)
    init_security(app, csrf)
    init_errors(app)
    init_templating(app)
    accounts_login.init_login(login_manager)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    for module in TOOL_MODULES:
        registry.add_all(module.TOOLS)
    _hook(registry.sources, attached_tools)
    _hook(tool_servers.SOURCES, attached_servers)
    for topic, handler in accounts_messages.HANDLERS.items():
        subscribe(topic, handler)
    subscribe(REGISTERED, onboarding_starting.start_run)
    subscribe(consultants_service.TOPIC, consultants_jobs.tell_of_asking)
    _hook(onboarding_steps.AFTER_WELCOME, consultants_service.open_for_registration)
    _hook(consultants_service.SILENCERS, agent_silencing.silence)
    subscribe(notifications_service.TOPIC, delivery_planning.plan)
    _hook(accounts_service.AFTER_REGISTRATION, members_service.enrol)
    _hook(accounts_service.AFTER_REGISTRATION, onboarding_starting.plan_welcome)
    _hook(accounts_login.AFTER_LOGIN, cart_views.merge_at_login)
    _hook(accounts_login.AFTER_LOGIN, conversations_service.take_over)
    _hook(SOURCES, knowledge_meaning.document_source)
    _hook(SOURCES, catalogue_meaning.product_source)
    lend_goods(cart_queries.list_goods)
    app.jinja_env.globals.update(
        unread_count=account_views.unread_count,
        membership_of=members_queries.find_membership,
        cart_count=cart_badge.count_for_page,
        shop_navigation=catalogue_navigation.shop_navigation,
        console_navigation=admin_navigation.console_navigation,
    )
    load_ui_macros(app)
    register_commands(app)


def _hook(hooks: list[Callable[..., Any]], call: Callable[..., Any]) -> None:
    """Add a call to a feature's hooks, once however many applications a process makes."""
    if call not in hooks:
        hooks.append(call)
