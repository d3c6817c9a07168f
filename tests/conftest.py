"""How large the fault harness runs."""


def pytest_addoption(parser):
    parser.addoption("--damaged-photos", type=int, default=200, help="damaged photos that go through the cache, colorize and the page")
