import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bus import Bus
from gateway.mdns import Mdns, MdnsSettings, host_label, instance_label


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Vaultcast", "vaultcast"),
        ("Anna & Bo's TV", "anna-bo-s-tv"),
        ("Küche", "kuche"),
        ("居間", "vaultcast"),
        ("", "vaultcast"),
        ("-" * 80, "vaultcast"),
    ],
)
def test_a_friendly_name_becomes_a_host_name(name: str, label: str) -> None:
    assert host_label(name) == label


@given(st.text(max_size=200))
def test_labels_fit_into_dns(name: str) -> None:
    host = host_label(name)
    assert 1 <= len(host) <= 63
    assert host.isascii()
    assert 1 <= len(instance_label(name).encode()) <= 63
    assert "." not in instance_label(name)


async def test_without_an_address_it_says_what_is_missing() -> None:
    names: list[str | None] = []
    mdns = Mdns(
        MdnsSettings("Vaultcast"),
        http_port=lambda: 8420,
        addresses=lambda: (),
        bus=Bus(),
        on_name=names.append,
    )
    await mdns.refresh()
    assert mdns.failure is not None
    assert "no address" in mdns.failure
    assert (mdns.local_name, names) == (None, [])
