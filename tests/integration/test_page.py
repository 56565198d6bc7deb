"""The desk's page in a real browser against a real box, on a desk's screen and on a phone."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect, sync_playwright

from carebell.types import Alert, AlertStatus, Severity
from tests.integration.conftest import MakeBox
from tests.support import build
from tests.support.box import Box, Device
from tests.support.command import carebell
from tests.support.patience import PATIENCE_S
from tests.support.servers.mosquitto import Mosquitto
from tests.support.services import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

SCREENSHOTS = ROOT / ".cache" / "screenshots"
SIZES = {"desk": (1280, 800), "phone": (360, 780)}
# What runs out of its card is cut off without making the page any wider.
TOO_WIDE = """[...document.querySelectorAll("html, .list, .detail, .case-now *, .panel *")].filter((one) => {
    if (!one.checkVisibility()) return false;
    const card = one.closest(".case-now, .panel");
    if (!card) return one.scrollWidth > one.clientWidth;
    const edge = card.getBoundingClientRect().right - parseFloat(getComputedStyle(card).paddingRight);
    return Math.floor(one.getBoundingClientRect().right) > Math.ceil(edge);
}).map((one) => one.className || one.tagName)"""
FIRE_BRIGADE = build.default_policies().for_alert("hazard", Severity.CRITICAL).call
FAILED_FETCH = re.compile(r"Failed to load resource|net::ERR_")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_S * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=PATIENCE_S * 1000)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box(tmp_path_factory.mktemp("demo") / "data", demo=True) as box:
        yield box


@dataclass(slots=True)
class Screen:
    """A page, and what it complained of on its console."""

    page: Page
    size: str
    errors: list[str] = field(default_factory=list)
    failed_fetches_are_meant: bool = False

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def unmeant(self) -> list[str]:
        return [one for one in self.errors if not (self.failed_fetches_are_meant and FAILED_FETCH.search(one))]

    def shoot(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}-{self.size}.png")

    def assert_accessible(self) -> None:
        found = Axe().run(self.page)
        assert found.violations_count == 0, found.generate_report()

    def assert_fits(self) -> None:
        wide = self.page.evaluate(TOO_WIDE)
        assert wide == [], f"wider than the room they have: {wide}"

    def card(self, home_id: str) -> Any:
        return self.page.locator(f"[data-testid=case-card][data-home-id={home_id}]")

    def open_case(self, home_id: str) -> None:
        self.card(home_id).locator("a").click()
        expect(self.page.get_by_test_id("case-status")).to_be_visible()


OpenScreen = Callable[..., Screen]


@pytest.fixture
def open_screen(browser: Browser) -> Iterator[OpenScreen]:
    """Opens pages; at the end none may have complained."""
    screens: list[Screen] = []

    def opened(url: str, size: str = "desk", *, language: str = "en-US", dark: bool = False) -> Screen:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale=language,
            has_touch=size == "phone",
            color_scheme="dark" if dark else "light",
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        screen = Screen(page, size)
        page.on("console", lambda message: screen.hear(message))
        page.on("pageerror", lambda error: screen.errors.append(str(error)))
        page.goto(url)
        screens.append(screen)
        return screen

    yield opened
    for screen in screens:
        screen.page.context.close()
    assert [error for screen in screens for error in screen.unmeant()] == []


def live(screen: Screen) -> Screen:
    expect(screen.page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
    return screen


@pytest.fixture(params=list(SIZES))
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def number(request: pytest.FixtureRequest, size: str) -> int:
    """A home of its own for each test and size."""
    names = [item.nodeid for item in request.session.items]
    return names.index(request.node.nodeid) % 30 + 1


def button_of(box: Box, number: int) -> Device:
    return Device(box.mqtt_port, f"home-{number:03d}", f"button-{number:03d}")


def test_what_a_helper_at_the_door_must_know_is_shown(
    demo: Box, open_screen: OpenScreen, size: str, number: int
) -> None:
    home_id = f"home-{number:03d}"
    home = demo.api(f"/homes/{home_id}")
    home["key_safe"] = "Left of the door"
    home["residents"] = [{"resident_id": "r", "name": "Wang", "conditions": "Diabetes", "medication": "Insulin"}]
    home["contacts"] = [{"contact_id": "c", "name": "Li Min", "has_key": True, "hours": ["08:00-22:00"]}]
    home["services"] = [{"service_id": "s", "name": "Care station", "role": "provider", "phones": ["021-5555 0199"]}]
    assert demo.request(f"/api/v1/homes/{home_id}", home, method="PUT")[0] == 200
    screen = live(open_screen(demo.url, size))
    with button_of(demo, number) as button:
        button.press(f"door-{size}")
        expect(screen.card(home_id)).to_be_visible()
    screen.open_case(home_id)
    facts = screen.page.locator(".facts")
    for shown in ("Conditions: Diabetes", "Medication: Insulin", "Left of the door", "Li Min has a key · 08:00-22:00"):
        expect(facts).to_contain_text(shown)
    expect(facts.get_by_role("link", name="Care station 021-5555 0199")).to_be_visible()
    screen.assert_fits()


def test_a_press_is_on_the_page_by_itself_and_ends_as_people_say(
    demo: Box, open_screen: OpenScreen, size: str, number: int
) -> None:
    home_id = f"home-{number:03d}"
    screen = live(open_screen(demo.url, size))
    page = screen.page
    screen.shoot("1-before")
    with button_of(demo, number) as button:
        button.press(f"page-{size}")
        expect(screen.card(home_id)).to_be_visible()
        screen.assert_fits()
        screen.assert_accessible()
        screen.shoot("2-list")

        screen.open_case(home_id)
        expect(page.get_by_test_id("timeline").locator("li").first).to_be_visible()
        screen.assert_fits()
        screen.assert_accessible()
        screen.shoot("3-open")

        page.get_by_test_id("accept").click()
        expect(page.get_by_test_id("case-status")).to_contain_text("demo desk")
        assert button.hear("coming", f"page-{size}")["who"] == "demo desk"
    expect(page.get_by_test_id("home-told")).to_have_text("Home: someone is coming – sent; this device cannot confirm")
    (case,) = demo.cases(home_id)
    assert (case["status"], case["accepted_by"]) == ("accepted", "demo desk")

    page.get_by_test_id("note").click()
    expect(page.get_by_test_id("action-message")).to_have_attribute("role", "alert")
    page.get_by_test_id("note-text").fill("She answers the phone. <b>她接电话了</b>")
    page.get_by_test_id("note").click()
    expect(page.get_by_test_id("timeline")).to_contain_text("She answers the phone. <b>她接电话了</b>")
    page.get_by_test_id("en-route").click()
    expect(page.get_by_test_id("arrived")).to_have_class(re.compile("primary"))
    page.get_by_test_id("arrived").click()
    expect(page.get_by_test_id("arrived")).to_be_disabled()
    screen.assert_accessible()
    screen.shoot("4-arrived")

    page.get_by_test_id("close").click()
    screen.shoot("5-close")
    page.get_by_test_id("close-confirm").click()
    expect(page.locator("#close-problem")).not_to_be_empty()
    assert demo.cases(home_id)[0]["status"] == "arrived"
    page.get_by_test_id("outcome").select_option("helped_at_home")
    page.get_by_test_id("close-note").fill("Tea was had.")
    screen.assert_accessible()
    page.get_by_test_id("close-confirm").click()
    expect(page.get_by_test_id("case-status")).to_contain_text("Helped at home", ignore_case=True)
    expect(page.get_by_test_id("timeline")).to_contain_text("Tea was had.")
    screen.shoot("6-closed")
    (case,) = demo.cases(home_id)
    assert (case["status"], case["outcome"]) == ("closed", "helped_at_home")


def test_the_language_is_switched_and_kept(demo: Box, open_screen: OpenScreen, size: str, number: int) -> None:
    screen = live(open_screen(demo.url, size))
    page = screen.page
    expect(page.locator("html")).to_have_attribute("lang", "en")
    with button_of(demo, number) as button:
        button.press(f"language-{size}")
    page.get_by_test_id("language").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(screen.card(f"home-{number:03d}")).to_contain_text("无人接单")
    page.reload()
    live(screen)
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    screen.open_case(f"home-{number:03d}")
    screen.assert_fits()
    screen.assert_accessible()
    screen.shoot("7-chinese")


def test_a_browser_of_chinese_people_begins_in_chinese_and_dark_is_readable(
    demo: Box, open_screen: OpenScreen, size: str, number: int
) -> None:
    with button_of(demo, number) as button:
        button.press(f"dark-{size}")
    screen = live(open_screen(demo.url, size, language="zh-CN", dark=True))
    expect(screen.page.locator("html")).to_have_attribute("lang", "zh-CN")
    screen.assert_accessible()
    screen.open_case(f"home-{number:03d}")
    screen.assert_accessible()
    screen.shoot("8-dark")


def test_accepting_from_the_list_and_escalating(demo: Box, open_screen: OpenScreen, size: str, number: int) -> None:
    home_id = f"home-{number:03d}"
    with button_of(demo, number) as button:
        button.press(f"list-{size}")
    screen = live(open_screen(demo.url, size))
    page = screen.page
    screen.open_case(home_id)
    page.get_by_test_id("escalate").click()
    expect(page.get_by_test_id("action-message")).to_have_text("Escalated: the next people are being told.")
    expect(page.get_by_test_id("deliveries")).to_contain_text("示范养老服务站")
    expect(page.get_by_test_id("deliveries")).to_contain_text("Provider")
    expect(page.get_by_test_id("next-step")).to_contain_text("Health centre in")
    screen.assert_fits()
    page.locator("#deliveries-heading").scroll_into_view_if_needed()
    screen.shoot("12-escalated")
    if size == "phone":
        page.get_by_test_id("back").click()
    screen.card(home_id).get_by_test_id("card-accept").click()
    expect(page.get_by_test_id("case-status")).to_contain_text("demo desk")
    assert demo.cases(home_id)[0]["status"] == "accepted"


def test_a_slow_answer_keeps_nobody_from_accepting(demo: Box, open_screen: OpenScreen, size: str, number: int) -> None:
    home_id = f"home-{number:03d}"
    with button_of(demo, number) as button:
        button.press(f"slow-{size}")
    screen = live(open_screen(demo.url, size))
    page, held = screen.page, list[Route]()
    page.route("**/note", lambda route: held.append(route))
    screen.open_case(home_id)
    page.get_by_test_id("note-text").fill("Key at the neighbour's")
    page.get_by_test_id("note").click()
    expect(page.get_by_test_id("action-message")).to_have_text("Sending…")
    if size == "phone":
        page.get_by_test_id("back").click()
    screen.card(home_id).get_by_test_id("card-accept").click()
    expect(page.get_by_test_id("case-status")).to_contain_text("demo desk")
    (note,) = held
    note.continue_()
    expect(page.get_by_test_id("timeline")).to_contain_text("Key at the neighbour's")


def test_two_desks_see_one_another(demo: Box, open_screen: OpenScreen, number: int, size: str) -> None:
    home_id = f"home-{number:03d}"
    first, second = live(open_screen(demo.url, size)), live(open_screen(demo.url, size))
    with button_of(demo, number) as button:
        button.press(f"two-{size}")
    first.open_case(home_id)
    second.open_case(home_id)
    first.page.get_by_test_id("accept").click()
    expect(second.page.get_by_test_id("case-status")).to_contain_text("demo desk")
    expect(second.page.get_by_test_id("accept")).to_be_disabled()


def test_a_dead_box_is_told_loudly_and_nothing_is_missed_once_it_is_back(
    make_box: MakeBox, open_screen: OpenScreen, size: str
) -> None:
    box = make_box(demo=True).start()
    screen = live(open_screen(box.url, size))
    screen.failed_fetches_are_meant = True
    banner = screen.page.get_by_test_id("feed-banner")
    expect(banner).to_be_hidden()
    box.kill()
    expect(banner).to_be_visible()
    expect(screen.page.get_by_test_id("feed-state")).to_have_attribute("data-state", "lost")
    screen.assert_accessible()
    screen.assert_fits()
    screen.shoot("9-lost")
    box.start()
    with Device(box.mqtt_port, "home-001", "button-001") as button:
        button.press("while-away")
    expect(banner).to_be_hidden()
    live(screen)
    expect(screen.card("home-001")).to_be_visible()
    with Device(box.mqtt_port, "home-002", "button-002") as button:
        button.press("after")
    expect(screen.card("home-002")).to_be_visible()


def test_a_box_that_hears_no_calls_is_told_though_the_feed_lives(
    make_box: MakeBox, mosquitto: Mosquitto, open_screen: OpenScreen, size: str
) -> None:
    config = {"desk": {"tokens": {"token-1": "Anna"}, "phone": "021-5555 0100"}}
    box = make_box(config=config, broker=mosquitto.url).start()
    screen = open_screen(box.url, size)
    page = screen.page
    screen.failed_fetches_are_meant = True
    page.get_by_test_id("sign-in-token").fill("token-1")
    page.get_by_test_id("sign-in-submit").click()
    live(screen)
    banner, state, empty = (page.get_by_test_id(name) for name in ("feed-banner", "feed-state", "empty"))
    expect(banner).to_be_hidden()
    mosquitto.kill()
    expect(banner).to_contain_text("Calls may be delayed")
    expect(banner).to_have_attribute("role", "alert")
    expect(banner).to_contain_text("021-5555 0100")
    expect(page.get_by_test_id("problems")).to_contain_text("mqtt: not connected to the MQTT broker")
    expect(state).to_have_attribute("data-state", "delayed")
    expect(empty).to_contain_text("may be delayed")
    screen.assert_accessible()
    screen.assert_fits()
    screen.shoot("13-delayed")
    page.get_by_test_id("language").click()
    expect(banner).to_contain_text("呼叫可能延迟")
    expect(banner).to_contain_text("021-5555 0100")
    screen.assert_accessible()
    screen.assert_fits()
    screen.shoot("14-delayed-chinese")
    mosquitto.start()
    expect(banner).to_be_hidden()
    live(screen)


def test_a_token_is_asked_for_and_a_wrong_one_refused(make_box: MakeBox, open_screen: OpenScreen, size: str) -> None:
    box = make_box(config={"desk": {"tokens": {"right-token-1": "Anna"}}}).start()
    screen = open_screen(box.url, size)
    page = screen.page
    screen.failed_fetches_are_meant = True
    expect(page.get_by_test_id("sign-in-token")).to_be_focused()
    expect(page.get_by_test_id("start-shift")).to_be_hidden()
    screen.assert_accessible()
    screen.assert_fits()
    page.get_by_test_id("sign-in-token").fill("wrong-token")
    page.get_by_test_id("sign-in-submit").click()
    expect(page.get_by_test_id("sign-in-problem")).not_to_be_empty()
    screen.shoot("10-sign-in")
    page.get_by_test_id("sign-in-token").fill("right-token-1")
    page.get_by_test_id("sign-in-submit").click()
    live(screen)
    assert page.evaluate("document.cookie") == ""
    expect(page.get_by_test_id("empty")).to_be_visible()
    page.reload()
    live(screen)
    page.get_by_test_id("sign-out").click()
    expect(page.get_by_test_id("sign-in-token")).to_be_visible()
    assert page.evaluate("fetch('/api/v1/cases').then((answer) => answer.status)") == 401


def test_a_shift_is_sounded_and_muting_accepts_nothing(
    demo: Box, open_screen: OpenScreen, size: str, number: int
) -> None:
    home_id = f"home-{number:03d}"
    screen = live(open_screen(demo.url, size))
    page = screen.page
    page.get_by_test_id("start-shift").click()
    with button_of(demo, number) as button:
        button.press(f"sound-{size}")
    # Other cases may sound already: muted before this one is there, it would sound again.
    expect(screen.card(home_id)).to_be_visible()
    expect(page.get_by_test_id("sound-state")).to_have_attribute("data-sound", "sounding")
    screen.assert_fits()
    screen.assert_accessible()
    screen.shoot("11-sounding")
    page.get_by_test_id("mute").click()
    expect(page.get_by_test_id("sound-state")).to_have_attribute("data-sound", "muted")
    assert demo.cases(home_id)[0]["status"] == "open"


def raised(home_id: str, id: str, rule: str, summary: str, summary_zh: str, **more: Any) -> Alert:
    alert = build.alert(id, rule=rule, home_id=home_id, device_id="pendant-1", at=datetime.now(UTC), **more)
    return replace(alert, summary=summary, summary_zh=summary_zh, evidence=("r1", "r2"))


def test_a_suspected_fall_counts_down_and_may_be_cancelled_by_the_home(
    demo: Box, open_screen: OpenScreen, size: str, number: int
) -> None:
    home_id = f"home-{number:03d}"
    screen = live(open_screen(demo.url, size))
    page = screen.page
    words = ("A fall is suspected: a hard impact at 16:02, then lying.", "疑似跌倒：16:02 剧烈撞击后平躺。")
    page.get_by_test_id("start-shift").click()
    demo.raises(raised(home_id, f"fall-{home_id}", "fall", *words, pre_alarm=build.seconds(300)))
    card = screen.card(home_id)
    expect(card).to_be_visible()
    expect(card.get_by_test_id("card-next")).to_have_text(re.compile(r"People are called in \d:\d\d, unless"))
    expect(card).to_have_class(re.compile("pre-alarm"))
    screen.assert_fits()
    screen.assert_accessible()
    screen.shoot("15-pre-alarm-list")
    screen.open_case(home_id)
    expect(page.get_by_test_id("case-status")).to_have_text("Pre-alarm: nobody is called yet")
    expect(page.get_by_test_id("case-summary")).to_have_text(words[0])
    expect(page.get_by_test_id("accept")).to_be_enabled()
    screen.assert_fits()
    screen.assert_accessible()
    screen.shoot("16-pre-alarm")
    page.get_by_test_id("language").click()
    expect(page.get_by_test_id("case-status")).to_have_text("预警中：尚未通知任何人")
    expect(page.get_by_test_id("timeline")).to_contain_text(words[1])
    screen.assert_fits()
    screen.assert_accessible()
    screen.shoot("17-pre-alarm-chinese")
    page.get_by_test_id("language").click()
    over = ("She is up again: movement in the kitchen.", "已起身：厨房有活动。")
    demo.raises(raised(home_id, f"fall-{home_id}", "fall", *over, status=AlertStatus.RESOLVED))
    expect(page.get_by_test_id("case-status")).to_have_text("Closed: Cancelled by the home")
    expect(page.get_by_test_id("timeline")).to_contain_text("by the home")
    screen.assert_accessible()
    screen.shoot("18-cancelled")


def test_a_pre_alarm_that_has_passed_is_a_call_like_any_other(
    demo: Box, open_screen: OpenScreen, size: str, number: int
) -> None:
    home_id = f"home-{number:03d}"
    screen = live(open_screen(demo.url, size))
    words = ("A fall is suspected.", "疑似跌倒。")
    demo.raises(raised(home_id, f"passes-{home_id}", "fall", *words, pre_alarm=build.seconds(20)))
    card = screen.card(home_id)
    expect(card).to_have_class(re.compile("pre-alarm"))
    expect(card).not_to_have_class(re.compile("pre-alarm"))
    expect(card).to_contain_text("Nobody has accepted")


def test_a_hazard_says_which_number_to_call_first(demo: Box, open_screen: OpenScreen, size: str, number: int) -> None:
    home_id = f"home-{number:03d}"
    screen = live(open_screen(demo.url, size))
    words = ("Smoke in the kitchen since 16:05.", "厨房自 16:05 起有烟雾。")
    demo.raises(raised(home_id, f"smoke-{home_id}", "hazard", *words))
    expect(screen.card(home_id).get_by_test_id("card-call")).to_have_text(f"Call {FIRE_BRIGADE} first")
    screen.open_case(home_id)
    expect(screen.page.get_by_test_id("call-first")).to_have_text(f"Call {FIRE_BRIGADE} first")
    screen.assert_fits()
    screen.assert_accessible()
    screen.shoot("19-hazard")
    screen.page.get_by_test_id("language").click()
    expect(screen.page.get_by_test_id("call-first")).to_have_text(f"请先拨打 {FIRE_BRIGADE}")
    screen.assert_fits()
    screen.assert_accessible()
    screen.shoot("20-hazard-chinese")


LAMPLIT = """
homes:
  - home_id: lamp-{size}
    label: Lamp home
    devices:
      - {{device_id: button, is_sos: true}}
      - {{device_id: lamp, dialect: zigbee2mqtt, confirms: lamp}}
