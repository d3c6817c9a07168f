"""How large the fault harness runs."""


def pytest_addoption(parser):
    parser.addoption("--damaged-photos", type=int, default=200, help="damaged photos that go through the cache, colorize and the page")
    parser.addoption("--kills", type=int, default=3, help="times that a run is killed without warning")
