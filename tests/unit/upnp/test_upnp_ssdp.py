import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upnp import ssdp
from gateway.upnp.description import MEDIA_SERVER, SERVICES

UDN = "uuid:12345678-1234-1234-1234-123456789abc"
OURS = ssdp.Announced(UDN, MEDIA_SERVER, tuple(one.type for one in SERVICES))


def search(*lines: str) -> bytes:
    return "\r\n".join(["M-SEARCH * HTTP/1.1", *lines, "", ""]).encode()


MAN = 'MAN: "ssdp:discover"'


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (search("HOST: x", MAN, "MX: 3", "ST: ssdp:all"), ssdp.Search("ssdp:all", 3)),
        (
            search('man:"ssdp:discover"', "mx:1", "st:upnp:rootdevice"),
            ssdp.Search("upnp:rootdevice", 1),
        ),
        (search(MAN, "MX: 120", "ST: ssdp:all"), ssdp.Search("ssdp:all", 5)),
        (search(MAN, "MX: 0", "ST: ssdp:all"), ssdp.Search("ssdp:all", 0)),
        (search(MAN, "ST: ssdp:all"), None),
        (search(MAN, "MX: soon", "ST: ssdp:all"), None),
        (search(MAN, "MX: -1", "ST: ssdp:all"), None),
        (search(MAN, "MX: ²", "ST: ssdp:all"), None),
        (search("MAN: ssdp:discover", "MX: 1", "ST: ssdp:all"), None),
        (search("MX: 1", "ST: ssdp:all"), None),
        (search(MAN, "MX: 1"), None),
        (b"NOTIFY * HTTP/1.1\r\n\r\n", None),
        (search(MAN, "MX: 1", "ST: ssdp:all", "X: " + "y" * 2048), None),
        (b"", None),
    ],
)
def test_multicast_searches(data: bytes, expected: ssdp.Search | None) -> None:
    assert ssdp.parse_search(data, is_multicast=True) == expected


def test_a_unicast_search_needs_no_mx_and_is_answered_at_once() -> None:
    assert ssdp.parse_search(search(MAN, "ST: ssdp:all"), is_multicast=False) == ssdp.Search(
        "ssdp:all", 0
    )
    assert ssdp.parse_search(
        search(MAN, "MX: 3", "ST: ssdp:all"), is_multicast=False
    ) == ssdp.Search("ssdp:all", 0)


@pytest.mark.parametrize(
    ("target", "answers"),
    [
        ("ssdp:all", OURS.targets()),
        ("upnp:rootdevice", ("upnp:rootdevice",)),
        (UDN, (UDN,)),
        ("uuid:other", ()),
        (MEDIA_SERVER, (MEDIA_SERVER,)),
        (MEDIA_SERVER[:-1] + "2", ()),
        (MEDIA_SERVER[:-1] + "0", ()),
        ("urn:schemas-upnp-org:device:MediaRenderer:1", ()),
        ("urn:microsoft.com:service:X_MS_MediaReceiverRegistrar:1",) * 1
        + (("urn:microsoft.com:service:X_MS_MediaReceiverRegistrar:1",),),
        ("", ()),
    ],
)
def test_only_what_we_are_is_answered(target: str, answers: tuple[str, ...]) -> None:
    assert OURS.matching(target) == answers


def test_a_newer_device_answers_older_searches_with_the_version_asked() -> None:
    newer = ssdp.Announced(UDN, MEDIA_SERVER[:-1] + "3", ())
    assert newer.matching(MEDIA_SERVER) == (MEDIA_SERVER,)
    assert newer.matching(MEDIA_SERVER[:-1] + "4") == ()


def test_six_targets_with_their_usn() -> None:
    assert len(OURS.targets()) == 6
    assert OURS.usn(UDN) == UDN
    assert OURS.usn("upnp:rootdevice") == f"{UDN}::upnp:rootdevice"


def test_messages_carry_their_headers() -> None:
    alive = ssdp.render_alive(
        OURS, UDN, location="http://10.0.0.1:1/d.xml", server="S", max_age_s=1800
    )
    assert alive.startswith(b"NOTIFY * HTTP/1.1\r\n")
    assert alive.endswith(b"\r\n\r\n")
    assert ssdp.parse_headers(alive) == {
        "host": "239.255.255.250:1900",
        "cache-control": "max-age=1800",
        "location": "http://10.0.0.1:1/d.xml",
        "server": "S",
        "nt": UDN,
        "usn": UDN,
        "nts": "ssdp:alive",
    }
    byebye = ssdp.parse_headers(ssdp.render_byebye(OURS, MEDIA_SERVER))
    assert byebye["nts"] == "ssdp:byebye"
    assert "location" not in byebye
    answer = ssdp.render_answer(
        OURS, MEDIA_SERVER, location="http://x/", server="S", max_age_s=1800, date="now"
    )
    headers = ssdp.parse_headers(answer)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert headers["ext"] == ""
    assert headers["st"] == MEDIA_SERVER
    assert headers["usn"] == f"{UDN}::{MEDIA_SERVER}"


@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=200).map(lambda text: search(MAN, "MX: 2", f"ST: {text}")),
    ),
    st.booleans(),
)
def test_any_datagram_is_read_or_ignored(data: bytes, is_multicast: bool) -> None:
    found = ssdp.parse_search(data, is_multicast=is_multicast)
    assert found is None or 0 <= found.wait_s <= 5
    if found is not None:
        assert set(OURS.matching(found.target)) <= {*OURS.targets(), found.target}