"""


def test_a_home_that_may_not_have_heard_is_marked_on_its_card_and_in_its_case(
    demo: Box, open_screen: OpenScreen, size: str, tmp_path: Path
) -> None:
    home_id = f"lamp-{size}"
    (tmp_path / "homes.yaml").write_text(LAMPLIT.format(size=size))
    carebell("admin", "homes", "import", str(tmp_path / "homes.yaml"), "--data", str(demo.data))
    with Device(demo.mqtt_port, home_id, "button") as button:
        button.press(f"lamp-{size}")
    case = demo.wait_case(home_id)
    screen = live(open_screen(demo.url, size))
    demo.api(f"/cases/{case['id']}/accept", {"by": "Anna"})
    told = screen.card(home_id).get_by_test_id("card-home-told")
    expect(told).to_have_text("Home: someone is coming – sent")
    expect(told).to_contain_text("The home may not have heard")
    expect(told).to_have_attribute("data-doubt", "true")
    screen.assert_accessible()
    screen.shoot("18-unheard-list")
    screen.open_case(home_id)
    expect(screen.page.get_by_test_id("home-told")).to_contain_text("The home may not have heard")
    expect(screen.page.get_by_test_id("timeline")).to_contain_text("no proof from lamp after 30 s")
    screen.assert_fits()
    screen.assert_accessible()
    screen.shoot("19-unheard")
