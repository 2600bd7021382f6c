"""Opens the pages of a package in headless Chromium: nothing on the console, search and filter work, keyboard and names are there,
light and dark have enough contrast, wide and narrow fit. The package is that of a module or that of the tool. With a second argument,
screenshots go to that folder."""

import pathlib
import sys

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

folder = pathlib.Path(sys.argv[1]).resolve()
shots = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None

options = webdriver.ChromeOptions()
options.binary_location = "/usr/bin/chromium"
for flag in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"]:
    options.add_argument(flag)
options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)

CONTRAST = """
const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map((v) => {
  v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const back = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
  if (!c.endsWith(", 0)")) return c; } return "rgb(255,255,255)"; };
let worst = [99, ""];
for (const e of document.querySelectorAll("h1,h2,h3,p,li,td,th,dt,dd,a,span,label,caption,figcaption,summary,code,option")) {
  if (!e.textContent.trim() || !e.offsetParent) continue;
  const [a, b] = [light(getComputedStyle(e).color), light(back(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < worst[0]) worst = [ratio, e.outerHTML.slice(0, 80)];
}
return worst;
"""

BASICS = """
const wrong = [];
const need = (ok, what) => { if (!ok) wrong.push(what); };
need(document.documentElement.lang, "a language");
for (const landmark of ["header", "main", "footer"]) need(document.querySelectorAll(landmark).length === 1, "one " + landmark);
need(document.querySelectorAll("h1").length === 1, "one h1");
for (const table of document.querySelectorAll("table")) {
  need(table.caption && table.caption.textContent.trim(), "a caption of " + table.outerHTML.slice(0, 60));
  for (const th of table.querySelectorAll("th")) need(th.scope, "a scope of " + th.outerHTML.slice(0, 60));
}
for (const field of document.querySelectorAll("input,select")) need(field.labels.length === 1, "a label of " + field.outerHTML);
for (const nav of document.querySelectorAll("nav,form")) need(nav.getAttribute("aria-label"), "a name of " + nav.outerHTML.slice(0, 60));
for (const out of document.querySelectorAll("output")) need(out.getAttribute("aria-live") === "polite", "aria-live");
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
need(new Set(ids).size === ids.length, "unique ids");
let level = 0;
for (const h of document.querySelectorAll("h1,h2,h3,h4")) {
  const n = Number(h.tagName[1]); need(n <= level + 1, "a heading of level " + (level + 1) + " before " + h.textContent); level = n; }
for (const a of document.querySelectorAll("a[href^='#']")) need(document.getElementById(a.getAttribute("href").slice(1)), "a target of " + a.href);
need(document.documentElement.scrollWidth <= innerWidth, "no sideways scrolling, " + document.documentElement.scrollWidth);
return wrong;
"""


LINKS = "return [...document.querySelectorAll('a[href]')].map((a) => a.href.split('#')[0]);"

SHOWN = """
const rows = [...document.querySelectorAll(`#${arguments[0]} tbody tr`)];
const shown = rows.filter((row) => row.checkVisibility());
return [shown.map((row) => ({ text: row.innerText, data: { ...row.dataset } })), rows.length];
"""


IS_WHOLE = "return document.readyState === 'complete' && location.pathname.endsWith('/' + arguments[0]);"


def wait_for(page):
    """Waits until a page is there to its end: of a large one on a busy machine the driver knows the beginning only."""
    WebDriverWait(driver, 60).until(lambda _: driver.execute_script(IS_WHOLE, page))


def visit(page):
    driver.get(f"file://{folder}/{page}")
    wait_for(page)


def follow(link):
    page = link.get_attribute("href").split("#")[0].rsplit("/", 1)[1]
    link.click()
    wait_for(page)


def shown(table):
    """Text and data of the rows that are seen, and the number of all."""
    return driver.execute_script(SHOWN, table)


def cell(table, column):
    """The text of a cell of the last row."""
    return driver.find_element(By.CSS_SELECTOR, f"#{table} tbody tr:last-child td:nth-child({column})").text


