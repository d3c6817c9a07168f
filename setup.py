"""Package metadata, read from settings.ini so that it is written down once."""
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

here = Path(__file__).parent
parser = ConfigParser(delimiters=["="])
parser.read(here / "settings.ini", encoding="utf-8")
settings = parser["DEFAULT"]

statuses = {"1": "1 - Planning", "2": "2 - Pre-Alpha", "3": "3 - Alpha", "4": "4 - Beta", "5": "5 - Production/Stable"}


class BuildWithNotebooks(build_py):
    "Puts the notebooks into the built package, so that an installed birdcolor can run them too."

    def run(self):
        super().run()
        if not self.editable_mode: self.copy_tree(str(here / "nbs"), str(Path(self.build_lib) / settings["lib_path"] / "notebooks"))


setup(
    name=settings["lib_name"],
    version=settings["version"],
    description=settings["description"],
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    keywords=settings["keywords"],
    author=settings["author"],
    author_email=settings["author_email"],
    url=settings["git_url"],
    license="Apache-2.0",
    classifiers=[
        f"Development Status :: {statuses[settings['status']]}",
        f"Intended Audience :: {settings['audience']}",
        f"Natural Language :: {settings['language']}",
        "Programming Language :: Python :: 3",
        "Typing :: Typed",
    ],
    packages=find_packages(include=[settings["lib_path"], f"{settings['lib_path']}.*"]),
    include_package_data=True,
    python_requires=f">={settings['min_python']},<3.14",
    install_requires=settings["requirements"].split(),
    extras_require={name.removesuffix("_requirements"): settings[name].split() for name in settings if name.endswith("_requirements")},
    cmdclass={"build_py": BuildWithNotebooks},
    entry_points={"console_scripts": settings["console_scripts"].split()},
    zip_safe=False,
)
