"""How large the fault harness and the test of the cluster run."""


def pytest_addoption(parser):
    parser.addoption("--damaged-photos", type=int, default=200, help="damaged photos that go through the cache, colorize and the page")
    parser.addoption("--kills", type=int, default=3, help="times that a run is killed without warning")
    parser.addoption("--six-on-a-cluster", action="store_true", help="train all six networks of the study on the cluster of two workers, not one")