def check_filter(table, word):
    form = driver.find_element(By.CSS_SELECTOR, f"form[data-table={table}]")
    search, output = form.find_element(By.TAG_NAME, "input"), form.find_element(By.TAG_NAME, "output")
    before, count = shown(table)
    assert len(before) == count > 1, table
    search.send_keys(word)
    found, _ = shown(table)
    assert 0 < len(found) < count and all(word in row["text"] for row in found), (table, word, len(found))
    assert output.text == f"{len(found)} of {count} shown", output.text
    search.send_keys(Keys.CONTROL, "a")
    search.send_keys("no such word")
    assert len(shown(table)[0]) == 0 and output.text == f"0 of {count} shown"
    search.send_keys(Keys.CONTROL, "a")
    search.send_keys(Keys.DELETE)
    assert len(shown(table)[0]) == count
    select = Select(form.find_element(By.TAG_NAME, "select"))
    for option in [o.get_attribute("value") for o in select.options][1:]:
        select.select_by_value(option)
        name = select._el.get_attribute("name")
        kept, _ = shown(table)
        assert kept and all(row["data"][name] == option for row in kept), (option, name, [row["data"] for row in kept])
    select.select_by_value("")


def check_module():
    """A module's package: from the first screen to a function, and code without operator."""
    name = driver.find_element(By.CSS_SELECTOR, "#function-table tbody a").text
    check_filter("function-table", name)
    follow(driver.find_element(By.LINK_TEXT, name))
    assert driver.find_element(By.TAG_NAME, "h1").text == name
    check_filter("code-table", cell("code-table", 3))
    visit("trace.html")
    check_filter("orphan-table", cell("orphan-table", 4))


def check_tool():
    """The tool's package: from the first screen to a requirement."""
    visit("semantics.html")
    check_filter("operators", "i32.clz")
    link = driver.find_element(By.LINK_TEXT, "TOR-OP-i32.clz")
    driver.execute_script("arguments[0].scrollIntoView()", link)
    follow(link)
    row = driver.find_element(By.CSS_SELECTOR, "tr:target")
    assert row.is_displayed() and "TOR-OP-i32.clz" in row.text, row.text


try:
    pages = sorted(str(p.relative_to(folder)) for p in folder.rglob("*.html"))
    is_module = any(p.startswith("functions/") for p in pages)
    assert "index.html" in pages and (is_module or "tor.html" in pages)
    # Narrow as a phone; light and dark at the width of a desk.
    for scheme, width in [("light", 420), ("light", 1280), ("dark", 1280)]:
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        for page in pages:
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
            visit(page)
            wrong = driver.execute_script(BASICS)
            assert not wrong, f"{page}, {width} pixels wide: {wrong}"
            ratio, where = driver.execute_script(CONTRAST)
            assert ratio >= 4.5, f"{page}, {scheme}: contrast {ratio:.2f} of {where}"
            for target in sorted(set(driver.execute_script(LINKS))):
                assert pathlib.Path(target.removeprefix("file://")).exists(), f"{page}: {target}"
            if shots:
                driver.save_screenshot(str(shots / f"{page.replace('/', '-')}-{scheme}-{width}.png"))
    visit("index.html")
    driver.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    skip = driver.switch_to.active_element
    assert skip.text == "Skip to the content" and skip.is_displayed() and skip.location["x"] >= 0, "the skip link comes first"
    skip.send_keys(Keys.ENTER)
    assert driver.switch_to.active_element.tag_name == "main"
    driver.switch_to.active_element.send_keys(Keys.TAB)
    focused = driver.switch_to.active_element
    assert focused.value_of_css_property("outline-style") == "solid", f"the focus of {focused.tag_name} is seen"
    check_module() if is_module else check_tool()
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not driver.find_element(By.CSS_SELECTOR, "form.filters").is_displayed(), "printed pages have no filters"
    log = [e for e in driver.get_log("browser") if e["level"] != "INFO"]
    assert not log, log
    foreign = [e["message"] for e in driver.get_log("performance") if '"http' in e["message"] and "requestWillBeSent" in e["message"]]
    assert not foreign, foreign[:3]
    print(f"{len(pages)} pages, light, dark and narrow: nothing on the console, nothing from a network, filters work")
finally:
    driver.quit()
