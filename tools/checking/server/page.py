"""The page of an evssmd in headless Chromium: a picture is chosen, restored and compared; an error is shown; nothing is
fetched from elsewhere. Screenshots go to FOLDER.

    python3 page.py EVSSMD PLAN FOLDER        (in an environment with selenium)
"""

import os
import sys
import time

from running import Checks, Server
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

check = Checks()
FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../Tests/Fixtures/goldens")


def browser():
    options = webdriver.ChromeOptions()
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1100,1000",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))


def main():
    evssmd, plan, folder = sys.argv[1:4]
    with Server(evssmd, plan, "--log-level", "notice") as server:
        page = browser()
        try:
            page.get(f"http://{server.address}/")
            time.sleep(0.5)
            page.save_screenshot(f"{folder}/page-start.png")
            page.find_element(By.ID, "file").send_keys(os.path.abspath(f"{FIXTURES}/windows-400x432/input.png"))
            WebDriverWait(page, 60).until(lambda page: page.find_element(By.ID, "stage").is_displayed())
            time.sleep(0.3)
            page.save_screenshot(f"{folder}/page-result.png")
            size = page.execute_script(
                "const i = document.getElementById('after'); return [i.naturalWidth, i.naturalHeight]"
            )
            check(size == [432, 400], "the result is shown in its size", size)
            check("restored in" in page.find_element(By.ID, "status").text, "the time is told")
            check(
                page.find_element(By.ID, "save").get_attribute("download") == "input-restored.png",
                "the result can be saved",
            )
            page.find_element(By.ID, "file").send_keys(os.path.abspath(__file__))
            WebDriverWait(page, 20).until(
                lambda page: "bad" in page.find_element(By.ID, "status").get_attribute("class")
            )
            check(
                "PNG" in page.find_element(By.ID, "status").text,
                "what is no picture is explained",
                page.find_element(By.ID, "status").text,
            )
            page.save_screenshot(f"{folder}/page-error.png")
            problems = [
                entry
                for entry in page.get_log("browser")
                if entry["level"] == "SEVERE" and "400" not in entry["message"]
            ]
            check(not problems, "no errors in the console", problems)
            requests = page.execute_script("return performance.getEntriesByType('resource').map((e) => e.name)")
            outside = [name for name in requests if not name.startswith((f"http://{server.address}/", "blob:"))]
            check(not outside, "nothing comes from elsewhere", outside)
        finally:
            page.quit()
        check(server.stop() == 0, "the server ends in order")
    check.finish()


if __name__ == "__main__":
    main()
