"""pip's and uv's own configuration, as variables."""

from __future__ import annotations

from pathlib import Path

from clients.installer_settings import installer_settings

PIP = "[global]\nindex-url = https://pip.example/simple\nextra-index-url =\n  https://a.example\n  https://b.example\nx = y\n"
UV = 'index-url = "https://uv.example/simple"\nno-index = false\n[[index]]\nname = "company"\nurl = "https://c.example"\n'


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_where_packages_come_from_is_carried_over_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / ".config/pip/pip.conf", PIP)
    write(tmp_path / ".config/uv/uv.toml", UV)
    assert installer_settings({"HOME": str(tmp_path)}) == {
        "PIP_INDEX_URL": "https://pip.example/simple", "PIP_EXTRA_INDEX_URL": "https://a.example https://b.example",
        "UV_INDEX_URL": "https://uv.example/simple", "UV_NO_INDEX": "false", "UV_INDEX": "https://c.example",
    }  # fmt: skip


def test_a_configuration_that_is_switched_off_says_nothing(tmp_path: Path) -> None:
    write(tmp_path / ".config/pip/pip.conf", PIP)
    write(tmp_path / ".config/uv/uv.toml", UV)
    assert installer_settings({"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null", "UV_NO_CONFIG": "1"}) == {}


def test_files_that_cannot_be_read_say_nothing(tmp_path: Path) -> None:
    write(tmp_path / ".config/pip/pip.conf", "index-url")
    write(tmp_path / ".config/uv/uv.toml", "index = [")
    assert installer_settings({"HOME": str(tmp_path)}) == {}
