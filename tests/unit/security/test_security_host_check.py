"""DNS rebinding, origins and peers, as tables."""

from __future__ import annotations

import pytest

from gateway.security.host_check import HostCheck, is_loopback, is_same_origin, plain_address

CHECK = HostCheck(["192.168.1.20", "fe80::1", "127.0.0.1"], "vaultcast.local")


@pytest.mark.parametrize(
    ("host", "page", "dlna"),
    [
        ("192.168.1.20:8420", True, True),
        ("192.168.1.20", True, True),
        ("127.0.0.1:9", True, True),
        ("localhost:8420", True, True),
        ("LOCALHOST", True, True),
        ("[fe80::1]:8420", True, True),
        ("[::ffff:192.168.1.20]", True, True),
        ("vaultcast.local:8420", True, False),
        ("VaultCast.local.", True, False),
        ("192.168.1.21", False, False),
        ("evil.example", False, False),
        ("evil.example:8420", False, False),
        ("vaultcast.local.evil.example", False, False),
        ("192.168.1.20.nip.io", False, False),
        ("192.168.1.20@evil.example", False, False),
        ("3232235796", False, False),
        ("0xc0a80114", False, False),
        ("192.168.001.020", False, False),
        ("", False, False),
        (None, False, False),
        (":8420", False, False),
        ("192.168.1.20:8420:1", False, False),
        ("192.168.1.20:", False, False),
        ("[fe80::1", False, False),
        ("[]", False, False),
        ("0.0.0.0", False, False),
        ("x" * 300, False, False),
    ],
)
def test_only_our_own_names_are_ours(host: str | None, page: bool, dlna: bool) -> None:
    assert CHECK.is_ours(host, is_page=True) is page
    assert CHECK.is_ours(host, is_page=False) is dlna


def test_localhost_is_ours_only_where_loopback_is_bound() -> None:
    check = HostCheck(["192.168.1.20"])
    assert not check.is_ours("localhost", is_page=True)
    assert not check.is_ours("vaultcast.local", is_page=True)
    check.set_addresses(["127.0.0.1"])
    check.set_local_name("Box.local.")
    assert check.is_ours("localhost", is_page=True)
    assert check.is_ours("box.local", is_page=True)
    assert not check.is_ours("192.168.1.20", is_page=True)


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://192.168.1.20:8420", "192.168.1.20:8420", True),
        ("https://192.168.1.20:8420", "192.168.1.20:8420", True),
        ("http://192.168.1.20", "192.168.1.20:8420", False),
        ("http://evil.example", "192.168.1.20:8420", False),
        ("null", "192.168.1.20:8420", False),
        ("", "192.168.1.20:8420", False),
        ("file://192.168.1.20:8420", "192.168.1.20:8420", False),
        ("http://192.168.1.20:8420/", "192.168.1.20:8420", False),
        ("http://192.168.1.20:8420", None, False),
    ],
)
def test_an_origin_is_the_very_address_asked(origin: str, host: str | None, same: bool) -> None:
    assert is_same_origin(origin, host) is same


def test_peers_of_the_public_net_are_far_unless_asked_for() -> None:
    for near in ("10.1.2.3", "192.168.9.9", "169.254.1.1", "127.0.0.1", "fe80::5%eth0", "::1"):
        assert CHECK.is_near(near)
    for far in ("8.8.8.8", "2001:4860:4860::8888", "", None, "nonsense"):
        assert not CHECK.is_near(far)
    assert HostCheck(["8.8.4.4"]).is_near("8.8.8.8")


def test_this_machine_is_known() -> None:
    assert CHECK.is_own_address("192.168.1.20")
    assert CHECK.is_own_address("127.0.0.9")
    assert not CHECK.is_own_address("192.168.1.21")
    assert not CHECK.is_own_address(None)
    assert is_loopback("::ffff:127.0.0.1")
    assert not is_loopback("10.0.0.1")
    assert not is_loopback(None)
    assert plain_address("::ffff:10.0.0.1") == "10.0.0.1"
    assert plain_address("nonsense") == "nonsense"
